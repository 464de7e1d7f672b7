//! Transactions whose conductor is gone: leaders ask home what was decided, and home's leader has it carried out.

use super::Asked;
use crate::node::Node;
use crate::settings::Setting;
use synod_replica::Silent;
use synod_txn::{Answer, Step, TxnId};
use synod_types::PartitionId;
use synod_types::plant::planted;

/// A decision that home's leader has the others end.
#[derive(Debug)]
pub(super) struct Settling {
    home: PartitionId,
    txn: TxnId,
    left: usize,
}

impl Node {
    pub(super) fn settled(&mut self, of: u64, answer: &Answer) {
        let Some(settling) = self.conductor.settling.get_mut(&of) else { return };
        if *answer != Answer::Yes {
            self.conductor.settling.remove(&of); // it is begun again after a while
            return;
        }
        settling.left -= 1;
        if settling.left == 0 {
            let (home, txn) = (settling.home, settling.txn);
            self.conductor.settling.remove(&of);
            self.send_step(home, 0, Step::Forget { txn });
        }
    }

    /// Once a tick: sees to the transactions that the leaders here hear nothing of.
    pub(crate) fn tend_transactions(&mut self) {
        if self.room.disk_is_full() {
            return;
        }
        let after_ms = self.settings.get(Setting::TransactionDoubtMs).unsigned_abs();
        for here in self.groups.numbers() {
            let Some(replica) = self.groups.replica_mut(here) else { continue };
            for silent in replica.silent_transactions(after_ms) {
                match silent {
                    Silent::Intent { txn, home, deadline } => {
                        self.counted.counters_mut().transactions_resolved += 1;
                        if planted("resolved-by-itself") {
                            self.send_step(here, 0, Step::Finish { txn, commit: false });
                            continue;
                        }
                        let ticket = self.conductor.ticket(Asked::Resolve { at: here, txn });
                        self.send_step(home, ticket, Step::Resolve { txn, deadline });
                    }
                    Silent::Staged { txn, others } => {
                        self.counted.counters_mut().transactions_resolved += 1;
                        self.inquire(here, txn, others);
                    }
                    Silent::Committed { txn, others } => self.settle(here, txn, &others),
                }
            }
        }
    }

    pub(super) fn settle(&mut self, home: PartitionId, txn: TxnId, others: &[PartitionId]) {
        if others.is_empty() {
            return self.send_step(home, 0, Step::Forget { txn });
        }
        let of = self.ledger_number();
        self.conductor.settling.insert(of, Settling { home, txn, left: others.len() });
        for other in others {
            let ticket = self.conductor.ticket(Asked::Settle { of });
            self.send_step(*other, ticket, Step::Finish { txn, commit: true });
        }
    }
}
