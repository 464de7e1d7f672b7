//! What the log and the snapshot files tell a worker, in either world.

use synod_consensus::Token;
use synod_node::Migrated;
use synod_replica::{Aside, State};
use synod_types::{ClientId, PartitionId, SnapshotMeta};

/// How much space the log's disk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskSpace {
    /// Writes can be accepted.
    Enough,
    /// What was accepted can be written, and no more.
    Short,
    /// A batch waits for space.
    Full,
}

/// What a flush achieved.
#[derive(Debug, Default)]
pub struct Flushed {
    /// What is durable now, in order.
    pub acks: Vec<(PartitionId, Token)>,
    /// Snapshots whose mark is durable: older files can go.
    pub marks: Vec<(PartitionId, SnapshotMeta)>,
    /// Groups that are gone from the log: their snapshot files can go.
    pub removed: Vec<PartitionId>,
    /// Bytes of all segments of the log.
    pub log_bytes: u64,
}

/// One thing that happened beside the turns.
pub enum Report {
    /// A flush is done.
    Flushed(Flushed),
    /// How the log finds its disk.
    Disk(DiskSpace),
    /// Snapshot these groups: their entries pin the oldest segments.
    Pins(Vec<PartitionId>),
    /// A chunk of a snapshot was written, or given up.
    ChunkWritten,
    /// A snapshot's file is durable, and so long.
    SnapshotWritten(PartitionId, SnapshotMeta, u64),
    /// A snapshot could not be written, received or loaded.
    SnapshotFailed(PartitionId),
    /// A received snapshot's file ends at this offset; whether it is complete.
    SnapshotProgress(PartitionId, SnapshotMeta, u64, bool),
    /// A received snapshot is durable and loaded.
    SnapshotLoaded(PartitionId, SnapshotMeta, Box<State>),
    /// A long operation was run.
    Ran(Box<Aside>),
    /// The keys that a client asked to be moved to another server are there, or not.
    Migrated((ClientId, u64), Migrated),
}
