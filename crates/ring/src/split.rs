//! A partition becomes two: how the map keeps account of that.
//!
//! ```text
//!   Split: decided, with the number of the new one ---> the leader of the partition has its log say so (a claim)
//!                                                           |  every replica splits off the content when it applies it
//!   Halved: the map knows both, since that epoch <----------+
//! ```
//! The new partition has the voters of the old one. Until the split is done, the old one is not moved. Numbers grow and are
//! not used again; that of the new partition is chosen so that on every node both live on the same worker.

use crate::cluster_map::{ClusterMap, PartitionInfo, Rejected};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use synod_types::limits::PARTITIONS_MAX;
use synod_types::{Epoch, Incarnation, NodeId, PartitionId, Slot};

/// The epoch in which a partition begins that was split off another one: later than that of a founding.
pub const EPOCH_OF_CHILD: Epoch = Epoch(1);

/// A split that was decided and is not done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The first slot of the new partition.
    pub at: Slot,
    /// Its number.
    pub child: PartitionId,
}

/// Where a partition comes from that was split off another one, or is about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Birth {
    /// The partition that it is a part of.
    pub parent: PartitionId,
    /// Who held that one when the split was decided, with their incarnations: nobody else's replica of it makes one of the new
    /// partition. A new directory that reads the log of its predecessor would make one that has forgotten what the
    /// predecessor's promised.
    pub members: BTreeMap<NodeId, Incarnation>,
}

/// What the map knows of splits; empty until there was one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Splits {
    /// Those that are not done.
    pub pending: BTreeMap<PartitionId, Split>,
    /// The slots that partitions were founded with, where they have lost some.
    pub founded: BTreeMap<PartitionId, RangeInclusive<Slot>>,
    /// Partitions that were split off, or are about to be.
    pub births: BTreeMap<PartitionId, Birth>,
}

impl Splits {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl ClusterMap {
    /// The split of a partition that is not done yet.
    #[must_use]
    pub fn split_of(&self, partition: PartitionId) -> Option<Split> {
        self.splits.pending.get(&partition).copied()
    }

    /// All splits that are not done yet.
    pub fn splits(&self) -> impl Iterator<Item = (PartitionId, Split)> + '_ {
        self.splits.pending.iter().map(|(partition, split)| (*partition, *split))
    }

    /// Whether a partition was ever split.
    #[must_use]
    #[inline]
    pub fn was_split(&self) -> bool {
        !self.splits.births.is_empty()
    }

    /// From which partition one was split off.
    #[must_use]
    pub fn parent_of(&self, partition: PartitionId) -> Option<PartitionId> {
        self.splits.births.get(&partition).map(|birth| birth.parent)
    }

    /// Where a partition comes from that was split off another one, or is about to be.
    #[must_use]
    pub fn birth_of(&self, partition: PartitionId) -> Option<&Birth> {
        self.splits.births.get(&partition)
    }

    /// The slots with which the log of a partition begins.
    #[must_use]
    pub fn founded_slots_of(&self, partition: PartitionId) -> Option<RangeInclusive<Slot>> {
        self.splits.founded.get(&partition).cloned().or_else(|| self.slots_of(partition))
    }

    /// Partitions that will be split off those that the node holds.
    pub(crate) fn unborn_on(&self, node: NodeId) -> impl Iterator<Item = PartitionId> + '_ {
        let held = move |partition: &PartitionId| {
            let members = self.partition(*partition).map(|info| (&info.replicas, &info.learners));
            members.is_some_and(|(all, learners)| all.contains(&node) || learners.contains(&node))
        };
        let pending = self.splits.pending.iter().filter(move |(partition, _)| held(partition));
        pending.map(|(_, split)| split.child)
    }

    /// Whether anything changed.
    pub(crate) fn begin_split(
        &mut self,
        partition: PartitionId,
        at: Slot,
    ) -> Result<bool, Rejected> {
        let Some(info) = self.partition(partition) else {
            return Err(Rejected::NoPartition(partition));
        };
        if at <= *info.slots.start() || at > *info.slots.end() {
            return Err(Rejected::NoSplitAt(partition, at));
        }
        if let Some(split) = self.split_of(partition) {
            return if split.at == at { Ok(false) } else { Err(Rejected::Busy(partition)) };
        }
        if self.move_of(partition).is_some() || self.is_merging(partition) {
            return Err(Rejected::Busy(partition));
        }
        let child = self.free_number_like(partition).ok_or(Rejected::TooManyPartitions)?;
        let incarnation =
            |node: &NodeId| self.nodes.get(node).map(|info| (*node, info.incarnation));
        let members = info.replicas.iter().filter_map(incarnation).collect();
        self.splits.births.insert(child, Birth { parent: partition, members });
        self.splits.pending.insert(partition, Split { at, child });
        self.sizing.wanted.remove(&partition);
        Ok(true)
    }

    /// The next number with which a partition lives on the same worker as this one, on every node.
    fn free_number_like(&self, partition: PartitionId) -> Option<PartitionId> {
        let known = PartitionId(self.greatest_number());
        let decided = self.splits.pending.values().map(|split| split.child);
        let last = decided.fold(known, std::cmp::Ord::max);
        let workers = self.nodes.values().map(|info| u64::from(info.workers.max(1)));
        let step =
            workers.fold(1u64, |all, of_one| all.saturating_mul(of_one / common(all, of_one)));
        let beyond = u64::from(last.0 - partition.0) / step + 1;
        let number = beyond.checked_mul(step)?.checked_add(u64::from(partition.0))?;
        let number = u32::try_from(number).ok().filter(|number| *number <= PARTITIONS_MAX)?;
        Some(PartitionId(number))
    }

    /// Whether anything changed.
    pub(crate) fn end_split(
        &mut self,
        partition: PartitionId,
        child: PartitionId,
        epoch: Epoch,
    ) -> bool {
        let decided = self.splits.pending.get(&partition).filter(|split| split.child == child);
        let (Some(Split { at, .. }), true) = (decided.copied(), epoch > self.epoch_of(partition))
        else {
            return false;
        };
        let Some(info) = self.partitions.get_mut(&partition) else { return false };
        let (first, last) = (*info.slots.start(), *info.slots.end());
        self.splits.founded.entry(partition).or_insert(first..=last);
        info.slots = first..=Slot(at.0 - 1);
        let replicas = info.replicas.clone();
        let upper = PartitionInfo { slots: at..=last, replicas, learners: Vec::new() };
        self.partitions.insert(child, upper);
        self.splits.pending.remove(&partition);
        self.epochs.insert(partition, epoch);
        self.epochs.insert(child, EPOCH_OF_CHILD);
        // Its log does not begin with nothing, so nobody founds it from what the map says.
        self.shape.moved.insert(child);
        self.fill_slot_table();
        true
    }
}

/// The greatest common divisor of two numbers that are not 0.
fn common(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster_map::{Applied, MetaCommand, NodeInfo};
    use crate::reshape::Reshape;
    use synod_types::ClusterId;

    const ONE: PartitionId = PartitionId(1);

    fn founded(partitions: u32) -> ClusterMap {
        let info = |n| NodeInfo { incarnation: Incarnation(n), ..NodeInfo::default() };
        let nodes = (1..=3).map(|n| (NodeId(n), info(n))).collect();
        let mut map = ClusterMap::default();
        let cluster = ClusterId(7);
        let found = MetaCommand::Found { cluster, partitions, replicas: 3, nodes, engine: None };
        assert_eq!(map.apply(found), Ok(Applied::Founded));
        map
    }

    fn split(map: &mut ClusterMap, partition: PartitionId, at: u16) -> Result<Applied, Rejected> {
        map.apply(MetaCommand::Reshape(Reshape::Split { partition, at: Slot(at) }))
    }

    fn halved(
        map: &mut ClusterMap,
        partition: PartitionId,
        child: u32,
        epoch: u64,
    ) -> Result<Applied, Rejected> {
        let (child, epoch) = (PartitionId(child), Epoch(epoch));
        map.apply(MetaCommand::Reshape(Reshape::Halved { partition, child, epoch }))
    }

    #[test]
    fn a_split_is_decided_once_and_known_when_the_log_has_it() {
        let mut map = founded(2);
        assert_eq!(split(&mut map, PartitionId(3), 9), Err(Rejected::NoPartition(PartitionId(3))));
        for at in [0, 8_192] {
            assert_eq!(split(&mut map, ONE, at), Err(Rejected::NoSplitAt(ONE, Slot(at))));
        }
        assert_eq!(split(&mut map, ONE, 4_000), Ok(Applied::Changed));
        assert_eq!(split(&mut map, ONE, 4_000), Ok(Applied::Unchanged));
        assert_eq!(split(&mut map, ONE, 4_001), Err(Rejected::Busy(ONE)));
        assert_eq!(split(&mut map, PartitionId(2), 9_000), Ok(Applied::Changed));
        let children: Vec<_> = map.splits().map(|(_, split)| split.child.0).collect();
        assert_eq!(children, [3, 4]);
        let moving = Reshape::Move { partition: ONE, to: vec![NodeId(1)] };
        assert_eq!(map.apply(MetaCommand::Reshape(moving)), Err(Rejected::Busy(ONE)));
        assert_eq!(map.partition_of(Slot(4_000)), Some(ONE), "nothing has happened yet");
        assert_eq!(halved(&mut map, ONE, 4, 1), Ok(Applied::Unchanged), "another's child");
        assert_eq!(halved(&mut map, ONE, 3, 0), Ok(Applied::Unchanged), "no later epoch");
        assert_eq!(halved(&mut map, ONE, 3, 5), Ok(Applied::Changed));
        assert_eq!(halved(&mut map, ONE, 3, 5), Ok(Applied::Unchanged));
        let child = PartitionId(3);
        assert_eq!(map.partition_of(Slot(3_999)), Some(ONE));
        assert_eq!(map.partition_of(Slot(4_000)), Some(child));
        assert_eq!((map.epoch_of(ONE), map.epoch_of(child)), (Epoch(5), EPOCH_OF_CHILD));
        assert_eq!(map.founded_slots_of(ONE), Some(Slot(0)..=Slot(8_191)));
        assert_eq!((map.parent_of(child), map.parent_of(ONE)), (Some(ONE), None));
        assert_eq!(map.partition(child).unwrap().replicas, map.partition(ONE).unwrap().replicas);
        assert!(!map.is_as_founded(child) && map.is_as_founded(ONE));
        assert_eq!(split(&mut map, child, 4_100), Ok(Applied::Changed), "and so on");
        assert_eq!(map.split_of(child).unwrap().child, PartitionId(5));
        let mut bytes = Vec::new();
        map.encode(&mut bytes);
        assert_eq!(ClusterMap::decode(&bytes), Some(map));
    }

    #[test]
    fn a_member_that_lost_its_data_leaves_what_is_about_to_be_split_off_too() {
        let (mut map, node) = (founded(1), NodeId(2));
        assert_eq!(split(&mut map, ONE, 100), Ok(Applied::Changed));
        let (old, successor) = (Incarnation(2), Incarnation(20));
        assert_eq!(map.apply(MetaCommand::Replace { node, old, successor }), Ok(Applied::Changed));
        let (_, replacement) = map.replacements().next().unwrap();
        assert!(replacement.leaving.contains(&PartitionId(2)));
    }

    #[test]
    fn the_new_one_lives_on_the_worker_of_the_old_one() {
        let mut map = founded(5);
        for (node, workers) in [(1, 4), (2, 6), (3, 0)] {
            map.nodes.get_mut(&NodeId(node)).unwrap().workers = workers;
        }
        for (partition, child) in [(2, 14), (3, 15), (5, 17), (1, 25)] {
            let partition = PartitionId(partition);
            let at = map.slots_of(partition).unwrap().end().0;
            assert_eq!(split(&mut map, partition, at), Ok(Applied::Changed));
            assert_eq!(map.split_of(partition).unwrap().child, PartitionId(child));
        }
    }

    #[test]
    fn there_are_never_more_than_the_most_partitions() {
        let mut map = founded(PARTITIONS_MAX);
        assert_eq!(split(&mut map, ONE, 1), Err(Rejected::TooManyPartitions));
    }
}
