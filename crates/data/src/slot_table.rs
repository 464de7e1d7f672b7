//! The keys of one slot: a dense vector of objects and an index into it.
//!
//! The dense order is part of the replicated state: random choices and SCAN follow it, and snapshots
//! keep it. The index's order is never observed.

use crate::object::{Due, Object};
use hashbrown::HashTable;
use std::cell::Cell;
use synod_types::Millis;

/// The keys of one slot. Empty it owns no memory.
#[derive(Debug)]
pub(crate) struct SlotTable {
    /// Every key of the slot, in the order that replicas agree on.
    dense: Vec<Object>,
    /// Hash of the key to its place in `dense`. Invariant: exactly one entry per place.
    index: HashTable<u32>,
    /// The version that absent keys of this slot have; never decreases.
    absent_version: u64,
    /// How many objects have an expiry time.
    expires: u32,
    /// How many hashes have fields that expire.
    expiring_hashes: u32,
    /// No object or field expires before this. A lower bound only, so removing a key need not recompute it; the
    /// active expiry raises it when it finds nothing, hence the cell. Never observed by a command.
    expire_min: Cell<u64>,
}

impl SlotTable {
    pub(crate) const fn new() -> Self {
        Self {
            dense: Vec::new(),
            index: HashTable::new(),
            absent_version: 0,
            expires: 0,
            expiring_hashes: 0,
            expire_min: Cell::new(u64::MAX),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.dense.len()
    }

    pub(crate) fn objects(&self) -> &[Object] {
        &self.dense
    }

    pub(crate) fn absent_version(&self) -> u64 {
        self.absent_version
    }

    pub(crate) fn raise_absent_version(&mut self, version: u64) {
        self.absent_version = self.absent_version.max(version);
    }

    pub(crate) fn expires(&self) -> usize {
        self.expires as usize
    }

    pub(crate) fn expiring_hashes(&self) -> usize {
        self.expiring_hashes as usize
    }

    pub(crate) fn expire_min(&self) -> Millis {
        Millis(self.expire_min.get())
    }

    /// Recomputes the lower bound from what is there.
    pub(crate) fn tighten_expire_min(&self) {
        let earliest = self.dense.iter().filter_map(|o| o.due().first()).map(|at| at.0).min();
        self.expire_min.set(earliest.unwrap_or(u64::MAX));
    }

    /// The place of a key.
    #[inline]
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<usize> {
        let dense = &self.dense;
        self.index.find(hash, |at| dense[*at as usize].key() == key).map(|at| *at as usize)
    }

    /// The place at which a key with this hash probably lies; no key is compared.
    #[inline]
    pub(crate) fn guess(&self, hash: u64) -> Option<usize> {
        self.index.find(hash, |_| true).map(|at| *at as usize)
    }

    #[inline]
    pub(crate) fn object(&self, at: usize) -> &Object {
        &self.dense[at]
    }

    /// The object at a place. Its key must stay; whoever changes its expiry calls
    /// [`Self::expiry_changed`].
    #[inline]
    pub(crate) fn object_mut(&mut self, at: usize) -> &mut Object {
        &mut self.dense[at]
    }

    /// Keeps the counts right after an object's expiry went from `before` to `after`.
    #[inline]
    pub(crate) fn expiry_changed(&mut self, before: Due, after: Due) {
        let count = |count: u32, before: Option<Millis>, after: Option<Millis>| {
            count + u32::from(after.is_some()) - u32::from(before.is_some())
        };
        self.expires = count(self.expires, before.key, after.key);
        self.expiring_hashes = count(self.expiring_hashes, before.field, after.field);
        if let Some(at) = after.first() {
            self.expire_min.set(self.expire_min.get().min(at.0));
        }
    }

    /// Appends an object whose key is not there yet. `hash_of` is the hash function of keys.
    pub(crate) fn push(&mut self, hash: u64, object: Object, hash_of: impl Fn(&[u8]) -> u64) {
        self.expiry_changed(Due::default(), object.due());
        grow_gently(&mut self.dense);
        // A slot of 2^32 keys would need hundreds of gigabytes.
        let at = self.dense.len() as u32;
        self.dense.push(object);
        let dense = &self.dense;
        self.index.insert_unique(hash, at, |at| hash_of(dense[*at as usize].key()));
    }

    /// Replaces the object at a place by one with the same key; returns the old one.
    pub(crate) fn replace(&mut self, at: usize, object: Object) -> Object {
        self.expiry_changed(self.dense[at].due(), object.due());
        std::mem::replace(&mut self.dense[at], object)
    }

    /// Removes the object at a place; the last one moves into the hole.
    pub(crate) fn remove(
        &mut self,
        hash: u64,
        at: usize,
        hash_of: impl Fn(&[u8]) -> u64,
    ) -> Object {
        if let Ok(entry) = self.index.find_entry(hash, |n| *n as usize == at) {
            entry.remove();
        }
        let last = self.dense.len() - 1;
        if at != last {
            let hash = hash_of(self.dense[last].key());
            if let Some(place) = self.index.find_mut(hash, |n| *n as usize == last) {
                *place = at as u32;
            }
        }
        let object = self.dense.swap_remove(at);
        self.expiry_changed(object.due(), Due::default());
        self.release_slack(hash_of);
        object
    }

    /// Gives memory back after many removals.
    fn release_slack(&mut self, hash_of: impl Fn(&[u8]) -> u64) {
        if self.dense.capacity() > 16 && self.dense.len() < self.dense.capacity() / 4 {
            self.dense.shrink_to(self.dense.len() * 2);
            let dense = &self.dense;
            self.index.shrink_to(dense.len() * 2, |at| hash_of(dense[*at as usize].key()));
        }
        if self.dense.is_empty() {
            self.dense = Vec::new();
            self.index = HashTable::new();
        }
    }

    /// An estimate of the heap bytes of the table itself, without its objects.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.dense.capacity() * size_of::<Object>() + self.index.allocation_size()
    }
}

/// Grows by a quarter, not by doubling: with 16,384 tables the mean slack is what a key costs.
fn grow_gently(dense: &mut Vec<Object>) {
    if dense.len() == dense.capacity() {
        dense.reserve_exact((dense.len() / 4).max(4));
    }
}
