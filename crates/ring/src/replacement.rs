//! A member that lost its data comes back as a new one: how the map keeps account of that.
//!
//! ```text
//!   Replace ---> leaving: every group of the node drops it, as one that must not count any more
//!                   |  the last group has left (Left)
//!                   v
//!                joining: the new incarnation is known; every group takes it in as an empty learner, then as before
//!                   |  the last group has joined (Joined)
//!                   v
//!                done
//! ```
//!
//! What the node promised before its data was lost binds only groups that still count it. So nobody talks to the new
//! incarnation before the last group has committed a membership without the node.

use crate::cluster_map::{Applied, ClusterMap, Rejected};
use std::collections::BTreeSet;
use synod_types::{Incarnation, NodeId, PartitionId};

/// A replacement under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The incarnation that takes the seat.
    pub successor: Incarnation,
    /// The groups that still count the node's former incarnation, as far as is known.
    pub leaving: BTreeSet<PartitionId>,
    /// The groups that have not taken the successor in yet; empty while some are leaving.
    pub joining: BTreeSet<PartitionId>,
}

impl ClusterMap {
    /// The replacements under way.
    pub fn replacements(&self) -> impl Iterator<Item = (NodeId, &Replacement)> {
        self.replacements.iter().map(|(node, replacement)| (*node, replacement))
    }

    /// Whether the node's present incarnation was there when the cluster was founded. One that was not begins in every
    /// group as an empty learner.
    #[must_use]
    pub fn is_founder(&self, node: NodeId) -> bool {
        !self.joined.contains(&node)
    }

    fn groups_of(&self, node: NodeId) -> BTreeSet<PartitionId> {
        let partitions =
            self.partitions_on(node).chain(self.unborn_on(node)).chain(self.absorbed_on(node));
        std::iter::once(PartitionId::META).chain(partitions).collect()
    }

    pub(crate) fn replace(
        &mut self,
        node: NodeId,
        old: Incarnation,
        successor: Incarnation,
    ) -> Result<Applied, Rejected> {
        let known = self.nodes.get(&node).ok_or(Rejected::UnknownNode(node))?.incarnation;
        if known != old || successor.0 == 0 || successor == old {
            return Err(Rejected::OtherIncarnation(node));
        }
        let begun = self.replacements.get(&node);
        if begun.is_some_and(|begun| begun.successor == successor && !begun.leaving.is_empty()) {
            return Ok(Applied::Unchanged);
        }
        let leaving = self.groups_of(node);
        let joining = BTreeSet::new();
        self.replacements.insert(node, Replacement { successor, leaving, joining });
        self.epoch += 1;
        Ok(Applied::Changed)
    }

    pub(crate) fn left(
        &mut self,
        node: NodeId,
        group: PartitionId,
        successor: Incarnation,
    ) -> Result<Applied, Rejected> {
        let groups = self.groups_of(node);
        let Some(replacement) = self.replacements.get_mut(&node) else {
            return Ok(Applied::Unchanged);
        };
        if replacement.successor != successor || !replacement.leaving.remove(&group) {
            return Ok(Applied::Unchanged);
        }
        if replacement.leaving.is_empty() {
            replacement.joining = groups;
            self.joined.insert(node);
            let info = self.nodes.get_mut(&node).ok_or(Rejected::UnknownNode(node))?;
            (info.incarnation, info.starts, info.process) = (successor, 0, 0);
        }
        self.epoch += 1;
        Ok(Applied::Changed)
    }

    pub(crate) fn joined(
        &mut self,
        node: NodeId,
        group: PartitionId,
        successor: Incarnation,
    ) -> Result<Applied, Rejected> {
        let Some(replacement) = self.replacements.get_mut(&node) else {
            return Ok(Applied::Unchanged);
        };
        if replacement.successor != successor || !replacement.joining.remove(&group) {
            return Ok(Applied::Unchanged);
        }
        if replacement.joining.is_empty() {
            self.replacements.remove(&node);
        }
        self.epoch += 1;
        Ok(Applied::Changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster_map::{MetaCommand, NodeInfo};
    use synod_types::ClusterId;

    fn founded() -> ClusterMap {
        let info = |n| NodeInfo { incarnation: Incarnation(n), ..NodeInfo::default() };
        let nodes = (1..=3).map(|n| (NodeId(n), info(n))).collect();
        let mut map = ClusterMap::default();
        let (cluster, engine) = (ClusterId(7), None);
        let found = MetaCommand::Found { cluster, partitions: 2, replicas: 3, nodes, engine };
        assert_eq!(map.apply(found), Ok(Applied::Founded));
        map
    }

    #[test]
    fn the_successor_is_known_when_the_last_group_has_left_and_not_before() {
        let (node, old, successor) = (NodeId(2), Incarnation(2), Incarnation(20));
        let mut map = founded();
        let left = |group| MetaCommand::Left { node, group: PartitionId(group), successor };
        let joined = |group| MetaCommand::Joined { node, group: PartitionId(group), successor };
        let of = |map: &ClusterMap| map.nodes[&node].incarnation;
        assert_eq!(map.apply(left(0)), Ok(Applied::Unchanged), "nothing is under way");
        assert_eq!(
            map.apply(MetaCommand::Replace { node, old: Incarnation(9), successor }),
            Err(Rejected::OtherIncarnation(node))
        );
        assert_eq!(map.apply(MetaCommand::Replace { node, old, successor }), Ok(Applied::Changed));
        for group in [0, 2] {
            assert_eq!(map.apply(left(group)), Ok(Applied::Changed));
            assert_eq!(map.apply(left(group)), Ok(Applied::Unchanged), "a second report");
            assert_eq!(map.apply(joined(group)), Ok(Applied::Unchanged), "too early");
            assert_eq!((of(&map), map.is_founder(node)), (old, true));
        }
        let stale = MetaCommand::Left { node, group: PartitionId(1), successor: Incarnation(19) };
        assert_eq!(map.apply(stale), Ok(Applied::Unchanged), "of another successor");
        assert_eq!(map.apply(left(1)), Ok(Applied::Changed));
        assert_eq!((of(&map), map.is_founder(node)), (successor, false));
        for group in 0..3 {
            assert_eq!(map.replacements().count(), 1);
            assert_eq!(map.apply(joined(group)), Ok(Applied::Changed));
        }
        assert_eq!(map.replacements().count(), 0);
    }

    #[test]
    fn one_that_loses_its_data_again_begins_again() {
        let mut map = founded();
        let node = NodeId(2);
        let replace = |old, successor| {
            let (old, successor) = (Incarnation(old), Incarnation(successor));
            MetaCommand::Replace { node, old, successor }
        };
        assert_eq!(map.apply(replace(2, 20)), Ok(Applied::Changed));
        assert_eq!(map.apply(replace(2, 20)), Ok(Applied::Unchanged));
        assert_eq!(map.apply(replace(2, 21)), Ok(Applied::Changed), "before it was taken in");
        for group in 0..3 {
            let (group, successor) = (PartitionId(group), Incarnation(21));
            let left = MetaCommand::Left { node, group, successor };
            assert_eq!(map.apply(left), Ok(Applied::Changed));
        }
        assert_eq!(map.apply(replace(21, 22)), Ok(Applied::Changed), "while it was learning");
        let (_, again) = map.replacements().next().unwrap();
        assert_eq!((again.leaving.len(), again.joining.len()), (3, 0));
    }
}
