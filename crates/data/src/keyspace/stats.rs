//! What INFO counts of keys. It differs from replica to replica and is no part of the state.

use super::Keyspace;
use std::cell::Cell;

/// Counts that differ from replica to replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyspaceStats {
    /// Keys that reading commands found.
    pub hits: u64,
    /// Keys that reading commands did not find.
    pub misses: u64,
    /// Keys that were deleted because their time had passed.
    pub expired: u64,
    /// Fields of hashes that were deleted because their time had passed.
    pub expired_fields: u64,
    /// Keys that were deleted because memory was short.
    pub evicted: u64,
}

/// What is told of a keyspace, also while an operation of it is run beside the turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// [`Keyspace::len`].
    pub keys: usize,
    /// [`Keyspace::expires_len`].
    pub expires: usize,
    /// [`Keyspace::expiring_hashes`].
    pub expiring_hashes: usize,
    /// [`Keyspace::memory`].
    pub memory: usize,
    /// [`Keyspace::object_bytes`].
    pub object_bytes: usize,
    /// [`Keyspace::stats`].
    pub stats: KeyspaceStats,
    /// How many scripts EVALSHA finds, and their bytes.
    pub scripts: (usize, usize),
    /// How many libraries there are, how many functions they have, and their bytes.
    pub libraries: (usize, usize, usize),
}

/// The counts as they are kept: reading changes them too, hence the cells.
#[derive(Debug, Default)]
pub(super) struct Stats {
    hits: Cell<u64>,
    misses: Cell<u64>,
    pub expired: u64,
    pub expired_fields: u64,
    pub evicted: u64,
}

impl Stats {
    /// A reading command looked for a key.
    #[inline]
    pub fn looked_up(&self, found: bool) {
        let count = if found { &self.hits } else { &self.misses };
        count.set(count.get() + 1);
    }
}

impl Keyspace {
    /// Everything that is told of it.
    #[must_use]
    pub fn measures(&self) -> Measures {
        Measures {
            keys: self.len(),
            expires: self.expires_len(),
            expiring_hashes: self.expiring_hashes(),
            memory: self.memory(),
            object_bytes: self.object_bytes(),
            stats: self.stats(),
            scripts: self.scripts.sizes(),
            libraries: self.libraries.sizes(),
        }
    }

    /// What happened here since this replica began to count.
    #[must_use]
    pub fn stats(&self) -> KeyspaceStats {
        KeyspaceStats {
            hits: self.stats.hits.get(),
            misses: self.stats.misses.get(),
            expired: self.stats.expired,
            expired_fields: self.stats.expired_fields,
            evicted: self.stats.evicted,
        }
    }

    /// Counts on from here.
    pub fn set_stats(&mut self, stats: KeyspaceStats) {
        self.stats.hits.set(stats.hits);
        self.stats.misses.set(stats.misses);
        self.stats.expired = stats.expired;
        self.stats.expired_fields = stats.expired_fields;
        self.stats.evicted = stats.evicted;
    }
}
