//! What the forms promise, in figures: how even shares are, and what moves. docs/ring.md shows them.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use synod_types::NodeId;

const KEYS: u64 = 20_000;

/// Whom each form gives a key.
type Choose = Box<dyn Fn(u64) -> u64>;

fn ids(nodes: u64) -> Vec<(NodeId, u32)> {
    (1..=nodes).map(|n| (NodeId(n), 1)).collect()
}

/// Every form, over the nodes 1 to `nodes` of equal weight.
fn forms(nodes: u64) -> [(&'static str, Choose); 4] {
    let ring = HashRing::new(&ids(nodes));
    let maglev = Maglev::new(&ids(nodes), TABLE_LEN_DEFAULT);
    let ketama = Ketama::new(&(1..=nodes).map(|n| (format!("node:{n}"), 1)).collect::<Vec<_>>());
    let of_name = |name: &str| name[5..].parse().unwrap();
    [
        ("ring", Box::new(move |key| ring.first(key).unwrap().0)),
        ("ketama", Box::new(move |key| of_name(ketama.get(&key.to_le_bytes()).unwrap()))),
        (
            "jump",
            Box::new(move |key| {
                u64::from(jump(key_hash(&key.to_le_bytes()), nodes as u32).unwrap()) + 1
            }),
        ),
        ("maglev", Box::new(move |key| maglev.get(key).unwrap().0)),
    ]
}

/// The standard deviation of the shares and the largest one, in percent of the mean.
fn spread(choose: &Choose, nodes: u64) -> (f64, f64) {
    let mut shares: BTreeMap<u64, u64> = (1..=nodes).map(|n| (n, 0)).collect();
    (0..KEYS).for_each(|key| *shares.get_mut(&choose(key)).unwrap() += 1);
    let mean = KEYS as f64 / nodes as f64;
    let off = |share: &u64| (*share as f64 / mean - 1.0) * 100.0;
    let variance = shares.values().map(|share| off(share).powi(2)).sum::<f64>() / nodes as f64;
    (variance.sqrt(), 100.0 + shares.values().map(off).fold(f64::MIN, f64::max))
}

/// How many keys the forms give to another node when the last one comes, and how many of those to an old one, in
/// percent of what a share of `1/nodes` is.
fn moved(few: &Choose, many: &Choose, nodes: u64) -> (f64, f64) {
    let moved = || (0..KEYS).filter(|key| few(*key) != many(*key));
    let share = KEYS as f64 / nodes as f64;
    let astray = moved().filter(|key| many(*key) != nodes).count();
    (moved().count() as f64 / share * 100.0, astray as f64 / share * 100.0)
}

/// The most that each form may be off: deviation, largest share, and what goes astray.
const PROMISED: [(&str, f64, f64, f64); 4] = [
    ("ring", 22.0, 160.0, 0.0),
    ("ketama", 18.0, 145.0, 0.0),
    ("jump", 4.0, 110.0, 0.0),
    ("maglev", 4.0, 110.0, 25.0),
];

#[test]
fn shares_and_movement_are_as_promised() {
    for nodes in [2, 3, 5, 8, 12, 20] {
        let (few, many) = (forms(nodes - 1), forms(nodes));
        for (at, (name, deviation, largest, astray)) in PROMISED.into_iter().enumerate() {
            let (is_deviation, is_largest) = spread(&many[at].1, nodes);
            let (is_moved, is_astray) = moved(&few[at].1, &many[at].1, nodes);
            println!(
                "{nodes:2} nodes {name:6} deviation {is_deviation:4.1} % largest {is_largest:5.1} % of the mean, a join \
                 moves {is_moved:5.1} % of 1/n, {is_astray:4.1} % between others"
            );
            assert_eq!(many[at].0, name);
            assert!(is_deviation <= deviation, "{name} of {nodes}: deviation {is_deviation} %");
            assert!(is_largest <= largest, "{name} of {nodes}: largest {is_largest} %");
            assert!(is_astray <= astray, "{name} of {nodes}: astray {is_astray} %");
            assert!(is_moved - is_astray <= largest, "{name} of {nodes}: moved {is_moved} %");
        }
    }
}

#[test]
fn weights_draw_their_shares() {
    let nodes = [(NodeId(1), 1), (NodeId(2), 2), (NodeId(3), 5), (NodeId(4), 0)];
    let (ring, maglev) = (HashRing::new(&nodes), Maglev::new(&nodes, TABLE_LEN_DEFAULT));
    for (node, weight) in nodes {
        let ideal = KEYS as f64 * f64::from(weight) / 8.0;
        let of_ring = (0..KEYS).filter(|key| ring.first(*key) == Some(node)).count() as f64;
        let of_maglev = (0..KEYS).filter(|key| maglev.get(*key) == Some(node)).count() as f64;
        assert!((of_ring - ideal).abs() <= ideal * 0.2, "{node}: {of_ring} of {ideal}");
        assert!((of_maglev - ideal).abs() <= ideal * 0.06, "{node}: {of_maglev} of {ideal}");
    }
    let places: usize = maglev.shares().iter().map(|share| share.1).sum();
    assert_eq!(places, TABLE_LEN_DEFAULT as usize, "each place is taken");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The ring's promise, for any nodes and weights: whom a node's coming or going does not concern keeps its keys.
    #[test]
    fn only_the_keys_of_who_comes_or_goes_move(
        weights in prop::collection::vec(1u32..9, 2..12), who in any::<prop::sample::Index>(),
    ) {
        let many: Vec<_> = (1..).map(NodeId).zip(weights).collect();
        let (gone, _) = many[who.index(many.len())];
        let few: Vec<_> = many.iter().filter(|(node, _)| *node != gone).copied().collect();
        let (few, many) = (HashRing::new(&few), HashRing::new(&many));
        for key in 0..2_000 {
            let (with, without) = (many.first(key), few.first(key));
            prop_assert!(with == without || with == Some(gone), "key {}", key);
            let rest: Vec<_> = many.walk(key).into_iter().filter(|node| *node != gone).collect();
            prop_assert_eq!(rest, few.walk(key), "the others are met in the same order");
        }
    }

    /// Bounded load: nobody over its capacity, everybody seated, however the keys lie.
    #[test]
    fn nobody_gets_more_than_the_bound(
        weights in prop::collection::vec(1u32..9, 1..12),
        keys in prop::collection::vec(0u64..50, 1..500),
        percent in 0u64..50,
    ) {
        let nodes: Vec<_> = (1..).map(NodeId).zip(weights).collect();
        let ring = HashRing::new(&nodes);
        let total: u64 = ring.nodes().iter().map(|node| node.1).sum();
        let most: BTreeMap<_, _> = ring.nodes().iter().map(|(node, weight)| {
            (*node, bounded_capacity(keys.len() as u64, *weight, total, percent))
        }).collect();
        let mut load: BTreeMap<NodeId, u64> = BTreeMap::new();
        for key in &keys {
            let has_room = |node| load.get(&node).copied().unwrap_or(0) < most[&node];
            let node = ring.first_with_room(*key, has_room);
            prop_assert!(node.is_some(), "no room is left");
            *load.entry(node.unwrap()).or_default() += 1;
        }
        for (node, load) in load {
            prop_assert!(load <= most[&node]);
        }
    }
}
