//! A cluster that grows and shrinks: how the map keeps account of members that come and go, and of the replicas that
//! move for them.
//!
//! ```text
//!  a node      Admit ---> member ---Drain---> draining ---Retired (the metadata group does without it)---> Remove
//!                           ^_____Restore________|                and it holds no replica
//!
//!  a replica   Move: the newcomers are learners of the partition ---> Moved: the group has committed the new voters
//!                                                                       |
//!              Vacated: it has dropped it  <--- Vacate: it is about to, <--- whoever gave up its replica is in `left`
//!                                                in this process
//! ```
//!
//! `replicas` and `learners` of a partition together hold everyone who may be a member of its group, so whoever is in
//! neither may drop its replica. But a node that restarts may know an old map only, of a time when it had not got the
//! replica yet. So it says first, in this log, that it is about to; only when the map says so with the number of the
//! very process is the map known to be newer than the process, and only then is the replica dropped. Until it has said
//! that it is gone, the partition does not come back to the node: what it said in its earlier life has been heard then.

use crate::cluster_map::{Applied, ClusterMap, NodeInfo, Rejected};
use crate::hashing::WEIGHT_MAX;
use crate::sizing::Weight;
use std::collections::{BTreeMap, BTreeSet};
use synod_types::limits::{NODES_MAX, ZONE_BYTES_MAX};
use synod_types::{ClusterId, Epoch, NodeId, PartitionId, Slot};

/// A change of who is in the cluster, or of who holds what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reshape {
    /// A node that nobody knows becomes a member.
    Admit {
        /// The cluster that it wants to join.
        cluster: ClusterId,
        /// The node; its id is free.
        node: NodeId,
        /// What it says of itself; its incarnation is not 0.
        info: NodeInfo,
    },
    /// The node is to hold nothing any more.
    Drain(NodeId),
    /// It may hold something again.
    Restore(NodeId),
    /// A drained node is no member any more.
    Remove(NodeId),
    /// The metadata group has committed a membership in which the draining node does not vote.
    Retired(NodeId),
    /// How many replicas each partition is to have, where there are nodes enough.
    Copies(u32),
    /// How large a node's share is, and what fails as one with it.
    Place(NodeId, Place),
    /// The partition is to be held by these, the preferred leader first.
    Move {
        /// The partition.
        partition: PartitionId,
        /// Distinct members.
        to: Vec<NodeId>,
    },
    /// The partition's group has committed a membership of these voters and nobody else.
    Moved {
        /// The partition.
        partition: PartitionId,
        /// As in the `Move`.
        to: Vec<NodeId>,
    },
    /// The partition is to become two.
    Split {
        /// The partition.
        partition: PartitionId,
        /// The first slot of the new one.
        at: Slot,
    },
    /// The partition is to become two in the middle of its load, wherever its leader finds that.
    SplitByLoad {
        /// The partition.
        partition: PartitionId,
        /// What the halves are to have the same of.
        weight: Weight,
    },
    /// Whether partitions are split and merged by themselves.
    Resizing(bool),
    /// Its log says that it is.
    Halved {
        /// The partition.
        partition: PartitionId,
        /// The new one.
        child: PartitionId,
        /// Since which epoch of the partition's slots.
        epoch: Epoch,
    },
    /// The partition is to become part of the one whose slots are right below its own.
    Merge {
        /// The partition.
        upper: PartitionId,
    },
    /// Both are in the same places, and it is small enough: it may give its slots away.
    Seal {
        /// The partition.
        upper: PartitionId,
    },
    /// It is not to become part of the other one after all, if it has not come so far.
    Unmerge {
        /// The partition.
        upper: PartitionId,
    },
    /// The log of that one says that it is.
    Merged {
        /// The partition.
        upper: PartitionId,
        /// In which epoch of its slots it has given them away.
        sealed: Epoch,
        /// Since which epoch of its slots the other one has them.
        epoch: Epoch,
    },
    /// The node's replica of the other one has no need of this partition any more.
    Absorbed {
        /// The partition that has become part of another one.
        upper: PartitionId,
        /// The node.
        node: NodeId,
    },
    /// The node is about to drop the replica that it does not need any more.
    Vacate {
        /// The partition.
        partition: PartitionId,
        /// The node.
        node: NodeId,
        /// The number of its process; not 0.
        process: u64,
    },
    /// It has, durably.
    Vacated {
        /// The partition.
        partition: PartitionId,
        /// The node.
        node: NodeId,
    },
}

/// Where a node stands among the others, for whoever places replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its share, relative to the others': 1 to [`WEIGHT_MAX`].
    pub weight: u32,
    /// What fails as one with it: a rack, a site. Of a partition no zone holds more replicas than it must. Up to
    /// [`ZONE_BYTES_MAX`] printing characters; the empty name is a zone as any other.
    pub zone: String,
}

impl Default for Place {
    fn default() -> Self {
        Self { weight: 1, zone: String::new() }
    }
}

impl Place {
    /// Whether it is one that the map takes.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        (1..=WEIGHT_MAX).contains(&self.weight)
            && self.zone.len() <= ZONE_BYTES_MAX
            && self.zone.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

/// What the map knows of changes of this kind; empty until there was one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Whether there was one. What follows means nothing before.
    pub reshaped: bool,
    /// Who founded the cluster.
    pub founders: BTreeSet<NodeId>,
    /// How many replicas each partition is to have.
    pub copies: u32,
    /// Members that are to hold nothing, and whether the metadata group has let them go.
    pub draining: BTreeMap<NodeId, bool>,
    /// Partitions that are being moved, and to whom.
    pub moves: BTreeMap<PartitionId, Vec<NodeId>>,
    /// Partitions that are not held any more by those that founded them.
    pub moved: BTreeSet<PartitionId>,
    /// Who gave up its replica and has not dropped it yet: the process that is about to, 0 before.
    pub left: BTreeMap<(PartitionId, NodeId), u64>,
    /// The places of those that are not as all others.
    pub places: BTreeMap<NodeId, Place>,
}

impl ClusterMap {
    /// Whether members or replicas have ever been changed on purpose.
    #[must_use]
    pub fn is_reshaped(&self) -> bool {
        self.shape.reshaped
    }

    /// The members that the cluster was founded with.
    #[must_use]
    pub fn founders(&self) -> BTreeSet<NodeId> {
        match self.shape.reshaped {
            true => self.shape.founders.clone(),
            false => self.nodes.keys().copied().collect(),
        }
    }

    /// How many replicas each partition is to have, where there are nodes enough.
    #[must_use]
    pub fn copies(&self) -> u32 {
        match self.shape.reshaped {
            true => self.shape.copies,
            false => self.partitions.values().map(|p| p.replicas.len()).max().unwrap_or(0) as u32,
        }
    }

    /// Where a member stands among the others.
    #[must_use]
    pub fn place_of(&self, node: NodeId) -> Place {
        self.shape.places.get(&node).cloned().unwrap_or_default()
    }

    /// Whether a member is to hold nothing any more.
    #[must_use]
    pub fn is_draining(&self, node: NodeId) -> bool {
        self.shape.draining.contains_key(&node)
    }

    /// Whether nothing is left of a draining member: it may be removed.
    #[must_use]
    pub fn is_drained(&self, node: NodeId) -> bool {
        let retired = self.shape.draining.get(&node).copied().unwrap_or(false);
        retired && self.partitions_on(node).next().is_none() && !self.is_still_dropping(node)
    }

    /// Whether the metadata group does without a draining member.
    #[must_use]
    pub fn is_retired(&self, node: NodeId) -> bool {
        self.shape.draining.get(&node).copied().unwrap_or(false)
    }

    fn is_still_dropping(&self, node: NodeId) -> bool {
        self.shape.left.keys().any(|(_, left)| *left == node)
    }

    /// The partitions that are being moved, and to whom.
    pub fn moves(&self) -> impl Iterator<Item = (PartitionId, &[NodeId])> {
        self.shape.moves.iter().map(|(partition, to)| (*partition, to.as_slice()))
    }

    /// Where a partition is being moved to.
    #[must_use]
    pub fn move_of(&self, partition: PartitionId) -> Option<&[NodeId]> {
        self.shape.moves.get(&partition).map(Vec::as_slice)
    }

    /// Who is to hold a partition, the preferred leader first: when its move is done, if it is being moved.
    #[must_use]
    pub fn holders(&self, partition: PartitionId) -> Option<&[NodeId]> {
        let info = self.partitions.get(&partition)?;
        Some(self.move_of(partition).unwrap_or(&info.replicas))
    }

    /// Whether the replicas of a partition are where it was founded.
    #[must_use]
    pub fn is_as_founded(&self, partition: PartitionId) -> bool {
        !self.shape.moved.contains(&partition)
    }

    /// Who has given up its replica of which partition and not said yet that it is dropped; with the process that is
    /// about to drop it, or 0.
    pub fn vacating(&self) -> impl Iterator<Item = (PartitionId, NodeId, u64)> + '_ {
        self.shape.left.iter().map(|((partition, node), process)| (*partition, *node, *process))
    }

    /// Whether a node has yet to drop its former replica of a partition.
    #[must_use]
    pub fn has_left(&self, partition: PartitionId, node: NodeId) -> bool {
        self.shape.left.contains_key(&(partition, node))
    }

    pub(crate) fn reshape(&mut self, command: Reshape) -> Result<Applied, Rejected> {
        if !self.is_founded() {
            return Err(Rejected::NotFounded);
        }
        let mut next = self.clone();
        next.begin_reshaping();
        let changed = next.apply_reshape(command)?;
        if !changed {
            return Ok(Applied::Unchanged);
        }
        next.epoch += 1;
        *self = next;
        Ok(Applied::Changed)
    }

    fn begin_reshaping(&mut self) {
        if !self.shape.reshaped {
            let (founders, copies) = (self.founders(), self.copies());
            self.shape = Shape { reshaped: true, founders, copies, ..Shape::default() };
        }
    }

    /// Whether anything changed. After an error the map is thrown away.
    fn apply_reshape(&mut self, command: Reshape) -> Result<bool, Rejected> {
        match command {
            Reshape::Admit { cluster, node, info } => self.admit(cluster, node, info),
            Reshape::Drain(node) => self.drain(node),
            Reshape::Restore(node) => {
                self.known(node)?;
                Ok(self.shape.draining.remove(&node).is_some())
            }
            Reshape::Remove(node) => self.remove(node),
            Reshape::Retired(node) => {
                let retired = self.shape.draining.get_mut(&node);
                Ok(retired.is_some_and(|retired| !std::mem::replace(retired, true)))
            }
            Reshape::Copies(copies) => {
                if !(1..=NODES_MAX as u32).contains(&copies) {
                    return Err(Rejected::OutOfBounds);
                }
                Ok(std::mem::replace(&mut self.shape.copies, copies) != copies)
            }
            Reshape::Place(node, place) => {
                self.known(node)?;
                if !place.is_bounded() {
                    return Err(Rejected::OutOfBounds);
                }
                let changed = self.place_of(node) != place;
                match place == Place::default() {
                    true => self.shape.places.remove(&node),
                    false => self.shape.places.insert(node, place),
                };
                Ok(changed)
            }
            Reshape::Move { partition, to } => self.begin_move(partition, to),
            Reshape::Moved { partition, to } => Ok(self.end_move(partition, &to)),
            Reshape::Split { partition, at } => self.begin_split(partition, at),
            Reshape::SplitByLoad { partition, weight } => self.want_split(partition, weight),
            Reshape::Resizing(automatic) => {
                Ok(std::mem::replace(&mut self.sizing.automatic, automatic) != automatic)
            }
            Reshape::Halved { partition, child, epoch } => {
                Ok(self.end_split(partition, child, epoch))
            }
            Reshape::Merge { upper } => self.begin_merge(upper),
            Reshape::Seal { upper } => Ok(self.begin_seal(upper)),
            Reshape::Unmerge { upper } => Ok(self.give_merge_up(upper)),
            Reshape::Merged { upper, sealed, epoch } => Ok(self.end_merge(upper, (sealed, epoch))),
            Reshape::Absorbed { upper, node } => Ok(self.needs_no_more(upper, node)),
            Reshape::Vacate { partition, node, process } => {
                let left = self.shape.left.get_mut(&(partition, node));
                Ok(left.is_some_and(|left| std::mem::replace(left, process) != process))
            }
            Reshape::Vacated { partition, node } => {
                Ok(self.shape.left.remove(&(partition, node)).is_some())
            }
        }
    }

    fn known(&self, node: NodeId) -> Result<(), Rejected> {
        self.nodes.contains_key(&node).then_some(()).ok_or(Rejected::UnknownNode(node))
    }

    fn admit(
        &mut self,
        cluster: ClusterId,
        node: NodeId,
        info: NodeInfo,
    ) -> Result<bool, Rejected> {
        if cluster != self.cluster {
            return Err(Rejected::OtherCluster(self.cluster));
        }
        if node.0 == 0 || info.incarnation.0 == 0 || !info.is_bounded() {
            return Err(Rejected::OutOfBounds);
        }
        if let Some(known) = self.nodes.get(&node) {
            let same = known.incarnation == info.incarnation;
            return if same { Ok(false) } else { Err(Rejected::MemberExists(node)) };
        }
        if self.nodes.len() >= NODES_MAX {
            return Err(Rejected::OutOfBounds);
        }
        self.nodes.insert(node, info);
        self.joined.insert(node);
        Ok(true)
    }

    fn drain(&mut self, node: NodeId) -> Result<bool, Rejected> {
        self.known(node)?;
        if self.is_draining(node) {
            return Ok(false);
        }
        let others =
            self.nodes.keys().filter(|other| **other != node && !self.is_draining(**other));
        if others.count() == 0 {
            return Err(Rejected::LastNode(node));
        }
        self.shape.draining.insert(node, false);
        Ok(true)
    }

    fn remove(&mut self, node: NodeId) -> Result<bool, Rejected> {
        self.known(node)?;
        let retired = self.shape.draining.get(&node).copied().unwrap_or(false);
        if !retired || self.partitions_on(node).next().is_some() {
            return Err(Rejected::NotDrained(node));
        }
        self.nodes.remove(&node);
        self.joined.remove(&node);
        self.replacements.remove(&node);
        self.shape.draining.remove(&node);
        self.shape.places.remove(&node);
        // A dead one never says that it has dropped anything, and nobody lets it in any more.
        self.shape.left.retain(|(_, left), _| *left != node);
        Ok(true)
    }

    pub(crate) fn begin_move(
        &mut self,
        partition: PartitionId,
        to: Vec<NodeId>,
    ) -> Result<bool, Rejected> {
        let distinct: BTreeSet<_> = to.iter().copied().collect();
        if self.split_of(partition).is_some() {
            return Err(Rejected::Busy(partition));
        }
        let Some(info) = self.partitions.get_mut(&partition) else {
            return Err(Rejected::OutOfBounds);
        };
        if to.is_empty() || distinct.len() != to.len() {
            return Err(Rejected::OutOfBounds);
        }
        for node in &to {
            if !self.nodes.contains_key(node) {
                return Err(Rejected::UnknownNode(*node));
            }
            if self.shape.left.contains_key(&(partition, *node)) {
                return Err(Rejected::StillThere(*node));
            }
        }
        let pending = self.shape.moves.get(&partition);
        if pending.unwrap_or(&info.replicas) == &to {
            return Ok(false);
        }
        let held: BTreeSet<_> = info.replicas.iter().copied().collect();
        // Whether only who leads is another.
        let only_leads = pending.is_none() && held == distinct;
        let ends = self.merge_before_move(partition)?;
        if let Some(upper) = ends.filter(|_| !only_leads) {
            self.give_merge_up(upper);
        }
        let Some(info) = self.partitions.get_mut(&partition) else {
            return Err(Rejected::OutOfBounds);
        };
        if only_leads {
            info.replicas = to;
            return Ok(true);
        }
        // Whoever a move before this one has made a member stays one until the group has settled.
        info.learners.extend(&to);
        info.learners.retain(|node| !held.contains(node));
        info.learners.sort_unstable();
        info.learners.dedup();
        self.shape.moves.insert(partition, to);
        Ok(true)
    }

    fn end_move(&mut self, partition: PartitionId, to: &[NodeId]) -> bool {
        if self.shape.moves.get(&partition).is_none_or(|wanted| wanted != to) {
            return false;
        }
        let Some(info) = self.partitions.get_mut(&partition) else { return false };
        let members = info.replicas.iter().chain(&info.learners);
        let gone = members.filter(|node| !to.contains(node)).map(|node| ((partition, *node), 0));
        self.shape.left.extend(gone.collect::<Vec<_>>());
        info.replicas = to.to_vec();
        info.learners.clear();
        self.shape.moves.remove(&partition);
        self.shape.moved.insert(partition);
        true
    }
}

#[cfg(test)]
#[path = "reshape_tests.rs"]
mod tests;
