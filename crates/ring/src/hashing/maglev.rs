//! Maglev's table: one look-up per key, and shares that are even to a percent.
//!
//! Every node has a permutation of the table's places, and the nodes take turns to claim the next place of theirs that
//! is free, a node of weight w with w turns of a round's. Source: Eisenbud et al. 2016, section 3.4; the weights are
//! left to the reader there.

use super::mix::{hash_pair, mix};
use std::collections::BTreeMap;
use synod_types::NodeId;

/// The places of a table for up to some hundred nodes: a prime.
pub const TABLE_LEN_DEFAULT: u32 = 65_537;

/// The table.
#[derive(Clone, Debug)]
pub struct Maglev {
    /// Of each place: the node, as a position in `nodes`. Empty without nodes.
    places: Vec<u32>,
    nodes: Vec<NodeId>,
}

impl Maglev {
    /// A table of the least prime of places that is `len` or more, for these nodes and weights. Order does not matter;
    /// a node named twice counts once, with the weight named last, and 0 leaves it out.
    #[must_use]
    pub fn new(nodes: &[(NodeId, u32)], len: u32) -> Self {
        let unique: BTreeMap<NodeId, u32> = nodes.iter().copied().collect();
        let weighed: Vec<_> = unique.into_iter().filter(|(_, weight)| *weight > 0).collect();
        let names = weighed.iter().map(|(node, _)| *node).collect();
        let weights: Vec<u64> = weighed.iter().map(|(_, weight)| u64::from(*weight)).collect();
        let len = prime_from(len.max(2));
        let mut walks: Vec<_> = weighed.iter().map(|(node, _)| Walk::of(*node, len)).collect();
        let heaviest = weights.iter().max().copied().unwrap_or(0);
        let mut credit = vec![0; walks.len()];
        let mut places: Vec<Option<u32>> =
            vec![None; if walks.is_empty() { 0 } else { len as usize }];
        let mut free = places.len();
        while free > 0 {
            for (at, walk) in walks.iter_mut().enumerate() {
                credit[at] += weights[at];
                if credit[at] < heaviest || free == 0 {
                    continue;
                }
                credit[at] -= heaviest;
                let place = walk.find(|place| places[*place as usize].is_none());
                // A permutation of all places meets a free one while there is one.
                let Some(place) = place else { continue };
                places[place as usize] = Some(at as u32);
                free -= 1;
            }
        }
        Self { places: places.into_iter().flatten().collect(), nodes: names }
    }

    /// The node of a key's hash; `None` without nodes.
    #[must_use]
    pub fn get(&self, key: u64) -> Option<NodeId> {
        let len = self.places.len() as u64;
        let place = mix(key).checked_rem(len)?;
        Some(self.nodes[self.places[place as usize] as usize])
    }

    /// How many places each node has, ascending by node.
    #[must_use]
    pub fn shares(&self) -> Vec<(NodeId, usize)> {
        let count = |at| self.places.iter().filter(|place| **place as usize == at).count();
        self.nodes.iter().enumerate().map(|(at, node)| (*node, count(at))).collect()
    }
}

/// A node's permutation of the places: every `skip`-th from `next`. The length is a prime, so it meets all.
struct Walk {
    next: u64,
    skip: u64,
    len: u64,
    left: u64,
}

impl Walk {
    fn of(node: NodeId, len: u32) -> Self {
        let len = u64::from(len);
        let (next, skip) = (hash_pair(node.0, 1) % len, hash_pair(node.0, 2) % (len - 1) + 1);
        Self { next, skip, len, left: len }
    }
}

impl Iterator for Walk {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        let place = self.next;
        self.next = (self.next + self.skip) % self.len;
        Some(place as u32)
    }
}

/// The least prime that is `from` or more. There is one below twice `from` (Bertrand), and tables are short.
fn prime_from(from: u32) -> u32 {
    let is_prime = |n: &u32| (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (from.min(1 << 24)..).find(is_prime).unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_the_next_prime() {
        for (from, prime) in
            [(2, 2), (4, 5), (14, 17), (65_536, TABLE_LEN_DEFAULT), (65_537, 65_537)]
        {
            assert_eq!(prime_from(from), prime);
        }
        assert_eq!(Maglev::new(&[], 7).get(1), None);
        assert_eq!(Maglev::new(&[(NodeId(1), 0)], 7).get(1), None);
        let one = Maglev::new(&[(NodeId(1), 3)], 0);
        assert_eq!((one.get(1), one.shares()), (Some(NodeId(1)), vec![(NodeId(1), 2)]));
    }
}
