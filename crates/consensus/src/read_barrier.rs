//! Reads that wait until a quorum confirmed that this leader still leads.
//!
//! Reads that arrive together share one round. A confirmed round confirms the ones before it too.
//! Source: Ongaro's dissertation, section 6.4.

use std::collections::VecDeque;
use synod_types::Index;

/// How many rounds that reads asked for may be under way; what arrives meanwhile gathers for the next one.
const ROUNDS_MAX: usize = 2;

/// The reads of one leader.
#[derive(Clone, Debug, Default)]
pub struct ReadBarrier {
    /// The number of the last round begun; the first is 1.
    begun: u64,
    /// Reads without a round.
    fresh: Vec<u64>,
    /// The rounds under way, oldest first.
    rounds: VecDeque<Round>,
}

#[derive(Clone, Debug)]
struct Round {
    number: u64,
    index: Index,
    tick: u64,
    ids: Vec<u64>,
}

/// A round that a quorum confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// What must be applied before the reads are answered.
    pub index: Index,
    /// When the round was begun.
    pub tick: u64,
    /// The reads.
    pub ids: Vec<u64>,
}

impl ReadBarrier {
    /// Takes a read in.
    pub fn ask(&mut self, id: u64) {
        self.fresh.push(id);
    }

    /// Whether a round should be begun now rather than wait for one to end.
    #[must_use]
    pub fn wants_round(&self) -> bool {
        let asked_for = self.rounds.iter().filter(|round| !round.ids.is_empty()).count();
        !self.fresh.is_empty() && asked_for < ROUNDS_MAX
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.fresh.is_empty() && self.rounds.iter().all(|round| round.ids.is_empty())
    }

    /// The number of the last round begun, to be put into heartbeats.
    #[must_use]
    pub fn current(&self) -> u64 {
        self.begun
    }

    /// Begins a round, for the reads that wait if there are any; `index` is the commit at this moment.
    pub fn begin(&mut self, index: Index, tick: u64) {
        self.begun += 1;
        let ids = std::mem::take(&mut self.fresh);
        self.rounds.push_back(Round { number: self.begun, index, tick, ids });
    }

    /// A quorum answered round `number` or a later one: takes out the oldest round that this confirms.
    pub fn confirm(&mut self, number: u64) -> Option<Confirmed> {
        let Round { index, tick, ids, .. } =
            self.rounds.pop_front_if(|round| round.number <= number)?;
        Some(Confirmed { index, tick, ids })
    }

    /// Takes out every read that waits, because leadership was lost.
    pub fn abort(&mut self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.rounds.drain(..).flat_map(|round| round.ids).collect();
        ids.append(&mut self.fresh);
        ids
    }
}
