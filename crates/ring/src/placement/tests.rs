//! Balance and movement of placements, on random clusters.

use super::*;
use crate::hashing::hash_pair;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn equal(nodes: impl IntoIterator<Item = u64>) -> Vec<Member> {
    nodes.into_iter().map(|n| Member::equal(NodeId(n))).collect()
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

fn assert_sound(sets: &[Vec<NodeId>], replicas: usize, nodes: &[Member]) {
    for set in sets {
        assert_eq!(set.len(), replicas.min(nodes.len()));
        assert_eq!(set.iter().collect::<BTreeSet<_>>().len(), set.len(), "a node twice: {set:?}");
    }
    let per_node = (sets.len() * replicas.min(nodes.len())) as f64 / nodes.len() as f64;
    for Member { node, .. } in nodes {
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
fn equal_nodes_get_what_they_always_got() {
    // A restarted founder lays partitions out again from its log: another result would be another cluster.
    let digest = |partitions, replicas, nodes| {
        let sets = place(partitions, replicas, &equal(1..=nodes));
        sets.concat().iter().fold(0, |hash, node| hash_pair(hash, node.0))
    };
    for (partitions, replicas, nodes, known) in [
        (4, 1, 1, 0x0e67bc8dae871520),
        (12, 3, 3, 0x7c478010b59a9320),
        (16, 3, 3, 0x32b6b00061d51b15),
        (20, 3, 5, 0x9452a115953a6436),
        (64, 3, 7, 0x900ec133249f0ef2),
        (300, 2, 9, 0xee3032627fddedb8),
        (1000, 3, 30, 0x78d64a39eac3bb73),
    ] {
        assert_eq!(digest(partitions, replicas, nodes), known, "{partitions} {replicas} {nodes}");
    }
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
    let nodes = [(1, 1), (2, 1), (3, 2), (4, 0)]
        .map(|(n, weight)| Member { weight, ..Member::equal(NodeId(n)) });
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

/// Nodes of equal weight in zones of these sizes.
fn zoned(sizes: &[u64]) -> Vec<Member> {
    let mut members = Vec::new();
    for (zone, size) in sizes.iter().enumerate() {
        members.extend((0..*size).map(|_| format!("zone-{zone}")));
    }
    let member = |(n, zone)| Member { zone, ..Member::equal(NodeId(n)) };
    (1..).zip(members).map(member).collect()
}

/// The most replicas that one zone holds of one partition.
fn most_in_a_zone(sets: &[Vec<NodeId>], members: &[Member]) -> usize {
    let zone = |node: &NodeId| &members.iter().find(|m| m.node == *node).unwrap().zone;
    let in_one = |set: &Vec<NodeId>| {
        set.iter().map(|node| set.iter().filter(|other| zone(other) == zone(node)).count()).max()
    };
    sets.iter().filter_map(in_one).max().unwrap_or(0)
}

#[test]
fn replicas_stand_in_different_zones_where_they_can() {
    for (sizes, replicas, most) in [
        (&[1, 1, 1][..], 3, 1),
        (&[2, 2, 2], 3, 1),
        (&[3, 3, 3], 5, 2),
        (&[1, 4], 3, 2),
        (&[1, 3, 5], 3, 1),
        (&[2, 2, 2, 2], 3, 1),
        (&[6], 3, 3),
    ] {
        let members = zoned(sizes);
        let sets = place(60, replicas, &members);
        assert!(sets.iter().all(|set| set.len() == replicas));
        assert_eq!(most_in_a_zone(&sets, &members), most, "{sizes:?}");
    }
}

#[test]
fn a_small_zone_holds_more_and_the_others_are_even() {
    let members = zoned(&[1, 3, 3]);
    let sets = place(60, 3, &members);
    assert_eq!(count(&sets, NodeId(1)).0, 60, "it is alone in its zone");
    for node in 2..=7 {
        let held = count(&sets, NodeId(node)).0;
        assert!((18..=22).contains(&held), "{node} holds {held}");
    }
}

#[test]
fn naming_zones_moves_only_what_stands_wrong() {
    let before = place(60, 3, &equal(1..=6));
    let members = zoned(&[2, 2, 2]);
    let after = rebalance(&before, 3, &members);
    assert_eq!(most_in_a_zone(&after, &members), 1);
    let zone = |node: &NodeId| (node.0 - 1) / 2;
    let wrong = |set: &Vec<NodeId>| 3 - set.iter().map(zone).collect::<BTreeSet<_>>().len();
    let least: usize = before.iter().map(wrong).sum();
    let bound = least + 60 * 3 / 10;
    assert!(moved(&before, &after) <= bound, "{} of {bound}", moved(&before, &after));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn zones_of_one_size_are_level_and_a_join_moves_its_share(
        zones in 2u64..6, size in 1u64..5, partitions in 20u32..200, replicas in 1usize..4,
    ) {
        let members = zoned(&vec![size; zones as usize]);
        prop_assume!(replicas <= members.len());
        let sets = place(partitions, replicas, &members);
        let most = replicas.div_ceil(zones as usize);
        prop_assert!(most_in_a_zone(&sets, &members) <= most);
        let mean = (partitions as usize * replicas) as f64 / members.len() as f64;
        for member in &members {
            let held = count(&sets, member.node).0 as f64;
            prop_assert!(held <= (mean * 1.1).ceil() && held >= (mean * 0.9).floor(), "{} of {}", held, mean);
        }
        let next = NodeId(members.len() as u64 + 1);
        let many: Vec<_> =
            members.iter().cloned().chain([Member { zone: "zone-0".into(), ..Member::equal(next) }]).collect();
        let joined = rebalance(&sets, replicas, &many);
        prop_assert!(most_in_a_zone(&joined, &many) <= most);
        let held = count(&joined, next).0;
        // What the new node takes, and what levelling costs the others: at most one each.
        prop_assert!(moved(&sets, &joined) <= held + members.len(), "{} for {}", moved(&sets, &joined), held);
        prop_assert_eq!(rebalance(&joined, replicas, &many), joined);
    }
}

/// The figures of docs/ring.md.
#[test]
fn figures_of_growing_and_shrinking() {
    for (partitions, few, many) in [(60, 3, 4), (60, 3, 5), (120, 5, 6), (1000, 9, 10)] {
        let (few, many) = (equal(1..=few), equal(1..=many));
        let before = place(partitions, 3, &few);
        let grown = rebalance(&before, 3, &many);
        let shrunk = rebalance(&grown, 3, &few);
        let came = (many.len() - few.len()) as f64;
        let ideal = f64::from(partitions) * 3.0 * came / many.len() as f64;
        let (grew, shrank) = (moved(&before, &grown) as f64, moved(&grown, &shrunk) as f64);
        let mean = f64::from(partitions) * 3.0 / many.len() as f64;
        let shares = || many.iter().map(|member| count(&grown, member.node));
        let off = |held: usize| (held as f64 / mean - 1.0) * 100.0;
        let deviation =
            (shares().map(|s| off(s.0).powi(2)).sum::<f64>() / many.len() as f64).sqrt();
        let (held, led) =
            (shares().map(|s| s.0).max().unwrap(), shares().map(|s| s.1).max().unwrap());
        println!(
            "{partitions} partitions, {} -> {} nodes: {grew} replicas move of ideally {ideal:.1}, back {shrank}; \
             deviation {deviation:.1} %, the fullest holds {held} of {mean:.1} and leads {led} of {:.1}",
            few.len(),
            many.len(),
            mean / 3.0
        );
        assert!((grew - ideal).abs() <= ideal * 0.1 + 1.0, "{grew} of {ideal}");
        assert!(shrank <= ideal * 1.1 + came, "{shrank} of {ideal}");
        assert!(held as f64 <= (mean * 1.1).ceil() && led as f64 <= (mean / 3.0).ceil());
    }
}
