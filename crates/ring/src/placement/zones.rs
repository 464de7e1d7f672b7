//! How far a partition's replicas are spread over zones, and what share of all replicas that leaves to each node.
//!
//! No zone holds more of a partition's replicas than it must: with as many zones as replicas one, with two zones and three
//! replicas two. A small zone then has more to hold than its weight, and what the others hold follows from that.

use super::Member;
use std::collections::BTreeMap;
use synod_types::NodeId;

/// The zones of a plan's nodes. Zones are numbers here.
pub(super) struct Zones {
    /// Of each node.
    of: Vec<usize>,
    /// The most replicas of one partition that a zone is to hold, at least 1.
    most: usize,
    /// Of each node: `(amount, weights)`, the replicas that its pool shares out, and among which weights.
    pools: Vec<(u64, u64)>,
}

impl Zones {
    pub(super) fn new(
        nodes: &[(NodeId, u64)],
        members: &[Member],
        partitions: usize,
        replicas: usize,
    ) -> Self {
        let named: BTreeMap<NodeId, &str> =
            members.iter().map(|member| (member.node, member.zone.as_str())).collect();
        let name = |node: &NodeId| named.get(node).copied().unwrap_or("");
        let mut numbers: BTreeMap<&str, usize> =
            nodes.iter().map(|(node, _)| (name(node), 0)).collect();
        numbers.values_mut().enumerate().for_each(|(number, at)| *at = number);
        let of: Vec<usize> =
            nodes.iter().map(|(node, _)| numbers.get(name(node)).copied().unwrap_or(0)).collect();
        let mut sizes = vec![0; numbers.len()];
        let mut weights = vec![0; numbers.len()];
        for (zone, (_, weight)) in of.iter().zip(nodes) {
            sizes[*zone] += 1;
            weights[*zone] += weight;
        }
        let seats = |most: usize| sizes.iter().map(|size: &usize| most.min(*size)).sum::<usize>();
        let most = (1..replicas).find(|most| seats(*most) >= replicas).unwrap_or(replicas.max(1));
        let caps: Vec<u64> =
            sizes.iter().map(|size| (most.min(*size) * partitions) as u64).collect();
        let by_zone = share_out((partitions * replicas) as u64, &weights, &caps);
        let pools = of.iter().map(|zone| by_zone[*zone]).collect();
        Self { of, most, pools }
    }

    /// Whether `node` may come into a set, in place of the one at `instead`.
    pub(super) fn admits(&self, set: &[usize], node: usize, instead: Option<usize>) -> bool {
        let zone = self.of[node];
        let others = set.iter().filter(|held| self.of[**held] == zone && Some(**held) != instead);
        others.count() < self.most
    }

    /// The fair share of a node of this weight, times `percent`, as (rounded down, rounded up).
    pub(super) fn share(&self, node: usize, weight: u64, percent: u64) -> (u64, u64) {
        let (amount, weights) = self.pools[node];
        let (share, whole) = (amount * weight * percent, weights * 100);
        (share / whole, share.div_ceil(whole))
    }
}

/// Shares an amount out by weight, no zone with more than its cap: those that would have more get their cap, and the
/// rest is shared out among the others. Of each zone: what its pool shares out, and among which weights.
fn share_out(amount: u64, weights: &[u64], caps: &[u64]) -> Vec<(u64, u64)> {
    let mut full: Vec<bool> = vec![false; weights.len()];
    loop {
        let open = || (0..weights.len()).filter(|zone| !full[*zone]);
        let taken: u64 = (0..weights.len()).filter(|zone| full[*zone]).map(|zone| caps[zone]).sum();
        let (left, among) = (amount.saturating_sub(taken), open().map(|zone| weights[zone]).sum());
        let over: Vec<usize> =
            open().filter(|zone| left * weights[*zone] > caps[*zone] * among).collect();
        if over.is_empty() {
            let pool = |zone: usize| match full[zone] {
                true => (caps[zone], weights[zone]),
                false => (left, among),
            };
            return (0..weights.len()).map(pool).collect();
        }
        over.into_iter().for_each(|zone| full[zone] = true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_zone_leaves_the_rest_to_the_others() {
        assert_eq!(share_out(30, &[1, 1, 1], &[10, 10, 10]), vec![(30, 3); 3]);
        assert_eq!(share_out(30, &[5, 1, 1], &[10, 30, 30]), vec![(10, 5), (20, 2), (20, 2)]);
        // The first to be full fills the second.
        assert_eq!(share_out(30, &[8, 3, 1], &[10, 12, 30]), vec![(10, 8), (12, 3), (8, 1)]);
    }

    #[test]
    fn no_zone_holds_more_of_a_partition_than_it_must() {
        // Sizes of the zones, replicas, and the most in one zone.
        let cases: [(&[u64], usize, usize); 7] = [
            (&[3], 3, 3),
            (&[1, 1, 1], 3, 1),
            (&[5, 5, 5], 3, 1),
            (&[1, 5], 3, 2),
            (&[5, 5, 5], 5, 2),
            (&[1, 1, 5], 5, 3),
            (&[4, 4], 2, 1),
        ];
        for (sizes, replicas, most) in cases {
            let mut members = Vec::new();
            for (zone, size) in sizes.iter().enumerate() {
                members.extend((0..*size).map(|n| Member {
                    node: NodeId(100 * zone as u64 + n + 1),
                    weight: 1,
                    zone: format!("z{zone}"),
                }));
            }
            let nodes: Vec<_> = members.iter().map(|member| (member.node, 1)).collect();
            let zones = Zones::new(&nodes, &members, 10, replicas);
            assert_eq!(zones.most, most, "{sizes:?} {replicas}");
        }
    }
}
