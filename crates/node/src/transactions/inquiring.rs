//! What home staged and hears nothing of: its leader asks the others whether they keep their parts, and concludes.

use super::Asked;
use crate::node::Node;
use synod_txn::{Answer, Rests, Step, TxnId};
use synod_types::PartitionId;
use synod_types::plant::planted;

/// A transaction that is staged at a partition led here.
#[derive(Debug)]
pub(super) struct Inquiring {
    home: PartitionId,
    txn: TxnId,
    others: Vec<PartitionId>,
    /// How many answers are awaited.
    left: usize,
    /// Whether somebody could not say.
    unsure: bool,
    /// Whether home has been told.
    concluding: bool,
}

impl Inquiring {
    /// One of the others has answered; what follows from all answers, once something does.
    fn hear(&mut self, answer: &Answer) -> Verdict {
        self.left -= 1;
        match answer {
            _ if self.concluding => return Verdict::Open,
            Answer::No => return Verdict::Conclude(false),
            Answer::Yes => {}
            _ if planted("silence-is-consent") => {}
            _ => self.unsure = true,
        }
        match (self.left, self.unsure) {
            (0, true) => Verdict::GiveUp,
            (0, false) => Verdict::Conclude(true),
            _ => Verdict::Open,
        }
    }
}

/// What the answers amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing yet, or nothing more.
    Open,
    /// All keep their parts, or one does not.
    Conclude(bool),
    /// Nobody said no, and not everybody yes: it is begun again after a while.
    GiveUp,
}

impl Node {
    /// Asks all others. What one of them does not keep by then it never will. One that has become part of another partition
    /// had no intent when it gave its slots away, and took none since: it says no. If its part was kept and ended, home has
    /// concluded before, and that counts.
    pub(super) fn inquire(&mut self, home: PartitionId, txn: TxnId, rests: Rests) {
        let of = self.ledger_number();
        let others = rests.iter().map(|(other, _)| *other).collect();
        let (left, unsure, concluding) = (rests.len(), false, false);
        let inquiring = Inquiring { home, txn, others, left, unsure, concluding };
        self.conductor.inquiring.insert(of, inquiring);
        for (other, until) in rests {
            if self.groups.map().heir_of(other).is_some() {
                self.inquired(of, &Answer::No);
                continue;
            }
            let ticket = self.conductor.ticket(Asked::Inquire { of });
            self.send_step(other, ticket, Step::Inquire { txn, until });
        }
    }

    /// One of the others has answered.
    pub(super) fn inquired(&mut self, of: u64, answer: &Answer) {
        let Some(inquiring) = self.conductor.inquiring.get_mut(&of) else { return };
        match inquiring.hear(answer) {
            Verdict::Open => {}
            Verdict::GiveUp => _ = self.conductor.inquiring.remove(&of),
            Verdict::Conclude(commit) => {
                inquiring.concluding = true;
                let (home, txn) = (inquiring.home, inquiring.txn);
                if planted("resolver-decides-twice") {
                    for other in inquiring.others.clone() {
                        self.send_step(other, 0, Step::Finish { txn, commit });
                    }
                }
                let ticket = self.conductor.ticket(Asked::Conclude { of });
                self.send_step(home, ticket, Step::Conclude { txn, commit });
            }
        }
    }

    /// Home has recorded how it ended, then or before. Only that counts: if the one who conducts it was faster, then an intent
    /// was missed because it is ended.
    pub(super) fn concluded(&mut self, of: u64, answer: &Answer) {
        let Some(Inquiring { home, txn, others, .. }) = self.conductor.inquiring.remove(&of) else {
            return;
        };
        match answer {
            Answer::Yes => self.settle(home, txn, &others),
            // Aborted, or committed and ended by all of them.
            Answer::No => {
                for other in others {
                    self.send_step(other, 0, Step::Finish { txn, commit: false });
                }
            }
            _ => {} // it is begun again after a while
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_no_is_enough_and_all_are_needed_for_a_yes() {
        let yes = || Answer::Yes;
        let refused = || Answer::Refused("CLUSTERDOWN nobody leads".to_owned());
        for (answers, expected) in [
            (vec![yes(), yes(), yes()], Some(Verdict::Conclude(true))),
            (vec![yes(), Answer::No, yes()], Some(Verdict::Conclude(false))),
            (vec![refused(), Answer::No, Answer::No], Some(Verdict::Conclude(false))),
            (vec![Answer::Unknown, yes(), yes()], Some(Verdict::GiveUp)),
            (vec![yes(), yes(), refused()], Some(Verdict::GiveUp)),
            (vec![Answer::Unknown, yes()], None),
        ] {
            let mut inquiring = Inquiring {
                home: PartitionId(1),
                txn: TxnId::default(),
                others: Vec::new(),
                left: 3,
                unsure: false,
                concluding: false,
            };
            let mut verdicts = Vec::new();
            for answer in &answers {
                let verdict = inquiring.hear(answer);
                inquiring.concluding |= matches!(verdict, Verdict::Conclude(_));
                verdicts.extend((verdict != Verdict::Open).then_some(verdict));
            }
            assert_eq!(verdicts, expected.into_iter().collect::<Vec<_>>(), "{answers:?}");
        }
    }
}
