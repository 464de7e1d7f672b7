//! All members hand out the same entries at the same places, in order and without a gap.
//!
//! Raft (2014), figure 3, state-machine safety; Omni-Paxos (2023), SC2, uniform agreement; the follow-up to ZooKeeper's TLA+
//! specifications (2023), process consistency: one member's committed log is a beginning of any other's.

use synod_types::{Entry, EntryKind, Index, Membership, Term};

/// What was decided, as the first member to hand it out had it.
#[derive(Default)]
pub struct Decided {
    /// `entries[i]` has index `i + 1`.
    entries: Vec<Entry>,
    /// The term of whoever decided it first; never falls.
    decided_in: Vec<Term>,
}

impl Decided {
    pub fn last(&self) -> Index {
        Index(self.entries.len() as u64)
    }

    pub fn term_of(&self, index: Index) -> Term {
        self.entry(index).map_or(Term(0), |entry| entry.term)
    }

    fn entry(&self, index: Index) -> Option<&Entry> {
        self.entries.get(usize::try_from(index.0.checked_sub(1)?).ok()?)
    }

    /// What was decided in terms before this one.
    pub fn before(&self, term: Term) -> &[Entry] {
        &self.entries[..self.decided_in.partition_point(|decided_in| *decided_in < term)]
    }

    pub fn membership_at(&self, index: Index, founding: &Membership) -> Membership {
        self.entries[..index.0 as usize]
            .iter()
            .rev()
            .find(|entry| entry.kind == EntryKind::Membership)
            .map_or_else(|| founding.clone(), |entry| Membership::decode(&entry.payload).unwrap())
    }

    /// A member of `term` hands an entry out. Whether somebody has before.
    pub fn agree(&mut self, entry: &Entry, term: Term) -> bool {
        if let Some(known) = self.entry(entry.index) {
            assert_eq!(known, entry, "two entries decided at {}", entry.index);
            return true;
        }
        assert_eq!(entry.index, self.last().next(), "decided out of order");
        assert!(entry.term >= self.term_of(entry.index.prev()), "terms fell");
        assert!(self.decided_in.last().is_none_or(|last| *last <= term), "decided by the past");
        self.entries.push(entry.clone());
        self.decided_in.push(term);
        false
    }
}
