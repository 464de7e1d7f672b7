//! Placement: which nodes hold which partition, and what is to move when nodes come or go.
//!
//! The ring gives each partition an order of preference which a joining or leaving node barely disturbs. Hashing alone
//! leaves a few partitions per node uneven, so a placement is then levelled until every node is within its bounds.
//!
//! ```text
//!  current placement -> drop what is gone -> fill by preference -> level replicas -> level leaders
//! ```
//!
//! A plan is a function of its arguments: every node computes the same one.

mod leaders;
mod moves;
mod zones;

pub use moves::{Move, moves};

use crate::hashing::HashRing;
use leaders::Leaders;
use synod_types::NodeId;
use zones::Zones;

/// A node's share of replicas lies within this many percent of its fair share, rounded outwards.
const REPLICA_SLACK_PERCENT: u64 = 10;

/// A node that may hold replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Which one.
    pub node: NodeId,
    /// Its share, relative to the others'; up to [`crate::hashing::WEIGHT_MAX`]. One of weight 0 holds nothing.
    pub weight: u32,
    /// What fails as one with it: a rack, a site. The empty name is a zone as any other.
    pub zone: String,
}

impl Member {
    /// A node of weight 1 in the nameless zone.
    #[must_use]
    pub fn equal(node: NodeId) -> Self {
        Self { node, weight: 1, zone: String::new() }
    }
}

/// Places `partitions` partitions, `replicas` times each, on nodes with weights and zones.
///
/// Element `i` belongs to the partition numbered `i + 1`: distinct nodes, the preferred leader first.
/// There are fewer than `replicas` of them only when there are fewer nodes. With equal weights no node
/// leads more than `ceil(average)` partitions as long as the replica sets allow it, and none holds more
/// than `ceil(1.1 * average)` replicas. No zone holds more of a partition's replicas than it must; where
/// zones differ in weight, that comes before the bounds of their nodes.
#[must_use]
pub fn place(partitions: u32, replicas: usize, members: &[Member]) -> Vec<Vec<NodeId>> {
    rebalance(&vec![Vec::new(); partitions as usize], replicas, members)
}

/// The placement to go to from `current` once the nodes are `members`: what may stay stays, and about as
/// much moves as one node's fair share when one node came or went. Same bounds as [`place`].
#[must_use]
pub fn rebalance(current: &[Vec<NodeId>], replicas: usize, members: &[Member]) -> Vec<Vec<NodeId>> {
    let weights: Vec<_> = members.iter().map(|member| (member.node, member.weight)).collect();
    let ring = HashRing::new(&weights);
    if ring.nodes().is_empty() {
        return vec![Vec::new(); current.len()];
    }
    let replicas = replicas.min(ring.nodes().len());
    let zones = Zones::new(ring.nodes(), members, current.len(), replicas);
    let mut plan = Plan::new(&ring, zones, current, replicas);
    plan.fill();
    plan.level_replicas();
    plan.level_leaders();
    let name = |set: Vec<usize>| set.into_iter().map(|at| ring.nodes()[at].0).collect();
    plan.sets.into_iter().map(name).collect()
}

/// A placement in the making. Nodes are positions in the ring's list of nodes.
struct Plan {
    /// Per partition: all nodes, most preferred first.
    preference: Vec<Vec<usize>>,
    /// Per partition: the nodes that hold it, leader first; distinct, at most `replicas`.
    sets: Vec<Vec<usize>>,
    /// Per node: how many sets it is in.
    load: Vec<u64>,
    /// Per node: its weight, at least 1.
    weight: Vec<u64>,
    zones: Zones,
    replicas: usize,
}

impl Plan {
    fn new(ring: &HashRing, zones: Zones, current: &[Vec<NodeId>], replicas: usize) -> Self {
        let nodes = ring.nodes();
        let mut plan = Self {
            preference: (1..=current.len() as u64).map(|p| ring.walk_positions(p)).collect(),
            sets: Vec::with_capacity(current.len()),
            load: vec![0; nodes.len()],
            weight: nodes.iter().map(|n| n.1).collect(),
            zones,
            replicas,
        };
        for holders in current {
            let mut set: Vec<usize> = Vec::with_capacity(replicas);
            for node in holders {
                if let Ok(at) = nodes.binary_search_by_key(node, |n| n.0)
                    && !set.contains(&at)
                    && set.len() < replicas
                    && plan.zones.admits(&set, at, None)
                {
                    set.push(at);
                    plan.load[at] += 1;
                }
            }
            plan.sets.push(set);
        }
        plan
    }

    fn replica_max(&self, node: usize) -> u64 {
        let share = self.zones.share(node, self.weight[node], 100 + REPLICA_SLACK_PERCENT);
        share.1.min(self.sets.len() as u64)
    }

    fn replica_min(&self, node: usize) -> u64 {
        let share = self.zones.share(node, self.weight[node], 100 - REPLICA_SLACK_PERCENT);
        share.0.min(self.sets.len() as u64)
    }

    /// Gives every partition its full number of holders: the first in its preference that has room,
    /// else simply the first; [`Self::level_replicas`] then moves what is too much.
    fn fill(&mut self) {
        let max: Vec<u64> = (0..self.load.len()).map(|at| self.replica_max(at)).collect();
        for (set, preference) in self.sets.iter_mut().zip(&self.preference) {
            while set.len() < self.replicas {
                let mut free = preference
                    .iter()
                    .filter(|at| !set.contains(at) && self.zones.admits(set, **at, None));
                let first = free.clone().next();
                let Some(at) = free.find(|at| self.load[**at] < max[**at]).or(first).copied()
                else {
                    break;
                };
                set.push(at);
                self.load[at] += 1;
            }
        }
    }

    /// Moves replicas one by one until every node is within its bounds.
    fn level_replicas(&mut self) {
        for node in 0..self.load.len() {
            while self.load[node] < self.replica_min(node) && self.pull(node) {}
        }
        for node in 0..self.load.len() {
            while self.load[node] > self.replica_max(node) && self.push(node) {}
        }
    }

    /// Moves a replica to `to` from the relatively fullest node that can spare one.
    fn pull(&mut self, to: usize) -> bool {
        let mut donors: Vec<usize> = (0..self.load.len()).collect();
        donors.sort_by(|a, b| self.fuller(*b, *a));
        donors.into_iter().any(|from| self.shift(from, to))
    }

    /// Moves a replica from `from` to the relatively emptiest node that can take one.
    fn push(&mut self, from: usize) -> bool {
        let mut takers: Vec<usize> = (0..self.load.len()).collect();
        takers.sort_by(|a, b| self.fuller(*a, *b));
        takers.into_iter().any(|to| self.shift(from, to))
    }

    /// Compares load per weight, without rounding.
    fn fuller(&self, a: usize, b: usize) -> std::cmp::Ordering {
        (self.load[a] * self.weight[b]).cmp(&(self.load[b] * self.weight[a]))
    }

    /// Moves one replica between two nodes, of the partition that likes `to` best, if that brings the
    /// two strictly nearer to each other (which is why levelling ends).
    fn shift(&mut self, from: usize, to: usize) -> bool {
        if self.load[from] * self.weight[to] <= (self.load[to] + 1) * self.weight[from] {
            return false;
        }
        let rank = |p: usize| self.preference[p].iter().position(|at| *at == to);
        let best = (0..self.sets.len())
            .filter(|p| {
                let set = &self.sets[*p];
                set.contains(&from) && !set.contains(&to) && self.zones.admits(set, to, Some(from))
            })
            .min_by_key(|p| rank(*p));
        let Some(holder) = best
            .and_then(|partition| self.sets[partition].iter_mut().find(|holder| **holder == from))
        else {
            return false;
        };
        *holder = to;
        self.load[from] -= 1;
        self.load[to] += 1;
        true
    }

    /// How many partitions a node is to lead at most: its share by weight among all nodes.
    fn leader_max(&self, node: usize) -> u64 {
        let total: u64 = self.weight.iter().sum();
        (self.sets.len() as u64 * self.weight[node]).div_ceil(total)
    }

    /// Brings a leader to the front of every set, none over its bound; the leaders there are now stay
    /// where they can. When the sets do not allow the bounds, the bounds grow by one until they do.
    fn level_leaders(&mut self) {
        let mut slack = 0;
        let mut leaders = Leaders { led: vec![Vec::new(); self.load.len()], sets: &self.sets };
        for partition in 0..self.sets.len() {
            loop {
                let room = |at: usize, led: usize| (led as u64) < self.leader_max(at) + slack;
                let mut tried = vec![false; self.load.len()];
                if leaders.seat(partition, &room, &mut tried) || self.sets[partition].is_empty() {
                    break;
                }
                slack += 1;
            }
        }
        for (node, partitions) in leaders.led.into_iter().enumerate() {
            for partition in partitions {
                if let Some(at) = self.sets[partition].iter().position(|at| *at == node) {
                    self.sets[partition][..=at].rotate_right(1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
