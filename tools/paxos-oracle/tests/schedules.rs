//! Both implementations go through the same torn networks and crashes, and decide, or cannot, at the same times.
//!
//! `SEED=n` runs one schedule and tells it; `SEEDS=n` runs that many.

#![allow(clippy::unwrap_used)] // a test may panic

use fastrand::Rng;
use synod_paxos_oracle::cluster::Cluster;
use synod_paxos_oracle::member::{Command, Member};
use synod_paxos_oracle::ours::Ours;
use synod_paxos_oracle::theirs::Theirs;

const SEEDS: u64 = 60;
const ACTS: usize = 12;
/// Longer than any election takes.
const CALM: u32 = 200;
/// Longer than a decision takes once there is a leader.
const SOON: u32 = 60;

#[derive(Clone, Debug)]
enum Act {
    /// These pairs do not hear each other from now on; all others do.
    Tear(Vec<(u64, u64)>),
    Crash(u64),
    Restart(u64),
}

fn draw(random: &mut Rng, size: u64) -> Act {
    let pairs = || (1..=size).flat_map(|a| (a + 1..=size).map(move |b| (a, b)));
    let any = random.u64(1..=size);
    match random.u8(0..10) {
        0..3 => Act::Tear(Vec::new()),
        // One member is all that the others reach: quorum loss, and constrained election when it lagged before.
        3..5 => Act::Tear(pairs().filter(|(a, b)| *a != any && *b != any).collect()),
        // A chain.
        5 => Act::Tear(pairs().filter(|(a, b)| b - a > 1).collect()),
        6..8 => Act::Tear(pairs().filter(|_| random.u8(0..10) < 4).collect()),
        8 => Act::Crash(any),
        _ => Act::Restart(any),
    }
}

fn on<M: Member>(act: &Act, cluster: &mut Cluster<M>) {
    match act {
        Act::Tear(pairs) => cluster.tear(pairs),
        Act::Crash(id) => cluster.crash(*id),
        Act::Restart(id) => cluster.restart(*id),
    }
    cluster.run(CALM);
}

/// Which of these were decided, in order.
fn decided_of<M: Member>(cluster: &Cluster<M>, acknowledged: &[Command]) -> Vec<Command> {
    cluster.decided().into_iter().filter(|command| acknowledged.contains(command)).collect()
}

/// How often something was decided, and how often it could not be.
fn run(seed: u64) -> (u32, u32) {
    let mut random = Rng::with_seed(seed);
    let size = if random.bool() { 3 } else { 5 };
    let (mut ours, mut theirs) = (Cluster::<Ours>::new(size), Cluster::<Theirs>::new(size));
    let (mut told, mut acknowledged) = (vec![format!("{size} members")], Vec::new());
    let (mut done, mut stuck) = (0, 0);
    ours.run(CALM);
    theirs.run(CALM);
    for nth in 0..ACTS as u64 {
        let act = draw(&mut random, size);
        told.push(format!("{act:?}"));
        on(&act, &mut ours);
        on(&act, &mut theirs);
        let command = nth + 1;
        let (us, them) = (ours.decide(command, SOON), theirs.decide(command, SOON));
        let possible = ours.is_quorum_connected();
        told.push(format!("    possible {possible}, ours {us}, theirs {them}"));
        assert_eq!(us, possible, "SEED={seed}: ours\n{}", told.join("\n"));
        assert_eq!(them, possible, "SEED={seed}: theirs\n{}", told.join("\n"));
        if us {
            acknowledged.push(command);
        }
        (done, stuck) = (done + u32::from(us), stuck + u32::from(!us));
        assert_eq!(decided_of(&ours, &acknowledged), acknowledged, "SEED={seed}: ours");
        assert_eq!(decided_of(&theirs, &acknowledged), acknowledged, "SEED={seed}: theirs");
    }
    for id in 1..=size {
        ours.restart(id);
        theirs.restart(id);
    }
    on(&Act::Tear(Vec::new()), &mut ours);
    on(&Act::Tear(Vec::new()), &mut theirs);
    assert!(ours.decide(1000, SOON) && theirs.decide(1000, SOON), "SEED={seed}: healed");
    ours.run(SOON);
    theirs.run(SOON);
    acknowledged.push(1000);
    assert!(ours.is_even() && theirs.is_even(), "SEED={seed}: somebody lags");
    assert_eq!(decided_of(&ours, &acknowledged), decided_of(&theirs, &acknowledged));
    (done, stuck)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn both_decide_whenever_somebody_reaches_a_majority() {
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(SEEDS),
    };
    let many = seeds.end - seeds.start > 1;
    let (mut done, mut stuck) = (0, 0);
    for seed in seeds {
        let (decided, could_not) = run(seed);
        (done, stuck) = (done + decided, stuck + could_not);
    }
    println!("{done} decisions, {stuck} times none was possible");
    assert!(!many || (done > 100 && stuck > 20), "{done} decisions and {stuck} times none");
}
