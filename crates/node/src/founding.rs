//! What a restarted node knows of the cluster map before it has spoken to anyone.

use synod_machine::{MachineId, Operation};
use synod_replica::payload::open_payload;
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
    let Some(mut ops) = open_payload(&entry.payload).map(|payload| payload.ops) else { return };
    while let Some(op) = Operation::take(&mut ops) {
        if op.machine == MachineId::CLUSTER_MAP
            && let Some(command) = MetaCommand::decode(op.body)
        {
            let _refused_where_it_was_refused_before = map.apply(command);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_machine::put_operation;
    use synod_replica::payload::begin_payload;
    use synod_ring::NodeInfo;
    use synod_types::{ClusterId, EntryKind, Epoch, NodeId, Term};

    fn entry(index: u64, command: &MetaCommand) -> Entry {
        let mut payload = Vec::new();
        begin_payload(&mut payload, Epoch(0));
        put_operation(&mut payload, MachineId::CLUSTER_MAP, |body| command.encode(body));
        assert!(open_payload(&payload).is_some());
        let (term, index) = (Term(1), Index(index));
        Entry { term, index, kind: EntryKind::Commands, payload: payload.into() }
    }

    fn entries() -> [Entry; 2] {
        let info = NodeInfo { peer_addr: "10.0.0.1:16379".to_owned(), ..NodeInfo::default() };
        let nodes = [(NodeId(1), NodeInfo::default())].into();
        let cluster = ClusterId(9);
        let (partitions, replicas) = (2, 1);
        let found = MetaCommand::Found { cluster, partitions, replicas, nodes, engine: None };
        [entry(2, &found), entry(3, &MetaCommand::Announce { node: NodeId(1), info })]
    }

    #[test]
    fn a_founding_not_known_to_be_committed_lays_out_and_names_no_cluster() {
        let epochs = |map: &RecoveredMap| (map.laid_out.epoch, map.committed.epoch);
        let replay = |snapshot, entries: &[Entry], commit| {
            RecoveredMap::replay(snapshot, entries, Index(commit))
        };
        let none = replay(ClusterMap::default(), &entries(), 1);
        assert_eq!(epochs(&none), (2, 0));
        assert!(none.laid_out.is_founded() && !none.committed.is_founded());
        assert_eq!(none.laid_out.partitions().len(), 2);
        let founded = replay(ClusterMap::default(), &entries(), 2);
        assert_eq!(epochs(&founded), (2, 1));
        let all = replay(ClusterMap::default(), &entries(), 3);
        assert_eq!(epochs(&all), (2, 2));
        let behind_a_snapshot = replay(founded.committed, &entries()[1..], 0);
        assert_eq!(epochs(&behind_a_snapshot), (2, 1));
        assert!(behind_a_snapshot.committed.is_founded(), "a snapshot holds what is committed");
    }
}
