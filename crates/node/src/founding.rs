//! What a restarted node knows of the cluster map before it has spoken to anyone.

use synod_replica::op::{Op, open_payload};
use synod_ring::{ClusterMap, MetaCommand};
use synod_types::{Entry, Index};

/// The map as the metadata group's snapshot and log have it.
#[derive(Clone, Debug, Default)]
pub struct RecoveredMap {
    /// With every entry, committed or not: it says which slots a partition has that this node holds. A node holds
    /// partitions only after the founding was committed, and what is founded is not laid out anew; but how far the
    /// log is committed may have been written down last long before.
    pub laid_out: ClusterMap,
    /// With the entries that are known to be committed: it says to which cluster the node belongs.
    pub committed: ClusterMap,
}

impl RecoveredMap {
    /// The map of a snapshot (an empty one if there is none), and the entries behind it.
    #[must_use]
    pub fn replay(snapshot: ClusterMap, entries: &[Entry], commit: Index) -> Self {
        let mut committed = snapshot;
        let known = entries.partition_point(|entry| entry.index <= commit);
        entries[..known].iter().for_each(|entry| apply(&mut committed, entry));
        let mut laid_out = committed.clone();
        entries[known..].iter().for_each(|entry| apply(&mut laid_out, entry));
        Self { laid_out, committed }
    }
}

fn apply(map: &mut ClusterMap, entry: &Entry) {
    let Some((_, _, mut ops)) = open_payload(&entry.payload) else { return };
    while let Some(op) = Op::take(&mut ops) {
        if let Op::Meta(bytes) = op
            && let Some(command) = MetaCommand::decode(bytes)
        {
            let _refused_where_it_was_refused_before = map.apply(command);
        }
    }
}
