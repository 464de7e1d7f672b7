//! Balance and movement of placements, on random clusters.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn equal(nodes: impl IntoIterator<Item = u64>) -> Vec<(NodeId, u32)> {
    nodes.into_iter().map(|n| (NodeId(n), 1)).collect()
}

fn count(sets: &[Vec<NodeId>], node: NodeId) -> (usize, usize) {
    let held = sets.iter().filter(|set| set.contains(&node)).count();
    let led = sets.iter().filter(|set| set.first() == Some(&node)).count();
    (held, led)
}

/// How many replicas of `after` are on nodes that did not hold that partition `before`.
fn moved(before: &[Vec<NodeId>], after: &[Vec<NodeId>]) -> usize {
    before.iter().zip(after).map(|(b, a)| a.iter().filter(|n| !b.contains(n)).count()).sum()
}

fn assert_sound(sets: &[Vec<NodeId>], replicas: usize, nodes: &[(NodeId, u32)]) {
    for set in sets {
        assert_eq!(set.len(), replicas.min(nodes.len()));
        assert_eq!(set.iter().collect::<BTreeSet<_>>().len(), set.len(), "a node twice: {set:?}");
    }
    let per_node = (sets.len() * replicas.min(nodes.len())) as f64 / nodes.len() as f64;
    for (node, _) in nodes {
        let (held, led) = count(sets, *node);
        let most = (per_node * 1.1).ceil().min(sets.len() as f64) as usize;
        assert!(held <= most, "{node:?} holds {held} of at most {most}");
        assert!(held >= (per_node * 0.9).floor() as usize, "{node:?} holds only {held}");
        // With one copy there is no choice of leader, and with about as many partitions as nodes the
        // sets may leave one too few; otherwise the bound is the average, rounded up.
        let tight = usize::from(sets.len() < 2 * nodes.len());
        let leads = if replicas == 1 { most } else { sets.len().div_ceil(nodes.len()) + tight };
        assert!(led <= leads, "{node:?} leads {led} of at most {leads}");
    }
}

#[test]
fn the_hash_is_what_it_always_was() {
    // Changing it would move partitions of clusters that exist.
    assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf); // splitmix64's first output from seed 0
    assert_eq!(place(4, 2, &equal(1..=3)), place(4, 2, &equal([3, 1, 2, 1])));
}

#[test]
fn three_nodes_of_sixteen_partitions_lead_five_or_six_each() {
    let sets = place(16, 3, &equal(1..=3));
    for node in 1..=3 {
        let (held, led) = count(&sets, NodeId(node));
        assert_eq!(held, 16);
        assert!((5..=6).contains(&led), "{led}");
    }
}

#[test]
fn weight_draws_its_share_and_none_draws_nothing() {
    let nodes = [(NodeId(1), 1), (NodeId(2), 1), (NodeId(3), 2), (NodeId(4), 0)];
    let sets = place(400, 1, &nodes);
    assert_eq!(count(&sets, NodeId(4)), (0, 0));
    let heavy = count(&sets, NodeId(3)).0;
    assert!((180..=220).contains(&heavy), "{heavy}");
    assert_eq!(place(2, 3, &[]), vec![Vec::new(), Vec::new()]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn placements_are_balanced(n in 1u64..20, partitions in 1u32..300, replicas in 1usize..5) {
        let nodes = equal(1..=n);
        assert_sound(&place(partitions, replicas, &nodes), replicas, &nodes);
    }

    #[test]
    fn one_node_more_or_less_moves_about_its_share(
        n in 3u64..16, partitions in 8u32..300, replicas in 1usize..4, who in 0u64..16,
    ) {
        let (few, many) = (equal((1..=n).filter(|m| *m != who % n + 1)), equal(1..=n));
        let share = (partitions as usize * replicas.min(few.len())).div_ceil(few.len());
        let before = place(partitions, replicas, &few);
        let joined = rebalance(&before, replicas, &many);
        if few.len() >= replicas {
            assert_sound(&joined, replicas, &many);
            prop_assert!(moved(&before, &joined) <= share + n as usize, "join");
            let left = rebalance(&joined, replicas, &few);
            assert_sound(&left, replicas, &few);
            prop_assert!(moved(&joined, &left) <= share + share / 10 + n as usize, "leave");
        }
        prop_assert_eq!(rebalance(&joined, replicas, &many), joined, "a balanced plan stands still");
    }
}
