//! What was done to the nodes, and how they took it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Kind;
use crate::net::Carried;

/// What was done, and what was measured on the way.
#[derive(Debug, Default)]
pub struct Deeds {
    /// How often each kind was done.
    pub done: BTreeMap<Kind, u64>,
    /// The times from one kill to the next, of one node or of all.
    pub kill_gaps: Vec<Duration>,
    /// How long writes to a dead leader's keys failed while nothing else was wrong: all nodes answered, no
    /// follower was behind and no trouble lasted. `None` is longer than [`crate::failover::LIMIT`].
    pub failovers: Vec<Option<Duration>>,
    /// The same while something else was wrong too; `None` is longer than
    /// [`crate::failover::LIMIT_AMID`].
    pub failovers_amid: Vec<Option<Duration>>,
    /// How long it took, after lasting trouble was taken back, until all was writable through every node
    /// and no follower was behind, at some moment for each node.
    pub convergences: Vec<Duration>,
    /// Nodes that refused to start on damaged files, and said why.
    pub damage_refused: u64,
    /// What the router did to packets.
    pub carried: Carried,
    /// What happened when, for people.
    pub diary: Vec<String>,
}
