//! What the log knows of one group without its entries' payloads: enough to check that each record
//! follows from the ones before it, when it is written and again when it is read.

use synod_types::{HardState, Index, Membership, NodeId, SnapshotMeta, Term};

/// A stretch of entries of the same term, up to the next run or the end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The term.
    pub term: Term,
    /// The first entry of the stretch.
    pub first: Index,
}

/// In a checkpoint the number of runs has this bit, and the floor of the hard state follows.
const HAS_FLOOR: u32 = 1 << 31;

/// One group's standing in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupState {
    /// The last hard state written.
    pub hard_state: HardState,
    /// Where the group starts from; entries up to its index are obsolete.
    pub snapshot: SnapshotMeta,
    /// The last entry, or the snapshot's index if there is none after it. `last >= snapshot.index`.
    pub last: Index,
    /// The terms of the entries after the snapshot. Empty if and only if there are none; else the first
    /// run begins at `snapshot.index + 1`, and `first` grows from run to run.
    pub runs: Vec<Run>,
}

/// Why a record does not follow from the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misplaced {
    /// An entry beyond the end.
    #[error("entry {index} does not follow entry {last}")]
    Gap {
        /// The entry.
        index: Index,
        /// The last one in the log.
        last: Index,
    },
    /// An entry that the snapshot already contains.
    #[error("entry {index} is not after the snapshot at {snapshot}")]
    Covered {
        /// The entry.
        index: Index,
        /// The snapshot's index.
        snapshot: Index,
    },
    /// A checkpoint where none belongs.
    #[error("a checkpoint in the middle of a segment")]
    Checkpoint,
}

/// What a snapshot mark did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restart {
    /// Nothing: a newer snapshot is already marked.
    Stale,
    /// The entries after the snapshot stay.
    Kept,
    /// The log did not contain the snapshot's last entry: all entries are gone.
    Dropped,
}

impl GroupState {
    /// The term of the entry at `index`, if it is in the log or is the snapshot's last.
    #[must_use]
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.snapshot.index {
            return Some(self.snapshot.term);
        }
        if index > self.last {
            return None;
        }
        self.runs.iter().rev().find(|run| run.first <= index).map(|run| run.term)
    }

    /// Puts an entry at `index`; what was there and behind it is gone.
    pub(crate) fn put(&mut self, index: Index, term: Term) -> Result<(), Misplaced> {
        if index <= self.snapshot.index {
            return Err(Misplaced::Covered { index, snapshot: self.snapshot.index });
        }
        if index.prev() > self.last {
            return Err(Misplaced::Gap { index, last: self.last });
        }
        while self.runs.last().is_some_and(|run| run.first >= index) {
            self.runs.pop();
        }
        if self.runs.last().is_none_or(|run| run.term != term) {
            self.runs.push(Run { term, first: index });
        }
        self.last = index;
        Ok(())
    }

    /// Starts the group from a snapshot. Entries after it stay if the log holds the snapshot's last entry
    /// (Raft, section 7); otherwise they belong to another history and are gone.
    pub(crate) fn restart(&mut self, meta: &SnapshotMeta) -> Restart {
        if meta.index < self.snapshot.index {
            return Restart::Stale;
        }
        let kept = self.term_at(meta.index) == Some(meta.term);
        if kept {
            let passed = self.runs.iter().take_while(|run| run.first <= meta.index.next()).count();
            self.runs.drain(..passed.saturating_sub(1));
            if let Some(run) = self.runs.first_mut() {
                run.first = meta.index.next();
            }
        } else {
            self.last = meta.index;
        }
        if self.last == meta.index {
            self.runs.clear();
        }
        self.snapshot.clone_from(meta);
        if kept { Restart::Kept } else { Restart::Dropped }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let HardState { term, vote, commit, floor } = self.hard_state;
        let SnapshotMeta { index, term: snapshot_term, membership } = &self.snapshot;
        for n in [term.0, vote.0, commit.0, index.0, snapshot_term.0, self.last.0] {
            out.extend_from_slice(&n.to_le_bytes());
        }
        let has_floor = floor != Default::default();
        let flag = if has_floor { HAS_FLOOR } else { 0 };
        out.extend_from_slice(&(self.runs.len() as u32 | flag).to_le_bytes());
        if has_floor {
            out.extend_from_slice(&floor.0.0.to_le_bytes());
            out.extend_from_slice(&floor.1.0.to_le_bytes());
        }
        for run in &self.runs {
            out.extend_from_slice(&run.term.0.to_le_bytes());
            out.extend_from_slice(&run.first.0.to_le_bytes());
        }
        membership.encode(out);
    }

    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let rest = &mut bytes;
        let (hard_term, vote, commit) =
            (Term(take(rest)?), NodeId(take(rest)?), Index(take(rest)?));
        let (index, term, last) = (Index(take(rest)?), Term(take(rest)?), Index(take(rest)?));
        let (count, after) = rest.split_first_chunk::<4>()?;
        *rest = after;
        let count = u32::from_le_bytes(*count);
        let floor = match count & HAS_FLOOR {
            0 => Default::default(),
            _ => (Term(take(rest)?), Index(take(rest)?)),
        };
        let hard_state = HardState { term: hard_term, vote, commit, floor };
        let runs = (0..count & !HAS_FLOOR)
            .map(|_| Some(Run { term: Term(take(rest)?), first: Index(take(rest)?) }))
            .collect::<Option<Vec<_>>>()?;
        let snapshot = SnapshotMeta { index, term, membership: Membership::decode(rest)? };
        let state = Self { hard_state, snapshot, last, runs };
        state.is_sound().then_some(state)
    }

    /// Whether the invariants on the fields hold; they may have come from anywhere.
    fn is_sound(&self) -> bool {
        let start = self.snapshot.index;
        let runs_fit = match (self.runs.first(), self.runs.last()) {
            (Some(first), Some(last)) => first.first.prev() == start && last.first <= self.last,
            _ => self.last == start,
        };
        runs_fit
            && self.runs.is_sorted_by(|a, b| a.first < b.first)
            && self.runs.first().is_none_or(|run| run.first > start)
            && self.last.0 < u64::MAX
    }
}

pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let (n, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(terms: &[u64]) -> GroupState {
        let mut state = GroupState::default();
        for (i, term) in terms.iter().enumerate() {
            state.put(Index(i as u64 + 1), Term(*term)).unwrap();
        }
        state
    }

    fn meta(index: u64, term: u64) -> SnapshotMeta {
        SnapshotMeta { index: Index(index), term: Term(term), ..SnapshotMeta::default() }
    }

    #[test]
    fn entries_follow_or_overwrite_and_nothing_else() {
        let mut state = log(&[1, 1, 2, 2, 3]);
        assert_eq!(state.runs.len(), 3);
        assert_eq!(state.term_at(Index(4)), Some(Term(2)));
        assert_eq!(state.term_at(Index(6)), None);
        state.put(Index(3), Term(4)).unwrap();
        assert_eq!((state.last, state.term_at(Index(3))), (Index(3), Some(Term(4))));
        let gap = Misplaced::Gap { index: Index(5), last: Index(3) };
        assert_eq!(state.put(Index(5), Term(4)), Err(gap));
        assert_eq!(state.restart(&meta(2, 1)), Restart::Kept);
        let covered = Misplaced::Covered { index: Index(2), snapshot: Index(2) };
        assert_eq!(state.put(Index(2), Term(4)), Err(covered));
    }

    #[test]
    fn a_snapshot_keeps_what_follows_it() {
        for index in 0..=5 {
            let terms = [0, 1, 1, 2, 2, 3];
            let mut state = log(&terms[1..]);
            assert_eq!(state.restart(&meta(index, terms[index as usize])), Restart::Kept);
            assert_eq!(state.last, Index(5));
            for i in index..=5 {
                assert_eq!(state.term_at(Index(i)), Some(Term(terms[i as usize])), "{index} {i}");
            }
            let mut bytes = Vec::new();
            state.encode(&mut bytes);
            assert_eq!(GroupState::decode(&bytes), Some(state));
        }
    }

    #[test]
    fn a_snapshot_of_another_history_drops_what_follows() {
        let mut state = log(&[1, 1, 2]);
        assert_eq!(state.restart(&meta(2, 5)), Restart::Dropped);
        assert_eq!((state.last, state.runs.len()), (Index(2), 0));
        assert_eq!(state.restart(&meta(9, 5)), Restart::Dropped);
        assert_eq!(state.restart(&meta(8, 5)), Restart::Stale);
        assert_eq!(state.last, Index(9));
    }
}
