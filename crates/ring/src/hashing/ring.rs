//! The ring of virtual nodes. Every node stands at many points of a ring of 64-bit hashes, more of them the more it
//! weighs; a key prefers the nodes it meets walking clockwise from its own point.
//!
//! ```text
//!            b         key k: c, then a, then b
//!        a  ,-.  c     key l: b, then a, then c
//!       ,--'   `--.
//!   l  b           a   a node that comes takes the arcs before its own points, and nothing else moves;
//!       `--.   ,--'    a node that goes leaves them to whom each meets next
//!        c  `-'  b
//!            k ->
//! ```
//!
//! Sources: Karger et al. 1997 (the ring); Mirrokni, Thorup, Zadimoghaddam 2018 (bounded load).

use super::mix::{hash_pair, mix};
use std::collections::BTreeMap;
use synod_types::NodeId;

/// Points on the ring per unit of weight.
const POINTS_PER_WEIGHT: u32 = 64;
/// The largest weight that counts; a node of weight 0 receives nothing.
pub const WEIGHT_MAX: u32 = 64;

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

    /// The nodes that have points and what each weighs, ascending.
    #[must_use]
    pub fn nodes(&self) -> &[(NodeId, u64)] {
        &self.nodes
    }

    /// The node that a key prefers; `None` on an empty ring.
    #[must_use]
    pub fn first(&self, key: u64) -> Option<NodeId> {
        self.clockwise(key).next().map(|at| self.nodes[at].0)
    }

    /// The first node clockwise from `key` that has room; `None` when none has. With loads counted and capacities by
    /// [`bounded_capacity`], no node gets more than that however unevenly the keys lie.
    pub fn first_with_room(
        &self,
        key: u64,
        mut has_room: impl FnMut(NodeId) -> bool,
    ) -> Option<NodeId> {
        let order = self.walk_positions(key).into_iter().map(|at| self.nodes[at].0);
        order.into_iter().find(|node| has_room(*node))
    }

    /// Every node of the ring, in the order in which it is met clockwise from `key`.
    #[must_use]
    pub fn walk(&self, key: u64) -> Vec<NodeId> {
        self.walk_positions(key).into_iter().map(|at| self.nodes[at].0).collect()
    }

    /// As [`Self::walk`], as positions in [`Self::nodes`].
    pub(crate) fn walk_positions(&self, key: u64) -> Vec<usize> {
        let mut met = vec![false; self.nodes.len()];
        let mut order = Vec::with_capacity(self.nodes.len());
        for at in self.clockwise(key) {
            if !std::mem::replace(&mut met[at], true) {
                order.push(at);
                if order.len() == self.nodes.len() {
                    break;
                }
            }
        }
        order
    }

    fn clockwise(&self, key: u64) -> impl Iterator<Item = usize> + '_ {
        let start = self.points.partition_point(|(hash, _)| *hash < mix(key));
        self.points[start..].iter().chain(&self.points[..start]).map(|(_, at)| *at)
    }
}

/// How many of `keys` a node of this weight may have when none is to have more than `percent` over its fair share.
/// Never so few that the keys could not all be seated.
#[must_use]
pub fn bounded_capacity(keys: u64, weight: u64, weights: u64, percent: u64) -> u64 {
    let (keys, weight, whole) = (u128::from(keys), u128::from(weight), u128::from(weights) * 100);
    let most = (keys * weight * (100 + u128::from(percent))).div_ceil(whole.max(1));
    u64::try_from(most).unwrap_or(u64::MAX)
}
