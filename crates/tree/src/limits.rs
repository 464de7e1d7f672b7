//! The bounds of a tree.

/// The most bytes of one znode's data (ZooKeeper: `jute.maxbuffer`, which bounds the whole request).
pub const DATA_BYTES_MAX: usize = 1 << 20;
/// How many of the newest changes a tree remembers for those who watch.
pub const EVENTS_MAX: usize = 16_384;
/// The longest time to live of a znode, in milliseconds (ZooKeeper: 40 bits).
pub(crate) const TTL_MS_MAX: u64 = (1 << 40) - 1;
/// The most sessions of one tree.
pub const SESSIONS_MAX: usize = 65_536;
/// The most operations of one multi.
pub(crate) const MULTI_MAX: usize = 65_536;
/// The most identities of one connection, and entries of one access list.
pub(crate) const ACL_MAX: usize = 1_024;
