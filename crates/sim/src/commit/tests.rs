//! What the comparison must show, and bugs that it must find.

use super::site::{Input, Output, Outputs, Site};
use super::*;
use synod_txn::textbook::{Message, State};

const OWN: [CommitProtocol; 2] = [CommitProtocol::Synod, CommitProtocol::Parallel];
const TEXTBOOKS: [CommitProtocol; 2] = [CommitProtocol::TwoPhase, CommitProtocol::ThreePhase];
const ABORT: Decision = Decision::Abort;
const COMMIT: Decision = Decision::Commit;

fn under(protocol: CommitProtocol, participants: usize, strikes: &str) -> Outcome {
    let strikes = strikes.split(',').filter(|word| !word.is_empty());
    let strikes = strikes.map(|word| word.parse().expect("a strike")).collect();
    run(&Run { strikes, ..Run::new(protocol, participants) })
}

fn answer(outcome: &Outcome) -> Option<Decision> {
    outcome.answer.and_then(|(answer, _)| answer)
}

/// Every run in which `site` crashes at one of its steps: those that it takes, and no others.
fn crashes(base: &Run, site: usize) -> Vec<Run> {
    let mut runs = Vec::new();
    loop {
        let mut strikes = base.strikes.clone();
        strikes.push(Strike::Crash(site, runs.len() as u64 + 1));
        let struck = Run { strikes, ..base.clone() };
        if run(&struck).never_crashed.contains(&site) {
            return runs;
        }
        runs.push(struck);
    }
}

/// The runs of [`crashes`] in the first `steps` steps.
fn crashes_up_to(base: &Run, site: usize, steps: u64) -> Vec<Run> {
    let strikes = |step| {
        let mut strikes = base.strikes.clone();
        strikes.push(Strike::Crash(site, step));
        strikes
    };
    (1..=steps).map(|step| Run { strikes: strikes(step), ..base.clone() }).collect()
}

fn again(base: &Run, sites: &[usize], at: u64) -> Run {
    let mut strikes = base.strikes.clone();
    strikes.extend(sites.iter().map(|site| Strike::Restart(*site, at * DELAY_US)));
    Run { strikes, ..base.clone() }
}

fn assert_together(run: &Run, outcome: &Outcome) {
    assert!(!outcome.is_split(), "{}: {}", run.replay(), outcome.verdict());
    let commits = outcome.decisions().contains(&COMMIT);
    let no = run.strikes.iter().any(|strike| matches!(strike, Strike::No(_)));
    assert!(!(commits && no), "{}: committed against a vote", run.replay());
}

fn assert_unblocked(run: &Run, outcome: &Outcome) {
    assert!(outcome.blocked.is_empty(), "{}: {}", run.replay(), outcome.verdict());
}

#[test]
fn without_trouble_the_votes_decide() {
    for protocol in CommitProtocol::ALL {
        for participants in 2..=5 {
            let outcome = under(protocol, participants, "");
            assert_eq!(answer(&outcome), Some(COMMIT), "{protocol}");
            let ended = |site| outcome.ended.get(&site) == Some(&BTreeSet::from([COMMIT]));
            assert!((1..=participants).all(ended), "{protocol}: {}", outcome.verdict());
            for site in 1..=participants {
                let outcome = under(protocol, participants, &format!("no:{site}"));
                assert_eq!(answer(&outcome), Some(ABORT), "{protocol}, site {site}");
                assert_eq!(outcome.verdict(), "aborted");
            }
        }
    }
}

#[test]
fn two_phases_block_at_named_steps_of_the_coordinator_and_three_at_none() {
    // Two participants: the coordinator sends two Prepares, forces its decision and tells it twice.
    for (step, verdict) in [
        (1, "aborted"),
        (2, "aborted"),
        (3, "undecided; blocked in doubt at [1, 2]"),
        (4, "committed; blocked in doubt at [1, 2]"),
        (5, "committed"),
    ] {
        let outcome = under(CommitProtocol::TwoPhase, 2, &format!("crash:0@{step}"));
        assert_eq!(outcome.verdict(), verdict, "step {step}");
    }
    // Who was told in step 4 helps the other, unless it is gone as well.
    let outcome = under(CommitProtocol::TwoPhase, 2, "crash:0@5,crash:1@4");
    assert_eq!(outcome.verdict(), "committed; blocked in doubt at [2]");
    let outcome = under(CommitProtocol::TwoPhase, 2, "crash:0@4,restart:0@50");
    assert_eq!(outcome.verdict(), "committed", "the coordinator is back, and knows");

    // Three phases: two Prepares, the pre-commit forced and sent twice, the decision forced and told twice.
    for (step, verdict) in [
        (1, "aborted"),
        (2, "aborted"),
        (3, "aborted"),
        (4, "aborted"),
        (5, "committed"),
        (6, "committed"),
        (7, "committed"),
        (8, "committed"),
    ] {
        let outcome = under(CommitProtocol::ThreePhase, 2, &format!("crash:0@{step}"));
        assert_eq!(outcome.verdict(), verdict, "step {step}");
    }
    let outcome = under(CommitProtocol::ThreePhase, 2, "crash:0@8,crash:1@7");
    assert_eq!(outcome.verdict(), "committed");
}

#[test]
fn no_crash_of_the_coordinator_and_a_participant_splits_or_blocks_three_phases() {
    let mut blocked = [0, 0];
    let mut total = 0;
    for (at, protocol) in TEXTBOOKS.into_iter().enumerate() {
        for (participants, no) in [(2, ""), (2, "no:2"), (3, ""), (3, "no:1"), (3, "no:3")] {
            let strikes = no.parse().into_iter().collect();
            let base = Run { strikes, ..Run::new(protocol, participants) };
            let first = crashes(&base, 0).into_iter().chain([base]);
            for (run_of_first, second) in
                first.flat_map(|run| (1..=participants).map(move |site| (run.clone(), site)))
            {
                let all = crashes(&run_of_first, second).into_iter().chain([run_of_first]);
                for crashed in all {
                    let outcome = run(&crashed);
                    total += 1;
                    assert_together(&crashed, &outcome);
                    blocked[at] += u64::from(!outcome.blocked.is_empty());
                    if protocol == CommitProtocol::ThreePhase {
                        assert_unblocked(&crashed, &outcome);
                    }
                    for whom in [&[0][..], &[second], &[0, second]] {
                        let restarted = again(&crashed, whom, 50);
                        let outcome = run(&restarted);
                        total += 1;
                        assert_together(&restarted, &outcome);
                        if whom.len() == 2 || protocol == CommitProtocol::ThreePhase {
                            assert_unblocked(&restarted, &outcome);
                        }
                    }
                }
            }
        }
    }
    println!("{total} runs, blocked in {blocked:?}");
    assert!(blocked[0] > 0 && blocked[1] == 0, "{blocked:?}");
}

#[test]
fn a_total_failure_of_three_phases_ends_when_all_are_back() {
    let base = Run::new(CommitProtocol::ThreePhase, 2);
    let all: Vec<Run> = crashes(&base, 0)
        .iter()
        .flat_map(|run| crashes(run, 1))
        .flat_map(|run| crashes(&run, 2))
        .collect();
    assert!(all.len() > 100);
    for crashed in all {
        let outcome = run(&again(&crashed, &[0, 1], 80));
        assert_together(&crashed, &outcome);
        // Who lives until somebody is back may crash then.
        let restarted = again(&again(&crashed, &[0, 1, 2], 80), &[0, 1, 2], 160);
        let outcome = run(&restarted);
        assert_together(&restarted, &outcome);
        assert_unblocked(&restarted, &outcome);
    }
}

#[test]
fn no_crash_of_one_site_blocks_our_own_and_none_of_two_splits_it() {
    let votes = ["", "no:1", "no:2"];
    for (protocol, no) in OWN.into_iter().flat_map(|own| votes.map(|no| (own, no))) {
        let strikes: Vec<Strike> = no.parse().into_iter().collect();
        let base = Run { strikes, ..Run::new(protocol, 2) };
        let steps = run(&base).steps;
        for (site, steps) in steps.iter().enumerate() {
            for crashed in crashes_up_to(&base, site, *steps) {
                let outcome = run(&crashed);
                assert_together(&crashed, &outcome);
                assert_unblocked(&crashed, &outcome);
                let restarted = again(&crashed, &[site], 15);
                let outcome = run(&restarted);
                assert_together(&restarted, &outcome);
                assert_unblocked(&restarted, &outcome);
            }
        }
    }
    // A majority of each partition is gone: nothing is decided until it is back.
    let mut waited = 0;
    let bases = OWN.map(|own| Run::new(own, 2));
    for first in bases.iter().flat_map(|base| crashes_up_to(base, 0, 20)) {
        for second in [1, 2] {
            for crashed in crashes_up_to(&first, second, 25) {
                let outcome = run(&crashed);
                assert_together(&crashed, &outcome);
                waited += u64::from(!outcome.blocked.is_empty());
                let restarted = again(&crashed, &[0, second], 60);
                let outcome = run(&restarted);
                assert_together(&restarted, &outcome);
                assert_unblocked(&restarted, &outcome);
            }
        }
    }
    assert!(waited > 0);
}

/// A cut that reaches participant 2 between the two messages that tell the others that all agreed.
const CUT: &str = "cut:2@2.5-";

#[test]
fn a_cut_splits_three_phases_blocks_two_and_does_neither_to_our_own() {
    let three = under(CommitProtocol::ThreePhase, 2, CUT);
    assert_eq!(three.verdict(), "split: committed at [0, 1], aborted at [2]");
    let two = under(CommitProtocol::TwoPhase, 2, CUT);
    assert_eq!(two.verdict(), "committed; blocked in doubt at [2]");
    let own = under(CommitProtocol::Synod, 2, CUT);
    assert_eq!(
        own.verdict(),
        "aborted",
        "the majority of partition 2 asked home before it was decided"
    );
    let own = under(CommitProtocol::Synod, 2, "cut:2@7.5-");
    assert_eq!(own.verdict(), "committed", "home had decided; the majority of partition 2 asked");
}

#[test]
fn every_cut_at_every_moment() {
    let mut splits = 0;
    for protocol in CommitProtocol::ALL {
        for participants in [2, 3] {
            let sites = participants + 1;
            for side in 1..(1_usize << (sites - 1)) {
                let sites: Vec<usize> = (0..sites).filter(|site| side & 1 << site != 0).collect();
                for from in (0..16).map(|half| half * DELAY_US / 2) {
                    for until in [None, Some(from + 70 * DELAY_US)] {
                        let cut = Strike::Cut { sites: sites.clone(), from, until };
                        let cut = Run { strikes: vec![cut], ..Run::new(protocol, participants) };
                        let outcome = run(&cut);
                        if protocol == CommitProtocol::ThreePhase {
                            splits += u64::from(outcome.is_split());
                            continue;
                        }
                        assert_together(&cut, &outcome);
                        if until.is_some() {
                            assert_unblocked(&cut, &outcome);
                        }
                    }
                }
            }
        }
    }
    println!("{splits} cuts split three phases");
    assert!(splits > 0);
}

fn drawn(protocol: CommitProtocol, seed: u64, kinds: Kinds) -> Run {
    let participants = 2 + (seed % 3) as usize;
    let strikes = kinds.draw(seed, participants + 1);
    Run { seed: Some(seed), strikes, ..Run::new(protocol, participants) }
}

#[test]
fn thousands_of_seeds_with_crashes() {
    let kinds = Kinds { crashes: true, cuts: false };
    for seed in 0..3_000 {
        for protocol in TEXTBOOKS {
            let drawn = drawn(protocol, seed, kinds);
            let outcome = run(&drawn);
            assert_together(&drawn, &outcome);
            if protocol == CommitProtocol::ThreePhase && !outcome.never_crashed.is_empty() {
                assert_unblocked(&drawn, &outcome);
            }
        }
    }
}

#[test]
fn thousands_of_seeds_with_crashes_and_cuts() {
    let kinds = Kinds { crashes: true, cuts: true };
    let mut splits = 0;
    for seed in 0..2_000 {
        for protocol in CommitProtocol::ALL {
            let drawn = drawn(protocol, seed, kinds);
            let all: Vec<usize> = (0..drawn.sites()).collect();
            // A crash may wait for a step that is only taken when others are back.
            let drawn = [90, 200, 310].into_iter().fold(drawn, |run, at| again(&run, &all, at));
            let outcome = run(&drawn);
            if protocol == CommitProtocol::ThreePhase {
                splits += u64::from(outcome.is_split());
                continue;
            }
            assert_together(&drawn, &outcome);
            assert_unblocked(&drawn, &outcome);
        }
    }
    println!("three phases split in {splits} of 2000 runs");
    assert!(splits > 0);
}

#[test]
fn a_run_is_the_same_every_time_and_looking_changes_nothing() {
    let kinds = Kinds { crashes: true, cuts: true };
    for protocol in CommitProtocol::ALL {
        for seed in 0..20 {
            let drawn = drawn(protocol, seed, kinds);
            let (first, seen) = (run(&drawn), run(&Run { record: true, ..drawn.clone() }));
            assert_eq!((first.hash, &first.story), (seen.hash, &seen.story), "{}", drawn.replay());
            assert!(seen.trace.is_some_and(|trace| trace.items().count() > 5));
        }
    }
}

/// A bug between a site and the world.
struct Planted<S: Site, F, G> {
    site: S,
    /// What becomes of what happens to it.
    input: F,
    /// What becomes of what it wants.
    outputs: G,
}

impl<S: Site, F, G> Site for Planted<S, F, G>
where
    F: Fn(&S, Input<S::Message>) -> Input<S::Message>,
    G: Fn(Outputs<S>) -> Outputs<S>,
{
    type Message = S::Message;
    type Record = S::Record;

    fn step(&mut self, input: Input<S::Message>) -> Outputs<S> {
        let input = (self.input)(&self.site, input);
        (self.outputs)(self.site.step(input))
    }

    fn persisted(&mut self, record: S::Record) -> Outputs<S> {
        self.site.persisted(record)
    }

    fn restart(&mut self) -> Outputs<S> {
        (self.outputs)(self.site.restart())
    }

    fn in_doubt(&self) -> Vec<usize> {
        self.site.in_doubt()
    }

    fn is_counted(message: &S::Message) -> bool {
        S::is_counted(message)
    }
}

/// Whether some crash of the coordinator and of one participant, with or without a restart, splits sites that are made like this.
fn is_found<S: Site>(protocol: CommitProtocol, make: impl Fn(&Run, usize) -> S) -> bool {
    let split = |run: &Run| {
        let sites = (0..run.sites()).map(|site| make(run, site)).collect();
        World::new(run, sites).run().is_split()
    };
    for no in ["", "no:3"] {
        let strikes = no.parse().into_iter().collect();
        let base = Run { strikes, ..Run::new(protocol, 3) };
        let pairs = (1..12).flat_map(|a| (1..12).map(move |b| (a, b)));
        for (first, second, site) in pairs.flat_map(|(a, b)| (1..=3).map(move |s| (a, b, s))) {
            let mut strikes = base.strikes.clone();
            strikes.extend([Strike::Crash(0, first), Strike::Crash(site, second)]);
            let crashed = Run { strikes, ..base.clone() };
            if split(&crashed) || split(&again(&crashed, &[0], 50)) {
                return true;
            }
        }
    }
    false
}

fn as_it_is<S: Site>(_: &S, input: Input<S::Message>) -> Input<S::Message> {
    input
}

fn made<P: synod_txn::textbook::Machine>(run: &Run, me: usize) -> Textbook<P> {
    Textbook::new(me, run.sites(), run.votes(me))
}

#[test]
fn a_decision_that_is_told_before_it_is_forced_is_found() {
    fn unforced<M>(outputs: Vec<Output<M, State>>) -> Vec<Output<M, State>> {
        let decides = |output: &Output<M, State>| matches!(output, Output::Persist(state) if state.decision().is_some());
        let (last, mut first): (Vec<_>, Vec<_>) = outputs.into_iter().partition(decides);
        first.extend(last);
        first
    }
    let make = |run: &Run, me| Planted {
        site: made::<TwoPhase>(run, me),
        input: as_it_is,
        outputs: unforced,
    };
    assert!(is_found(CommitProtocol::TwoPhase, make));
    assert!(!is_found(CommitProtocol::TwoPhase, made::<TwoPhase>));
}

#[test]
fn a_termination_that_commits_from_the_waiting_state_is_found() {
    fn misread<S>(_: &S, input: Input<Message>) -> Input<Message> {
        match input {
            Input::Message(from, Message::Report(State::Ready, restarted)) => {
                Input::Message(from, Message::Report(State::PreCommitted, restarted))
            }
            other => other,
        }
    }
    let make = |run: &Run, me| Planted {
        site: made::<ThreePhase>(run, me),
        input: misread,
        outputs: |outputs| outputs,
    };
    assert!(is_found(CommitProtocol::ThreePhase, make));
    assert!(!is_found(CommitProtocol::ThreePhase, made::<ThreePhase>));
}

#[test]
fn a_participant_that_gives_up_by_itself_is_found() {
    fn gives_up(site: &Textbook<TwoPhase>, input: Input<Message>) -> Input<Message> {
        match input {
            Input::Timeout if !site.in_doubt().is_empty() => {
                Input::Message(0, Message::Decide(ABORT))
            }
            other => other,
        }
    }
    let make = |run: &Run, me| Planted {
        site: made::<TwoPhase>(run, me),
        input: gives_up,
        outputs: |outputs| outputs,
    };
    assert!(is_found(CommitProtocol::TwoPhase, make));
}

#[test]
fn our_own_with_a_refusal_taken_for_a_yes_is_found() {
    use super::replicated::Message;
    use synod_txn::Answer;
    fn misread<S>(_: &S, input: Input<Message>) -> Input<Message> {
        match input {
            Input::Message(from, Message::Answer { of, ticket, answer: Answer::No }) => {
                Input::Message(from, Message::Answer { of, ticket, answer: Answer::Yes })
            }
            other => other,
        }
    }
    for own in OWN {
        let make = |run: &Run, me| {
            let no = (0..run.sites()).filter(|site| !run.votes(*site)).collect();
            let site = Replicated::new(me, run.sites(), no, own == CommitProtocol::Parallel);
            Planted { site, input: misread, outputs: |outputs| outputs }
        };
        assert!(is_found(own, make), "{own}");
    }
}
