//! How a partition becomes two.
//!
//! ```text
//!   Split in the map --> leader: a claim in the partition's log --applied--> every replica has an Offspring
//!                                                              |              its first snapshot is written: a replica
//!                        the leader tells the map: Halved <----+
//! ```
//! Each step is known from what is replicated, so whoever leads goes on with it: the map says that the partition is to be
//! split, the partition's own state whether it was. Where the snapshot is not durable yet, the entry is applied again after
//! a restart; a group of which the log of this node knows already is not made a second time, not even when it was dropped:
//! what its replica acknowledged since would be forgotten.

use crate::node::Node;
use crate::output::{FileWork, Log};
use std::collections::{BTreeMap, BTreeSet};
use synod_replica::{Claimed, Offspring};
use synod_ring::{MetaCommand, Reshape, Split};
use synod_types::{PartitionId, SnapshotMeta};

/// For so long whoever led a partition stands for the election of the one that was split off it: half a second, within
/// which others do not stand.
const LED_US: u64 = 500_000;
/// And this often, in ticks.
const STAND_TICKS: u64 = 3;

/// Partitions that were split off and are not replicas yet, or not durable.
#[derive(Debug, Default)]
pub(crate) struct Births {
    /// Those whose first snapshot is being written.
    written: BTreeMap<PartitionId, Box<Offspring>>,
    /// Those whose beginning the log has not reported as durable, and from which partition each was split off.
    marked: BTreeMap<PartitionId, PartitionId>,
    /// Those whose parent was led here, and until when they stand for election here.
    led: BTreeMap<PartitionId, u64>,
    /// Groups of which the log knew when the node was started.
    recovered: BTreeSet<PartitionId>,
}

impl Births {
    /// The log knew of this group.
    pub(crate) fn recover(&mut self, group: PartitionId) {
        self.recovered.insert(group);
    }

    /// Whether the first snapshot of this group is being written.
    pub(crate) fn is_written(&self, group: PartitionId) -> bool {
        self.written.contains_key(&group)
    }

    /// Whether there is a snapshot to be written.
    pub(crate) fn is_running(&self) -> bool {
        self.written.values().any(|offspring| offspring.is_running())
    }

    /// The next piece of one.
    pub(crate) fn next_chunk(&mut self) -> Option<FileWork> {
        self.written.iter_mut().find_map(|(group, offspring)| {
            Some(FileWork::Write { group: *group, chunk: offspring.next_chunk()? })
        })
    }

    /// The snapshot could not be written; whether it was one of these.
    pub(crate) fn failed(&mut self, group: PartitionId) -> bool {
        let offspring = self.written.get_mut(&group);
        offspring.map(|offspring| offspring.begin_again()).is_some()
    }
}

impl Node {
    /// Takes the next step of the splits of partitions that are led here.
    pub(crate) fn tend_splits(&mut self) {
        let splits: Vec<_> = self.groups.map().splits().collect();
        for (partition, split) in splits {
            self.tend_split(partition, split);
        }
        let now_us = self.local.now().mono_us;
        self.births.led.retain(|_, until_us| now_us < *until_us);
        if self.local.is_due(STAND_TICKS) {
            for child in self.births.led.keys().copied().collect::<Vec<_>>() {
                self.stand_for_election(child);
            }
        }
    }

    /// The others' replicas may come a little later than the one here, and have not heard that it stood.
    fn stand_for_election(&mut self, child: PartitionId) {
        let Some(replica) = self.replica(child) else { return };
        match replica.role().2 {
            Some(_) => _ = self.births.led.remove(&child),
            None => {
                replica.engine().campaign();
                self.groups.touch(child);
            }
        }
    }

    fn tend_split(&mut self, partition: PartitionId, Split { at, child }: Split) {
        let Some((in_force, committed)) = self.led_membership(partition) else { return };
        let Some(replica) = self.replica(partition) else { return };
        let (epoch, sealed) = (replica.state().epoch(), replica.state().is_sealed());
        if replica.is_draining() || sealed {
            return;
        }
        if replica.state().owned().is_none_or(|owned| *owned.whole().end() < at) {
            let halved = Reshape::Halved { partition, child, epoch };
            self.propose_meta(&MetaCommand::Reshape(halved));
        } else if in_force == committed && in_force.outgoing.is_empty() {
            self.claim(partition, Claimed::Split { at, child });
        }
    }

    /// A partition was split off one that has a replica here.
    pub(crate) fn born(&mut self, offspring: Box<Offspring>) {
        let (parent, child, led) = (offspring.parent, offspring.child, offspring.led);
        let is_known = self.births.recovered.contains(&child)
            || self.groups.dropped().holds(child)
            || self.replica(child).is_some();
        let is_voter = offspring.meta().membership.is_voter(self.local.id());
        if is_known || !is_voter || !self.may_bear(child) || !self.owns(child) {
            self.child_is_durable(parent, child);
        } else {
            self.births.written.insert(child, offspring);
        }
        if led && let Some(split) = self.groups.map().split_of(parent) {
            self.tend_split(parent, split);
        }
    }

    /// The first snapshot of a partition that was split off is durable: it becomes a replica. Whether it was one of these.
    pub(crate) fn begin_child(&mut self, child: PartitionId, meta: &SnapshotMeta) -> bool {
        let is_own = |offspring: &Offspring| offspring.meta() == meta;
        if !self.births.written.get(&child).is_some_and(|born| is_own(born)) {
            return false;
        }
        let Some(offspring) = self.births.written.remove(&child) else { return false };
        let (hard_state, led, parent) = (offspring.hard_state(), offspring.led, offspring.parent);
        let (group, token, entries) = (child, None, Vec::new());
        self.output.log.push(Log::Snapshot { group, meta: meta.clone() });
        self.output.log.push(Log::Append { group, token, hard_state: Some(hard_state), entries });
        self.births.marked.insert(child, parent);
        self.take_up(crate::config::RecoveredGroup {
            group,
            hard_state,
            snapshot: meta.clone(),
            entries: Vec::new(),
            state: Some(offspring.into_state()),
        });
        if led {
            let until_us = self.local.now().mono_us + LED_US;
            self.births.led.insert(child, until_us);
            self.stand_for_election(child);
        }
        true
    }

    /// Everything that this group had the log write first is durable.
    pub(crate) fn beginning_is_durable(&mut self, child: PartitionId) {
        if let Some(parent) = self.births.marked.remove(&child) {
            self.child_is_durable(parent, child);
        }
    }

    fn child_is_durable(&mut self, parent: PartitionId, child: PartitionId) {
        if let Some(replica) = self.replica(parent) {
            replica.child_is_durable(child);
            self.groups.touch(parent);
        }
    }

    /// Whether this directory held the partition when it was decided to split it, as far as is known here. One that took a seat
    /// since has learned of the decision before the log of the partition.
    fn may_bear(&self, child: PartitionId) -> bool {
        let own = self.local.config().info.incarnation;
        self.groups.map().birth_of(child).is_none_or(|birth| {
            birth.members.get(&self.local.id()).is_some_and(|known| *known == own || known.0 == 0)
        })
    }

    /// Whether the replica of a new partition here is still to come from the one that it is split off.
    pub(crate) fn is_to_be_born(&self, child: PartitionId) -> bool {
        if self.births.is_written(child) {
            return true;
        }
        let (Some(parent), Some(slots)) =
            (self.groups.map().parent_of(child), self.groups.map().slots_of(child))
        else {
            return false;
        };
        let replica = self.groups.replica(parent);
        let owned = replica.and_then(|replica| replica.state().owned());
        self.may_bear(child)
            && self.owns(parent)
            && owned.is_some_and(|owned| owned.whole().end() >= slots.start())
    }
}
