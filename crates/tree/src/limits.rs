//! The bounds of a tree.

/// The most bytes of one znode's data (ZooKeeper: `jute.maxbuffer`, which bounds the whole request).
pub const DATA_BYTES_MAX: usize = 1 << 20;
/// How many of the newest changes a tree remembers for those who watch.
pub const EVENTS_MAX: usize = 16_384;
/// The most sessions of one tree.
pub const SESSIONS_MAX: usize = 65_536;
/// The most operations of one multi.
pub(crate) const MULTI_MAX: usize = 65_536;
/// The most identities of one connection, and entries of one access list.
pub(crate) const ACL_MAX: usize = 1_024;
