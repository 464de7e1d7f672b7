//! The order against a vector.

use super::*;
use proptest::prelude::*;

/// Checks counts, firsts and sizes; how many leaves there are.
fn check(node: &Node, is_root: bool) -> usize {
    match node {
        Node::Leaf(leaf) => {
            assert!(is_root || leaf.len() > 0);
            1
        }
        Node::Inner(children) => {
            assert!(!children.is_empty() && children.len() <= INNER_MAX);
            assert!(!is_root || children.len() > 1);
            let mut leaves = 0;
            for child in children {
                assert_eq!(child.count as usize, child.node.count());
                assert_eq!(child.first, child.node.first());
                leaves += check(&child.node, false);
            }
            leaves
        }
    }
}

fn pairs(order: &Order) -> Vec<Pair> {
    let mut pairs = Vec::new();
    order.each(0..order.len(), |score, id| pairs.push((score, id)));
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn agrees_with_a_vector(
        ops in proptest::collection::vec((0u8..10, any::<usize>()), 1..3000),
        shrink_from: proptest::sample::Index,
    ) {
        let mut order = Order::new();
        let mut model: Vec<Pair> = Vec::new();
        let turn = shrink_from.index(ops.len());
        for (n, (kind, at)) in ops.iter().enumerate() {
            let adds = if n < turn { 8 } else { 2 };
            let id = n as u32;
            if *kind < adds {
                // Mostly anywhere, at times at an end.
                let at = if *kind == 0 { model.len() } else { at % (model.len() + 1) };
                order.insert(at, f64::from(id), id);
                model.insert(at, (f64::from(id), id));
            } else if !model.is_empty() {
                let at = at % model.len();
                order.remove(at);
                model.remove(at);
                if !model.is_empty() {
                    let at = at % model.len();
                    order.renumber(at, id);
                    model[at].1 = id;
                }
            }
        }
        prop_assert_eq!(order.len(), model.len());
        prop_assert_eq!(check(&order.root, true), order.leaves);
        prop_assert_eq!(pairs(&order), model.clone());
        for (at, pair) in model.iter().enumerate().step_by(7) {
            prop_assert_eq!(order.get(at), *pair);
            let mut back = Vec::new();
            order.each_back(at..model.len(), |score, id| back.push((score, id)));
            back.reverse();
            prop_assert_eq!(&back[..], &model[at..]);
        }
    }

    #[test]
    fn counting_a_prefix_finds_its_length(n in 0u32..5000, want in 0u32..5000) {
        let mut order = Order::new();
        (0..n).for_each(|id| order.insert(id as usize, f64::from(id), id));
        prop_assert_eq!(order.count_while(|_, id| id < want), want.min(n) as usize);
        prop_assert_eq!(order.leaves, check(&order.root, true));
    }
}

#[test]
fn pairs_that_come_in_order_fill_their_leaves() {
    let mut order = Order::new();
    (0..63_000).for_each(|id| order.insert(id as usize, f64::from(id), id));
    assert_eq!(order.leaves, 1000);
}
