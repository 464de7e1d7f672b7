//! The steps, each node crashed between any two of them, and bugs planted in the driver.

use super::*;
use crate::participant::{Command, Statement};
use crate::{shown, summary};
use serde_json::Value;
use std::collections::BTreeSet;

fn keys(name: &str) -> Participant {
    let words = ["DECRBY", "a", "1"].map(str::to_owned).to_vec();
    let command = Command { words, keys: vec!["a".to_owned()], reply_min: None };
    Participant::new(name.to_owned(), Kind::Keys(vec![command]))
}

fn service(name: &str) -> Participant {
    let url = format!("http://{name}/tx?secret=s");
    Participant::new(name.to_owned(), Kind::Http { url, data: Value::Null })
}

fn database(name: &str) -> Participant {
    let statement = Statement { sql: "UPDATE secret".to_owned(), params: Vec::new(), rows: None };
    let kind = Kind::Postgres { database: "bank".to_owned(), statements: vec![statement] };
    Participant::new(name.to_owned(), kind)
}

fn begun(protocol: Protocol) -> Record {
    let mut record = Record::begin("t".to_owned(), "u".to_owned(), protocol, 1_000, 10_000);
    for one in [keys("k"), service("h"), database("p")] {
        assert_eq!(record.enlist(one), Ok(true));
    }
    record
}

#[test]
fn each_step_is_allowed_in_its_place_only() {
    let mut record = begun(Protocol::TwoPhase);
    assert_eq!(record.enlist(service("h")), Ok(false));
    assert_eq!(record.enlist(keys("h")), Err(Refusal::Taken("h".to_owned())));
    assert_eq!(record.duty(1_000), Duty::Wait);
    assert_eq!(record.due_ms(1_000), 11_000);
    assert_eq!(record.decide_commit(), Err(Refusal::Undecided));
    assert_eq!(record.resolve("h", 1), Err(Refusal::Undecided));
    assert_eq!(record.ask_commit(), Ok(true));
    assert_eq!(record.ask_commit(), Ok(false));
    assert_eq!(record.enlist(keys("x")), Err(Refusal::Preparing));
    record.claim(1, 2_000).unwrap();
    assert_eq!(record.claim(2, 2_001), Err(Refusal::Driven));
    assert_eq!(record.duty(2_000), Duty::Prepare(vec![1, 2]));
    record.decide_commit().unwrap();
    assert_eq!(record.abort("late", 1), Err(Refusal::Committed));
    assert_eq!(record.duty(2_000), Duty::Commit(vec![1, 2]));
    record.told(&[(1, Ok(())), (2, Err("no answer".to_owned()))], 3_000);
    assert_eq!((record.duty(3_000), record.ended_ms), (Duty::Commit(vec![2]), None));
    record.release();
    assert_eq!(record.due_ms(3_000), 3_100);
    assert_eq!(record.resolve("x", 3_000), Err(Refusal::Unknown("x".to_owned())));
    record.resolve("p", 4_000).unwrap();
    assert_eq!((record.duty(4_000), record.ended_ms), (Duty::Wait, Some(4_000)));
    assert_eq!(record.duty(4_000 + REMEMBERED_MS), Duty::Forget);
    assert!(record.participants.iter().all(|one| match &one.kind {
        Kind::Keys(commands) => commands.is_empty(),
        Kind::Http { data, .. } => data.is_null(),
        Kind::Postgres { statements, .. } => statements.is_empty(),
    }));
}

#[test]
fn what_is_late_or_was_left_is_aborted_and_only_before_the_decision() {
    let mut late = begun(Protocol::TwoPhase);
    late.claim(1, 11_000).unwrap();
    assert_eq!(
        (late.phase, late.duty(11_000)),
        (Phase::Aborted, Duty::Wait),
        "nobody has heard of it"
    );
    assert_eq!(late.ended_ms, Some(11_000));
    assert!(matches!(late.ask_commit(), Err(Refusal::Aborted(why)) if why.contains("deadline")));

    for protocol in [Protocol::TwoPhase, Protocol::ThreePhase] {
        let mut left = begun(protocol);
        left.ask_commit().unwrap();
        left.claim(1, 2_000).unwrap();
        let mut decided = left.clone();
        left.claim(2, 2_000 + LEASE_MS).unwrap();
        assert_eq!((left.phase, left.token), (Phase::Aborted, 2));
        assert_eq!(left.duty(20_000), Duty::Abort(vec![1, 2]));
        decided.decide_commit().unwrap();
        let phase = decided.phase;
        decided.claim(2, 20_000).unwrap();
        assert_eq!((decided.phase, decided.token), (phase, 2), "a decision stays, deadline or not");
    }
}

#[test]
fn three_phases_commit_once_all_know_or_the_deadline_is_over() {
    let mut record = begun(Protocol::ThreePhase);
    record.ask_commit().unwrap();
    record.claim(1, 2_000).unwrap();
    record.decide_commit().unwrap();
    assert_eq!(record.duty(2_000), Duty::PreCommit(vec![1]));
    assert_eq!(record.abort("late", 1), Err(Refusal::Committed));
    let mut slow = record.clone();
    slow.pre_committed(&[], 10_999);
    assert_eq!(slow.phase, Phase::PreCommitted);
    slow.pre_committed(&[], 11_000);
    assert_eq!(slow.phase, Phase::Committed);
    record.pre_committed(&[1], 3_000);
    assert_eq!(record.duty(3_000), Duty::Commit(vec![1, 2]));
}

#[test]
fn bounds_are_kept() {
    let mut record = Record::begin("t".to_owned(), "u".to_owned(), Protocol::TwoPhase, 0, 1);
    assert_eq!(record.ask_commit(), Err(Refusal::Nobody));
    let data = Value::String("x".repeat(bounds::RECORD_BYTES_MAX));
    let large = Participant::new("l".to_owned(), Kind::Http { url: String::new(), data });
    let before = record.clone();
    assert_eq!(record.enlist(large), Err(Refusal::TooLong));
    assert_eq!(record, before);
    for at in 0..PARTICIPANTS_MAX {
        record.enlist(service(&format!("h{at}"))).unwrap();
    }
    assert_eq!(record.enlist(service("x")), Err(Refusal::TooMany));
    record.abort(&"ä".repeat(ERROR_BYTES_MAX), 1).unwrap();
    assert!(record.why.as_ref().is_some_and(|why| why.len() <= ERROR_BYTES_MAX));
    assert_eq!((backoff_ms(1), backoff_ms(3), backoff_ms(99)), (100, 400, 30_000));
}

#[test]
fn what_is_told_has_no_statements_and_no_query_strings() {
    let mut record = begun(Protocol::TwoPhase);
    let told = shown(&record).to_string();
    assert!(told.contains("\"waits_for\":3") && told.contains("http://h/tx"), "{told}");
    assert!(!told.contains("secret") && !told.contains("DECRBY"), "{told}");
    record.abort("x", 1).unwrap();
    assert_eq!(summary(&record)["state"], "aborted");
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
}

/// What is wrong with a driver of the world below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    /// Participants are told before the decision is stored.
    TellsFirst,
    /// The record is stored whatever was stored meanwhile.
    NoComparison,
    /// A node that takes over aborts whatever another left, decided or not.
    AbortsDecided,
    /// A participant's no is taken for a yes.
    TakesNoForYes,
    /// A participant is counted as ended when it was told, not when it answered.
    EndsUnheard,
}

/// The state of a participant outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Nothing,
    Prepared,
    Committed,
    Aborted,
}

/// A record that is stored with comparison, two participants outside, and nodes that may stop anywhere and go on later.
struct World {
    stored: Record,
    parts: [Part; 2],
    votes: [bool; 2],
    /// Steps until the next node stops; each store and each message is one.
    fuel: u32,
    bug: Bug,
    /// An answer is lost at this step.
    lost: u32,
    trouble: BTreeSet<String>,
}

/// The node was stopped.
struct Stopped;

impl World {
    fn tick(&mut self) -> Result<(), Stopped> {
        self.fuel = self.fuel.checked_sub(1).ok_or(Stopped)?;
        Ok(())
    }

    fn store(&mut self, before: u64, record: &Record) -> Result<bool, Stopped> {
        self.tick()?;
        let done = self.stored.version == before || self.bug == Bug::NoComparison;
        if done {
            if self.stored.phase.is_decided() && record.phase != self.stored.phase {
                let grows =
                    self.stored.phase == Phase::PreCommitted && record.phase == Phase::Committed;
                if !grows {
                    self.trouble.insert("decided twice".to_owned());
                }
            }
            self.stored = record.clone();
        }
        Ok(done)
    }

    fn prepare(&mut self, at: usize) -> Result<bool, Stopped> {
        self.tick()?;
        match (self.parts[at], self.votes[at]) {
            (Part::Nothing, true) => self.parts[at] = Part::Prepared,
            (Part::Nothing, false) => self.parts[at] = Part::Aborted,
            (Part::Committed, _) => drop(self.trouble.insert("prepared after the end".to_owned())),
            _ => {}
        }
        let yes = self.parts[at] == Part::Prepared;
        Ok(yes || self.bug == Bug::TakesNoForYes)
    }

    fn tell(&mut self, at: usize, part: Part) -> Result<bool, Stopped> {
        self.tick()?;
        if self.fuel == self.lost {
            return Ok(self.bug == Bug::EndsUnheard);
        }
        match (self.parts[at], part) {
            (Part::Prepared, _) | (Part::Nothing, Part::Aborted) => self.parts[at] = part,
            (is, told) if is == told => {}
            (is, told) => drop(self.trouble.insert(format!("{told:?} told to one that is {is:?}"))),
        }
        Ok(true)
    }

    /// One node drives until it has nothing to do or stops; `slept`: it took the record before another did, and goes on now.
    fn drive(&mut self, mut record: Record, now: u64) -> Result<(), Stopped> {
        loop {
            let before = record.version;
            let duty = record.duty(now);
            match duty {
                Duty::Prepare(all) => {
                    let mut yes = true;
                    for at in all {
                        yes &= self.prepare(at)?;
                    }
                    match yes {
                        true => record.decide_commit().map_err(|_| Stopped)?,
                        false => drop(record.abort("no", now).map_err(|_| Stopped)?),
                    }
                    if self.bug == Bug::TellsFirst {
                        let part = if yes { Part::Committed } else { Part::Aborted };
                        self.tell(0, part)?;
                    }
                }
                Duty::PreCommit(all) => record.pre_committed(&all, now),
                Duty::Commit(all) => self.tell_all(&mut record, &all, Part::Committed, now)?,
                Duty::Abort(all) => self.tell_all(&mut record, &all, Part::Aborted, now)?,
                Duty::Wait | Duty::Forget => return Ok(()),
            }
            if !self.store(before, &record)? {
                let token = record.token;
                record = self.stored.clone();
                if record.token != token {
                    return Ok(());
                }
            }
        }
    }

    fn tell_all(
        &mut self,
        record: &mut Record,
        all: &[usize],
        part: Part,
        now: u64,
    ) -> Result<(), Stopped> {
        let mut answers = Vec::new();
        for at in all {
            let heard = self.tell(*at, part)?;
            answers.push((*at, if heard { Ok(()) } else { Err("lost".to_owned()) }));
        }
        record.told(&answers, now);
        Ok(())
    }

    fn claim(&mut self, node: u64, now: u64) -> Option<Record> {
        let mut record = self.stored.clone();
        let before = record.version;
        if self.bug == Bug::AbortsDecided && record.driver != 0 && record.ended_ms.is_none() {
            record.phase = Phase::Preparing;
        }
        record.claim(node, now).ok()?;
        self.stored = if self.stored.version == before { record.clone() } else { return None };
        Some(record)
    }
}

/// Runs a transaction in which node 1 stops after `first` steps and node 2 after `second`, wakes node 1 from its sleep if
/// `sleeps`, and lets node 3 finish. What is wrong at the end.
fn run(
    protocol: Protocol,
    votes: [bool; 2],
    stops: [u32; 2],
    sleeps: bool,
    bug: Bug,
) -> BTreeSet<String> {
    let mut record = Record::begin("t".to_owned(), "u".to_owned(), protocol, 0, 1_000_000);
    for one in [service("h"), database("p")] {
        record.enlist(one).unwrap();
    }
    record.ask_commit().unwrap();
    let lost = stops[1].wrapping_add(2);
    let mut world = World {
        stored: record,
        parts: [Part::Nothing; 2],
        votes,
        fuel: 0,
        bug,
        lost,
        trouble: BTreeSet::new(),
    };
    let slept = world.claim(1, 0).unwrap();
    world.fuel = stops[0];
    let _stopped = world.drive(slept.clone(), 0);
    if let Some(record) = world.claim(2, 2 * LEASE_MS) {
        world.fuel = stops[1];
        let _stopped = world.drive(record, 2 * LEASE_MS);
    }
    if sleeps {
        // The first node was asleep before it stored that its deadline was over.
        world.fuel = 1;
        let before = slept.version;
        let mut late = slept;
        if late.abort("late", 1).is_ok() {
            let _stored = world.store(before, &late);
        }
    }
    world.lost = u32::MAX;
    if let Some(record) = world.claim(3, 4 * LEASE_MS) {
        world.fuel = 100;
        let _done = world.drive(record, 4 * LEASE_MS);
    }
    let mut trouble = world.trouble;
    let end = match world.stored.phase {
        Phase::Committed => Part::Committed,
        Phase::Aborted => Part::Aborted,
        other => {
            trouble.insert(format!("it ended {other:?}"));
            return trouble;
        }
    };
    if world.parts.iter().any(|part| *part != end) {
        trouble.insert(format!("{end:?}, but {:?}", world.parts));
    }
    if end == Part::Committed && votes != [true; 2] {
        trouble.insert("committed against a no".to_owned());
    }
    if world.stored.ended_ms.is_none() {
        trouble.insert("not ended".to_owned());
    }
    trouble
}

fn sweep(bug: Bug) -> BTreeSet<String> {
    let mut trouble = BTreeSet::new();
    for protocol in [Protocol::TwoPhase, Protocol::ThreePhase] {
        for votes in [[true, true], [true, false], [false, true], [false, false]] {
            for first in 0..12 {
                for second in 0..12 {
                    for sleeps in [false, true] {
                        trouble.extend(run(protocol, votes, [first, second], sleeps, bug));
                    }
                }
            }
        }
    }
    trouble
}

#[test]
fn wherever_two_drivers_stop_the_third_ends_it_the_same_way_everywhere() {
    assert_eq!(sweep(Bug::None), BTreeSet::new());
}

#[test]
fn planted_bugs_are_found() {
    for bug in [
        Bug::TellsFirst,
        Bug::TakesNoForYes,
        Bug::EndsUnheard,
        Bug::AbortsDecided,
        Bug::NoComparison,
    ] {
        assert!(!sweep(bug).is_empty(), "{bug:?} is not found");
    }
}
