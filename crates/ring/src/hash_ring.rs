//! Placement by consistent hashing with virtual nodes, weights and bounded load.
//!
//! Every node stands at many points of a ring of 64-bit hashes; a partition prefers the nodes it meets
//! walking clockwise from its own point. That gives each partition an order of preference which a
//! joining or leaving node barely disturbs. Hashing alone leaves a few partitions per node uneven, so a
//! placement is then levelled until every node is within its bounds.
//!
//! ```text
//!  current placement -> drop what is gone -> fill by preference -> level replicas -> level leaders
//! ```
//!
//! Sources: Karger et al. 1997 (the ring); Mirrokni, Thorup, Zadimoghaddam 2018 (bounded load).

use std::collections::BTreeMap;
use synod_types::NodeId;

/// Points on the ring per unit of weight.
const POINTS_PER_WEIGHT: u32 = 64;
/// The largest weight that counts; a node of weight 0 receives nothing.
pub const WEIGHT_MAX: u32 = 64;
/// A node's share of replicas lies within this many percent of its fair share, rounded outwards.
const REPLICA_SLACK_PERCENT: u64 = 10;

/// The finalizer of splitmix64: every input bit moves every output bit. It is part of what replicas
/// must agree on, hence our own and never to be changed.
const fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

const fn hash_pair(a: u64, b: u64) -> u64 {
    mix(mix(a) ^ b.rotate_left(32))
}

/// The points of all nodes, sorted.
#[derive(Clone, Debug)]
pub struct HashRing {
    /// `(hash, position in nodes)`, ascending.
    points: Vec<(u64, usize)>,
    /// The nodes with a weight, ascending by id, each once.
    nodes: Vec<(NodeId, u64)>,
}

impl HashRing {
    /// A ring of these nodes and weights. Order does not matter; a node named twice counts once, with
    /// the weight named last; weights over [`WEIGHT_MAX`] count as that, and 0 leaves the node out.
    #[must_use]
    pub fn new(nodes: &[(NodeId, u32)]) -> Self {
        let unique: BTreeMap<NodeId, u32> =
            nodes.iter().map(|(node, weight)| (*node, (*weight).min(WEIGHT_MAX))).collect();
        let nodes: Vec<_> =
            unique.into_iter().filter(|n| n.1 > 0).map(|(n, w)| (n, u64::from(w))).collect();
        let mut points = Vec::new();
        for (at, (node, weight)) in nodes.iter().enumerate() {
            for point in 0..weight * u64::from(POINTS_PER_WEIGHT) {
                points.push((hash_pair(node.0, point + 1), at));
            }
        }
        points.sort_unstable();
        Self { points, nodes }
    }

    /// Every node of the ring, in the order in which it is met clockwise from `key`.
    #[must_use]
    pub fn walk(&self, key: u64) -> Vec<NodeId> {
        self.walk_positions(key).into_iter().map(|at| self.nodes[at].0).collect()
    }

    fn walk_positions(&self, key: u64) -> Vec<usize> {
        let start = self.points.partition_point(|(hash, _)| *hash < mix(key));
        let mut met = vec![false; self.nodes.len()];
        let mut order = Vec::with_capacity(self.nodes.len());
        for (_, at) in self.points[start..].iter().chain(&self.points[..start]) {
            if !std::mem::replace(&mut met[*at], true) {
                order.push(*at);
                if order.len() == self.nodes.len() {
                    break;
                }
            }
        }
        order
    }
}

/// Places `partitions` partitions, `replicas` times each, on `nodes` with weights.
///
/// Element `i` belongs to the partition numbered `i + 1`: distinct nodes, the preferred leader first.
/// There are fewer than `replicas` of them only when there are fewer nodes. With equal weights no node
/// leads more than `ceil(average)` partitions as long as the replica sets allow it, and none holds more
/// than `ceil(1.1 * average)` replicas.
#[must_use]
pub fn place(partitions: u32, replicas: usize, nodes: &[(NodeId, u32)]) -> Vec<Vec<NodeId>> {
    rebalance(&vec![Vec::new(); partitions as usize], replicas, nodes)
}

/// The placement to go to from `current` once the nodes are `nodes`: what may stay stays, and about as
/// much moves as one node's fair share when one node came or went. Same bounds as [`place`].
#[must_use]
pub fn rebalance(
    current: &[Vec<NodeId>],
    replicas: usize,
    nodes: &[(NodeId, u32)],
) -> Vec<Vec<NodeId>> {
    let ring = HashRing::new(nodes);
    if ring.nodes.is_empty() {
        return vec![Vec::new(); current.len()];
    }
    let mut plan = Plan::new(&ring, current, replicas.min(ring.nodes.len()));
    plan.fill();
    plan.level_replicas();
    plan.level_leaders();
    let name = |set: Vec<usize>| set.into_iter().map(|at| ring.nodes[at].0).collect();
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
    replicas: usize,
}

impl Plan {
    fn new(ring: &HashRing, current: &[Vec<NodeId>], replicas: usize) -> Self {
        let mut plan = Self {
            preference: (1..=current.len() as u64).map(|p| ring.walk_positions(p)).collect(),
            sets: Vec::with_capacity(current.len()),
            load: vec![0; ring.nodes.len()],
            weight: ring.nodes.iter().map(|n| n.1).collect(),
            replicas,
        };
        for holders in current {
            let mut set: Vec<usize> = Vec::with_capacity(replicas);
            for node in holders {
                if let Ok(at) = ring.nodes.binary_search_by_key(node, |n| n.0)
                    && !set.contains(&at)
                    && set.len() < replicas
                {
                    set.push(at);
                    plan.load[at] += 1;
                }
            }
            plan.sets.push(set);
        }
        plan
    }

    /// `amount` shared out by weight to `node`, times `percent`, as (rounded down, rounded up).
    fn share(&self, node: usize, amount: u64, percent: u64) -> (u64, u64) {
        let total: u64 = self.weight.iter().sum();
        let (share, whole) = (amount * self.weight[node] * percent, total * 100);
        (share / whole, share.div_ceil(whole))
    }

    fn replica_max(&self, node: usize) -> u64 {
        let amount = (self.sets.len() * self.replicas) as u64;
        self.share(node, amount, 100 + REPLICA_SLACK_PERCENT).1.min(self.sets.len() as u64)
    }

    fn replica_min(&self, node: usize) -> u64 {
        let amount = (self.sets.len() * self.replicas) as u64;
        self.share(node, amount, 100 - REPLICA_SLACK_PERCENT).0.min(self.sets.len() as u64)
    }

    /// Gives every partition its full number of holders: the first in its preference that has room,
    /// else simply the first; [`Self::level_replicas`] then moves what is too much.
    fn fill(&mut self) {
        let max: Vec<u64> = (0..self.load.len()).map(|at| self.replica_max(at)).collect();
        for (set, preference) in self.sets.iter_mut().zip(&self.preference) {
            while set.len() < self.replicas {
                let mut free = preference.iter().filter(|at| !set.contains(at));
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
            .filter(|p| self.sets[*p].contains(&from) && !self.sets[*p].contains(&to))
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

    /// Brings a leader to the front of every set, none over its bound; the leaders there are now stay
    /// where they can. When the sets do not allow the bounds, the bounds grow by one until they do.
    fn level_leaders(&mut self) {
        let partitions = self.sets.len() as u64;
        let mut slack = 0;
        let mut leaders = Leaders { led: vec![Vec::new(); self.load.len()], sets: &self.sets };
        for partition in 0..self.sets.len() {
            loop {
                let room = |at: usize, led: usize| {
                    (led as u64) < self.share(at, partitions, 100).1 + slack
                };
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

/// A matching of partitions to leaders, grown by augmenting paths (Kuhn 1955).
struct Leaders<'a> {
    /// Per node: the partitions it leads.
    led: Vec<Vec<usize>>,
    sets: &'a [Vec<usize>],
}

impl Leaders<'_> {
    /// Finds `partition` a leader with room, handing other partitions on to their other holders if
    /// that makes room. `tried` holds the nodes already asked, so the depth is at most their number.
    fn seat(
        &mut self,
        partition: usize,
        room: &dyn Fn(usize, usize) -> bool,
        tried: &mut [bool],
    ) -> bool {
        let sets = self.sets;
        for node in &sets[partition] {
            if room(*node, self.led[*node].len()) {
                self.led[*node].push(partition);
                return true;
            }
        }
        for node in &sets[partition] {
            if std::mem::replace(&mut tried[*node], true) {
                continue;
            }
            for seat in (0..self.led[*node].len()).rev() {
                let other = self.led[*node][seat];
                if self.seat(other, room, tried) {
                    self.led[*node][seat] = partition;
                    return true;
                }
            }
        }
        false
    }
}

#[cfg(test)]
#[path = "hash_ring_tests.rs"]
mod tests;
