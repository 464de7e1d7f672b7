//! What a run is made of, and what came of it.

use crate::faults::{Fault, Faults};
use crate::plan::Struck;
use crate::points::CrashPoints;
use crate::trace::Trace;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use synod_checker::Operation;
use synod_consensus::Protocol;

/// Everything that decides a run; equal parameters give equal runs, byte for byte.
#[derive(Clone, Debug)]
pub struct Params {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// How many nodes, at least 1.
    pub nodes: u64,
    /// How many data partitions, at least 1.
    pub partitions: u32,
    /// How long the trouble lasts, in simulated seconds.
    pub seconds: u64,
    /// How many clients there are.
    pub clients: usize,
    /// Which kinds of trouble.
    pub faults: Faults,
    /// Whether leaders answer reads from their lease.
    pub lease_reads: bool,
    /// Whether nodes answer transactions over several partitions when all of them is kept; in one seed of four, all nodes but one.
    pub parallel_commit: bool,
    /// What clients do.
    pub workload: Workload,
    /// What keeps the replicas of a partition alike.
    pub engine: Protocol,
    /// Over how many registers the clients' requests go; `None` leaves that to the seed.
    pub keys: Option<u64>,
    /// The numbers of the strikes that happen; `None` for all of the plan.
    pub only: Option<Vec<u32>>,
    /// The world ends before this event, counted from 1; `None` for all of it. For a look at a run that panics.
    pub stop_before: Option<u64>,
    /// Whether the events are kept, for [`crate::page`].
    pub record: bool,
}

/// What the clients of a run do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Workload {
    /// They read and write keys of all kinds.
    #[default]
    Keys,
    /// They take locks, and write under them.
    Locks,
    /// They are clients of ZooKeeper.
    Tree,
    /// They push to lists, and wait for what others push.
    Queues,
    /// Some keep copies of what they read, and others write.
    Copies,
    /// They change users of the cluster.
    Users,
    /// They move money between accounts in several partitions, and read and write other keys beside that.
    Bank,
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keys => "keys",
            Self::Locks => "locks",
            Self::Tree => "tree",
            Self::Queues => "queues",
            Self::Copies => "copies",
            Self::Users => "users",
            Self::Bank => "bank",
        })
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "bank" => Ok(Self::Bank),
            "copies" => Ok(Self::Copies),
            "keys" => Ok(Self::Keys),
            "locks" => Ok(Self::Locks),
            "queues" => Ok(Self::Queues),
            "tree" => Ok(Self::Tree),
            "users" => Ok(Self::Users),
            _ => Err(format!(
                "no workload `{text}`; there are: bank, copies, keys, locks, queues, tree, users"
            )),
        }
    }
}

impl Default for Params {
    fn default() -> Self {
        Self {
            seed: 1,
            nodes: 5,
            partitions: 8,
            seconds: 60,
            clients: 8,
            faults: Faults::Swarm,
            lease_reads: false,
            parallel_commit: false,
            workload: Workload::Keys,
            engine: Protocol::Raft,
            keys: None,
            only: None,
            stop_before: None,
            record: false,
        }
    }
}

impl Params {
    /// The command that runs exactly this again.
    #[must_use]
    pub fn replay(&self) -> String {
        "synod sim ".to_owned() + &self.arguments().join(" ")
    }

    /// The arguments of that command.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let Self { seed, nodes, partitions, seconds, clients, faults, keys, only, .. } = self;
        let mut words = Vec::new();
        let mut add = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        add("seed", seed.to_string());
        add("nodes", nodes.to_string());
        add("partitions", partitions.to_string());
        add("seconds", seconds.to_string());
        add("clients", clients.to_string());
        add("faults", faults.to_string());
        if let Some(keys) = keys {
            add("keys", keys.to_string());
        }
        if let Some(only) = only {
            add("only", numbers(only));
        }
        if self.engine != Protocol::Raft {
            words.extend(["--engine".to_owned(), self.engine.to_string()]);
        }
        if self.workload != Workload::Keys {
            words.extend(["--workload".to_owned(), self.workload.to_string()]);
        }
        if self.lease_reads {
            words.push("--lease-reads".to_owned());
        }
        if self.parallel_commit {
            words.push("--parallel-commit".to_owned());
        }
        words
    }
}

/// A list of strikes as `--only` reads it; `none` is one too.
fn numbers(only: &[u32]) -> String {
    match only {
        [] => "none".to_owned(),
        some => some.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
    }
}

/// What is wrong with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The rule that was broken, in a word or two.
    pub rule: &'static str,
    /// What was seen.
    pub detail: String,
    /// When, in simulated microseconds.
    pub at_us: u64,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, detail, at_us } = self;
        write!(f, "{rule}, after {}.{:06} s: {detail}", at_us / 1_000_000, at_us % 1_000_000)
    }
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The first rule that was broken, if any.
    pub failure: Option<Failure>,
    /// A hash of everything that happened, in order.
    pub hash: u64,
    /// How long it was, in simulated microseconds.
    pub simulated_us: u64,
    /// Events of the world.
    pub events: u64,
    /// Requests of clients.
    pub operations: u64,
    /// Those that were answered.
    pub answered: u64,
    /// Those whose fate was never known.
    pub unknown: u64,
    /// How often trouble of each kind struck.
    pub injected: BTreeMap<Fault, u64>,
    /// How often machines died at each crash point.
    pub crash_points: CrashPoints,
    /// The strikes of the plan that found a victim, in order of time.
    pub struck: Vec<Struck>,
    /// Snapshots taken, and installed from a leader.
    pub snapshots: (u64, u64),
    /// Nodes that noticed that their disk is damaged, and stayed down.
    pub refused_starts: u64,
    /// Elections won.
    pub elections: u64,
    /// Grants of locks that clients were told of, and writes that were refused because their token was an old one.
    pub grants: (u64, u64),
    /// What clients asked and were told, of keys that stand for themselves.
    pub history: Vec<Operation>,
    /// The events, if they were kept.
    pub trace: Option<Trace>,
}
