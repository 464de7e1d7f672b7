//! What is decided is on the disks of a quorum at that moment, not merely in their memory.
//!
//! ZOOKEEPER-3911, 4646 and 4785: acknowledged from memory, lost with the power. Raft (2014), section 5.3, takes it for granted.

use crate::disk::Disk;
use std::collections::BTreeMap;
use synod_consensus::quorum;
use synod_types::{Entry, Membership, NodeId};

pub fn check(entry: &Entry, by: &Membership, disks: &BTreeMap<NodeId, &Disk>) {
    let durable =
        |node: NodeId| disks.get(&node).is_some_and(|disk| disk.holds(entry.index, entry.term));
    assert!(quorum::holds(by, durable), "entry {} decided without a quorum", entry.index);
}
