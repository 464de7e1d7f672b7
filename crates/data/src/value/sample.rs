//! Picking several different elements at random, the same ones on every replica.

use crate::context::random_below;
use std::collections::BTreeSet;

/// `count` different numbers below `bound` (all of them when `count` reaches it), in no particular
/// order. Takes O(count) memory and O(count log count) time.
///
/// Source: Bentley and Floyd, "A sample of brilliance", CACM 30(9), 1987.
#[must_use]
pub fn distinct(mut seed: u64, count: usize, bound: usize) -> Vec<usize> {
    if count >= bound {
        return (0..bound).collect();
    }
    let mut seen = BTreeSet::new();
    let mut picks = Vec::with_capacity(count);
    for top in bound - count..bound {
        let drawn = random_below(&mut seed, top + 1);
        let pick = if seen.contains(&drawn) { top } else { drawn };
        seen.insert(pick);
        picks.push(pick);
    }
    picks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn distinct_numbers_are_distinct_and_in_range(
            seed: u64, count in 0usize..50, bound in 0usize..60,
        ) {
            let mut picks = distinct(seed, count, bound);
            prop_assert_eq!(picks.len(), count.min(bound));
            picks.sort_unstable();
            picks.dedup();
            prop_assert_eq!(picks.len(), count.min(bound));
            prop_assert!(picks.iter().all(|n| *n < bound));
        }
    }

    #[test]
    fn every_number_is_picked_about_equally_often() {
        let mut times = [0; 5];
        for seed in 0..1000 {
            distinct(seed, 2, 5).into_iter().for_each(|n| times[n] += 1);
        }
        assert!(times.iter().all(|n| (330..470).contains(n)), "{times:?}");
    }
}
