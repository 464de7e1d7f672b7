//! A hash table whose elements lie side by side in a vector.
//!
//! The order is the order of insertion, except that a removal moves the last element into the gap.
//! It follows from the operations alone, so replicas agree on it, and so do a random pick (an index)
//! and a scan (a position that counts down: what a removal moves was already seen). The table holds
//! only positions; how it hashes is never observed.

use crate::allocation::allocation;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Place;
use synod_machine::hashing;

/// What a dense table holds: something with a key that stays as it is.
pub trait Keyed {
    /// The key.
    fn key(&self) -> &[u8];
    /// The bytes on the heap, with the allocator's rounding.
    fn heap(&self) -> usize;
}

impl Keyed for Box<[u8]> {
    fn key(&self) -> &[u8] {
        self
    }

    fn heap(&self) -> usize {
        allocation(self.len())
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Dense<E> {
    /// The elements, `entries[i].key()` all different.
    entries: Vec<E>,
    /// Every index of `entries` once, under its key's hash.
    table: HashTable<u32>,
    /// The sum of the elements' heap.
    heap: usize,
}

impl<E> Default for Dense<E> {
    fn default() -> Self {
        Self { entries: Vec::new(), table: HashTable::new(), heap: 0 }
    }
}

#[inline]
fn hash(key: &[u8]) -> u64 {
    hashing::hash(&hashing::state(), key)
}

impl<E: Keyed> Dense<E> {
    /// An empty table with room for `n` elements.
    #[must_use]
    pub fn with_capacity(n: usize) -> Self {
        Self { entries: Vec::with_capacity(n), table: HashTable::with_capacity(n), heap: 0 }
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The elements in order.
    #[must_use]
    pub fn entries(&self) -> &[E] {
        &self.entries
    }

    /// Changes the element at `index`; its key stays as it is.
    pub fn update(&mut self, index: usize, change: impl FnOnce(&mut E)) {
        let entry = &mut self.entries[index];
        self.heap -= entry.heap();
        change(entry);
        self.heap += entry.heap();
    }

    /// Where the element with this key is.
    #[must_use]
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        self.table
            .find(hash(key), |at| self.entries[*at as usize].key() == key)
            .map(|at| *at as usize)
    }

    /// Adds the element that `make` builds unless the key is there; says where it is and whether it
    /// is new.
    pub fn insert_with(&mut self, key: &[u8], make: impl FnOnce() -> E) -> (usize, bool) {
        let entries = &self.entries;
        // Four billion elements would take above 100 GB: far more than one partition holds.
        let next = entries.len() as u32;
        let place = self.table.entry(
            hash(key),
            |at| entries[*at as usize].key() == key,
            |at| hash(entries[*at as usize].key()),
        );
        match place {
            Place::Occupied(at) => (*at.get() as usize, false),
            Place::Vacant(free) => {
                free.insert(next);
                let entry = make();
                self.heap += entry.heap();
                self.entries.push(entry);
                (next as usize, true)
            }
        }
    }

    /// Removes the element at `index`; the last one takes its place.
    pub fn swap_remove(&mut self, index: usize) -> E {
        let last = self.entries.len() - 1;
        self.unlink(index as u32);
        if index != last {
            let moved = hash(self.entries[last].key());
            if let Some(at) = self.table.find_mut(moved, |at| *at as usize == last) {
                *at = index as u32;
            }
        }
        let removed = self.entries.swap_remove(index);
        self.heap -= removed.heap();
        self.shrink();
        removed
    }

    fn unlink(&mut self, index: u32) {
        let hash = hash(self.entries[index as usize].key());
        if let Ok(found) = self.table.find_entry(hash, |at| *at == index) {
            found.remove();
        }
    }

    /// Gives memory back when less than an eighth is in use.
    fn shrink(&mut self) {
        let len = self.entries.len();
        if len >= 16 && len * 8 < self.entries.capacity() {
            self.entries.shrink_to(len * 2);
            let entries = &self.entries;
            self.table.shrink_to(len * 2, |at| hash(entries[*at as usize].key()));
        }
    }

    /// The bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        allocation(self.entries.capacity() * size_of::<E>())
            + allocation(self.table.allocation_size())
            + self.heap
    }
}

/// One step of a scan over `len` elements at positions that count down from the end. `cursor` is 0 to
/// begin, else what the step before returned: the positions to visit, highest first, and the next
/// cursor, 0 at the end. Every element that stays is visited: what a removal moves comes from above
/// the cursor.
#[must_use]
pub fn scan_step(cursor: u64, len: usize, count: usize) -> (std::ops::Range<usize>, u64) {
    let top = match usize::try_from(cursor) {
        Ok(0) | Err(_) => len,
        Ok(top) => top.min(len),
    };
    let bottom = top.saturating_sub(count);
    (bottom..top, bottom as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn agrees_with_a_vector(ops in proptest::collection::vec((0u8..40, any::<bool>()), 0..200)) {
            let mut dense = Dense::<Box<[u8]>>::default();
            let mut model: Vec<Vec<u8>> = Vec::new();
            for (key, add) in ops {
                let key = vec![key; 3];
                let at = model.iter().position(|k| *k == key);
                prop_assert_eq!(dense.find(&key), at);
                match (add, at) {
                    (true, None) => {
                        dense.insert_with(&key, || key.clone().into());
                        model.push(key);
                    }
                    (true, Some(at)) => {
                        prop_assert_eq!(dense.insert_with(&key, || unreachable!()), (at, false));
                    }
                    (false, Some(at)) => {
                        prop_assert_eq!(&dense.swap_remove(at)[..], &model.swap_remove(at)[..]);
                    }
                    (false, None) => {}
                }
            }
            prop_assert_eq!(dense.heap, dense.entries().iter().map(Keyed::heap).sum::<usize>());
            let keys: Vec<_> = dense.entries().iter().map(|e| e.to_vec()).collect();
            prop_assert_eq!(keys, model);
        }

        #[test]
        fn a_scan_sees_all_that_stays(
            count in 1usize..5,
            removals in proptest::collection::vec(any::<proptest::sample::Index>(), 0..10),
        ) {
            let mut dense = Dense::<Box<[u8]>>::default();
            for n in 0..20u8 {
                dense.insert_with(&[n], || vec![n].into());
            }
            let mut seen = std::collections::BTreeSet::new();
            let mut removals = removals.into_iter();
            let mut cursor = 0;
            loop {
                let (range, next) = scan_step(cursor, dense.len(), count);
                seen.extend(dense.entries()[range].iter().map(|e| e[0]));
                cursor = next;
                if cursor == 0 {
                    break;
                }
                if let Some(victim) = removals.next() {
                    let at = victim.index(dense.len());
                    dense.swap_remove(at);
                }
            }
            for entry in dense.entries() {
                prop_assert!(seen.contains(&entry[0]));
            }
        }
    }
}
