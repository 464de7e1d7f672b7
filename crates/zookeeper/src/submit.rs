//! What a gate asks of the trees, and who asked.

use crate::connection::ConnectionId;

/// An operation for the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submit {
    /// Its outcome is told under this number.
    pub ticket: u64,
    /// The operation.
    pub op: Vec<u8>,
    /// Whether it reads.
    pub read: bool,
    /// Whether it is to be answered with what the replica here has, whoever leads.
    pub local: bool,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// Executed: the tree's reply.
    Done(&'a [u8]),
    /// Not executed, for want of space on the disk, or of memory.
    DiskFull,
    /// Not executed, or perhaps executed.
    Lost,
}

/// Who waits for an outcome.
#[derive(Debug)]
pub(crate) enum Asker {
    Connection(ConnectionId, u64),
    Follower,
    Touch(Vec<ConnectionId>, u64),
    /// Whether the tree answers again.
    Probe,
}
