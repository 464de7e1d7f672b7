//! A disk that loses what was not flushed.

use std::collections::VecDeque;
use synod_consensus::random::Random;
use synod_consensus::{Recovered, Token};
use synod_types::{Entry, HardState, Index, SnapshotMeta, Term};

/// What is durable, and what is on its way.
#[derive(Default)]
pub struct Disk {
    pub hard: HardState,
    pub snapshot: SnapshotMeta,
    /// Consecutive, all after the snapshot.
    pub entries: Vec<Entry>,
    writes: VecDeque<(Token, Option<HardState>, Vec<Entry>)>,
}

impl Disk {
    pub fn write(&mut self, token: Token, hard: Option<HardState>, entries: Vec<Entry>) {
        self.writes.push_back((token, hard, entries));
    }

    pub fn is_busy(&self) -> bool {
        !self.writes.is_empty()
    }

    /// The oldest `count` writes become durable; the token of the last of them.
    pub fn flush(&mut self, count: usize) -> Option<Token> {
        let mut done = None;
        for _ in 0..count {
            let Some((token, hard, entries)) = self.writes.pop_front() else { break };
            self.apply(hard, entries);
            done = Some(token);
        }
        done
    }

    fn apply(&mut self, hard: Option<HardState>, entries: Vec<Entry>) {
        self.hard = hard.unwrap_or(self.hard);
        for entry in entries {
            if entry.index <= self.snapshot.index {
                continue;
            }
            self.entries.retain(|old| old.index < entry.index);
            let last = self.entries.last().map_or(self.snapshot.index, |old| old.index);
            assert_eq!(entry.index, last.next(), "a gap on the disk");
            self.entries.push(entry);
        }
    }

    /// The power goes: some of what was not reported flushed may have made it, in order.
    pub fn crash(&mut self, random: &mut Random) {
        let whole = random.below(self.writes.len() as u32 + 1);
        self.flush(whole as usize);
        if let Some((_, hard, mut entries)) = self.writes.pop_front()
            && random.below(2) == 0
        {
            let kept = random.below(entries.len() as u32 + 1) * random.below(2);
            entries.truncate(kept as usize);
            self.apply(hard, entries);
        }
        self.writes.clear();
    }

    /// A snapshot is durable; what it covers is dropped, what lies behind it stays, right or wrong.
    pub fn keep_snapshot(&mut self, meta: SnapshotMeta) {
        self.entries.retain(|entry| entry.index > meta.index);
        self.snapshot = meta;
    }

    pub fn recover(&self) -> Recovered {
        Recovered {
            hard_state: self.hard,
            snapshot: self.snapshot.clone(),
            entries: self.entries.clone(),
        }
    }

    /// Whether the entry will be here once everything is flushed.
    pub fn wrote(&self, index: Index, term: Term) -> bool {
        for (_, _, entries) in self.writes.iter().rev() {
            if let Some(entry) = entries.iter().find(|entry| entry.index == index) {
                return entry.term == term;
            }
            if entries.first().is_some_and(|first| first.index <= index) {
                return false;
            }
        }
        self.holds(index, term)
    }

    /// Whether the entry is durable here, by itself or in the snapshot.
    pub fn holds(&self, index: Index, term: Term) -> bool {
        index <= self.snapshot.index
            || self.entries.iter().any(|entry| entry.index == index && entry.term == term)
    }
}
