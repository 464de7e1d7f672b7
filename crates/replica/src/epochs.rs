//! Calls of an older epoch: how a replica gives them back when its slots have changed hands ([`crate::slots`]).
//!
//! A leader takes a call under the epoch that it has applied, and stamps it into the entry. While a claim is on its way
//! through the log, the leader goes on taking calls under the epoch before: these stand behind the claim and are passed
//! over when they are applied. So that the requests of a connection keep their order, all that is given back because of
//! one claim is given back together, once the last of these entries is applied:
//!
//! ```text
//!   claim applied -- draining: nothing is proposed, nothing read -- last proposal applied -- Output::Outdated
//!      entries of the older epoch, and reads due before them, in the order of the log
//!      then reads that no entry bounds, then what was held back by transactions, then the batch
//! ```
//! Whoever leads no longer gives back at once what it has: there is no order to be kept with what it does not take.

use crate::batch::split;
use crate::pending::{Bounced, Proposal};
use crate::reads::ReadBatch;
use crate::replica::{Output, Replica};
use crate::slots::{Claim, Claimed, Owned};
use synod_consensus::Role;
use synod_machine::Operation;
use synod_types::{Epoch, Slot};

/// What the slots' changing hands has to do with requests.
#[derive(Debug, Default)]
pub(crate) struct Epochs {
    /// The epoch that was applied last.
    known: Epoch,
    /// The replica's tick at which it was.
    since: u64,
    /// Whether proposals of an older one may be on their way.
    draining: bool,
    /// What was not executed because of its epoch, in order.
    outdated: Vec<Bounced>,
}

impl Epochs {
    /// Those of a replica that begins in this one.
    pub fn new(known: Epoch) -> Self {
        Self { known, ..Self::default() }
    }
}

impl Replica {
    /// Has the partition own this from an epoch on that it begins. Whether this leader has proposed it. A split is not
    /// proposed while an undecided transaction holds a key of the slots that would go: its outcome is told here. Slots are not
    /// given away while others have to hear from here what became of a transaction.
    pub fn claim_slots(&mut self, what: Claimed, out: &mut Vec<Output>) -> bool {
        if self.role().0 != Role::Leader || self.is_draining() {
            return false;
        }
        let waits_from = match what {
            Claimed::Split { at, .. } => self.state().may_be_held_from(at).then_some(at),
            Claimed::Given { .. } => (!self.state().has_settled()).then_some(Slot(0)),
            _ => None,
        };
        if let Some(at) = waits_from {
            self.gate.tried_in_vain(at, self.ticks);
            return false;
        }
        // What a sealed partition is not to do goes out of the way of its next claim.
        self.propose(out);
        self.bounce_refused(out);
        let claim = Claim { epoch: Epoch(self.state().epoch().0 + 1), what };
        // An entry of its own: what stands in it behind a claim would be of the epoch before.
        self.propose_claim(|bytes| claim.put_operation(bytes), out);
        true
    }

    /// Whether calls are taken that were sent under this epoch. While older ones are on their way, all are taken, to be
    /// given back in their order.
    #[must_use]
    #[inline]
    pub fn takes_epoch(&self, epoch: Epoch) -> bool {
        (self.state().epoch() == epoch && !self.state().is_sealed()) || self.is_draining()
    }

    /// For how many ticks the partition has been sealed here, if it is.
    #[must_use]
    pub fn sealed_ticks(&self) -> Option<u64> {
        self.state().is_sealed().then(|| self.ticks.saturating_sub(self.epochs.since))
    }

    /// Whether entries of an older epoch may be on their way.
    #[must_use]
    #[inline]
    pub fn is_draining(&self) -> bool {
        self.epochs.draining
    }

    /// A claim was applied, or refused.
    pub(crate) fn epoch_may_have_begun(&mut self) {
        let epoch = self.state().owned().map_or(Epoch(0), Owned::epoch);
        if epoch != self.epochs.known {
            self.epochs.known = epoch;
            self.epochs.since = self.ticks;
            self.epochs.draining = true;
        }
    }

    /// An entry of an older epoch: nothing of it is executed.
    pub(crate) fn pass_over(&mut self, mut ops: &[u8], payload: &[u8], waiting: &Proposal) {
        while let Some(op) = Operation::take(&mut ops) {
            self.note_decided(op);
        }
        self.forget_waits(&waiting.origins);
        self.outdate(split(payload, &waiting.origins, &waiting.riders));
    }

    /// These were taken under an older epoch.
    pub(crate) fn outdate(&mut self, calls: impl IntoIterator<Item = Bounced>) {
        self.epochs.outdated.extend(calls);
    }

    /// Gives back what is of an older epoch, if all of it is here or this replica does not lead.
    pub(crate) fn give_outdated_back(&mut self, out: &mut Vec<Output>) {
        let drained = self.proposals.is_empty() && !self.is_behind();
        if self.epochs.draining && self.role().0 == Role::Leader {
            if !drained {
                return;
            }
            self.outdate_the_rest(out);
        }
        self.epochs.draining &= !drained;
        if !self.epochs.outdated.is_empty() {
            let requests = std::mem::take(&mut self.epochs.outdated);
            out.push(Output::Outdated { epoch: self.epochs.known, requests });
        }
    }

    fn outdate_the_rest(&mut self, out: &mut Vec<Output>) {
        let reads = self.reads.take_all();
        self.outdate(reads.iter().flat_map(ReadBatch::bounced));
        self.close_gate(out);
        let refused = std::mem::take(&mut self.refused);
        self.outdate(refused);
        if let Some(closed) = self.close_batch() {
            self.expiry.forget_proposed();
            self.evicting = false;
            self.forget_waits(&closed.origins);
            self.outdate(closed.split());
        }
        self.give_waits_back(out);
        self.give_questions_back(out);
    }
}
