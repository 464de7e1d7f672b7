//! The bytes of changes of the cluster's shape, as `meta_codec.rs` puts them into commands and snapshots.

use crate::merge::{Absorbed, Merge, Merges};
use crate::meta_codec::{put_ids, put_info, take_count, take_ids, take_new_info, take_u32};
use crate::reshape::{Place, Reshape, Shape};
use crate::sizing::{Sizing, Weight};
use crate::split::{Birth, Split, Splits};
use std::collections::BTreeMap;
use synod_types::limits::{NODES_MAX, PARTITIONS_MAX};
use synod_types::varint::{put, put_bytes, take, take_bytes};
use synod_types::{ClusterId, Epoch, Incarnation, NodeId, PartitionId, SLOT_COUNT, Slot};

/// Every node may have given up every partition; how many there are is bounded by the bytes that name them.
const LEFT_MAX: usize = NODES_MAX * PARTITIONS_MAX as usize;

impl Reshape {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Admit { cluster, node, info } => {
                out.push(1);
                put(out, cluster.0);
                put(out, node.0);
                put_info(out, info);
            }
            Self::Drain(node) => put_words(out, 2, &[node.0]),
            Self::Restore(node) => put_words(out, 3, &[node.0]),
            Self::Remove(node) => put_words(out, 4, &[node.0]),
            Self::Retired(node) => put_words(out, 5, &[node.0]),
            Self::Copies(copies) => put_words(out, 6, &[u64::from(*copies)]),
            Self::Move { partition, to } => {
                put_words(out, 7, &[u64::from(partition.0)]);
                put_ids(out, to);
            }
            Self::Moved { partition, to } => {
                put_words(out, 8, &[u64::from(partition.0)]);
                put_ids(out, to);
            }
            Self::Vacate { partition, node, process } => {
                put_words(out, 9, &[u64::from(partition.0), node.0, *process]);
            }
            Self::Place(node, place) => {
                put_words(out, 11, &[node.0]);
                put_place(out, place);
            }
            Self::Split { partition, at } => {
                put_words(out, 12, &[u64::from(partition.0), u64::from(at.0)]);
            }
            Self::Halved { partition, child, epoch } => {
                put_words(out, 13, &[u64::from(partition.0), u64::from(child.0), epoch.0]);
            }
            Self::Merge { upper } => put_words(out, 14, &[u64::from(upper.0)]),
            Self::SplitByLoad { partition, weight } => {
                put_words(out, 19, &[u64::from(partition.0), *weight as u64]);
            }
            Self::Resizing(automatic) => put_words(out, 20, &[u64::from(*automatic)]),
            Self::Seal { upper } => put_words(out, 17, &[u64::from(upper.0)]),
            Self::Unmerge { upper } => put_words(out, 18, &[u64::from(upper.0)]),
            Self::Merged { upper, sealed, epoch } => {
                put_words(out, 15, &[u64::from(upper.0), sealed.0, epoch.0]);
            }
            Self::Absorbed { upper, node } => put_words(out, 16, &[u64::from(upper.0), node.0]),
            Self::Vacated { partition, node } => {
                put_words(out, 10, &[u64::from(partition.0), node.0]);
            }
        }
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        *bytes = rest;
        let command = match *tag {
            1 => Self::Admit {
                cluster: ClusterId(take(bytes)?),
                node: NodeId(take(bytes)?),
                info: take_new_info(bytes)?,
            },
            2 => Self::Drain(NodeId(take(bytes)?)),
            3 => Self::Restore(NodeId(take(bytes)?)),
            4 => Self::Remove(NodeId(take(bytes)?)),
            5 => Self::Retired(NodeId(take(bytes)?)),
            6 => Self::Copies(take_u32(bytes)?),
            7 => Self::Move { partition: take_partition(bytes)?, to: take_ids(bytes)? },
            8 => Self::Moved { partition: take_partition(bytes)?, to: take_ids(bytes)? },
            9 => Self::Vacate {
                partition: take_partition(bytes)?,
                node: NodeId(take(bytes)?),
                process: take(bytes)?,
            },
            10 => Self::Vacated { partition: take_partition(bytes)?, node: NodeId(take(bytes)?) },
            11 => Self::Place(NodeId(take(bytes)?), take_place(bytes)?),
            12 => Self::Split { partition: take_partition(bytes)?, at: take_slot(bytes)? },
            13 => Self::Halved {
                partition: take_partition(bytes)?,
                child: take_partition(bytes)?,
                epoch: Epoch(take(bytes)?),
            },
            14 => Self::Merge { upper: take_partition(bytes)? },
            15 => Self::Merged {
                upper: take_partition(bytes)?,
                sealed: Epoch(take(bytes)?),
                epoch: Epoch(take(bytes)?),
            },
            19 => Self::SplitByLoad {
                partition: take_partition(bytes)?,
                weight: Weight::of(take(bytes)?)?,
            },
            20 => Self::Resizing(take(bytes)? != 0),
            17 => Self::Seal { upper: take_partition(bytes)? },
            18 => Self::Unmerge { upper: take_partition(bytes)? },
            16 => Self::Absorbed { upper: take_partition(bytes)?, node: NodeId(take(bytes)?) },
            _ => return None,
        };
        Some(command)
    }
}

impl Shape {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_ids(out, &self.founders);
        put(out, u64::from(self.copies));
        put(out, self.draining.len() as u64);
        for (node, retired) in &self.draining {
            put(out, node.0);
            put(out, u64::from(*retired));
        }
        put(out, self.moves.len() as u64);
        for (partition, to) in &self.moves {
            put(out, u64::from(partition.0));
            put_ids(out, to);
        }
        put(out, self.moved.len() as u64);
        self.moved.iter().for_each(|partition| put(out, u64::from(partition.0)));
        put(out, self.left.len() as u64);
        for ((partition, node), process) in &self.left {
            [u64::from(partition.0), node.0, *process].into_iter().for_each(|word| put(out, word));
        }
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let mut shape = Self { reshaped: true, ..Self::default() };
        shape.founders = take_ids(bytes)?.into_iter().collect();
        shape.copies = take_u32(bytes)?;
        for _ in 0..take_count(bytes, NODES_MAX)? {
            shape.draining.insert(NodeId(take(bytes)?), take(bytes)? != 0);
        }
        for _ in 0..take_count(bytes, PARTITIONS_MAX as usize)? {
            shape.moves.insert(take_partition(bytes)?, take_ids(bytes)?);
        }
        for _ in 0..take_count(bytes, PARTITIONS_MAX as usize)? {
            shape.moved.insert(take_partition(bytes)?);
        }
        for _ in 0..take_count(bytes, LEFT_MAX)? {
            let of = (take_partition(bytes)?, NodeId(take(bytes)?));
            shape.left.insert(of, take(bytes)?);
        }
        Some(shape)
    }

    /// The places, which stand behind the rest where there are any.
    pub(crate) fn encode_places(&self, out: &mut Vec<u8>) {
        put(out, self.places.len() as u64);
        for (node, place) in &self.places {
            put(out, node.0);
            put_place(out, place);
        }
    }

    pub(crate) fn take_places(&mut self, bytes: &mut &[u8]) -> Option<()> {
        for _ in 0..take_count(bytes, NODES_MAX)? {
            let node = NodeId(take(bytes)?);
            self.places.insert(node, take_place(bytes).filter(Place::is_bounded)?);
        }
        Some(())
    }
}

impl Splits {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put(out, self.pending.len() as u64);
        for (partition, Split { at, child }) in &self.pending {
            [partition.0, at.0.into(), child.0].into_iter().for_each(|word| put(out, word.into()));
        }
        put(out, self.founded.len() as u64);
        for (partition, slots) in &self.founded {
            let words = [partition.0, slots.start().0.into(), slots.end().0.into()];
            words.into_iter().for_each(|word| put(out, word.into()));
        }
        put(out, self.births.len() as u64);
        for (partition, Birth { parent, members }) in &self.births {
            let words = [partition.0.into(), parent.0.into(), members.len() as u64];
            words.into_iter().for_each(|word| put(out, word));
            for (node, incarnation) in members {
                [node.0, incarnation.0].into_iter().for_each(|word| put(out, word));
            }
        }
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let mut splits = Self::default();
        for _ in 0..take_count(bytes, PARTITIONS_MAX as usize)? {
            let partition = take_partition(bytes)?;
            let split = Split { at: take_slot(bytes)?, child: take_partition(bytes)? };
            splits.pending.insert(partition, split);
        }
        for _ in 0..take_count(bytes, PARTITIONS_MAX as usize)? {
            let partition = take_partition(bytes)?;
            let slots = take_slot(bytes)?..=take_slot(bytes)?;
            splits.founded.insert(partition, (!slots.is_empty()).then_some(slots)?);
        }
        for _ in 0..take_count(bytes, PARTITIONS_MAX as usize)? {
            let partition = take_partition(bytes)?;
            let (parent, mut members) = (take_partition(bytes)?, BTreeMap::new());
            for _ in 0..take_count(bytes, NODES_MAX)? {
                members.insert(NodeId(take(bytes)?), Incarnation(take(bytes)?));
            }
            splits.births.insert(partition, Birth { parent, members });
        }
        Some(splits)
    }
}

impl Sizing {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put(out, u64::from(self.automatic));
        put(out, self.wanted.len() as u64);
        for (partition, weight) in &self.wanted {
            [u64::from(partition.0), *weight as u64].into_iter().for_each(|word| put(out, word));
        }
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let mut sizing = Self { automatic: take(bytes)? != 0, ..Self::default() };
        for _ in 0..take_count(bytes, PARTITIONS_MAX as usize)? {
            sizing.wanted.insert(take_partition(bytes)?, Weight::of(take(bytes)?)?);
        }
        Some(sizing)
    }
}

impl Merges {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put(out, self.pending.len() as u64);
        for (upper, Merge { lower, sealing }) in &self.pending {
            let words = [u64::from(upper.0), u64::from(lower.0), u64::from(*sealing)];
            words.into_iter().for_each(|word| put(out, word));
        }
        put(out, self.absorbed.len() as u64);
        for (upper, Absorbed { replicas, needed_by, epoch }) in &self.absorbed {
            put(out, u64::from(upper.0));
            put(out, epoch.0);
            put_ids(out, replicas);
            put_ids(out, needed_by);
        }
        put(out, self.heirs.len() as u64);
        for (upper, heir) in &self.heirs {
            [upper.0, heir.0].into_iter().for_each(|word| put(out, word.into()));
        }
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let mut merges = Self::default();
        for _ in 0..take_count(bytes, PARTITIONS_MAX as usize)? {
            let (upper, lower) = (take_partition(bytes)?, take_partition(bytes)?);
            merges.pending.insert(upper, Merge { lower, sealing: take(bytes)? != 0 });
        }
        for _ in 0..take_count(bytes, PARTITIONS_MAX as usize)? {
            let (upper, epoch) = (take_partition(bytes)?, Epoch(take(bytes)?));
            let replicas = take_ids(bytes)?;
            let needed_by = take_ids(bytes)?.into_iter().collect();
            merges.absorbed.insert(upper, Absorbed { replicas, needed_by, epoch });
        }
        for _ in 0..take_count(bytes, PARTITIONS_MAX as usize)? {
            let (upper, heir) = (take_partition(bytes)?, take_partition(bytes)?);
            // Whoever follows heirs comes to an end.
            merges.heirs.insert(upper, (upper != heir).then_some(heir)?);
        }
        let ends = |upper: &PartitionId| {
            let next = |at: &PartitionId| merges.heirs.get(at).copied();
            std::iter::successors(Some(*upper), next).nth(merges.heirs.len() + 1).is_none()
        };
        merges.heirs.keys().all(ends).then_some(merges)
    }
}

fn take_slot(bytes: &mut &[u8]) -> Option<Slot> {
    let slot = u16::try_from(take(bytes)?).ok()?;
    (slot < SLOT_COUNT).then_some(Slot(slot))
}

fn put_place(out: &mut Vec<u8>, place: &Place) {
    put(out, u64::from(place.weight));
    put_bytes(out, place.zone.as_bytes());
}

fn take_place(bytes: &mut &[u8]) -> Option<Place> {
    let weight = take_u32(bytes)?;
    let zone = String::from_utf8(take_bytes(bytes)?.to_vec()).ok()?;
    Some(Place { weight, zone })
}

fn put_words(out: &mut Vec<u8>, tag: u8, words: &[u64]) {
    out.push(tag);
    words.iter().for_each(|word| put(out, *word));
}

fn take_partition(bytes: &mut &[u8]) -> Option<PartitionId> {
    take_u32(bytes).map(PartitionId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster_map::NodeInfo;

    #[test]
    fn commands_round_trip_and_cut_ones_are_refused() {
        let info = NodeInfo {
            peer_addr: "10.0.0.4:1".into(),
            incarnation: Incarnation(9),
            ..NodeInfo::default()
        };
        let (node, partition) = (NodeId(4), PartitionId(300));
        let to = vec![NodeId(4), NodeId(1)];
        for command in [
            Reshape::Admit { cluster: ClusterId(77), node, info },
            Reshape::Drain(node),
            Reshape::Restore(node),
            Reshape::Remove(node),
            Reshape::Retired(node),
            Reshape::Copies(3),
            Reshape::Place(node, Place { weight: 64, zone: "site-2/rack-7".into() }),
            Reshape::Move { partition, to: to.clone() },
            Reshape::Moved { partition, to },
            Reshape::Vacate { partition, node, process: u64::MAX },
            Reshape::Vacated { partition, node },
            Reshape::Split { partition, at: Slot(700) },
            Reshape::Halved { partition, child: PartitionId(301), epoch: Epoch(1 << 40) },
            Reshape::SplitByLoad { partition, weight: Weight::Operations },
            Reshape::Resizing(true),
            Reshape::Merge { upper: partition },
            Reshape::Seal { upper: partition },
            Reshape::Unmerge { upper: partition },
            Reshape::Merged { upper: partition, sealed: Epoch(1 << 33), epoch: Epoch(1 << 40) },
            Reshape::Absorbed { upper: partition, node },
        ] {
            let mut bytes = Vec::new();
            command.encode(&mut bytes);
            for cut in 0..bytes.len() {
                assert_eq!(Reshape::take(&mut &bytes[..cut]), None);
            }
            let mut rest = &bytes[..];
            assert_eq!(Reshape::take(&mut rest), Some(command));
            assert!(rest.is_empty());
        }
        assert_eq!(Reshape::take(&mut &[21, 0][..]), None);
    }
}
