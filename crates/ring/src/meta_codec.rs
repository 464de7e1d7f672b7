//! The bytes of metadata commands and of the cluster map's snapshot.
//!
//! Both are varints and length-prefixed texts behind a one-byte tag. Decoding is for bytes from disks
//! and peers: whatever they are, the answer is a sound value or `None`.

use crate::cluster_map::{ADDR_BYTES_MAX, ClusterMap, MetaCommand, NodeInfo, PartitionInfo};
use crate::merge::Merges;
use crate::replacement::Replacement;
use crate::reshape::{Reshape, Shape};
use crate::sizing::Sizing;
use crate::split::Splits;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use synod_acl::{Change, Users};
use synod_types::limits::{NODES_MAX, PARTITIONS_MAX};
use synod_types::plant::planted;
use synod_types::varint::{put, put_bytes, take, take_bytes};
use synod_types::{ClusterId, Epoch, Incarnation, NodeId, PartitionId, Protocol, SLOT_COUNT, Slot};

/// Without incarnations, as earlier versions wrote them.
const TAG_FOUND_V1: u8 = 1;
const TAG_ANNOUNCE_V1: u8 = 2;
const TAG_FOUND: u8 = 3;
const TAG_ANNOUNCE: u8 = 4;
const TAG_REPLACE: u8 = 5;
const TAG_LEFT: u8 = 6;
const TAG_JOINED: u8 = 7;
/// As `TAG_FOUND`, with an engine's tag right behind this one.
const TAG_FOUND_WITH: u8 = 8;
const TAG_ENGINE: u8 = 9;
const TAG_RESHAPE: u8 = 10;
const TAG_USERS: u8 = 11;
const TAG_CLAIMED: u8 = 12;
/// The formats of a snapshot: of earlier versions, and of this one.
const TAG_MAP_V1: u8 = 0x41;
const TAG_MAP_V2: u8 = 0x42;
/// As V2, with an engine's tag right behind this one.
const TAG_MAP_V3: u8 = 0x43;
/// Of a cluster whose shape was changed: as V2 or V3, whose tag stands behind this one, with the shape at the end.
const TAG_MAP_RESHAPED: u8 = 0x44;
/// The same, with the places of nodes behind the shape.
const TAG_MAP_PLACED: u8 = 0x46;
/// Of a cluster with users: as any other, whose tag stands behind this one, with the users at the end.
const TAG_MAP_WITH_USERS: u8 = 0x45;
/// Of a cluster whose slots have changed hands: as any other, whose tag stands behind this one, with the epochs at the end.
const TAG_MAP_WITH_EPOCHS: u8 = 0x47;
/// Of a cluster in which partitions were split: as any other, whose tag stands behind this one, with what is known of splits
/// at the end.
const TAG_MAP_WITH_SPLITS: u8 = 0x48;
/// Of a cluster in which partitions were merged: as any other, whose tag stands behind this one, with what is known of merges
/// at the end.
const TAG_MAP_WITH_MERGES: u8 = 0x49;
/// Of a cluster whose partitions are, or are to be, split by their load: as any other, whose tag stands behind this one, with
/// what is known of that at the end.
const TAG_MAP_WITH_SIZING: u8 = 0x4a;

/// What an encoded node has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// No incarnation.
    V1,
    V2,
}

impl MetaCommand {
    /// Appends the encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Found { cluster, partitions, replicas, nodes, engine } => {
                put_engine(out, *engine, [TAG_FOUND, TAG_FOUND_WITH]);
                put(out, cluster.0);
                put(out, u64::from(*partitions));
                put(out, u64::from(*replicas));
                put_nodes(out, nodes);
            }
            Self::Reshape(reshape) => {
                out.push(TAG_RESHAPE);
                reshape.encode(out);
            }
            Self::Engine(engine) => out.extend_from_slice(&[TAG_ENGINE, engine.tag()]),
            Self::Users(change) => {
                out.push(TAG_USERS);
                change.encode(out);
            }
            Self::Announce { node, info } => {
                out.push(TAG_ANNOUNCE);
                put(out, node.0);
                put_info(out, info);
            }
            Self::Replace { node, old, successor } => {
                out.push(TAG_REPLACE);
                [node.0, old.0, successor.0].into_iter().for_each(|word| put(out, word));
            }
            Self::Left { node, group, successor } => {
                out.push(TAG_LEFT);
                [node.0, group.0.into(), successor.0].into_iter().for_each(|word| put(out, word));
            }
            Self::Claimed { partition, epoch } => {
                out.push(TAG_CLAIMED);
                put(out, partition.0.into());
                put(out, epoch.0);
            }
            Self::Joined { node, group, successor } => {
                out.push(TAG_JOINED);
                [node.0, group.0.into(), successor.0].into_iter().for_each(|word| put(out, word));
            }
        }
    }

    /// Reads what [`Self::encode`] wrote; `None` when the bytes are anything else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (tag, mut rest) = bytes.split_first()?;
        let of = |tag, old| if tag == old { Format::V1 } else { Format::V2 };
        let command = match *tag {
            TAG_RESHAPE => Self::Reshape(Reshape::take(&mut rest)?),
            TAG_ENGINE => Self::Engine(take_engine(&mut rest)?),
            TAG_USERS => Self::Users(Change::decode(&mut rest)?),
            TAG_CLAIMED => Self::Claimed {
                partition: PartitionId(take_u32(&mut rest)?),
                epoch: Epoch(take(&mut rest)?),
            },
            TAG_FOUND | TAG_FOUND_V1 | TAG_FOUND_WITH => Self::Found {
                engine: match *tag {
                    TAG_FOUND_WITH => Some(take_engine(&mut rest)?),
                    _ => None,
                },
                cluster: ClusterId(take(&mut rest)?),
                partitions: take_u32(&mut rest)?,
                replicas: take_u32(&mut rest)?,
                nodes: take_nodes(&mut rest, of(*tag, TAG_FOUND_V1))?,
            },
            TAG_ANNOUNCE | TAG_ANNOUNCE_V1 => Self::Announce {
                node: NodeId(take(&mut rest)?),
                info: take_info(&mut rest, of(*tag, TAG_ANNOUNCE_V1))?,
            },
            TAG_REPLACE => Self::Replace {
                node: NodeId(take(&mut rest)?),
                old: Incarnation(take(&mut rest)?),
                successor: Incarnation(take(&mut rest)?),
            },
            TAG_LEFT => Self::Left {
                node: NodeId(take(&mut rest)?),
                group: PartitionId(take_u32(&mut rest)?),
                successor: Incarnation(take(&mut rest)?),
            },
            TAG_JOINED => Self::Joined {
                node: NodeId(take(&mut rest)?),
                group: PartitionId(take_u32(&mut rest)?),
                successor: Incarnation(take(&mut rest)?),
            },
            _ => return None,
        };
        rest.is_empty().then_some(command)
    }
}

impl ClusterMap {
    /// Appends the map as a snapshot.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if !self.sizing.is_empty() {
            out.push(TAG_MAP_WITH_SIZING);
        }
        if !self.merges.is_empty() {
            out.push(TAG_MAP_WITH_MERGES);
        }
        if !self.splits.is_empty() {
            out.push(TAG_MAP_WITH_SPLITS);
        }
        if !self.epochs.is_empty() {
            out.push(TAG_MAP_WITH_EPOCHS);
        }
        let has_users = !self.users.are_untouched() && !planted("users-lost-in-snapshot");
        if has_users {
            out.push(TAG_MAP_WITH_USERS);
        }
        if self.shape.reshaped {
            out.push(match self.shape.places.is_empty() {
                true => TAG_MAP_RESHAPED,
                false => TAG_MAP_PLACED,
            });
        }
        put_engine(out, self.engine, [TAG_MAP_V2, TAG_MAP_V3]);
        put(out, self.cluster.0);
        put(out, self.epoch);
        put_nodes(out, &self.nodes);
        put(out, self.partitions.len() as u64);
        for (id, info) in &self.partitions {
            put(out, u64::from(id.0));
            put(out, u64::from(info.slots.start().0));
            put(out, u64::from(info.slots.end().0));
            put_ids(out, &info.replicas);
            put_ids(out, &info.learners);
        }
        put_ids(out, self.joined.iter());
        put(out, self.replacements.len() as u64);
        for (node, replacement) in &self.replacements {
            put(out, node.0);
            put(out, replacement.successor.0);
            put_groups(out, &replacement.leaving);
            put_groups(out, &replacement.joining);
        }
        if self.shape.reshaped {
            self.shape.encode(out);
            if !self.shape.places.is_empty() {
                self.shape.encode_places(out);
            }
        }
        if has_users {
            self.users.encode(out);
        }
        if !self.epochs.is_empty() {
            put(out, self.epochs.len() as u64);
            for (partition, epoch) in &self.epochs {
                put(out, partition.0.into());
                put(out, epoch.0);
            }
        }
        if !self.splits.is_empty() {
            self.splits.encode(out);
        }
        if !self.merges.is_empty() {
            self.merges.encode(out);
        }
        if !self.sizing.is_empty() {
            self.sizing.encode(out);
        }
    }

    /// Reads what [`Self::encode`] wrote; `None` when the bytes are anything else, or describe a map
    /// in which partitions overlap or live on nodes that are no members.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let has_sizing = bytes.first() == Some(&TAG_MAP_WITH_SIZING);
        let bytes = &bytes[usize::from(has_sizing)..];
        let has_merges = bytes.first() == Some(&TAG_MAP_WITH_MERGES);
        let bytes = &bytes[usize::from(has_merges)..];
        let has_splits = bytes.first() == Some(&TAG_MAP_WITH_SPLITS);
        let bytes = &bytes[usize::from(has_splits)..];
        let has_epochs = bytes.first() == Some(&TAG_MAP_WITH_EPOCHS);
        let bytes = &bytes[usize::from(has_epochs)..];
        let has_users = bytes.first() == Some(&TAG_MAP_WITH_USERS);
        let bytes = &bytes[usize::from(has_users)..];
        let placed = bytes.first() == Some(&TAG_MAP_PLACED);
        let reshaped = placed || bytes.first() == Some(&TAG_MAP_RESHAPED);
        let (tag, mut rest) = bytes[usize::from(reshaped)..].split_first()?;
        let (format, engine) = match *tag {
            TAG_MAP_V1 => (Format::V1, None),
            TAG_MAP_V2 => (Format::V2, None),
            TAG_MAP_V3 => (Format::V2, Some(take_engine(&mut rest)?)),
            _ => return None,
        };
        let mut map = Self {
            engine,
            cluster: ClusterId(take(&mut rest)?),
            epoch: take(&mut rest)?,
            nodes: take_nodes(&mut rest, format)?,
            ..Self::default()
        };
        for _ in 0..take_count(&mut rest, PARTITIONS_MAX as usize)? {
            let id = PartitionId(take_u32(&mut rest)?);
            let info = take_partition(&mut rest)?;
            let members = info.replicas.iter().chain(&info.learners);
            let sound =
                id != PartitionId::META && members.clone().all(|n| map.nodes.contains_key(n));
            if !sound || map.partitions.insert(id, info).is_some() {
                return None;
            }
        }
        if format == Format::V2 {
            map.joined = take_ids(&mut rest)?.into_iter().collect();
            map.replacements = take_replacements(&mut rest)?;
        }
        if reshaped {
            map.shape = Shape::take(&mut rest)?;
            if placed {
                map.shape.take_places(&mut rest)?;
            }
        }
        if has_users {
            map.users = Arc::new(Users::decode(&mut rest)?);
        }
        if has_epochs {
            for _ in 0..take_count(&mut rest, PARTITIONS_MAX as usize)? {
                let partition = PartitionId(take_u32(&mut rest)?);
                let epoch = Epoch(take(&mut rest)?);
                if epoch == Epoch(0) {
                    return None;
                }
                map.epochs.insert(partition, epoch);
            }
        }
        if has_splits {
            map.splits = Splits::take(&mut rest)?;
        }
        if has_merges {
            map.merges = Merges::take(&mut rest)?;
        }
        if has_sizing {
            map.sizing = Sizing::take(&mut rest)?;
        }
        let is_known = |partition: &PartitionId| {
            map.partitions.contains_key(partition) || map.merges.heirs.contains_key(partition)
        };
        if !map.epochs.keys().all(is_known) {
            return None;
        }
        map.fill_slot_table();
        let owned = map.slot_table.iter().filter(|p| **p != PartitionId::META).count();
        let claimed: usize = map.partitions.values().map(slot_count).sum();
        (rest.is_empty() && owned == claimed).then_some(map)
    }
}

/// One of two tags, depending on whether an engine is named, and the engine's behind the second.
fn put_engine(out: &mut Vec<u8>, engine: Option<Protocol>, [without, with]: [u8; 2]) {
    match engine {
        None => out.push(without),
        Some(engine) => out.extend_from_slice(&[with, engine.tag()]),
    }
}

fn take_engine(bytes: &mut &[u8]) -> Option<Protocol> {
    let (tag, rest) = bytes.split_first()?;
    *bytes = rest;
    Protocol::from_tag(*tag)
}

fn slot_count(info: &PartitionInfo) -> usize {
    usize::from(info.slots.end().0) + 1 - usize::from(info.slots.start().0)
}

fn take_partition(bytes: &mut &[u8]) -> Option<PartitionInfo> {
    let (first, last) = (take(bytes)?, take(bytes)?);
    if first > last || last >= u64::from(SLOT_COUNT) {
        return None;
    }
    let slots = Slot(first as u16)..=Slot(last as u16);
    Some(PartitionInfo { slots, replicas: take_ids(bytes)?, learners: take_ids(bytes)? })
}

fn take_replacements(bytes: &mut &[u8]) -> Option<BTreeMap<NodeId, Replacement>> {
    let mut all = BTreeMap::new();
    for _ in 0..take_count(bytes, NODES_MAX)? {
        let node = NodeId(take(bytes)?);
        let successor = Incarnation(take(bytes)?);
        let (leaving, joining) = (take_groups(bytes)?, take_groups(bytes)?);
        all.insert(node, Replacement { successor, leaving, joining });
    }
    Some(all)
}

fn put_groups(out: &mut Vec<u8>, groups: &BTreeSet<PartitionId>) {
    put(out, groups.len() as u64);
    groups.iter().for_each(|group| put(out, group.0.into()));
}

fn take_groups(bytes: &mut &[u8]) -> Option<BTreeSet<PartitionId>> {
    let count = take_count(bytes, PARTITIONS_MAX as usize + 1)?;
    (0..count).map(|_| take_u32(bytes).map(PartitionId)).collect()
}

pub(crate) fn put_info(out: &mut Vec<u8>, info: &NodeInfo) {
    for text in [&info.client_addr, &info.peer_addr, &info.http_addr, &info.version] {
        put_bytes(out, text.as_bytes());
    }
    put(out, u64::from(info.workers));
    put(out, info.incarnation.0);
    put(out, info.starts);
    put(out, info.process);
}

fn take_info(bytes: &mut &[u8], format: Format) -> Option<NodeInfo> {
    let mut text = || {
        let text = take_bytes(bytes).filter(|text| text.len() <= ADDR_BYTES_MAX)?;
        std::str::from_utf8(text).ok().map(str::to_owned)
    };
    let mut info = NodeInfo {
        client_addr: text()?,
        peer_addr: text()?,
        http_addr: text()?,
        version: text()?,
        workers: take_u32(bytes)?,
        ..NodeInfo::default()
    };
    if format == Format::V2 {
        info.incarnation = Incarnation(take(bytes)?);
        (info.starts, info.process) = (take(bytes)?, take(bytes)?);
    }
    Some(info)
}

/// As this version writes it.
pub(crate) fn take_new_info(bytes: &mut &[u8]) -> Option<NodeInfo> {
    take_info(bytes, Format::V2)
}

fn put_nodes(out: &mut Vec<u8>, nodes: &BTreeMap<NodeId, NodeInfo>) {
    put(out, nodes.len() as u64);
    for (node, info) in nodes {
        put(out, node.0);
        put_info(out, info);
    }
}

fn take_nodes(bytes: &mut &[u8], format: Format) -> Option<BTreeMap<NodeId, NodeInfo>> {
    let mut nodes = BTreeMap::new();
    for _ in 0..take_count(bytes, NODES_MAX)? {
        if nodes.insert(NodeId(take(bytes)?), take_info(bytes, format)?).is_some() {
            return None;
        }
    }
    Some(nodes)
}

pub(crate) fn put_ids<'a>(
    out: &mut Vec<u8>,
    ids: impl IntoIterator<Item = &'a NodeId, IntoIter: ExactSizeIterator>,
) {
    let ids = ids.into_iter();
    put(out, ids.len() as u64);
    ids.for_each(|id| put(out, id.0));
}

/// Distinct ids, in the order in which they were put.
pub(crate) fn take_ids(bytes: &mut &[u8]) -> Option<Vec<NodeId>> {
    let mut ids = Vec::new();
    for _ in 0..take_count(bytes, NODES_MAX)? {
        let id = NodeId(take(bytes)?);
        if ids.contains(&id) {
            return None;
        }
        ids.push(id);
    }
    Some(ids)
}

pub(crate) fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    u32::try_from(take(bytes)?).ok()
}

pub(crate) fn take_count(bytes: &mut &[u8], max: usize) -> Option<usize> {
    usize::try_from(take(bytes)?).ok().filter(|count| *count <= max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reshape::Place;
    use proptest::prelude::*;
    use synod_acl::Rule;

    fn some_info() -> impl Strategy<Value = NodeInfo> {
        (
            "[a-z.]{0,20}:[0-9]{1,5}",
            "[a-z]{0,9}",
            "\\PC{0,9}",
            "[0-9.]{0,6}",
            any::<u32>(),
            0u64..3,
            0u64..3,
        )
            .prop_map(
                |(client_addr, peer_addr, http_addr, version, workers, incarnation, starts)| {
                    NodeInfo {
                        incarnation: Incarnation(incarnation),
                        starts,
                        process: starts,
                        client_addr,
                        peer_addr,
                        http_addr,
                        version,
                        workers,
                    }
                },
            )
    }

    fn some_engine() -> impl Strategy<Value = Protocol> {
        (0..Protocol::ALL.len()).prop_map(|n| Protocol::ALL[n])
    }

    fn some_reshape() -> impl Strategy<Value = Reshape> {
        let node = || (1u64..6).prop_map(NodeId);
        let partition = || (0u32..4).prop_map(PartitionId);
        let to =
            || prop::collection::btree_set(node(), 0..4).prop_map(|to| to.into_iter().collect());
        prop_oneof![
            (1u64..3, node(), some_info()).prop_map(|(cluster, node, info)| Reshape::Admit {
                cluster: ClusterId(cluster),
                node,
                info
            }),
            node().prop_map(Reshape::Drain),
            node().prop_map(Reshape::Restore),
            node().prop_map(Reshape::Retired),
            node().prop_map(Reshape::Remove),
            (0u32..4).prop_map(Reshape::Copies),
            (node(), 0u32..67, "[a-z]{0,3}")
                .prop_map(|(node, weight, zone)| Reshape::Place(node, Place { weight, zone })),
            (partition(), to()).prop_map(|(partition, to)| Reshape::Move { partition, to }),
            (partition(), to()).prop_map(|(partition, to)| Reshape::Moved { partition, to }),
            (partition(), node(), 0u64..3).prop_map(|(partition, node, process)| {
                Reshape::Vacate { partition, node, process }
            }),
            (partition(), node())
                .prop_map(|(partition, node)| Reshape::Vacated { partition, node }),
            (partition(), 0u16..16_384)
                .prop_map(|(partition, at)| Reshape::Split { partition, at: Slot(at) }),
            (partition(), partition(), 0u64..3).prop_map(|(partition, child, epoch)| {
                Reshape::Halved { partition, child, epoch: Epoch(epoch) }
            }),
        ]
    }

    fn some_command() -> impl Strategy<Value = MetaCommand> {
        let nodes = prop::collection::btree_map((1u64..9).prop_map(NodeId), some_info(), 1..6);
        prop_oneof![
            (1u64.., 1u32..40, 1u32..5, nodes, prop::option::of(some_engine())).prop_map(
                |(cluster, partitions, replicas, nodes, engine)| {
                    let cluster = ClusterId(cluster);
                    MetaCommand::Found { cluster, partitions, replicas, nodes, engine }
                }
            ),
            (1u64..4, 0u64..3, 1u64..3).prop_map(|(node, old, successor)| MetaCommand::Replace {
                node: NodeId(node),
                old: Incarnation(old),
                successor: Incarnation(successor),
            }),
            (1u64..4, 0u32..9, 1u64..3, any::<bool>()).prop_map(
                |(node, group, successor, left)| {
                    let (node, group) = (NodeId(node), PartitionId(group));
                    let successor = Incarnation(successor);
                    match left {
                        true => MetaCommand::Left { node, group, successor },
                        false => MetaCommand::Joined { node, group, successor },
                    }
                }
            ),
            some_engine().prop_map(MetaCommand::Engine),
            some_reshape().prop_map(MetaCommand::Reshape),
            (0u8..3, any::<bool>()).prop_map(|(user, deletes)| {
                let name = vec![b'a' + user];
                MetaCommand::Users(match deletes {
                    true => Change::Delete(vec![name]),
                    false => Change::Set { name, rules: vec![Rule::On] },
                })
            }),
            (1u64..9, some_info())
                .prop_map(|(node, info)| MetaCommand::Announce { node: NodeId(node), info }),
            (0u32..4, 0u64..3).prop_map(|(partition, epoch)| MetaCommand::Claimed {
                partition: PartitionId(partition),
                epoch: Epoch(epoch),
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn commands_round_trip_and_cut_ones_are_refused(command in some_command()) {
            let mut bytes = Vec::new();
            command.encode(&mut bytes);
            prop_assert_eq!(MetaCommand::decode(&bytes), Some(command));
            for cut in 0..bytes.len() {
                prop_assert_eq!(MetaCommand::decode(&bytes[..cut]), None);
            }
        }

        #[test]
        fn a_snapshot_continues_like_the_original(
            commands in prop::collection::vec(some_command(), 0..8),
            later in some_command(),
        ) {
            let mut map = ClusterMap::default();
            for command in commands {
                let _ = map.apply(command);
            }
            let mut bytes = Vec::new();
            map.encode(&mut bytes);
            let mut copy = ClusterMap::decode(&bytes).expect("own bytes");
            prop_assert_eq!(&copy, &map);
            prop_assert_eq!(copy.apply(later.clone()), map.apply(later));
            prop_assert_eq!(copy, map);
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200), tag in 1u8..13) {
            let mut tagged = bytes;
            for version in [TAG_MAP_V1, TAG_MAP_V2, TAG_MAP_V3, TAG_MAP_RESHAPED, TAG_MAP_WITH_USERS, TAG_MAP_WITH_EPOCHS, TAG_MAP_WITH_SPLITS] {
                let _ = ClusterMap::decode(&[&[version][..], &tagged].concat());
            }
            tagged.insert(0, tag);
            let _ = MetaCommand::decode(&tagged);
        }

        #[test]
        fn a_damaged_snapshot_is_sound_or_refused(
            command in some_command(), at in any::<prop::sample::Index>(), with in any::<u8>(),
        ) {
            let mut map = ClusterMap::default();
            let _ = map.apply(command);
            let mut bytes = Vec::new();
            map.encode(&mut bytes);
            let at = at.index(bytes.len());
            bytes[at] = with;
            if let Some(map) = ClusterMap::decode(&bytes) {
                for (id, info) in map.partitions() {
                    prop_assert_eq!(map.partition_of(*info.slots.start()), Some(*id));
                    prop_assert_eq!(map.partition_of(*info.slots.end()), Some(*id));
                }
            }
        }
    }
}
