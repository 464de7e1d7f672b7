//! How two partitions become one.
//!
//! ```text
//!   Merge in the map --> the upper one is where the lower one is --> its leader: Seal, and once the map says so a claim: Given
//!     every node has the given content --> the leader of the lower one: a claim: Absorb --applied--> every replica has both
//!     the leader of the lower one tells the map: Merged; every node, once its snapshot holds both: Absorbed
//! ```
//! As with splits, each step is known from what is replicated, so whoever leads goes on with it. A replica of the lower one that
//! comes to its entry before the upper one's here has given its slots waits for that.

use crate::node::Node;
use std::collections::BTreeSet;
use synod_replica::Claimed;
use synod_ring::{Merge, MetaCommand, Reshape};
use synod_types::{Epoch, Membership, Millis, PartitionId, Slot};

/// What the replica here says of a partition that has given its slots away.
struct Given {
    epoch: Epoch,
    at: Millis,
    slots: std::ops::RangeInclusive<Slot>,
}

impl Node {
    /// Takes the next step of the merges of partitions that have replicas here.
    pub(crate) fn tend_merges(&mut self) {
        let merges: Vec<_> = self.groups.map().merges().collect();
        for (upper, merge) in merges {
            if self.owns(upper) && self.owns(merge.lower) {
                self.tend_merge(upper, merge);
            }
        }
        let own = self.local.id();
        let needed = self.groups.map().all_absorbed();
        let needed = needed.filter(|(.., absorbed)| absorbed.needed_by.contains(&own));
        let needed: Vec<_> = needed.map(|(upper, lower, of)| (upper, lower, of.epoch)).collect();
        for (upper, lower, epoch) in needed {
            self.tend_absorbed(upper, lower, epoch);
        }
        let waits = |group: &PartitionId| {
            self.groups.replica(*group).is_some_and(|replica| replica.content_wanted().is_some())
        };
        let waiting: Vec<_> = self.groups.numbers().filter(waits).collect();
        waiting.into_iter().for_each(|lower| self.bring_content(lower));
    }

    fn tend_merge(&mut self, upper: PartitionId, merge: Merge) {
        let Some(given) = self.given(upper) else {
            return self.tend_upper(upper, merge);
        };
        let Some((in_force, committed)) = self.led_membership(merge.lower) else { return };
        let known = self.groups.map().epoch_of(merge.lower);
        let Some(replica) = self.replica(merge.lower) else { return };
        if replica.is_draining() || replica.state().is_sealed() || !merge.sealing {
            return;
        }
        let epoch = replica.state().epoch();
        let owned = replica.state().owned().filter(|_| epoch > known);
        if owned.is_some_and(|owned| owned.whole().end() >= given.slots.end()) {
            let merged = Reshape::Merged { upper, sealed: given.epoch, epoch };
            self.propose_meta(&MetaCommand::Reshape(merged));
        } else if in_force == committed && in_force.outgoing.is_empty() {
            replica.is_later_than(given.at);
            let Given { epoch: sealed, slots, .. } = given;
            self.claim(merge.lower, Claimed::Absorb { upper, sealed, slots });
        }
    }

    /// The leader of the upper one has it sealed, and then give its slots away.
    fn tend_upper(&mut self, upper: PartitionId, Merge { lower, sealing }: Merge) {
        let Some((in_force, committed)) = self.led_membership(upper) else { return };
        let map = self.groups.map();
        let (Some(above), Some(below)) = (map.partition(upper), map.partition(lower)) else {
            return;
        };
        let members: BTreeSet<_> = below.replicas.iter().copied().collect();
        let is_there = map.move_of(upper).is_none()
            && map.move_of(lower).is_none()
            && above.replicas.iter().copied().collect::<BTreeSet<_>>() == members
            && in_force.voters.iter().copied().collect::<BTreeSet<_>>() == members
            && in_force == committed
            && in_force.outgoing.is_empty()
            && map.replacements().next().is_none();
        let own = self.local.id();
        let all_up = members.iter().all(|node| *node == own || self.others.peers().is_up(*node));
        let (Some(replica), Some(other)) = (self.groups.replica(upper), self.groups.replica(lower))
        else {
            return;
        };
        if !is_there || !all_up || replica.is_draining() || replica.state().is_sealed() {
            return;
        }
        if !in_force.learners.is_empty() {
            // A leader that had not heard of the end of a move took them in; nobody else would let them go.
            return self.move_to(upper, Membership { learners: Vec::new(), ..in_force });
        }
        if sealing {
            self.claim(upper, Claimed::Given { to: lower });
        } else {
            let can = replica.state().fits_into(other.state());
            let next = if can { Reshape::Seal { upper } } else { Reshape::Unmerge { upper } };
            self.propose_meta(&MetaCommand::Reshape(next));
        }
    }

    /// Whether replicas here of a partition and of the one below it tell that the one does not fit into the other.
    pub(crate) fn is_known_not_to_fit(&self, upper: PartitionId) -> bool {
        let map = self.groups.map();
        let below = map.slots_of(upper).and_then(|slots| slots.start().0.checked_sub(1));
        let lower = below.and_then(|slot| map.partition_of(Slot(slot)));
        let lower = lower.and_then(|lower| self.groups.replica(lower));
        let both = self.groups.replica(upper).zip(lower);
        both.is_some_and(|(above, below)| !above.state().fits_into(below.state()))
    }

    /// What the replica here knows of a partition having given its slots away.
    fn given(&self, upper: PartitionId) -> Option<Given> {
        let state = self.groups.replica(upper)?.state();
        let owned = state.owned()?;
        let (_, at) = owned.given()?;
        Some(Given { epoch: state.epoch(), at, slots: owned.whole().clone() })
    }

    /// Brings a replica that waits for the content of another partition what the replica of that one here has given.
    pub(crate) fn bring_content(&mut self, lower: PartitionId) {
        let Some(awaited) = self.groups.replica(lower).and_then(|r| r.content_wanted()) else {
            return;
        };
        let (upper, epoch) = awaited;
        if self.given(upper).is_none_or(|given| given.epoch != epoch) {
            return;
        }
        let Some(content) = self.replica(upper).and_then(|replica| replica.given_content()) else {
            return;
        };
        if let Some(replica) = self.replica(lower) {
            replica.take_content(awaited, content);
            self.groups.touch(lower);
        }
    }

    /// Says that the replica here of a partition needs the one no more that it has absorbed in this epoch.
    fn tend_absorbed(&mut self, upper: PartitionId, lower: PartitionId, epoch: Epoch) {
        if !self.owns(lower) {
            return;
        }
        let Some(replica) = self.groups.replica(lower) else { return };
        let has_both = replica.state().epoch() >= epoch;
        let has_unborn = self.groups.replica(upper).is_some_and(|replica| replica.has_unborn());
        if has_both && !replica.may_need(upper) && !has_unborn {
            let absorbed = Reshape::Absorbed { upper, node: self.local.id() };
            self.propose_meta(&MetaCommand::Reshape(absorbed));
        }
    }
}
