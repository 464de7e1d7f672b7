//! Bugs planted on purpose in the engines. Each must be found within some thousands of worlds, or the worlds prove nothing.
//!
//! `cargo xtask plants` runs this in a build of its own; `PLANT=name` looks for one.

use crate::run;
use std::panic;
use synod_consensus::Protocol;
use synod_types::plant::select;

/// Within so many seeds each has to be found.
const SEEDS_MAX: u64 = 8_000;

/// Name, engine, and what it does.
const PLANTS: &[(&str, Protocol, &str)] = &[
    (
        "engine-change-before-commit",
        Protocol::Raft,
        "members move to another engine before the entry that says so is committed",
    ),
    (
        "engine-change-cuts-tail",
        Protocol::Raft,
        "the new engine begins with the committed log and drops what was acknowledged behind it",
    ),
    ("engine-change-untold", Protocol::Raft, "who missed a change of engine is not told of it"),
    ("paxos-promised-twice", Protocol::Paxos, "one ballot is promised to two proposers"),
    ("paxos-promise-not-durable", Protocol::Paxos, "a promise leaves before it is on the disk"),
    ("paxos-log-not-adopted", Protocol::Paxos, "a proposer leads with its own log"),
    (
        "paxos-shortest-adopted",
        Protocol::Paxos,
        "a proposer takes over the oldest log, not the newest",
    ),
    (
        "paxos-own-word-early",
        Protocol::Paxos,
        "a leader counts itself before its disk has the entry",
    ),
    (
        "paxos-joint-not-recounted",
        Protocol::Paxos,
        "promises are not counted again under a membership that came with the log",
    ),
    ("paxos-decided-taken-back", Protocol::Paxos, "a late message takes the decided index back"),
    ("zab-trunc-skipped", Protocol::Zab, "a follower keeps what the leader does not have"),
    (
        "zab-discovery-skipped",
        Protocol::Zab,
        "the elected leads before a quorum accepted its epoch",
    ),
    ("zab-vote-by-id", Protocol::Zab, "votes are compared by id alone"),
    (
        "zab-newleader-not-awaited",
        Protocol::Zab,
        "a leader commits before a quorum acknowledged NEWLEADER",
    ),
    (
        "zab-newer-history-ignored",
        Protocol::Zab,
        "the elected leads though a follower has a newer history",
    ),
    (
        "zab-newleader-acked-early",
        Protocol::Zab,
        "NEWLEADER is acknowledged before the history is on the disk",
    ),
];

fn finds(name: &str, protocol: Protocol) -> Option<(u64, String)> {
    select(Some(name));
    let found = (0..SEEDS_MAX).find_map(|seed| {
        let failure = panic::catch_unwind(|| drop(run(protocol, seed))).err()?;
        let text = failure.downcast_ref::<String>().cloned();
        Some((seed, text.unwrap_or_else(|| "an assertion of the engine".to_owned())))
    });
    select(None);
    found
}

/// The plant at work is one for the whole process, so this is the only test of its build that may run.
pub fn are_found(only: Option<&str>) {
    panic::set_hook(Box::new(|_| ()));
    let mut missed = Vec::new();
    for (name, protocol, what) in PLANTS {
        if only.is_some_and(|only| only != *name) {
            continue;
        }
        match finds(name, *protocol) {
            Some((seed, how)) => {
                let how = how.lines().next().unwrap_or_default();
                println!("{name}: found by seed {seed}: {how}");
            }
            None => missed.push(format!("{name} ({what})")),
        }
    }
    drop(panic::take_hook());
    assert!(missed.is_empty(), "not found within {SEEDS_MAX} seeds: {missed:#?}");
}
