//! The words that every other crate speaks: identifiers, slots, terms, log entries, time and limits.
//!
//! Newtypes keep two counters of different meaning from ever being exchanged by mistake. Nothing here
//! does anything; the crate depends on no other crate of this workspace.

mod entry;
mod ids;
pub mod limits;
pub mod plant;
mod protocol;
mod reply;
mod reserved;
mod slot;
mod time;
mod tree_lock;
pub mod varint;

pub use entry::{Entry, EntryKind, HardState, Membership, SnapshotMeta};
pub use ids::{
    ClientId, ClusterId, Epoch, Incarnation, Index, NodeId, PartitionId, RequestId, Term,
};
pub use protocol::{Protocol, UnknownProtocol};
pub use reply::ReplySink;
pub use reserved::{COORDINATOR_PREFIX, RESERVED, coordinators_slot, is_coordinators};
pub use slot::{SLOT_COUNT, Slot, key_slot};
pub use time::{Millis, Now};
pub use tree_lock::{
    DEFAULT_NAMESPACE, NAMESPACE_BYTES_MAX, is_namespace, namespace_key, tree_lock, tree_path,
};
