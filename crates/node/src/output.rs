//! What a node wants done by its world after a turn.

use crate::migrations::Migration;
use crate::steps::Steps;
use std::collections::BTreeMap;
use std::sync::Arc;
use synod_consensus::Token;
use synod_data::Garbage;
use synod_redis::Ready;
use synod_replica::{Aside, Chunk};
use synod_ring::ClusterMap;
use synod_types::{Entry, HardState, Incarnation, NodeId, PartitionId, SnapshotMeta};

/// A worker of a node. For another node the worker is 0: the receiver finds the right one by the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    /// The node.
    pub node: NodeId,
    /// The worker, if the node is this one.
    pub worker: u16,
}

/// Something for the log, in order.
#[derive(Debug)]
pub enum Log {
    /// Hard state and entries; report the token, if any, when they are durable.
    Append {
        /// The group.
        group: PartitionId,
        /// What to report.
        token: Option<Token>,
        /// Term and vote.
        hard_state: Option<HardState>,
        /// Consecutive; may replace a tail.
        entries: Vec<Entry>,
    },
    /// A durable snapshot stands for everything up to its index (index 0: the group is founded).
    Snapshot {
        /// The group.
        group: PartitionId,
        /// The snapshot.
        meta: SnapshotMeta,
    },
    /// The replica is gone: its entries are obsolete. Of the group stays what it has promised. When that is durable its
    /// snapshot files go, and `Node::group_removed` is called.
    Remove {
        /// The group.
        group: PartitionId,
        /// Term and vote.
        hard_state: HardState,
    },
}

/// What goes on beside the turns: work on snapshot files, and the freeing of much memory.
#[derive(Debug)]
pub enum FileWork {
    /// Append a chunk to the snapshot being taken; when it is the last one, make the file durable and call
    /// `snapshot_written`.
    Write {
        /// The group.
        group: PartitionId,
        /// The piece.
        chunk: Chunk,
    },
    /// Read `limits::SNAPSHOT_CHUNK_BYTES` of a snapshot's file at `offset` and send them with `Node::encode_chunk`.
    Serve {
        /// The group.
        group: PartitionId,
        /// Who asks.
        to: NodeId,
        /// Which snapshot.
        meta: SnapshotMeta,
        /// Where.
        offset: u64,
    },
    /// Begin or resume receiving a snapshot: tell the node with `snapshot_progress` at which offset to go on.
    Receive {
        /// The group.
        group: PartitionId,
        /// Which snapshot.
        meta: SnapshotMeta,
    },
    /// Write a piece received; when the file is complete verify and load it and call `snapshot_loaded`.
    Store {
        /// The group.
        group: PartitionId,
        /// Which snapshot.
        meta: SnapshotMeta,
        /// Where.
        offset: u64,
        /// How long the file is as a whole.
        total: u64,
        /// The piece.
        bytes: bytes::Bytes,
    },
    /// Drop it: there is nothing to report.
    Discard(Garbage),
}

/// How a call of a gate ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// Executed: what the machine answered.
    Done(Vec<u8>),
    /// Not executed, for want of space on the disk, or of memory.
    DiskFull,
    /// Not executed, or perhaps executed.
    Lost,
}

/// Everything to be done after a turn. The world drains it and leaves the buffers for the next one.
#[derive(Debug, Default)]
pub struct Output {
    /// For the log, in order.
    pub log: Vec<Log>,
    /// Encoded frames, to be delivered in order or lost.
    pub frames: BTreeMap<Destination, Vec<u8>>,
    /// For the thread of the snapshot files.
    pub files: Vec<FileWork>,
    /// Operations to be run beside the turns, each for itself; then `Node::come_back` is called.
    pub asides: Vec<Box<Aside>>,
    /// Keys to be moved to other servers; `Node::migrated` is called when it is done.
    pub migrations: Vec<Box<Migration>>,
    /// The sessions of Redis's clients to look at.
    pub ready: Ready,
    /// The calls of gates that have ended, by their tickets.
    pub outcomes: Vec<(u64, CallOutcome)>,
    /// Answers to steps of transactions, by their tickets; the node takes them within the turn.
    pub(crate) steps: Steps,
    /// The cluster map, if it changed: for the other workers, and to dial new peers.
    pub map: Option<Arc<ClusterMap>>,
    /// The founding members met so far, if there is a new one: to be durable before any frame of this turn leaves.
    pub roster: Option<BTreeMap<NodeId, Incarnation>>,
}
