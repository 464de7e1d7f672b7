//! Transactions of which a leader hears nothing: somebody has to ask what became of them.

use super::TICK_MS;
use crate::replica::Replica;
use std::collections::BTreeMap;
use synod_consensus::Role;
use synod_txn::{Rests, TxnId};
use synod_types::plant::planted;
use synod_types::{Millis, PartitionId};

/// What a leader asks about a transaction that it hears nothing of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silent {
    /// An intent here: home knows the decision, or decides against it.
    Intent {
        /// Whose.
        txn: TxnId,
        /// Whom to ask.
        home: PartitionId,
        /// Until when it may be decided for.
        deadline: Millis,
    },
    /// It is staged here: somebody has to find out whether the others keep their parts.
    Staged {
        /// Whose.
        txn: TxnId,
        /// The others, and until when each may be asked to keep its part.
        others: Rests,
    },
    /// A decision for it was taken here: the others have to end it.
    Committed {
        /// Whose.
        txn: TxnId,
        /// The others.
        others: Vec<PartitionId>,
    },
}
impl Replica {
    /// The transactions that this leader has heard nothing of for so many milliseconds. Each is told again after as long.
    pub fn silent_transactions(&mut self, after_ms: u64) -> Vec<Silent> {
        let Some(keyspace) = self.state.keyspace() else { return Vec::new() };
        let records = keyspace.transactions();
        if records.is_idle() || self.role != Role::Leader || self.applied_term != self.term {
            self.gate.seen.clear();
            return Vec::new();
        }
        let now = self.ticks;
        let mut before = std::mem::take(&mut self.gate.seen);
        let seen = &mut self.gate.seen;
        let mut is_silent = |txn| has_been_silent(&mut before, seen, txn, now, after_ms);
        let mut silent = Vec::new();
        if planted("orphan-unresolved") {
            return silent;
        }
        let prepared = records.intents().filter(|(txn, _)| !records.is_staged(*txn));
        for (txn, intent) in prepared.filter(|(txn, _)| is_silent(*txn)) {
            let (home, deadline) = (intent.home, intent.deadline);
            silent.push(Silent::Intent { txn, home, deadline });
        }
        let staged = records.staged().filter(|_| !planted("stage-unresolved"));
        for (txn, others) in staged.filter(|(txn, _)| is_silent(*txn)) {
            silent.push(Silent::Staged { txn, others: others.to_vec() });
        }
        for (txn, others) in records.committed().filter(|(txn, _)| is_silent(*txn)) {
            silent.push(Silent::Committed { txn, others: others.to_vec() });
        }
        silent
    }
}

/// Whether a transaction that was seen first, or told last, in the tick `before` tells has to be told now; `seen` says so for the next tick.
fn has_been_silent(
    before: &mut BTreeMap<TxnId, u64>,
    seen: &mut BTreeMap<TxnId, u64>,
    txn: TxnId,
    now: u64,
    after_ms: u64,
) -> bool {
    let since = before.remove(&txn).unwrap_or(now);
    let silent = now.saturating_sub(since) >= after_ms / TICK_MS;
    seen.insert(txn, if silent { now } else { since });
    silent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_told_whenever_it_was_silent_for_as_long_as_is_set() {
        for after_ms in [100, 1_000] {
            let mut seen = BTreeMap::new();
            let told = (0..=60).filter(|now| {
                let mut before = std::mem::take(&mut seen);
                has_been_silent(&mut before, &mut seen, TxnId::default(), *now, after_ms)
            });
            let every = after_ms / TICK_MS;
            let expected: Vec<u64> = (1..=60 / every).map(|n| n * every).collect();
            assert_eq!(told.collect::<Vec<_>>(), expected, "{after_ms}");
        }
    }
}
