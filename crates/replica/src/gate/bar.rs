//! Slots that are to leave the partition are barred for new transactions, once those that are under way have been waited for
//! long enough: otherwise there might always be another one.
//!
//! A claim with which slots go waits for the transactions that are undecided in them. Each try is noted here. While tries go on
//! for longer than [`limits::CLAIM_PATIENCE_MS`], a transaction that has no lock here gets none on a key of these slots: it waits
//! in line, and follows its keys when they have gone. A bar of which nobody has tried anything for a second is none.

use super::TICK_MS;
use super::line::{Gate, Wanted};
use synod_txn::TxnId;
use synod_types::{Slot, key_slot, limits};

/// After so many ticks without another try it is over.
const FORGET_TICKS: u64 = 20;

/// The slots from one on, which are to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    at: Slot,
    /// The ticks of the first try and of the last.
    since: u64,
    tried: u64,
}

impl Bar {
    fn is_down(&self) -> bool {
        self.tried.saturating_sub(self.since) >= limits::CLAIM_PATIENCE_MS / TICK_MS
    }
}

impl Gate {
    /// The slots from this one on could not go because of transactions.
    pub(crate) fn tried_in_vain(&mut self, at: Slot, now: u64) {
        let since = self.bar.filter(|bar| bar.at == at).map_or(now, |bar| bar.since);
        self.bar = Some(Bar { at, since, tried: now });
    }

    /// Another tick has passed.
    pub(super) fn age_bar(&mut self, now: u64) {
        let is_over = |bar: &mut Bar| now.saturating_sub(bar.tried) > FORGET_TICKS;
        self.changed |= self.bar.take_if(is_over).is_some();
    }

    /// Whether a transaction has to wait for what it wants, though nobody has it.
    pub(super) fn is_barred(&self, txn: TxnId, wanted: &Wanted) -> bool {
        let Some(bar) = self.bar.filter(Bar::is_down) else { return false };
        let goes = |key: &Vec<u8>| key_slot(key) >= bar.at;
        match wanted {
            Wanted::Keys(keys) => !self.locks.contains_key(&txn) && keys.iter().any(goes),
            Wanted::Nothing | Wanted::All => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: u64 = limits::CLAIM_PATIENCE_MS / TICK_MS;

    fn txn(number: u64) -> TxnId {
        TxnId { number, ..TxnId::default() }
    }

    /// foo lies in slot 12182, bar in 5061.
    fn keys(key: &str) -> Wanted {
        Wanted::Keys(vec![key.as_bytes().to_vec()])
    }

    #[test]
    fn new_transactions_wait_once_the_old_ones_were_waited_for() {
        let mut gate = Gate::default();
        let (at, foo, bar) = (Slot(8_000), keys("foo"), keys("bar"));
        gate.lock(txn(1), &[b"baz".to_vec()], 1);
        for now in 1..=PATIENCE {
            gate.tried_in_vain(at, now);
            gate.age_bar(now);
            assert!(!gate.is_barred(txn(2), &foo), "{now}");
        }
        gate.tried_in_vain(at, PATIENCE + 1);
        assert!(gate.is_barred(txn(2), &foo) && !gate.is_free(&foo, Some(txn(2)), None));
        assert!(!gate.is_barred(txn(1), &foo), "it is under way, and has to come to its end");
        assert!(!gate.is_barred(txn(2), &bar), "what stays is not barred");
        assert!(gate.is_free(&foo, None, None), "nor what is no transaction");
        gate.tried_in_vain(Slot(9_000), PATIENCE + 2);
        assert!(!gate.is_barred(txn(2), &foo), "other slots are waited for anew");
    }

    #[test]
    fn a_bar_that_nobody_needs_is_none() {
        let mut gate = Gate::default();
        gate.tried_in_vain(Slot(0), 1);
        gate.tried_in_vain(Slot(0), PATIENCE + 1);
        gate.age_bar(PATIENCE + 1 + FORGET_TICKS);
        assert!(gate.is_barred(txn(2), &keys("bar")));
        gate.age_bar(PATIENCE + 2 + FORGET_TICKS);
        assert!(!gate.is_barred(txn(2), &keys("bar")) && gate.changed);
    }
}
