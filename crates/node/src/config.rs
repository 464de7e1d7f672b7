//! What a node is told at birth, and what its world tells it about itself now and then.

use std::collections::BTreeMap;
use synod_acl::Digest;
use synod_consensus::Protocol;
use synod_ring::NodeInfo;
use synod_types::{Entry, HardState, Incarnation, NodeId, PartitionId, SnapshotMeta, limits};

/// How a node is set up. The same for every worker of the node but for `worker`.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// This node.
    pub id: NodeId,
    /// This worker, below `workers`.
    pub worker: u16,
    /// How many workers the node has; a group lives on worker `group % workers`.
    pub workers: u16,
    /// What this node says of itself to the others.
    pub info: NodeInfo,
    /// The founding members and their peer addresses.
    pub initial_cluster: BTreeMap<NodeId, String>,
    /// Whether it joins a cluster that exists: `initial_cluster` are then the members that it was told of.
    pub joins: bool,
    /// The founding members that this node has met, as its data directory remembers them.
    pub roster: BTreeMap<NodeId, Incarnation>,
    /// A random number of this process, the same for all of its workers.
    pub process: u64,
    /// Those of the processes that the starts of the data directory before were, the latest first; 0 where none is known.
    pub past: [u64; limits::PAST_STARTS],
    /// How long an operation may be to be run in a turn, in bytes of values looked at; 0: none is.
    pub turn_length: usize,
    /// Partitions to found the cluster with.
    pub partitions: u32,
    /// Copies of each partition.
    pub replicas: u32,
    /// Entries count as persisted as soon as they are handed to the log.
    pub ack_early: bool,
    /// Serve reads from the leader's lease.
    pub lease_reads: bool,
    /// What keeps the replicas of a group alike until the group moves to another engine; the same on all nodes of a
    /// cluster.
    pub engine: Protocol,
    /// A snapshot is taken when a replica has applied this many bytes of entries since the last one.
    pub snapshot_bytes: usize,
    /// The node's share of replicas and its zone, as far as they were said at its start: the cluster is told.
    pub weight: Option<u32>,
    /// See `weight`.
    pub zone: Option<String>,
    /// `maxmemory` of the node to begin with, in bytes; 0: no limit.
    pub maxmemory: u64,
    /// How much memory the process may have, in bytes; 0: it is not known.
    pub memory: u64,
    /// The password of the default user until the cluster is founded, and the one that it is founded with.
    pub password: Option<Digest>,
    /// What passwords are made up from: random, and known to nobody else. The same for all workers.
    pub secret: [u8; 32],
    /// Where all randomness comes from.
    pub seed: u64,
}

/// A group as the log and the snapshot files hold it.
#[derive(Debug)]
pub struct RecoveredGroup {
    /// Which.
    pub group: PartitionId,
    /// Term, vote, known commit.
    pub hard_state: HardState,
    /// What `state` contains.
    pub snapshot: SnapshotMeta,
    /// The entries after it.
    pub entries: Vec<Entry>,
    /// The state of the snapshot; empty for index 0. `None`: an empty keyspace or map, made by the node.
    pub state: Option<synod_replica::State>,
}
