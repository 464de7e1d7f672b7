//! Two neighbours become one partition: how the map keeps account of that.
//!
//! ```text
//!   Merge: gathering, the upper one moves to where the lower one is ---Seal---> sealing: the upper one's log gives its slots away,
//!             |  Unmerge: it is too large; or another move of either                |  the lower one's log absorbs them
//!             v                                                                     |
//!          no merge                   Merged: the map has the lower one alone <-----+
//!                                        |  Absorbed, by every node: its lower replica has no need of the upper one
//!                                        v
//!                                     the upper one's replicas are dropped
//! ```
//! From *sealing* on there is no way back, and neither of the two is moved until the upper one is dropped.

use crate::cluster_map::{ClusterMap, Rejected};
use std::collections::{BTreeMap, BTreeSet};
use synod_types::{Epoch, NodeId, PartitionId};

/// A merge that was decided and is not done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The partition whose slots are below, and that gets those of the other one.
    pub lower: PartitionId,
    /// Whether the upper one may give its slots away: the replicas of both are in the same places.
    pub sealing: bool,
}

/// A partition that has become part of another one, and whose replicas are still needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absorbed {
    /// Who holds replicas of it.
    pub replicas: Vec<NodeId>,
    /// Whose replica of the other one may still need them.
    pub needed_by: BTreeSet<NodeId>,
    /// In which epoch of its slots the other one has absorbed it. That it has its slots says nothing: it may not have lost them
    /// yet.
    pub epoch: Epoch,
}

/// What the map knows of merges; empty until there was one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Merges {
    /// Those that are not done, by the upper partition.
    pub pending: BTreeMap<PartitionId, Merge>,
    /// Partitions that have become part of others and are not dropped yet.
    pub absorbed: BTreeMap<PartitionId, Absorbed>,
    /// Every partition that has become part of another one, and of which.
    pub heirs: BTreeMap<PartitionId, PartitionId>,
}

impl Merges {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl ClusterMap {
    /// All merges that are not done yet, by the upper partition.
    pub fn merges(&self) -> impl Iterator<Item = (PartitionId, Merge)> + '_ {
        self.merges.pending.iter().map(|(upper, merge)| (*upper, *merge))
    }

    /// Whether a partition ever became part of another one.
    #[must_use]
    #[inline]
    pub fn was_merged(&self) -> bool {
        !self.merges.heirs.is_empty()
    }

    /// The greatest number that a partition has or had; 0 before the founding.
    #[must_use]
    pub fn greatest_number(&self) -> u32 {
        let there = self.partitions.keys().next_back();
        there.max(self.merges.heirs.keys().next_back()).map_or(0, |partition| partition.0)
    }

    /// How many partitions the cluster was founded with, whichever have been split and merged since.
    #[must_use]
    pub fn partitions_founded(&self) -> usize {
        let is_founded = |partition: &&PartitionId| self.birth_of(**partition).is_none();
        let there = self.partitions.keys().filter(is_founded).count();
        there + self.merges.heirs.keys().filter(is_founded).count()
    }

    /// Which partition has the slots of one that has become part of another one.
    #[must_use]
    pub fn heir_of(&self, partition: PartitionId) -> Option<PartitionId> {
        let next = |partition: &PartitionId| self.merges.heirs.get(partition).copied();
        std::iter::successors(next(&partition), next).last()
    }

    /// A partition that has become part of another one, and whose replicas are still needed.
    #[must_use]
    pub fn absorbed(&self, partition: PartitionId) -> Option<&Absorbed> {
        self.merges.absorbed.get(&partition)
    }

    /// All of these, with the partition that has absorbed each.
    pub fn all_absorbed(&self) -> impl Iterator<Item = (PartitionId, PartitionId, &Absorbed)> {
        let heir = |upper: &PartitionId| self.merges.heirs.get(upper).copied();
        let all = self.merges.absorbed.iter();
        all.filter_map(move |(upper, absorbed)| Some((*upper, heir(upper)?, absorbed)))
    }

    /// Whether a partition is one of a merge that is not done, or has absorbed one that is still needed.
    #[must_use]
    pub fn is_merging(&self, partition: PartitionId) -> bool {
        let is_one =
            |(upper, merge): (PartitionId, Merge)| upper == partition || merge.lower == partition;
        self.merges().any(is_one) || self.all_absorbed().any(|(_, lower, _)| lower == partition)
    }

    /// Whether one is of a merge that cannot be taken back, or has absorbed a partition that is still needed.
    #[must_use]
    pub fn is_bound_by_merge(&self, partition: PartitionId) -> bool {
        let is_gathering = |(upper, merge): (PartitionId, Merge)| {
            !merge.sealing && (upper == partition || merge.lower == partition)
        };
        self.is_merging(partition) && !self.merges().any(is_gathering)
    }

    /// Partitions that have become part of others, and of which the node still holds a replica.
    pub(crate) fn absorbed_on(&self, node: NodeId) -> impl Iterator<Item = PartitionId> + '_ {
        let all = self.merges.absorbed.iter();
        all.filter(move |(_, of)| of.replicas.contains(&node)).map(|(upper, _)| *upper)
    }

    /// Whether a partition may become part of the one below it now.
    #[must_use]
    pub fn may_merge(&self, upper: PartitionId) -> bool {
        self.clone().begin_merge(upper) == Ok(true)
    }

    /// Whether anything changed.
    pub(crate) fn begin_merge(&mut self, upper: PartitionId) -> Result<bool, Rejected> {
        let info = self.partition(upper).ok_or(Rejected::NoPartition(upper))?;
        let below = info.slots.start().0.checked_sub(1).map(synod_types::Slot);
        let lower = below.and_then(|slot| self.partition_of(slot));
        let lower = lower.ok_or(Rejected::NothingBelow(upper))?;
        if self.merges.pending.contains_key(&upper) {
            return Ok(false);
        }
        for partition in [upper, lower] {
            let is_busy = self.split_of(partition).is_some()
                || self.move_of(partition).is_some()
                || self.is_merging(partition)
                || !self.replacements.is_empty();
            if is_busy {
                return Err(Rejected::Busy(partition));
            }
        }
        let same = |workers: u32| upper.0 % workers.max(1) == lower.0 % workers.max(1);
        if !self.nodes.values().all(|info| same(info.workers)) {
            return Err(Rejected::OtherWorker(upper, lower));
        }
        let to = self.partitions.get(&lower).map(|info| info.replicas.clone());
        self.begin_move(upper, to.unwrap_or_default())?;
        self.merges.pending.insert(upper, Merge { lower, sealing: false });
        Ok(true)
    }

    /// The merge that a move of this partition would end: one that waits for another move.
    ///
    /// # Errors
    /// It cannot be ended any more.
    pub(crate) fn merge_before_move(
        &self,
        partition: PartitionId,
    ) -> Result<Option<PartitionId>, Rejected> {
        if self.all_absorbed().any(|(_, lower, _)| lower == partition) {
            return Err(Rejected::Busy(partition));
        }
        let of =
            self.merges().find(|(upper, merge)| *upper == partition || merge.lower == partition);
        match of {
            Some((_, merge)) if merge.sealing => Err(Rejected::Busy(partition)),
            of => Ok(of.map(|(upper, _)| upper)),
        }
    }

    /// Whether anything changed: both are in the same places, and the upper one may give its slots away.
    pub(crate) fn begin_seal(&mut self, upper: PartitionId) -> bool {
        let Some(Merge { lower, sealing: false }) = self.merges.pending.get(&upper).copied() else {
            return false;
        };
        let held = |partition| {
            let info = self.partition(partition)?;
            let settled = self.move_of(partition).is_none() && info.learners.is_empty();
            let replicas: BTreeSet<_> = info.replicas.iter().collect();
            settled.then_some(replicas)
        };
        let together = held(lower).is_some_and(|of_lower| held(upper) == Some(of_lower));
        if !together || !self.replacements.is_empty() {
            return false;
        }
        self.merges.pending.insert(upper, Merge { lower, sealing: true });
        true
    }

    /// Whether anything changed: a merge that has not come to be sealed is none.
    pub(crate) fn give_merge_up(&mut self, upper: PartitionId) -> bool {
        let is_gathering = self.merges.pending.get(&upper).is_some_and(|merge| !merge.sealing);
        is_gathering && self.merges.pending.remove(&upper).is_some()
    }

    /// Whether anything changed. `sealed` is the epoch in which the upper one gave its slots away, `epoch` that in which the lower
    /// one has them.
    pub(crate) fn end_merge(
        &mut self,
        upper: PartitionId,
        (sealed, epoch): (Epoch, Epoch),
    ) -> bool {
        let decided = self.merges.pending.get(&upper).filter(|merge| merge.sealing);
        let Some(Merge { lower, .. }) = decided.copied() else { return false };
        if epoch <= self.epoch_of(lower) || sealed <= self.epoch_of(upper) {
            return false;
        }
        let (Some(gone), true) =
            (self.partitions.remove(&upper), self.partitions.contains_key(&lower))
        else {
            return false;
        };
        self.splits.founded.entry(upper).or_insert(gone.slots.clone());
        if let Some(info) = self.partitions.get_mut(&lower) {
            let (first, last) = (*info.slots.start(), *info.slots.end());
            self.splits.founded.entry(lower).or_insert(first..=last);
            info.slots = first..=*gone.slots.end();
            let needed_by = info.replicas.iter().copied().collect();
            let absorbed = Absorbed { replicas: gone.replicas, needed_by, epoch };
            self.merges.absorbed.insert(upper, absorbed);
        }
        self.merges.pending.remove(&upper);
        self.sizing.wanted.remove(&upper);
        self.merges.heirs.insert(upper, lower);
        self.epochs.insert(upper, sealed);
        self.epochs.insert(lower, epoch);
        // Whoever takes a seat since begins with nothing.
        self.shape.moved.insert(upper);
        self.fill_slot_table();
        true
    }

    /// Whether anything changed.
    pub(crate) fn needs_no_more(&mut self, upper: PartitionId, node: NodeId) -> bool {
        let Some(absorbed) = self.merges.absorbed.get_mut(&upper) else { return false };
        if !absorbed.needed_by.remove(&node) {
            return false;
        }
        if absorbed.needed_by.is_empty() {
            let left = absorbed.replicas.iter().map(|node| ((upper, *node), 0));
            self.shape.left.extend(left);
            self.merges.absorbed.remove(&upper);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster_map::{Applied, MetaCommand, NodeInfo};
    use crate::reshape::Reshape;
    use synod_types::{ClusterId, Incarnation, Slot};

    const LOWER: PartitionId = PartitionId(1);
    const UPPER: PartitionId = PartitionId(2);

    fn founded(replicas: u32) -> ClusterMap {
        let info = |n| NodeInfo { incarnation: Incarnation(n), ..NodeInfo::default() };
        let nodes = (1..=3).map(|n| (NodeId(n), info(n))).collect();
        let mut map = ClusterMap::default();
        let cluster = ClusterId(7);
        let found = MetaCommand::Found { cluster, partitions: 3, replicas, nodes, engine: None };
        assert_eq!(map.apply(found), Ok(Applied::Founded));
        map
    }

    fn reshape(map: &mut ClusterMap, command: Reshape) -> Result<Applied, Rejected> {
        map.apply(MetaCommand::Reshape(command))
    }

    fn merged(sealed: u64, epoch: u64) -> Reshape {
        Reshape::Merged { upper: UPPER, sealed: Epoch(sealed), epoch: Epoch(epoch) }
    }

    #[test]
    fn a_merge_is_ended_by_a_move_and_not_by_another_leader() {
        let mut map = founded(3);
        assert_eq!(reshape(&mut map, Reshape::Merge { upper: UPPER }), Ok(Applied::Changed));
        for partition in [LOWER, UPPER] {
            let mut to = map.partition(partition).unwrap().replicas.clone();
            to.rotate_left(1);
            let moving = Reshape::Move { partition, to: to.clone() };
            assert_eq!(reshape(&mut map, moving), Ok(Applied::Changed));
            assert_eq!(map.partition(partition).unwrap().replicas, to);
            assert_eq!(map.merges().count(), 1);
        }
        let to = vec![NodeId(1)];
        let moving = Reshape::Move { partition: LOWER, to };
        assert_eq!(reshape(&mut map, moving), Ok(Applied::Changed));
        assert_eq!(map.merges().count(), 0);
    }

    #[test]
    fn two_in_the_same_places_become_one_and_the_upper_one_is_dropped_last() {
        let mut map = founded(3);
        let merge = |map: &mut ClusterMap, upper| reshape(map, Reshape::Merge { upper });
        assert_eq!(merge(&mut map, LOWER), Err(Rejected::NothingBelow(LOWER)));
        assert_eq!(merge(&mut map, PartitionId(9)), Err(Rejected::NoPartition(PartitionId(9))));
        assert_eq!(reshape(&mut map, merged(1, 1)), Ok(Applied::Unchanged), "not decided");
        assert_eq!(merge(&mut map, UPPER), Ok(Applied::Changed));
        assert_eq!(merge(&mut map, UPPER), Ok(Applied::Unchanged));
        assert_eq!(
            map.merges().collect::<Vec<_>>(),
            [(UPPER, Merge { lower: LOWER, sealing: false })]
        );
        assert_eq!(merge(&mut map, PartitionId(3)), Err(Rejected::Busy(UPPER)));
        assert_eq!(reshape(&mut map, merged(1, 1)), Ok(Applied::Unchanged), "not sealed");
        assert_eq!(reshape(&mut map, Reshape::Seal { upper: UPPER }), Ok(Applied::Changed));
        assert_eq!(reshape(&mut map, Reshape::Seal { upper: UPPER }), Ok(Applied::Unchanged));
        assert_eq!(reshape(&mut map, Reshape::Unmerge { upper: UPPER }), Ok(Applied::Unchanged));
        for partition in [LOWER, UPPER] {
            let to = vec![NodeId(1)];
            let moving = reshape(&mut map, Reshape::Move { partition, to });
            assert_eq!(moving, Err(Rejected::Busy(partition)));
            let at = Slot(map.slots_of(partition).unwrap().end().0);
            let split = reshape(&mut map, Reshape::Split { partition, at });
            assert_eq!(split, Err(Rejected::Busy(partition)));
        }
        for early in [merged(0, 1), merged(1, 0)] {
            assert_eq!(reshape(&mut map, early), Ok(Applied::Unchanged), "no later epoch");
        }
        let (slots, last) = (map.founded_slots_of(LOWER), *map.slots_of(UPPER).unwrap().end());
        assert_eq!(reshape(&mut map, merged(4, 7)), Ok(Applied::Changed));
        assert_eq!(reshape(&mut map, merged(4, 7)), Ok(Applied::Unchanged));
        assert_eq!(map.partition_of(last), Some(LOWER));
        assert_eq!((map.partitions().len(), map.heir_of(UPPER)), (2, Some(LOWER)));
        assert_eq!((map.epoch_of(UPPER), map.epoch_of(LOWER)), (Epoch(4), Epoch(7)));
        assert_eq!(map.founded_slots_of(LOWER), slots);
        assert_eq!(map.founded_slots_of(UPPER).unwrap().end(), &last);
        let mut bytes = Vec::new();
        map.encode(&mut bytes);
        assert_eq!(ClusterMap::decode(&bytes), Some(map.clone()));
        for n in 1..=3 {
            assert!(map.absorbed(UPPER).is_some() && map.is_merging(LOWER));
            assert_eq!(map.absorbed_on(NodeId(n)).count(), 1);
            let (upper, node) = (UPPER, NodeId(n));
            assert_eq!(reshape(&mut map, Reshape::Absorbed { upper, node }), Ok(Applied::Changed));
            let again = reshape(&mut map, Reshape::Absorbed { upper, node });
            assert_eq!(again, Ok(Applied::Unchanged));
        }
        assert!(!map.is_merging(LOWER));
        assert_eq!(map.partitions_founded(), 3);
        assert_eq!(map.vacating().filter(|(partition, ..)| *partition == UPPER).count(), 3);
        let (partition, at) = (LOWER, Slot(5));
        assert_eq!(reshape(&mut map, Reshape::Split { partition, at }), Ok(Applied::Changed));
        assert_eq!(
            map.split_of(LOWER).unwrap().child,
            PartitionId(4),
            "numbers are not used again"
        );
        let halved = Reshape::Halved { partition, child: PartitionId(4), epoch: Epoch(9) };
        assert_eq!(reshape(&mut map, halved), Ok(Applied::Changed));
        assert_eq!((map.partitions().len(), map.partitions_founded()), (3, 3));
        assert_eq!(merge(&mut map, PartitionId(3)), Ok(Applied::Changed));
    }

    #[test]
    fn the_number_of_the_last_one_is_not_used_again() {
        let mut map = founded(3);
        let upper = PartitionId(3);
        assert_eq!(reshape(&mut map, Reshape::Merge { upper }), Ok(Applied::Changed));
        assert_eq!(reshape(&mut map, Reshape::Seal { upper }), Ok(Applied::Changed));
        let merged = Reshape::Merged { upper, sealed: Epoch(1), epoch: Epoch(1) };
        assert_eq!(reshape(&mut map, merged), Ok(Applied::Changed));
        let (partition, at) = (LOWER, Slot(5));
        assert_eq!(reshape(&mut map, Reshape::Split { partition, at }), Ok(Applied::Changed));
        assert_eq!(map.split_of(LOWER).unwrap().child, PartitionId(4));
    }

    #[test]
    fn one_that_is_elsewhere_is_moved_first_and_another_move_ends_the_merge() {
        let mut map = founded(1);
        let home = |map: &ClusterMap, partition| map.partition(partition).unwrap().replicas.clone();
        let other = map.nodes.keys().copied().find(|node| home(&map, LOWER) != [*node]).unwrap();
        let (partition, to) = (UPPER, vec![other]);
        let _perhaps_there = reshape(&mut map, Reshape::Move { partition, to: to.clone() });
        let _it_is = reshape(&mut map, Reshape::Moved { partition, to });
        map.shape.left.clear();
        assert_eq!(reshape(&mut map, Reshape::Merge { upper: UPPER }), Ok(Applied::Changed));
        assert_eq!(map.move_of(UPPER), Some(&home(&map, LOWER)[..]));
        assert!(map.merges().all(|(_, merge)| !merge.sealing));
        assert_eq!(reshape(&mut map, merged(1, 1)), Ok(Applied::Unchanged), "too early");
        let mut again = map.clone();
        let back = Reshape::Move { partition, to: vec![other] };
        assert_eq!(reshape(&mut again, back), Ok(Applied::Changed));
        assert_eq!(again.merges().count(), 0);
        let to = home(&map, LOWER);
        let seal = Reshape::Seal { upper: UPPER };
        assert_eq!(reshape(&mut map, seal.clone()), Ok(Applied::Unchanged), "too early");
        assert_eq!(reshape(&mut map, Reshape::Moved { partition, to }), Ok(Applied::Changed));
        let mut given_up = map.clone();
        assert_eq!(reshape(&mut given_up, Reshape::Unmerge { upper: UPPER }), Ok(Applied::Changed));
        assert_eq!(given_up.merges().count(), 0);
        assert_eq!(reshape(&mut map, seal), Ok(Applied::Changed));
        assert!(map.merges().all(|(_, merge)| merge.sealing));
    }

    #[test]
    fn those_on_different_workers_stay_two() {
        let mut map = founded(3);
        map.nodes.get_mut(&NodeId(2)).unwrap().workers = 2;
        let refused = Err(Rejected::OtherWorker(UPPER, LOWER));
        assert_eq!(reshape(&mut map, Reshape::Merge { upper: UPPER }), refused);
    }

    #[test]
    fn a_member_that_lost_its_data_takes_its_seat_in_what_is_still_needed_too() {
        let mut map = founded(3);
        assert_eq!(reshape(&mut map, Reshape::Merge { upper: UPPER }), Ok(Applied::Changed));
        assert_eq!(reshape(&mut map, Reshape::Seal { upper: UPPER }), Ok(Applied::Changed));
        assert_eq!(reshape(&mut map, merged(1, 1)), Ok(Applied::Changed));
        let (node, old, successor) = (NodeId(2), Incarnation(2), Incarnation(20));
        assert_eq!(map.apply(MetaCommand::Replace { node, old, successor }), Ok(Applied::Changed));
        assert!(map.replacements().next().unwrap().1.leaving.contains(&UPPER));
    }
}
