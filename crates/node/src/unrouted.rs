//! Requests that cannot be sent yet: nobody is known to lead their partition, or earlier requests to it are still out, or
//! its leader knows of a newer epoch of its slots than the map.

use crate::forward::Forward;
use std::collections::BTreeMap;
use synod_types::{Epoch, PartitionId, RequestId};

/// These requests by partition, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Unrouted {
    by_partition: BTreeMap<PartitionId, BTreeMap<RequestId, Forward>>,
    /// The sum of their operations' lengths.
    bytes: usize,
    /// The newest epoch of a partition's slots that a leader told of. At most one of each partition of the map.
    told: BTreeMap<PartitionId, Epoch>,
}

impl Unrouted {
    /// A leader refused a request because its partition's slots changed hands.
    pub fn tell_epoch(&mut self, partition: PartitionId, epoch: Epoch) {
        let told = self.told.entry(partition).or_default();
        *told = epoch.max(*told);
    }

    /// Whether a map in which the partition is of this epoch is too old to send anything there.
    pub fn is_outdated(&self, partition: PartitionId, known: Epoch) -> bool {
        self.told.get(&partition).is_some_and(|told| *told > known)
    }

    pub fn is_empty(&self) -> bool {
        self.by_partition.is_empty()
    }

    pub fn len(&self) -> usize {
        self.by_partition.values().map(BTreeMap::len).sum()
    }

    /// How long their operations are together.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether requests to the partition wait here.
    #[inline]
    pub fn holds(&self, partition: PartitionId) -> bool {
        !self.by_partition.is_empty() && self.by_partition.contains_key(&partition)
    }

    /// The partitions that requests wait for.
    pub fn partitions(&self) -> impl Iterator<Item = PartitionId> {
        self.by_partition.keys().copied()
    }

    pub fn insert(&mut self, id: RequestId, forward: Forward) {
        self.bytes += forward.op.len();
        self.by_partition.entry(forward.partition).or_default().insert(id, forward);
    }

    /// Takes out the requests to a partition.
    pub fn take(&mut self, partition: PartitionId) -> BTreeMap<RequestId, Forward> {
        let taken = self.by_partition.remove(&partition).unwrap_or_default();
        self.bytes -= taken.values().map(|forward| forward.op.len()).sum::<usize>();
        taken
    }

    /// Takes out one request.
    pub fn remove(&mut self, partition: PartitionId, id: RequestId) -> Option<Forward> {
        let requests = self.by_partition.get_mut(&partition)?;
        let taken = requests.remove(&id)?;
        if requests.is_empty() {
            self.by_partition.remove(&partition);
        }
        self.bytes -= taken.op.len();
        Some(taken)
    }

    /// Takes out those that `which` picks.
    pub fn take_if(&mut self, which: impl Fn(&Forward) -> bool) -> Vec<Forward> {
        let mut all = Vec::new();
        for requests in self.by_partition.values_mut() {
            let taken = requests.extract_if(.., |_, forward| which(forward));
            all.extend(taken.map(|(_, forward)| forward));
        }
        self.by_partition.retain(|_, requests| !requests.is_empty());
        self.bytes -= all.iter().map(|forward| forward.op.len()).sum::<usize>();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempts::Attempt;
    use synod_replica::{Access, Origin};
    use synod_types::NodeId;

    #[test]
    fn a_map_is_outdated_until_it_knows_the_newest_epoch_that_was_told() {
        let (mut unrouted, partition) = (Unrouted::default(), PartitionId(1));
        assert!(!unrouted.is_outdated(partition, Epoch(0)));
        unrouted.tell_epoch(partition, Epoch(3));
        unrouted.tell_epoch(partition, Epoch(2));
        assert!(unrouted.is_outdated(partition, Epoch(2)));
        assert!(!unrouted.is_outdated(partition, Epoch(3)));
        assert!(!unrouted.is_outdated(PartitionId(2), Epoch(0)));
    }

    #[test]
    fn requests_keep_their_order_and_are_counted_until_they_are_taken() {
        let mut unrouted = Unrouted::default();
        for (id, partition, bytes) in [(3, 1, 10), (1, 1, 20), (2, 2, 40)] {
            let forward = Forward {
                partition: PartitionId(partition),
                origin: Origin::Internal,
                op: vec![0; bytes],
                access: Access::Write,
                resp3: false,
                deadline_us: id * 100,
                to: NodeId(0),
                attempt: Attempt::default(),
                epoch: Epoch(0),
                parts: crate::fetches::Parts::default(),
                wait: None,
            };
            unrouted.insert(RequestId(id), forward);
        }
        assert_eq!((unrouted.len(), unrouted.bytes()), (3, 70));
        assert_eq!(unrouted.take_if(|f| f.deadline_us <= 100).len(), 1);
        assert_eq!((unrouted.len(), unrouted.bytes()), (2, 50));
        let ids: Vec<u64> = unrouted.take(PartitionId(1)).keys().map(|id| id.0).collect();
        assert_eq!(ids, [3]);
        assert!(unrouted.holds(PartitionId(2)) && !unrouted.holds(PartitionId(1)));
        assert!(unrouted.remove(PartitionId(2), RequestId(2)).is_some());
        assert!(unrouted.is_empty() && unrouted.bytes() == 0);
    }
}
