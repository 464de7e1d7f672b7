//! A driver stops at any of its steps, for good or for a while, and another one goes on: in the end all participants have ended the same
//! way, the keys are written if that is a commit, and nothing is held anywhere.
//!
//! The steps are those of `server/src/coordinator`: what a driver does next follows from its copy of the [`Record`], each step of the
//! record is a comparison with the stored one, and what is done outside may happen at any time later. Here one step at a time is done, so
//! that a driver can be stopped between any two. Bugs that are put into the drivers are found.

use std::collections::BTreeSet;
use synod_coordinator::bounds::LEASE_MS;
use synod_coordinator::{Command, Duty, Kind, Participant, Phase, Protocol, Record, Statement};

/// What may be wrong with drivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    /// A commit is told before it is stored.
    ToldBeforeStored,
    /// A session of a database looks at the record before it is connected.
    LookedBeforeConnected,
    /// The keys are written before the decision, not with it.
    KeysBeforeDecision,
    /// One acknowledgement is taken for all.
    OneForAll,
}

/// One participant as it is.
#[derive(Clone, Debug, Default)]
struct Site {
    is_database: bool,
    says_no: bool,
    prepared: bool,
    /// The tokens of drivers with a session that may prepare.
    sessions: BTreeSet<u64>,
    /// How it ended: with a commit?
    ended: Option<bool>,
    /// It was told one thing and then the other.
    is_split: bool,
}

#[derive(Clone, Debug)]
struct World {
    now: u64,
    stored: Record,
    keys: bool,
    sites: Vec<Site>,
    bug: Bug,
}

/// What a driver does next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Claim,
    Look(usize),
    Connect(usize),
    Prepare(usize),
    WriteKeys,
    Decide,
    Abort(String),
    Tell(usize, bool),
    PreCommitted(Vec<usize>),
    Told(Vec<usize>),
}

#[derive(Clone, Debug)]
struct Driver {
    node: u64,
    copy: Option<Record>,
    /// In order.
    plan: Vec<Step>,
}

impl World {
    fn new(protocol: Protocol, no: Option<usize>, bug: Bug) -> Self {
        let mut record = Record::begin("t".into(), "u".into(), protocol, 0, 1_000_000);
        let service = || Kind::Http { url: "http://a/".into(), data: serde_json::Value::Null };
        let statement = Statement { sql: "DELETE FROM t".into(), params: Vec::new(), rows: None };
        let database = Kind::Postgres { database: "d".into(), statements: vec![statement] };
        let words = vec!["INCR".to_owned(), "k".to_owned()];
        let keys = Kind::Keys(vec![Command { words, keys: vec!["k".into()], reply_min: None }]);
        for (at, kind) in [service(), database, keys, service()].into_iter().enumerate() {
            record.enlist(Participant::new(at.to_string(), kind)).expect("it is open");
        }
        record.ask_commit().expect("it has participants");
        let site = |(at, one): (usize, &Participant)| Site {
            is_database: matches!(one.kind, Kind::Postgres { .. }),
            says_no: no == Some(at),
            ..Site::default()
        };
        let sites = record.participants.iter().enumerate().map(site).collect();
        Self { now: 0, stored: record, keys: false, sites, bug }
    }

    /// Stores a step if nobody's came first.
    fn store(&mut self, before: u64, after: &Record) -> bool {
        let same = self.stored.version == before;
        if same {
            self.stored = after.clone();
        }
        same
    }

    fn is_wanted(&self, token: u64) -> bool {
        self.stored.phase == Phase::Preparing && self.stored.token == token
    }

    fn tell(&mut self, at: usize, commit: bool) {
        let site = &mut self.sites[at];
        if !commit {
            site.sessions.clear(); // who aborts ends the sessions of others first
        }
        if site.is_database && !site.prepared {
            return; // nothing is found, so it was ended before
        }
        site.is_split |= site.ended.is_some_and(|how| how != commit);
        site.prepared = false;
        site.ended = Some(commit);
    }
}

impl Driver {
    fn new(node: u64) -> Self {
        Self { node, copy: None, plan: vec![Step::Claim] }
    }

    /// Does one thing; `false`: there is nothing to do.
    fn step(&mut self, world: &mut World) -> bool {
        if self.plan.is_empty() {
            return false;
        }
        let step = self.plan.remove(0);
        let Some(copy) = self.copy.clone() else {
            let mut next = world.stored.clone();
            let claimed = next.claim(self.node, world.now).is_ok();
            if claimed && world.store(world.stored.version, &next) {
                self.take(next, world);
            }
            return true;
        };
        match step {
            Step::Claim => {}
            Step::Look(at) => self.go_on_if(world.is_wanted(copy.token), at),
            Step::Connect(at) => _ = world.sites[at].sessions.insert(copy.token),
            Step::Prepare(at) => self.prepare(at, copy.token, world),
            Step::WriteKeys => world.keys = true,
            Step::Tell(at, commit) => world.tell(at, commit),
            Step::Decide => self.store(world, |record, world| {
                if record.decide_commit().is_ok() {
                    world.keys |= world.stored.version + 1 == record.version;
                }
            }),
            Step::Abort(why) => {
                self.store(world, |record, world| _ = record.abort(&why, world.now));
            }
            Step::PreCommitted(all) => {
                self.store(world, |record, world| record.pre_committed(&all, world.now));
            }
            Step::Told(all) => {
                let answers: Vec<_> = all.into_iter().map(|at| (at, Ok(()))).collect();
                self.store(world, |record, world| {
                    record.told(&answers, world.now);
                    record.release();
                });
                self.plan.clear();
            }
        }
        true
    }

    fn go_on_if(&mut self, wanted: bool, at: usize) {
        if !wanted {
            self.plan = vec![Step::Abort(format!("{at} was decided meanwhile"))];
        }
    }

    fn prepare(&mut self, at: usize, token: u64, world: &mut World) {
        let site = &mut world.sites[at];
        let may = !site.says_no
            && site.ended.is_none()
            && (!site.is_database || site.sessions.remove(&token));
        match may {
            true => site.prepared = true,
            false => self.plan = vec![Step::Abort(format!("{at} says no"))],
        }
    }

    /// Stores a step of the record; if another one came first, goes on from there if the record is still this driver's.
    fn store(&mut self, world: &mut World, change: impl FnOnce(&mut Record, &mut World)) {
        let Some(mut next) = self.copy.clone() else { return };
        let before = next.version;
        let untouched = world.keys;
        change(&mut next, world);
        if next.version > before && world.store(before, &next) {
            return self.take(next, world);
        }
        world.keys = untouched;
        let token = self.copy.as_ref().map(|copy| copy.token);
        self.plan.clear();
        if token == Some(world.stored.token) {
            self.take(world.stored.clone(), world);
        }
    }

    /// What is to be done by this record.
    fn take(&mut self, record: Record, world: &World) {
        self.plan = match record.duty(world.now) {
            Duty::Prepare(all) => {
                let database = |at: usize| match world.bug {
                    Bug::LookedBeforeConnected => vec![Step::Look(at), Step::Connect(at)],
                    _ => vec![Step::Connect(at), Step::Look(at)],
                };
                let mut plan = Vec::new();
                for at in all.clone() {
                    if world.sites[at].is_database {
                        plan.extend(database(at));
                    }
                    plan.push(Step::Prepare(at));
                }
                match world.bug {
                    Bug::ToldBeforeStored => plan.push(Step::Tell(all[0], true)),
                    Bug::KeysBeforeDecision => plan.push(Step::WriteKeys),
                    _ => {}
                }
                plan.push(Step::Decide);
                plan
            }
            Duty::PreCommit(all) => vec![Step::PreCommitted(all)],
            Duty::Commit(all) => told(all, true, world.bug),
            Duty::Abort(all) => told(all, false, world.bug),
            Duty::Wait | Duty::Forget => Vec::new(),
        };
        self.copy = Some(record);
    }
}

/// Each is told, and then what they answered is stored; who is stopped in between leaves that to the next.
fn told(all: Vec<usize>, commit: bool, bug: Bug) -> Vec<Step> {
    let count = if bug == Bug::OneForAll { 1 } else { all.len() };
    let mut plan: Vec<Step> = all.iter().take(count).map(|at| Step::Tell(*at, commit)).collect();
    plan.push(Step::Told(all));
    plan
}

/// The first driver stops before its step `first`. When its lease is over a second one begins, and stops before its step `second`; then
/// the first, if it was only standing still, does all that it had in mind. Others end it.
fn run(mut world: World, first: usize, second: usize, comes_back: bool) -> Result<Phase, String> {
    let mut one = Driver::new(1);
    (0..first).all(|_| one.step(&mut world));
    world.now += LEASE_MS + 1;
    let mut two = Driver::new(2);
    (0..second).all(|_| two.step(&mut world));
    if comes_back {
        while one.step(&mut world) {}
    }
    for node in 3.. {
        world.now += LEASE_MS + 1;
        let mut next = Driver::new(node);
        while next.step(&mut world) {}
        if world.stored.ended_ms.is_some() {
            break;
        }
        assert!(node < 20, "it does not come to an end");
    }
    // What the second one had in mind comes even later.
    while two.step(&mut world) {}
    let commits = world.stored.phase == Phase::Committed;
    for (at, site) in world.sites.iter().enumerate() {
        let is_service = matches!(world.stored.participants[at].kind, Kind::Http { .. });
        let ended = match (is_service, commits) {
            (true, _) => site.ended == Some(commits),
            (false, true) => !site.is_database || site.ended == Some(true),
            (false, false) => site.ended != Some(true),
        };
        if !ended || site.prepared || site.is_split {
            return Err(format!("{at}: {site:?} though it is {:?}", world.stored.phase));
        }
    }
    match world.keys == commits {
        true => Ok(world.stored.phase),
        false => Err(format!("keys: {} though it is {:?}", world.keys, world.stored.phase)),
    }
}

/// All runs; how often they ended with a commit and with an abort, and what was wrong with the first that was.
fn explore(bug: Bug) -> (usize, usize, Option<String>) {
    const STEPS: usize = 16;
    let (mut commits, mut aborts) = (0, 0);
    for protocol in [Protocol::TwoPhase, Protocol::ThreePhase] {
        for no in [None, Some(0), Some(1), Some(3)] {
            for (first, second) in (0..STEPS).flat_map(|a| (0..STEPS).map(move |b| (a, b))) {
                for comes_back in [false, true] {
                    let world = World::new(protocol, no, bug);
                    let at =
                        format!("{protocol:?}, {no:?} says no, {first}, {second}, {comes_back}");
                    match run(world, first, second, comes_back) {
                        Ok(Phase::Committed) => commits += 1,
                        Ok(_) => aborts += 1,
                        Err(why) => return (commits, aborts, Some(format!("{at}: {why}"))),
                    }
                }
            }
        }
    }
    (commits, aborts, None)
}

#[test]
fn wherever_a_driver_stops_all_end_the_same_way() {
    let (commits, aborts, wrong) = explore(Bug::None);
    assert_eq!(wrong, None);
    assert!(commits > 100 && aborts > 1_000, "{commits} commits, {aborts} aborts");
}

#[test]
fn bugs_of_drivers_are_found() {
    let bugs = [
        Bug::ToldBeforeStored,
        Bug::LookedBeforeConnected,
        Bug::KeysBeforeDecision,
        Bug::OneForAll,
    ];
    for bug in bugs {
        let (.., wrong) = explore(bug);
        assert!(wrong.is_some(), "{bug:?} is not found");
    }
}
