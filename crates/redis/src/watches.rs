//! The keys that one connection has under WATCH, and the versions at which they are watched.

use std::collections::BTreeMap;
use synod_types::limits;

/// Keys under WATCH, each once, bounded in number and length.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    versions: BTreeMap<Vec<u8>, u64>,
    /// How long the keys are together.
    bytes: usize,
}

impl Watches {
    /// Whether there is room for these keys; one that is watched already takes none.
    pub fn has_room(&self, keys: &[&[u8]]) -> bool {
        let new = || keys.iter().filter(|key| !self.versions.contains_key(**key));
        let bytes = new().fold(self.bytes, |sum, key| sum.saturating_add(key.len()));
        self.versions.len() + new().count() <= limits::WATCH_KEYS_MAX
            && bytes <= limits::WATCH_BYTES_MAX
    }

    /// Watches a key. Of one that is watched already the older version counts: a change since then is to be found.
    pub fn insert(&mut self, key: Vec<u8>, version: u64) {
        let len = key.len();
        if let std::collections::btree_map::Entry::Vacant(place) = self.versions.entry(key) {
            place.insert(version);
            self.bytes += len;
        }
    }

    /// Ends all.
    pub fn take(&mut self) -> Vec<(Vec<u8>, u64)> {
        self.bytes = 0;
        std::mem::take(&mut self.versions).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_watched_a_million_times_is_watched_once_at_its_first_version() {
        let mut watches = Watches::default();
        for version in 1..=1_000_000 {
            assert!(watches.has_room(&[b"k"]));
            watches.insert(b"k".to_vec(), version);
        }
        assert_eq!(watches.take(), [(b"k".to_vec(), 1)]);
        assert!(watches.take().is_empty() && watches.bytes == 0);
    }

    #[test]
    fn keys_are_bounded_in_number_and_in_length() {
        let mut watches = Watches::default();
        for n in 0..limits::WATCH_KEYS_MAX {
            watches.insert(n.to_string().into_bytes(), 1);
        }
        assert!(watches.has_room(&[b"7"]), "it is there");
        assert!(!watches.has_room(&[b"new"]));
        watches.take();
        let long = vec![b'k'; limits::WATCH_BYTES_MAX];
        assert!(watches.has_room(&[&long]));
        watches.insert(long, 1);
        assert!(!watches.has_room(&[b"k"]));
    }
}
