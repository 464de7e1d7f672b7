//! How a cluster grows and shrinks: what the leaders of groups and the nodes themselves do for it.
//!
//! The map keeps account (`synod_ring::Reshape`), and where it says that something is due, somebody does it, again
//! and again until the map says that it is done:
//!
//! | due | who | does |
//! |---|---|---|
//! | members that the metadata group does not count, or counts in vain | its leader | learners first, then voters; a node to be emptied ends as a learner |
//! | replicas stand elsewhere than the plan says | the same | `planner.rs` |
//! | a move | the leader of the partition | newcomers learn; all have caught up; a leader that is to go hands over; one joint change to the new voters; `Moved` |
//! | a replica given up | its node | `Vacate`; drops it, and its files; `Vacated` |

use crate::node::Node;
use crate::output::{FileWork, Log};
use std::collections::{BTreeMap, BTreeSet};
use synod_consensus::Role;
use synod_ring::{MetaCommand, Reshape};
use synod_types::{HardState, Index, Membership, NodeId, PartitionId};

/// Groups whose replica here was dropped.
#[derive(Debug, Default)]
pub(crate) struct Dropped {
    /// What they promised: it counts if they come back.
    promises: BTreeMap<PartitionId, HardState>,
    /// Those that are not yet dropped from the disk.
    on_disk: BTreeSet<PartitionId>,
}

impl Dropped {
    fn insert(&mut self, group: PartitionId, promised: HardState) {
        self.promises.insert(group, promised);
    }

    /// The group comes back: what it promised, if there was anything.
    pub fn take_promise(&mut self, group: PartitionId) -> HardState {
        self.promises.remove(&group).unwrap_or_default()
    }

    /// Whether a replica of the group was dropped, and has not come back.
    pub fn holds(&self, group: PartitionId) -> bool {
        self.promises.contains_key(&group) || self.on_disk.contains(&group)
    }

    /// Whether what the disk holds of the group is still to go.
    pub fn is_on_disk(&self, group: PartitionId) -> bool {
        self.on_disk.contains(&group)
    }
}

fn set(nodes: &[NodeId]) -> BTreeSet<NodeId> {
    nodes.iter().copied().collect()
}

impl Node {
    /// Does what is due in a cluster whose members or replicas were changed on purpose.
    pub(crate) fn tend_shape(&mut self) {
        if !self.groups.map().is_reshaped() {
            return;
        }
        // A member that lost its data takes its seat back first: both change the members of groups.
        if self.groups.map().replacements().next().is_none() {
            for (partition, to) in self.moves_here() {
                self.tend_move(partition, &to);
            }
            self.tend_meta_members();
        }
        self.add_missing_replicas();
        self.vacate();
        if self.local.config().worker == 0 && self.is_leader(PartitionId::META) {
            self.plan();
        }
    }

    fn moves_here(&self) -> Vec<(PartitionId, Vec<NodeId>)> {
        let here = self.groups.map().moves().filter(|(partition, _)| self.is_leader(*partition));
        here.map(|(partition, to)| (partition, to.to_vec())).collect()
    }

    /// Takes the next step of a move, if the partition is led here and nothing is under way.
    fn tend_move(&mut self, partition: PartitionId, to: &[NodeId]) {
        let Some((in_force, committed)) = self.led_membership(partition) else { return };
        if in_force != committed || !in_force.outgoing.is_empty() {
            return;
        }
        let (wanted, voters, own) = (set(to), set(&in_force.voters), self.local.id());
        let learners = set(&in_force.learners);
        if voters == wanted && learners.is_empty() {
            let done = Reshape::Moved { partition, to: to.to_vec() };
            return self.propose_meta(&MetaCommand::Reshape(done));
        }
        let newcomers: BTreeSet<NodeId> = wanted.difference(&voters).copied().collect();
        if !newcomers.is_subset(&learners) {
            let learners = newcomers.into_iter().collect();
            return self.move_to(partition, Membership { learners, ..in_force });
        }
        if !newcomers.iter().all(|node| self.has_caught_up(partition, *node)) {
            return;
        }
        let mut voters = voters;
        if wanted.contains(&own) {
            voters = wanted;
        } else if newcomers.is_empty() {
            return self.hand_over(partition, &wanted);
        } else {
            voters.extend(wanted);
        }
        let target =
            Membership { voters: voters.into_iter().collect(), learners: Vec::new(), ..in_force };
        self.move_to(partition, target);
    }

    /// Hands the leadership of a group to one of these that has all that is committed.
    fn hand_over(&mut self, group: PartitionId, to: &BTreeSet<NodeId>) {
        let Some(replica) = self.replica(group) else { return };
        let status = replica.status();
        let can = |node: NodeId| to.contains(&node) && status.membership.is_voter(node);
        let heirs = status.peers.iter().filter(|peer| peer.active && can(peer.node));
        let heir = heirs.max_by_key(|peer| peer.matched).filter(|p| p.matched >= status.commit);
        if let Some(heir) = heir.map(|peer| peer.node) {
            let _refused_while_another_is_under_way = replica.engine().transfer_leadership(heir);
            self.groups.touch(group);
        }
    }

    /// Makes all members learn what the metadata group decides, and those vote who should.
    fn tend_meta_members(&mut self) {
        let group = PartitionId::META;
        let Some((in_force, committed)) = self.led_membership(group) else { return };
        if in_force != committed || !in_force.outgoing.is_empty() {
            return;
        }
        let (own, wanted) = (self.local.id(), set(&self.meta_voters()));
        let (voted, learned) = (set(&in_force.voters), set(&in_force.learners));
        let mut voters: BTreeSet<NodeId> = voted.intersection(&wanted).copied().collect();
        let caught_up = |node: &&NodeId| wanted.contains(*node);
        let promoted: Vec<NodeId> = learned.iter().filter(caught_up).copied().collect();
        voters.extend(promoted.into_iter().filter(|node| self.has_caught_up(group, *node)));
        if voters.is_empty() || voted.contains(&own) {
            voters.insert(own);
        }
        let members: BTreeSet<NodeId> = self.groups.map().nodes.keys().copied().collect();
        let learners: BTreeSet<NodeId> = members.difference(&voters).copied().collect();
        if (&voters, &learners) != (&voted, &learned) {
            let (voters, learners) = (voters.into_iter().collect(), learners.into_iter().collect());
            return self.move_to(group, Membership { voters, learners, ..in_force });
        }
        if !wanted.contains(&own) {
            return self.hand_over(group, &wanted);
        }
        let retired: Vec<NodeId> = learners
            .into_iter()
            .filter(|node| {
                self.groups.map().is_draining(*node) && !self.groups.map().is_retired(*node)
            })
            .collect();
        for node in retired {
            self.propose_meta(&MetaCommand::Reshape(Reshape::Retired(node)));
        }
    }

    /// Drops the replicas that this node has given up, once the map says that it is newer than this process.
    fn vacate(&mut self) {
        let (own, process) = (self.local.id(), self.local.config().process);
        let left: Vec<_> = self
            .groups
            .map()
            .vacating()
            .filter(|(partition, node, _)| *node == own && self.owns(*partition))
            .map(|(partition, _, by)| (partition, by == process && process != 0))
            .collect();
        for (partition, is_new) in left {
            let node = own;
            if !is_new {
                let vacate = Reshape::Vacate { partition, node, process };
                self.propose_meta(&MetaCommand::Reshape(vacate));
            } else if let Some(replica) = self.replica(partition) {
                let leads = replica.role().0 == Role::Leader;
                // What is part of another partition is not led by others afterwards.
                if replica.is_idle() && (!leads || self.groups.map().heir_of(partition).is_some()) {
                    self.drop_replica(partition);
                }
            } else if !self.groups.dropped().is_on_disk(partition) && !self.is_to_be_born(partition)
            {
                // One that is born here later would be a replica that nobody gives up any more.
                self.propose_meta(&MetaCommand::Reshape(Reshape::Vacated { partition, node }));
            }
        }
        self.forget_blank_replicas();
    }

    fn drop_replica(&mut self, group: PartitionId) {
        let Some(replica) = self.groups.remove(group) else {
            return;
        };
        let hard_state = replica.given_up();
        self.groups.fetches_mut().remove(&group);
        self.groups.dropped_mut().insert(group, hard_state);
        self.groups.dropped_mut().on_disk.insert(group);
        self.groups.leaders_mut().stepped_down(group, self.local.id());
        self.output.log.push(Log::Remove { group, hard_state });
        self.output.files.extend(replica.into_garbage().map(FileWork::Discard));
    }

    /// The dropped replica of a group is gone from the disk, too.
    pub fn group_removed(&mut self, group: PartitionId) {
        self.groups.dropped_mut().on_disk.remove(&group);
        // The log knows of it from here on. One that was dropped before its beginning was durable is not made again, so the
        // partition that it was split off from may take snapshots.
        self.beginning_is_durable(group);
    }

    /// After a restart, what is left of a dropped replica is one that knows of nobody. It is of no use; what it promised
    /// stays remembered.
    fn forget_blank_replicas(&mut self) {
        for group in self.groups.numbers().skip(1) {
            let own = self.local.id();
            let map = self.groups.map();
            let holds = match (map.partition(group), map.heir_of(group)) {
                (Some(info), _) => info.replicas.contains(&own) || info.learners.contains(&own),
                (None, Some(_)) => {
                    map.absorbed(group).is_some_and(|absorbed| absorbed.replicas.contains(&own))
                }
                // It is not known yet.
                (None, None) => true,
            };
            if holds {
                continue;
            }
            let Some(replica) = self.replica(group) else { continue };
            let status = replica.status();
            let is_blank = status.last == Index(0) && status.membership == Membership::default();
            if is_blank && replica.is_idle() {
                let hard_state = replica.given_up();
                self.groups.remove(group);
                self.groups.dropped_mut().insert(group, hard_state);
            }
        }
    }
}
