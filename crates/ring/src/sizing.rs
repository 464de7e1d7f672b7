//! Partitions that are to be split where their load lies, and whether that happens by itself.
//!
//! Where the load of a partition lies is known to its leader. So what an operator wants is noted in the map, and the leader
//! turns it into a split at a slot, whoever that is by then.

use crate::cluster_map::{ClusterMap, Rejected};
use std::collections::BTreeMap;
use synod_types::{PartitionId, Slot};

/// By what the two halves of a partition are to be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// How many keys they have.
    Keys,
    /// How many bytes their values take.
    Bytes,
    /// How often they are asked for something.
    Operations,
}

impl Weight {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Keys, Self::Bytes, Self::Operations];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Bytes => "bytes",
            Self::Operations => "operations",
        }
    }

    /// The one with this number.
    pub(crate) fn of(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

/// What the map knows of that; empty until something was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizing {
    /// Partitions that are to be split in the middle of their load.
    pub wanted: BTreeMap<PartitionId, Weight>,
    /// Whether partitions are split and merged by themselves.
    pub automatic: bool,
}

impl Sizing {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl ClusterMap {
    /// The partitions that are to be split in the middle of their load.
    pub fn splits_wanted(&self) -> impl Iterator<Item = (PartitionId, Weight)> + '_ {
        self.sizing.wanted.iter().map(|(partition, weight)| (*partition, *weight))
    }

    /// Whether partitions are split and merged by themselves.
    #[must_use]
    pub fn resizes(&self) -> bool {
        self.sizing.automatic
    }

    /// Whether nothing is being split, merged or moved, so that something may begin.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.splits().next().is_none()
            && self.splits_wanted().next().is_none()
            && self.merges().next().is_none()
            && self.all_absorbed().next().is_none()
            && self.moves().next().is_none()
            && self.vacating().next().is_none()
            && self.replacements().next().is_none()
    }

    /// Whether anything changed.
    pub(crate) fn want_split(
        &mut self,
        partition: PartitionId,
        weight: Weight,
    ) -> Result<bool, Rejected> {
        let slots = self.slots_of(partition).ok_or(Rejected::NoPartition(partition))?;
        if slots.start() == slots.end() {
            return Err(Rejected::NoSplitAt(partition, *slots.start()));
        }
        if self.split_of(partition).is_some() {
            return Err(Rejected::Busy(partition));
        }
        // Whatever is refused of the split itself is refused now.
        self.clone().begin_split(partition, Slot(slots.start().0 + 1))?;
        Ok(self.sizing.wanted.insert(partition, weight) != Some(weight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster_map::{Applied, MetaCommand, NodeInfo};
    use crate::reshape::Reshape;
    use synod_types::{ClusterId, NodeId};

    const ONE: PartitionId = PartitionId(1);

    fn founded() -> ClusterMap {
        let nodes = [(NodeId(1), NodeInfo::default())].into();
        let mut map = ClusterMap::default();
        let (cluster, engine) = (ClusterId(7), None);
        let found = MetaCommand::Found { cluster, partitions: 2, replicas: 1, nodes, engine };
        assert_eq!(map.apply(found), Ok(Applied::Founded));
        map
    }

    fn reshape(map: &mut ClusterMap, command: Reshape) -> Result<Applied, Rejected> {
        map.apply(MetaCommand::Reshape(command))
    }

    #[test]
    fn what_is_wanted_stands_until_it_is_a_split() {
        let mut map = founded();
        let want = |partition, weight| Reshape::SplitByLoad { partition, weight };
        let nobody = PartitionId(9);
        let refused = Err(Rejected::NoPartition(nobody));
        assert_eq!(reshape(&mut map, want(nobody, Weight::Keys)), refused);
        assert_eq!(reshape(&mut map, want(ONE, Weight::Keys)), Ok(Applied::Changed));
        assert_eq!(reshape(&mut map, want(ONE, Weight::Keys)), Ok(Applied::Unchanged));
        assert_eq!(reshape(&mut map, want(ONE, Weight::Bytes)), Ok(Applied::Changed));
        assert_eq!(map.splits_wanted().collect::<Vec<_>>(), [(ONE, Weight::Bytes)]);
        assert!(map.splits().next().is_none() && !map.is_settled());
        let mut bytes = Vec::new();
        map.encode(&mut bytes);
        assert_eq!(ClusterMap::decode(&bytes), Some(map.clone()));
        let (partition, at) = (ONE, Slot(77));
        assert_eq!(reshape(&mut map, Reshape::Split { partition, at }), Ok(Applied::Changed));
        assert_eq!(map.splits_wanted().count(), 0);
        assert_eq!(reshape(&mut map, want(ONE, Weight::Keys)), Err(Rejected::Busy(ONE)));
    }

    #[test]
    fn it_happens_by_itself_only_when_that_was_said() {
        let mut map = founded();
        assert!(!map.resizes());
        assert_eq!(reshape(&mut map, Reshape::Resizing(true)), Ok(Applied::Changed));
        assert_eq!(reshape(&mut map, Reshape::Resizing(true)), Ok(Applied::Unchanged));
        assert!(map.resizes());
        let mut bytes = Vec::new();
        map.encode(&mut bytes);
        assert_eq!(ClusterMap::decode(&bytes), Some(map));
    }
}
