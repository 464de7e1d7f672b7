//! The Space-Saving sketch, for weighted items that fade.
//!
//! A fixed number of counters. An item that has one adds to it; another one takes over the smallest counter and begins with
//! what stood there, which is kept as the counter's possible error. So, with `total` the weight of everything and `m` counters:
//!
//! ```text
//!   count - error <= true weight <= count      error <= total / m      a key with more than total / m has a counter
//! ```
//!
//! Fading is by forward decay: an item that comes at time `t` weighs `2^(t / half life)` times as much as one at time 0, and
//! what is told at time `t` is divided by that. So all guarantees hold for faded weights, and nothing has to be walked over as
//! time passes.

use crate::key::{Key, hash_of};
use crate::summary::{Counted, Summary};

/// Counters are brought down to the present when they have grown by 2 to this power.
const GROWTH_MAX: f64 = 40.0;

/// Counters of the keys with the most weight. The lists stand side by side: a look for a key walks over hashes alone.
#[derive(Clone, Debug)]
pub struct Sketch {
    /// No two counters are of the same key; at most `capacity`.
    hashes: Vec<u64>,
    keys: Vec<Key>,
    /// Grown weights; `errors[i] <= counts[i]`.
    counts: Vec<f64>,
    errors: Vec<f64>,
    capacity: usize,
    /// `None`: nothing fades.
    half_life_us: Option<u64>,
    /// The time at which an item weighs what it weighs.
    landmark_us: u64,
    /// By how much an item of this time outweighs it.
    grown: (u64, f64),
    /// The grown weight of all items.
    total: f64,
}

impl Sketch {
    /// An empty sketch with so many counters, at least one.
    #[must_use]
    pub fn new(capacity: usize, half_life_us: Option<u64>, now_us: u64) -> Self {
        Self {
            hashes: Vec::new(),
            keys: Vec::new(),
            counts: Vec::new(),
            errors: Vec::new(),
            capacity: capacity.max(1),
            half_life_us,
            landmark_us: now_us,
            grown: (now_us, 1.0),
            total: 0.0,
        }
    }

    /// Adds so much to a key, which is at least 0.
    pub fn add(&mut self, key: &[u8], weight: f64, now_us: u64) {
        self.add_hashed(key, hash_of(key), weight, now_us);
    }

    /// The same with the key's [`hash_of`].
    pub(crate) fn add_hashed(&mut self, key: &[u8], hash: u64, weight: f64, now_us: u64) {
        let weight = weight.max(0.0) * self.growth(now_us);
        self.total += weight;
        let known = self.hashes.iter().position(|known| *known == hash);
        if let Some(at) = known.filter(|at| self.keys[*at].is(hash, key.len())) {
            self.counts[at] += weight;
        } else if self.hashes.len() < self.capacity {
            self.hashes.push(hash);
            self.keys.push(Key::new(key, hash));
            self.counts.push(weight);
            self.errors.push(0.0);
        } else {
            let at = self.least();
            self.hashes[at] = hash;
            self.keys[at].replace(key, hash);
            self.errors[at] = self.counts[at];
            self.counts[at] += weight;
        }
    }

    /// The place of the smallest counter.
    fn least(&self) -> usize {
        let mut least = 0;
        for (at, count) in self.counts.iter().enumerate() {
            if *count < self.counts[least] {
                least = at;
            }
        }
        least
    }

    /// By how much an item of this moment outweighs one of the landmark. Moves the landmark when that is much.
    fn growth(&mut self, now_us: u64) -> f64 {
        if now_us == self.grown.0 {
            return self.grown.1;
        }
        let Some(half_life_us) = self.half_life_us else { return 1.0 };
        let age = now_us.saturating_sub(self.landmark_us) as f64 / half_life_us as f64;
        let mut growth = age.exp2();
        if age >= GROWTH_MAX {
            self.total /= growth;
            self.counts.iter_mut().chain(&mut self.errors).for_each(|x| *x /= growth);
            self.landmark_us = now_us;
            growth = 1.0;
        }
        self.grown = (now_us, growth);
        growth
    }

    fn fade(&self, now_us: u64) -> f64 {
        let age_us = now_us.saturating_sub(self.landmark_us) as f64;
        self.half_life_us.map_or(1.0, |half_life_us| (-age_us / half_life_us as f64).exp2())
    }

    /// Each key with its count and error, as they are worth at this time.
    pub(crate) fn counted(&self, now_us: u64) -> impl Iterator<Item = (&Key, f64, f64)> {
        let fade = self.fade(now_us);
        let figures = self.counts.iter().zip(&self.errors);
        self.keys.iter().zip(figures).map(move |(key, (c, e))| (key, c * fade, e * fade))
    }

    /// The weight of all items, as it is worth at this time.
    #[must_use]
    pub fn total(&self, now_us: u64) -> f64 {
        self.total * self.fade(now_us)
    }

    /// What the sketch knows, as it is worth at this time.
    #[must_use]
    pub fn summary(&self, now_us: u64) -> Summary {
        let counted = self.counted(now_us);
        let counted = counted.map(|(key, count, error)| Counted { key: key.clone(), count, error });
        let is_full = self.hashes.len() == self.capacity;
        let floor = if is_full { self.counts[self.least()] * self.fade(now_us) } else { 0.0 };
        Summary::new(counted.collect(), self.total(now_us), floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const SECOND_US: u64 = 1_000_000;

    fn name(key: u8) -> [u8; 4] {
        [b'k', b':', key, key]
    }

    /// The weights that a sketch would tell if it had a counter for everything.
    fn exact(items: &[(u8, u16, u64)], half_life_us: u64, now_us: u64) -> BTreeMap<u8, f64> {
        let mut weights = BTreeMap::new();
        for (key, weight, at_us) in items {
            let fade = (-((now_us - at_us) as f64) / half_life_us as f64).exp2();
            *weights.entry(*key).or_insert(0.0) += f64::from(*weight) * fade;
        }
        weights
    }

    /// The bounds of the file's page, for every key there ever was.
    pub(crate) fn check(
        summary: &Summary,
        exact: &BTreeMap<u8, f64>,
        capacity: usize,
    ) -> Result<(), TestCaseError> {
        let total: f64 = exact.values().sum();
        let slack = 1e-9 * (1.0 + total);
        prop_assert!((summary.total() - total).abs() <= slack);
        prop_assert!(summary.counted().len() <= capacity);
        for (key, weight) in exact {
            let found = summary.counted().iter().find(|c| c.key.head() == name(*key));
            match found {
                Some(c) => {
                    prop_assert!(c.count - c.error <= weight + slack, "{c:?} {weight}");
                    prop_assert!(*weight <= c.count + slack, "{c:?} {weight}");
                    prop_assert!(c.error <= total / capacity as f64 + slack, "{c:?} of {total}");
                }
                None => prop_assert!(*weight <= total / capacity as f64 + slack),
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn no_count_is_wrong_by_more_than_its_error_and_no_error_is_large(
            capacity in 1usize..24,
            items in proptest::collection::vec((0u8..40, 0u16..1000, 0u64..5 * SECOND_US), 0..400),
        ) {
            let (mut now_us, mut seen) = (7, Vec::new());
            let mut sketch = Sketch::new(capacity, Some(30 * SECOND_US), now_us);
            for (key, weight, pause_us) in items {
                now_us += pause_us;
                sketch.add(&name(key), f64::from(weight), now_us);
                seen.push((key, weight, now_us));
            }
            now_us += SECOND_US;
            check(&sketch.summary(now_us), &exact(&seen, 30 * SECOND_US, now_us), capacity)?;
        }

        #[test]
        fn what_two_have_seen_is_told_as_if_one_had(
            capacity in 1usize..24,
            items in proptest::collection::vec((0u8..40, 0u16..1000, any::<bool>()), 0..400),
        ) {
            let mut sketches = [0, 1].map(|_| Sketch::new(capacity, None, 0));
            let mut seen = Vec::new();
            for (key, weight, which) in items {
                sketches[usize::from(which)].add(&name(key), f64::from(weight), 0);
                seen.push((key, weight, 0));
            }
            let [one, two] = sketches;
            let mut whole = one.summary(0);
            whole.merge(two.summary(0), capacity);
            check(&whole, &exact(&seen, 1, 0), capacity)?;
        }
    }

    #[test]
    fn a_skewed_load_names_its_hot_keys_first() {
        // Keys with the frequencies of Zipf's law, 10,000 of them in 64 counters.
        let mut sketch = Sketch::new(crate::SKETCH_KEYS, None, 0);
        let mut state = 1u64;
        let weights: Vec<f64> = (1..=10_000).map(|rank| 1.0 / f64::from(rank)).collect();
        let sum: f64 = weights.iter().sum();
        for _ in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mut at = (state >> 11) as f64 / (1u64 << 53) as f64 * sum;
            let key = weights
                .iter()
                .position(|w| {
                    at -= w;
                    at <= 0.0
                })
                .unwrap_or(0);
            sketch.add(format!("key:{key}").as_bytes(), 1.0, 0);
        }
        let summary = sketch.summary(0);
        let top = summary.top(5);
        let named: Vec<String> = top.iter().map(|c| c.key.text(20)).collect();
        assert_eq!(named, ["key:0", "key:1", "key:2", "key:3", "key:4"]);
        assert!(top.iter().all(|c| c.error <= 200_000.0 / 64.0));
    }

    #[test]
    fn yesterdays_hot_key_fades() {
        let mut sketch = Sketch::new(4, Some(30 * SECOND_US), 0);
        (0..1000).for_each(|_| sketch.add(b"yesterday", 1.0, 0));
        let now_us = 24 * 3600 * SECOND_US;
        sketch.add(b"today", 1.0, now_us);
        let summary = sketch.summary(now_us);
        let top = summary.top(2);
        assert_eq!(top[0].key.head(), b"today");
        assert!((top[0].count - 1.0).abs() < 1e-9 && top[1].count < 1e-9);
        let half_life_later = sketch.summary(now_us + 30 * SECOND_US);
        assert!((half_life_later.total() - 0.5).abs() < 1e-9);
    }
}
