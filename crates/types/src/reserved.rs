//! Keys that are the cluster's own.

use crate::slot::{Slot, key_slot};

/// The keys of the coordinator of transactions begin with it. They lie in one slot; FLUSHALL and eviction pass them over, since a
/// decision that is forgotten would leave databases in doubt.
pub const COORDINATOR_PREFIX: &[u8] = b"{synod:tx}";

/// What a client is told that wants to write one of them.
pub const RESERVED: &str =
    "ERR Keys that begin with {synod:tx} are written by the coordinator of transactions alone";

/// Whether a key is the coordinator's.
#[must_use]
pub fn is_coordinators(key: &[u8]) -> bool {
    key.starts_with(COORDINATOR_PREFIX)
}

/// The slot of the coordinator's keys.
#[must_use]
pub fn coordinators_slot() -> Slot {
    key_slot(COORDINATOR_PREFIX)
}
