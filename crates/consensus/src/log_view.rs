//! The end of the log that an engine keeps in memory.
//!
//! The whole log is on the driver's disk; the engine holds a window of it for the followers, for the disk
//! and for the state machine. Whatever fell out of the window can only be had as part of a snapshot.

use std::collections::VecDeque;
use synod_types::{Entry, Index, Term};

/// What an entry costs besides its payload, in bytes. Empty entries must count for something.
pub const ENTRY_OVERHEAD_BYTES: usize = 64;

/// What an entry counts for in every byte budget.
#[must_use]
pub fn entry_bytes(entry: &Entry) -> usize {
    entry.payload.len() + ENTRY_OVERHEAD_BYTES
}

/// A window of consecutive entries over a base.
#[derive(Clone, Debug, Default)]
pub struct LogView {
    /// The position just before the window. Everything up to here is committed.
    base: Index,
    /// The term of the entry at `base`.
    base_term: Term,
    /// `entries[i].index == base + 1 + i`; terms never fall.
    entries: VecDeque<Entry>,
    /// The sum of [`entry_bytes`].
    bytes: usize,
}

impl LogView {
    /// An empty window behind this position.
    #[must_use]
    pub fn new(base: Index, base_term: Term) -> Self {
        Self { base, base_term, ..Self::default() }
    }

    /// The position just before the window.
    #[must_use]
    pub fn base(&self) -> Index {
        self.base
    }

    /// The last entry; the base when the window is empty.
    #[must_use]
    pub fn last(&self) -> Index {
        Index(self.base.0 + self.entries.len() as u64)
    }

    /// The term of the last entry.
    #[must_use]
    pub fn last_term(&self) -> Term {
        self.entries.back().map_or(self.base_term, |entry| entry.term)
    }

    /// What the window counts for.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn offset(&self, index: Index) -> Option<usize> {
        usize::try_from(index.0.checked_sub(self.base.0 + 1)?).ok()
    }

    /// The entry at `index`, if it is in the window.
    #[must_use]
    pub fn get(&self, index: Index) -> Option<&Entry> {
        self.entries.get(self.offset(index)?)
    }

    /// The term at `index`, if it is the base or in the window.
    #[must_use]
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.base {
            return Some(self.base_term);
        }
        self.get(index).map(|entry| entry.term)
    }

    /// Appends the next entry.
    ///
    /// # Panics
    /// When it is not the next one or its term is older than the last one's.
    pub fn push(&mut self, entry: Entry) {
        assert_eq!(entry.index, self.last().next(), "the log has no gaps");
        assert!(entry.term >= self.last_term(), "terms never fall along the log");
        self.bytes += entry_bytes(&entry);
        self.entries.push_back(entry);
    }

    /// Cuts off the entry at `index` and everything behind it.
    ///
    /// # Panics
    /// When that would cut what already left the window.
    pub fn truncate(&mut self, index: Index) {
        assert!(index > self.base, "the window's base is committed");
        while self.last() >= index {
            let Some(entry) = self.entries.pop_back() else { break };
            self.bytes -= entry_bytes(&entry);
        }
    }

    /// The entries `from..=to`, as far as they are in the window.
    #[must_use]
    pub fn slice(&self, from: Index, to: Index) -> Vec<Entry> {
        let start = from.0.saturating_sub(self.base.0 + 1);
        let end = to.0.saturating_sub(self.base.0).min(self.entries.len() as u64);
        if start >= end {
            return Vec::new();
        }
        self.entries.range(start as usize..end as usize).cloned().collect()
    }

    /// As many entries from `from` on as fit into `bytes_max`, at least one if there is one, and what they
    /// count for.
    #[must_use]
    pub fn batch(&self, from: Index, bytes_max: usize) -> (Vec<Entry>, usize) {
        let Some(start) = self.offset(from).filter(|start| *start < self.entries.len()) else {
            return (Vec::new(), 0);
        };
        let (mut end, mut bytes) = (start, 0);
        for entry in self.entries.range(start..) {
            let more = entry_bytes(entry);
            if end > start && bytes + more > bytes_max {
                break;
            }
            (end, bytes) = (end + 1, bytes + more);
        }
        (self.entries.range(start..end).cloned().collect(), bytes)
    }

    /// The last position not after `index` whose term is not above `term`. Below the base nothing is known and
    /// the answer is the best that can be said: just under the base, or `index` itself.
    #[must_use]
    pub fn last_not_above(&self, index: Index, term: Term) -> Index {
        let index = index.min(self.last());
        if index < self.base {
            return index;
        }
        // Terms never fall, so the entries that fit are a prefix.
        let fitting = self.entries.partition_point(|entry| entry.term <= term) as u64;
        if fitting == 0 && self.base_term > term {
            return self.base.prev();
        }
        index.min(Index(self.base.0 + fitting))
    }

    /// Forgets what nobody needs (up to `unneeded`) and then, oldest first, what may be forgotten (up to
    /// `droppable`) until the window fits into `bytes_max`.
    pub fn compact(&mut self, unneeded: Index, droppable: Index, bytes_max: usize) {
        while let Some(entry) = self.entries.front() {
            let unneeded = entry.index <= unneeded.min(droppable);
            if !unneeded && (self.bytes <= bytes_max || entry.index > droppable) {
                break;
            }
            (self.base, self.base_term) = (entry.index, entry.term);
            self.bytes -= entry_bytes(entry);
            self.entries.pop_front();
        }
    }

    /// Gives back memory that a burst left behind.
    pub fn shrink(&mut self) {
        self.entries.shrink_to_fit();
    }
}
