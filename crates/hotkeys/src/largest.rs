//! The largest keys of a partition, found by walks over all of its keys.
//!
//! A walk takes its time, so what the one before has found is told until the next one is over: a key that was deleted
//! meanwhile is told for one walk longer.

use crate::LARGEST_KEYS;
use crate::key::{Key, hash_of};
use synod_types::varint;

/// A key and what it takes in memory, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sized {
    /// Which.
    pub key: Key,
    /// Its size, with its value.
    pub bytes: u64,
}

impl Sized {
    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.key.encode(out);
        varint::put(out, self.bytes);
    }

    /// Takes one off the front; `None` when there is no whole one.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { key: Key::decode(bytes)?, bytes: varint::take(bytes)? })
    }
}

/// See the file's page.
#[derive(Clone, Debug, Default)]
pub struct Largest {
    /// What the last walk that came to its end has found; the largest first.
    found: Vec<Sized>,
    /// What the present one has found; the largest first, at most [`LARGEST_KEYS`].
    finding: Vec<Sized>,
    /// Where it goes on.
    cursor: u64,
    /// When the next one may begin.
    rests_until_us: u64,
}

impl Largest {
    /// Where the walk goes on, unless it rests; 0 where it begins.
    #[must_use]
    pub fn cursor(&self, now_us: u64) -> Option<u64> {
        (now_us >= self.rests_until_us).then_some(self.cursor)
    }

    /// The walk has met a key.
    #[inline]
    pub fn meet(&mut self, key: &[u8], bytes: u64) {
        if self.finding.len() == LARGEST_KEYS
            && self.finding.last().is_some_and(|least| least.bytes >= bytes)
        {
            return;
        }
        let at = self.finding.partition_point(|one| one.bytes >= bytes);
        self.finding.truncate(LARGEST_KEYS - 1);
        self.finding.insert(at, Sized { key: Key::new(key, hash_of(key)), bytes });
    }

    /// The walk goes on here the next time; at 0 it is over, and another one begins after `rest_us`.
    pub fn walked(&mut self, cursor: u64, now_us: u64, rest_us: u64) {
        self.cursor = cursor;
        if cursor == 0 {
            self.found = std::mem::take(&mut self.finding);
            self.rests_until_us = now_us + rest_us;
        }
    }

    /// The largest keys, each once, as they were met last.
    pub fn keys(&self) -> impl Iterator<Item = &Sized> {
        let is_new = |one: &Sized| self.finding.iter().any(|known| known.key == one.key);
        let before = self.found.iter().filter(move |one| !is_new(one));
        self.finding.iter().chain(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(largest: &Largest) -> Vec<(String, u64)> {
        let mut told: Vec<_> = largest.keys().map(|one| (one.key.text(20), one.bytes)).collect();
        told.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        told
    }

    #[test]
    fn the_largest_are_kept_and_what_is_gone_goes_with_the_next_walk() {
        let mut largest = Largest::default();
        for size in 0..1000u64 {
            largest.meet(format!("k{size}").as_bytes(), size * 7 % 1000);
        }
        assert_eq!(told(&largest)[0].1, 999);
        largest.walked(0, 10, 5);
        assert_eq!(largest.cursor(14), None);
        assert_eq!(largest.cursor(15), Some(0));
        let sizes: Vec<u64> = told(&largest).iter().map(|(_, bytes)| *bytes).collect();
        assert_eq!(sizes, (984..1000).rev().collect::<Vec<_>>());
        // The largest has shrunk, another one is new, and the rest is gone.
        let first = told(&largest)[0].0.clone();
        largest.meet(first.as_bytes(), 3);
        largest.meet(b"new", 5000);
        largest.walked(77, 20, 5);
        assert_eq!(largest.cursor(20), Some(77));
        assert_eq!(told(&largest)[0], ("new".into(), 5000));
        assert!(!told(&largest).contains(&(first.clone(), 999)));
        largest.walked(0, 30, 5);
        assert_eq!(told(&largest), [("new".into(), 5000), (first, 3)]);
        let mut bytes = Vec::new();
        let first = largest.keys().next().expect("a key");
        first.encode(&mut bytes);
        assert_eq!(Sized::decode(&mut &bytes[..]).as_ref(), Some(first));
        for cut in 0..bytes.len() {
            assert_eq!(Sized::decode(&mut &bytes[..cut]), None);
        }
    }
}
