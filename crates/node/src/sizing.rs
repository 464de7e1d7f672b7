//! Where a partition is split, and, where the cluster is told to, whether it is split or merged by itself.
//!
//! Its leader knows the load, and looks at it now and then. What it decides is a command of the metadata group, so of two
//! leaders of one partition, or of two neighbours, that decide at the same time one is refused.
//!
//! | what is so for as long as [`HOLD_US`] | what is done |
//! |---|---|
//! | a partition has more than [`SPLIT_BYTES`], or is asked for more than [`SPLIT_OPS`] a second | it is split in the middle of that |
//! | it has less than [`MERGE_BYTES`] and [`MERGE_OPS`], together with the one below | it becomes part of that |
//!
//! What was just split is far above what is merged, and what was just merged far below what is split, so nothing goes back and
//! forth. One thing is done at a time in the cluster.

use crate::node::Node;
use std::collections::BTreeMap;
use synod_data::Keyspace;
use synod_replica::Replica;
use synod_ring::{ClusterMap, MetaCommand, Reshape, Weight};
use synod_types::{PartitionId, Slot};

/// How often it is looked, in ticks: once a second.
const LOOK_TICKS: u64 = 20;
/// Of a slot so many objects are looked at to tell how large they are.
const SLOT_SAMPLE: usize = 16;
/// A partition with more bytes of objects is split.
const SPLIT_BYTES: usize = 1 << 30;
/// So is one with more requests a second.
const SPLIT_OPS: f64 = 50_000.0;
/// Two neighbours with less than this together become one.
const MERGE_BYTES: usize = 16 << 20;
/// If both together have fewer requests a second, too.
const MERGE_OPS: f64 = 500.0;
/// For so long it has to be so, in microseconds: a minute, which is two half-lives of what is known of the requests.
const HOLD_US: u64 = 60_000_000;
/// A node has no more partitions than this on average because some were split by themselves.
const PARTITIONS_PER_NODE_MAX: usize = 64;
/// And each has at least so many to lead, if there are as many.
const PARTITIONS_PER_NODE_MIN: usize = 1;

/// What is to be done with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Split(Weight),
    Merge,
}

/// Since when something is to be done with partitions that are led here.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    wishes: BTreeMap<PartitionId, (Wish, u64)>,
}

impl Sizes {
    /// Whether this has been wanted for long enough, by this time.
    fn holds(&mut self, partition: PartitionId, wish: Option<Wish>, now_us: u64) -> bool {
        let Some(wish) = wish else {
            self.wishes.remove(&partition);
            return false;
        };
        let begun = self.wishes.entry(partition).or_insert((wish, now_us));
        if begun.0 != wish {
            *begun = (wish, now_us);
        }
        now_us.saturating_sub(begun.1) >= HOLD_US
    }
}

/// What is known of a partition, as far as it is known here.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    bytes: usize,
    ops: f64,
}

impl Node {
    /// Has partitions split that are to be, and, where that is wanted, those that are too large or too small.
    pub(crate) fn tend_sizes(&mut self) {
        if !self.local.is_due(LOOK_TICKS) {
            return;
        }
        let wanted: Vec<_> = self.groups.map().splits_wanted().collect();
        for (partition, weight) in wanted {
            if let Some(at) = self.middle_of(partition, weight) {
                self.propose_meta(&MetaCommand::Reshape(Reshape::Split { partition, at }));
            }
        }
        if !self.groups.map().resizes() {
            self.sizes = Sizes::default();
            return;
        }
        let led: Vec<_> = self.groups.map().partitions().keys().copied().collect();
        let led = led.into_iter().filter(|partition| self.is_leader(*partition));
        let now_us = self.local.now().mono_us;
        for partition in led.collect::<Vec<_>>() {
            let wish = self.wish_for(partition);
            let holds = self.sizes.holds(partition, wish, now_us);
            if let (true, Some(wish), true) = (holds, wish, self.groups.map().is_settled()) {
                let command = match wish {
                    Wish::Split(weight) => Reshape::SplitByLoad { partition, weight },
                    Wish::Merge => Reshape::Merge { upper: partition },
                };
                self.propose_meta(&MetaCommand::Reshape(command));
            }
        }
    }

    fn wish_for(&self, partition: PartitionId) -> Option<Wish> {
        let map = self.groups.map();
        let size = self.size_of(partition)?;
        let may = bounds(map);
        if may.1 && size.bytes > SPLIT_BYTES {
            return Some(Wish::Split(Weight::Bytes));
        }
        if may.1 && size.ops > SPLIT_OPS {
            return Some(Wish::Split(Weight::Operations));
        }
        let below = map.slots_of(partition)?.start().0.checked_sub(1).map(Slot)?;
        // What the other one is asked for is known to its own leader.
        let lower = map.partition_of(below).filter(|lower| self.is_leader(*lower))?;
        let other = self.size_of(lower)?;
        let is_little = size.bytes + other.bytes < MERGE_BYTES && size.ops + other.ops < MERGE_OPS;
        (may.0 && is_little && map.may_merge(partition)).then_some(Wish::Merge)
    }

    fn size_of(&self, partition: PartitionId) -> Option<Size> {
        let replica = self.groups.replica(partition)?;
        let ops = self.counted.heats().ops_per_second(partition);
        Some(Size { bytes: replica.state().object_bytes(), ops })
    }

    /// The slot that begins the upper half of a partition that is led here.
    fn middle_of(&self, partition: PartitionId, weight: Weight) -> Option<Slot> {
        if !self.is_leader(partition) {
            return None;
        }
        let keyspace = self.groups.replica(partition).map(Replica::state)?.keyspace()?;
        let slots = keyspace.slots();
        let weights = match weight {
            Weight::Keys => weigh(keyspace, |slot| keyspace.slot_len(slot) as f64),
            Weight::Bytes => weigh(keyspace, |slot| keyspace.slot_bytes(slot, SLOT_SAMPLE) as f64),
            Weight::Operations => self.weigh_operations(partition, keyspace),
        };
        middle(slots.start().0, &weights)
    }

    /// How often each slot is asked for something: by its hottest keys, and by a share of the rest, as all of its keys have.
    fn weigh_operations(&self, partition: PartitionId, keyspace: &Keyspace) -> Vec<f64> {
        let heats = self.counted.heats();
        let (first, all) = (keyspace.slots().start().0, heats.ops_per_second(partition));
        let hot = heats.hottest(partition);
        let known: f64 = hot.iter().map(|(_, ops)| ops).sum();
        let each = (all - known).max(0.0) / (keyspace.len().max(1) as f64);
        let mut weights = weigh(keyspace, |slot| keyspace.slot_len(slot) as f64 * each);
        for (slot, ops) in hot {
            let place = slot.0.checked_sub(first).map(usize::from);
            if let Some(weight) = place.and_then(|place| weights.get_mut(place)) {
                *weight += ops;
            }
        }
        weights
    }
}

fn weigh(keyspace: &Keyspace, weight: impl Fn(Slot) -> f64) -> Vec<f64> {
    let slots = keyspace.slots();
    (slots.start().0..=slots.end().0).map(|slot| weight(Slot(slot))).collect()
}

/// The slot at which the two halves differ least, and of those the one nearest to the middle; `None` if there is only one slot.
fn middle(first: u16, weights: &[f64]) -> Option<Slot> {
    let total: f64 = weights.iter().sum();
    let mut below = 0.0;
    let mut best: Option<(f64, usize, usize)> = None;
    for (place, weight) in weights.iter().enumerate() {
        let apart = (total - 2.0 * below).abs();
        let aside = weights.len().abs_diff(2 * place);
        let is_better = best
            .is_none_or(|(least, beside, _)| apart < least || (apart <= least && aside < beside));
        if place > 0 && is_better {
            best = Some((apart, aside, place));
        }
        below += weight;
    }
    best.map(|(.., place)| Slot(first + place as u16))
}

/// Whether there may be fewer partitions, and more.
fn bounds(map: &ClusterMap) -> (bool, bool) {
    let (nodes, partitions) = (map.nodes.len(), map.partitions().len());
    (partitions > nodes * PARTITIONS_PER_NODE_MIN, partitions < nodes * PARTITIONS_PER_NODE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_where_the_halves_differ_least() {
        for (weights, at) in [
            (&[1.0, 1.0, 1.0, 1.0][..], 12),
            (&[9.0, 1.0, 1.0, 1.0], 11),
            (&[0.0, 0.0, 0.0, 9.0], 12),
            (&[1.0, 1.0, 1.0, 3.0], 13),
            (&[0.0, 0.0, 0.0, 0.0], 12),
            (&[5.0, 1.0], 11),
        ] {
            assert_eq!(middle(10, weights), Some(Slot(at)), "{weights:?}");
        }
        assert_eq!(middle(10, &[7.0]), None);
        assert_eq!(middle(10, &[]), None);
    }

    #[test]
    fn what_is_to_be_done_has_to_be_so_for_a_while() {
        let (mut sizes, one) = (Sizes::default(), PartitionId(1));
        let wish = Some(Wish::Split(Weight::Bytes));
        assert!(!sizes.holds(one, wish, 1));
        assert!(!sizes.holds(one, wish, HOLD_US));
        assert!(sizes.holds(one, wish, HOLD_US + 1));
        assert!(!sizes.holds(one, Some(Wish::Merge), HOLD_US + 2), "it is something else");
        assert!(!sizes.holds(one, None, HOLD_US + 3));
        assert!(!sizes.holds(one, Some(Wish::Merge), 2 * HOLD_US + 9), "it was not so in between");
        assert!(sizes.holds(one, Some(Wish::Merge), 3 * HOLD_US + 9));
    }

    /// Neither half of what is split is merged, nor is what is merged split.
    const _: () = assert!(SPLIT_BYTES / 2 > 8 * MERGE_BYTES && MERGE_BYTES < SPLIT_BYTES / 8);
}
