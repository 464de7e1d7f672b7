//! Where replicas are to go: the leader of the metadata group compares what the map says with what consistent hashing
//! says for the members there are, and has a few partitions moved at a time until the two agree.
//!
//! The plan is a function of the map and of who can be reached, so a new leader goes on with it; nothing of it is
//! remembered but what makes it wait.

use crate::node::Node;
use std::collections::BTreeMap;
use synod_ring::placement::{Member, rebalance};
use synod_ring::{ClusterMap, MetaCommand, Place, Reshape};
use synod_types::limits::MOVES_MAX;
use synod_types::{NodeId, PartitionId};

/// For so long a partition does not come back to a node that has dropped it: what its former replica said last is not
/// on its way any more then, since a connection that is silent for less is given up.
const QUARANTINE_US: u64 = 10_000_000;

/// What the planner knows beside the map.
#[derive(Debug, Default)]
pub(crate) struct Planner {
    /// The map and the members with which nothing was left to do.
    settled: Option<(u64, Vec<Member>)>,
    /// When a replica of a partition was dropped last.
    dropped_us: BTreeMap<PartitionId, u64>,
}

impl Planner {
    /// Notes who has dropped a replica between two maps.
    pub fn learn(&mut self, old: &ClusterMap, new: &ClusterMap, now_us: u64) {
        for (partition, node, _) in old.vacating() {
            if !new.has_left(partition, node) {
                self.dropped_us.insert(partition, now_us);
            }
        }
        self.dropped_us.retain(|_, at| now_us.saturating_sub(*at) < QUARANTINE_US);
    }

    fn is_in_quarantine(&self, partition: PartitionId, now_us: u64) -> bool {
        let dropped = self.dropped_us.get(&partition);
        dropped.is_some_and(|at| now_us.saturating_sub(*at) < QUARANTINE_US)
    }
}

impl Node {
    /// Has the next partitions moved, if the metadata group is led here.
    pub(crate) fn plan(&mut self) {
        let members = self.plan_members();
        let key = (self.groups.map().epoch, members);
        // A member that lost its data takes its seat back first.
        if self.planner.settled.as_ref() == Some(&key)
            || self.groups.map().replacements().next().is_some()
        {
            return;
        }
        let members = key.1.as_slice();
        let steps = self.plan_steps(members);
        if steps.is_empty() && self.planner.dropped_us.is_empty() {
            self.planner.settled = Some(key);
            return;
        }
        let room = MOVES_MAX.saturating_sub(self.groups.map().moves().count());
        let is_stuck = |map: &ClusterMap, partition| map.move_of(partition).is_some();
        let (stuck, new): (Vec<_>, Vec<_>) =
            steps.into_iter().partition(|(partition, _)| is_stuck(self.groups.map(), *partition));
        for (partition, to) in stuck.into_iter().chain(new.into_iter().take(room)) {
            self.propose_meta(&MetaCommand::Reshape(Reshape::Move { partition, to }));
        }
    }

    /// Who may hold replicas: members that are not to be emptied, and that hold some already or can be reached.
    fn plan_members(&self) -> Vec<Member> {
        let may = |node: &NodeId| {
            let holds = || self.groups.map().partitions_on(*node).next().is_some();
            !self.groups.map().is_draining(*node) && (self.others.peers().is_up(*node) || holds())
        };
        let member = |node: NodeId| {
            let Place { weight, zone } = self.groups.map().place_of(node);
            Member { node, weight, zone }
        };
        self.groups.map().nodes.keys().copied().filter(may).map(member).collect()
    }

    /// The partitions that are to be held by others than they are, and can be moved now.
    fn plan_steps(&self, members: &[Member]) -> Vec<(PartitionId, Vec<NodeId>)> {
        let ids: Vec<_> = self.groups.map().partitions().keys().copied().collect();
        let current: Vec<Vec<NodeId>> = ids
            .iter()
            .map(|id| self.groups.map().holders(*id).map(<[NodeId]>::to_vec).unwrap_or_default())
            .collect();
        let target = rebalance(&current, self.groups.map().copies() as usize, members);
        let is_member = |node: &NodeId| members.iter().any(|member| member.node == *node);
        let mut steps = Vec::new();
        for ((partition, now), to) in ids.into_iter().zip(current).zip(target) {
            if now == to || to.is_empty() || self.groups.map().split_of(partition).is_some() {
                continue;
            }
            // One that is to become part of another one stays where it is for that, unless somebody is to leave.
            let map = self.groups.map();
            if map.is_bound_by_merge(partition)
                || (map.is_merging(partition) && now.iter().all(is_member))
            {
                continue;
            }
            // One that is on its way goes on, unless somebody whom it needs is to leave.
            if self.groups.map().move_of(partition).is_some() && now.iter().all(is_member) {
                continue;
            }
            let mut comes = to.iter().filter(|node| !now.contains(node));
            let can = |node: &NodeId| {
                self.others.peers().is_up(*node) && !self.groups.map().has_left(partition, *node)
            };
            let waits = self.planner.is_in_quarantine(partition, self.local.now().mono_us);
            let moves = comes.clone().next().is_some();
            if !(moves && waits) && comes.all(can) {
                steps.push((partition, to));
            }
        }
        steps
    }
}
