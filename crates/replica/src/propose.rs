//! How the batch of a turn becomes an entry and reads ask for their barrier, and what comes back when the engine takes
//! neither.

use crate::batch::Closed;
use crate::pending::{Audience, Bounced, Failure, Origin, Proposal};
use crate::reads::ReadBatch;
use crate::replica::{Output, Replica};
use synod_consensus::Role;
use synod_types::plant::planted;

/// A proposal has a tick more for each so many bytes before it is given up: 10 MiB in a second.
const LONG_BYTES_PER_TICK: u64 = 1 << 20;
/// A snapshot that the engine wants and that could not be taken is tried again after so many ticks.
const SNAPSHOT_RETRY_TICKS: u64 = 20;

impl Replica {
    /// Closes the batch, if there is anything in it.
    pub(crate) fn close_batch(&mut self) -> Option<Closed> {
        if self.batch.holds_nothing() {
            return None;
        }
        let stamp = self.stamps.next(self.now.wall);
        let spare = self.proposals.spare();
        let closed = self.batch.close(stamp, self.now.seed, spare);
        self.now.seed = self.now.seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        Some(closed)
    }

    pub(crate) fn propose(&mut self, out: &mut Vec<Output>) {
        if self.is_draining() && self.role == Role::Leader {
            return; // what is in the batch is given back behind what is on its way
        }
        let open = !self.state.is_sealed();
        self.propose_if(open, out);
    }

    /// Proposes a claim, which a sealed partition takes, too.
    pub(crate) fn propose_claim(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>),
        out: &mut Vec<Output>,
    ) {
        encode(self.batch.add(Origin::Internal, self.state.epoch()));
        self.propose_if(true, out);
    }

    fn propose_if(&mut self, open: bool, out: &mut Vec<Output>) {
        let Some(closed) = self.close_batch() else { return };
        // Behind something that was refused in this turn nothing may be taken.
        let has_ops = !closed.origins.is_empty();
        let taken = match open && has_ops && self.refused.is_empty() {
            true => self.engine.propose(closed.payload.clone()).ok(),
            false => None,
        };
        let Some(position) = taken else {
            self.expiry.forget_proposed();
            self.evicting = false;
            self.forget_waits(&closed.origins);
            return self.refused.extend(closed.split());
        };
        if planted("told-before-applied") {
            self.tell_of_proposed(&closed.payload, out);
        }
        self.stamps.propose(position.index);
        self.reads.bound(position);
        let bytes = closed.payload.len();
        self.long_ticks = self.long_ticks.max(bytes as u64 / LONG_BYTES_PER_TICK);
        let (since, origins, riders) = (self.ticks, closed.origins, closed.riders);
        let void = self.proposals.push(Proposal { position, since, bytes, origins, riders });
        for proposal in void {
            self.forget_waits(&proposal.origins);
            out.push(Output::Voided(proposal.into_origins()));
        }
    }

    pub(crate) fn ask_to_read(&mut self) {
        if self.reads.is_empty() || (self.role == Role::Leader && self.applied_term != self.term) {
            return; // a new leader's reads wait until its first entry is applied
        }
        self.reads.close();
        while let Some(id) = self.reads.next_to_ask() {
            if self.engine.read(id).is_err()
                && let Some(batch) = self.reads.abort(id)
            {
                let bounced = self.give_back(&batch);
                self.refused_reads.extend(bounced);
            }
        }
    }

    /// Reads that nobody confirms here any more. One that is bounded by an entry stays with it while a write of its
    /// connection may stand in that entry or behind it: elsewhere it could see that write. It is executed before the
    /// entry if that is committed after all, and shares its fate otherwise. Once nobody waits for the entry here, it is
    /// not known whose writes those were. The others may go elsewhere.
    pub(crate) fn give_back(&mut self, batch: &ReadBatch) -> Vec<Bounced> {
        let mut bounced: Vec<Bounced> = batch.bounced().collect();
        let Some(before) = batch.before() else { return bounced };
        match self.proposals.find(before) {
            Some((proposal, writers)) => {
                let kept = bounced.extract_if(.., |read| writers.may_be(read.origin));
                proposal.riders.put_ahead(kept.collect());
            }
            None => self.unread.extend(bounced.drain(..).map(|read| read.origin)),
        }
        bounced
    }

    pub(crate) fn abort_read(&mut self, id: u64, out: &mut Vec<Output>) {
        if let Some(batch) = self.reads.abort(id) {
            let bounced = self.give_back(&batch);
            out.push(Output::Bounced(bounced));
        }
    }

    /// Gives back what the engine would not take, behind all that was given back of earlier turns. Reads that wait for
    /// the engine go along: they would come back later, and be executed behind a write that they stood before.
    pub(crate) fn bounce_refused(&mut self, out: &mut Vec<Output>) {
        if self.refused_reads.is_empty() && self.refused.is_empty() {
            return;
        }
        let mut all = Vec::new();
        if !self.refused.is_empty() {
            for batch in self.reads.take_all() {
                all.extend(self.give_back(&batch));
            }
        }
        all.append(&mut self.refused_reads);
        all.append(&mut self.refused);
        out.push(Output::Bounced(all));
    }

    pub(crate) fn fail_unread(&mut self, audience: &mut dyn Audience) {
        self.unread.drain(..).for_each(|origin| audience.fail(origin, Failure::Unread));
    }

    /// Another tick has passed: a snapshot that is wanted and could not be written is begun again. Whoever has waited for
    /// a proposal for more than `ticks_max` of them is told that its fate is not known here: a leader that reaches no
    /// quorum can neither commit nor retract. A long one, and what stands behind it, has the time that it takes to send.
    pub fn age_proposals(&mut self, ticks_max: u64, audience: &mut dyn Audience) {
        self.ticks += 1;
        self.age_questions(audience);
        self.age_gate(audience);
        if self.proposals.is_empty() {
            self.long_ticks = 0;
        }
        let ticks_max = ticks_max + self.long_ticks;
        self.cover_absorbed();
        if self.ticks.is_multiple_of(SNAPSHOT_RETRY_TICKS) {
            self.retry_snapshot();
        }
        while let Some(proposal) = self.proposals.take_older(self.ticks.saturating_sub(ticks_max)) {
            self.forget_waits(&proposal.origins);
            proposal.give_up(Failure::Unknown, audience);
        }
    }

    /// Gives up on everyone who waits for a proposal: whether they were executed is not known here.
    pub fn abandon_proposals(&mut self, why: Failure, audience: &mut dyn Audience) {
        let proposals: Vec<_> = self.proposals.drain().collect();
        for proposal in proposals {
            self.forget_waits(&proposal.origins);
            proposal.give_up(why, audience);
        }
    }
}
