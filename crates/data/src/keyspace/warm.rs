//! Fetching a batch of keys into the cache before they are used.
//!
//! In a large keyspace a command waits four or five times in a row for memory: the slot, its index, the
//! dense place, the object. Whoever holds a batch of commands can walk these steps for all keys side by
//! side, so that the waits of different keys overlap.

use super::{Keyspace, hash};
use synod_types::key_slot;

/// How many keys are walked side by side; about as many misses as a core keeps in flight.
const GROUP: usize = 16;

/// Below this many bytes of data there is little to gain: the caches hold it.
const BYTES_MIN: usize = 512 << 10;

impl Keyspace {
    /// Looks where these keys lie, for the effect on the cache alone. Worth its while before running a
    /// batch of several commands on different keys; a small keyspace returns at once.
    pub fn warm<'k>(&self, keys: impl IntoIterator<Item = &'k [u8]>) {
        if self.bytes < BYTES_MIN {
            return;
        }
        let mut keys = keys.into_iter();
        while self.warm_group(&mut keys) == GROUP {}
    }

    /// Walks up to `GROUP` keys; answers how many there were.
    fn warm_group<'k>(&self, keys: &mut impl Iterator<Item = &'k [u8]>) -> usize {
        let mut places = [(0usize, 0u64); GROUP];
        let mut len = 0;
        for (place, key) in places.iter_mut().zip(keys) {
            *place =
                (usize::from(key_slot(key).0.wrapping_sub(self.first)), hash(&self.hasher, key));
            len += 1;
        }
        let mut objects = [None; GROUP];
        for (object, (slot, hash)) in objects.iter_mut().zip(&places[..len]) {
            *object =
                self.slots.get(*slot).and_then(|table| table.guess(*hash).map(|at| (table, at)));
        }
        for (table, at) in objects.into_iter().flatten() {
            std::hint::black_box(table.object(at).expire());
        }
        len
    }
}
