//! Committed entries become state, and answers.

use crate::news::put_again;
use crate::payload;
use crate::pending::{Audience, Origin, Proposal};
use crate::reads::ReadBatch;
use crate::replica::Replica;
use crate::riders::Riders;
use crate::state::{State, context};
use synod_consensus::Position;
use synod_data::op::Op;
use synod_machine::{Context, MachineId, Operation};
use synod_tree::Call;
use synod_types::plant::planted;
use synod_types::{Entry, EntryKind, Index, Membership, Millis, key_slot};

/// From how many bytes of operations on it pays to fetch their keys side by side first.
const WARM_BYTES_MIN: usize = 256;

/// Fetches the first key of each command. A replica that needs nobody's word executes what came in the same turn,
/// fetched by then; with others the keys have long left the cache when an entry is committed.
fn warm(state: &State, mut ops: &[u8]) {
    let Some(keyspace) = state.keyspace().filter(|_| ops.len() >= WARM_BYTES_MIN) else { return };
    synod_data::warm(std::iter::from_fn(|| {
        loop {
            let op = Operation::take(&mut ops)?;
            if op.machine == MachineId::KEYSPACE
                && let Some(key) = synod_data::op::first_key(op.body)
            {
                return Some((keyspace, key_slot(key), key));
            }
        }
    }));
}

impl Replica {
    /// Applies entries in order and answers those who wait for them.
    pub(crate) fn apply(&mut self, entries: Vec<Entry>, audience: &mut dyn Audience) {
        for entry in entries {
            assert!(entry.index == self.applied.next(), "entries are handed out in order, once");
            self.stamps.apply(self.applied);
            let position = Position { term: entry.term, index: entry.index };
            self.answer_due_reads(position, audience);
            let proposal = self.claim(position, audience);
            self.apply_entry(&entry, &proposal, audience);
            self.proposals.recycle(proposal.origins);
            self.applied = entry.index;
            self.applied_term = entry.term;
        }
        self.stamps.apply(self.applied);
        self.engine.applied(self.applied);
        if !self.questions.is_empty() {
            self.tell_news(audience);
        }
    }

    /// Who waits for this very entry. A proposal that stands at its index with another term was replaced
    /// before it was committed: it was not executed.
    fn claim(&mut self, position: Position, audience: &mut dyn Audience) -> Proposal {
        while let Some(proposal) = self.proposals.take(position) {
            if proposal.position == position {
                return proposal;
            }
            self.forget_waits(&proposal.origins);
            proposal.void(self.leader, audience);
            self.proposals.recycle(proposal.origins);
        }
        Proposal { position, since: 0, origins: Vec::new(), riders: Riders::default() }
    }

    fn apply_entry(&mut self, entry: &Entry, waiting: &Proposal, audience: &mut dyn Audience) {
        match entry.kind {
            EntryKind::Noop => {}
            EntryKind::Membership => {
                if let Some(membership) = Membership::decode(&entry.payload) {
                    self.applied_membership = membership;
                }
            }
            EntryKind::Commands => self.apply_commands(entry, waiting, audience),
        }
    }

    fn apply_commands(&mut self, entry: &Entry, waiting: &Proposal, audience: &mut dyn Audience) {
        let payload = &entry.payload[..];
        let Some((mut now, seed, mut ops)) = payload::open_payload(payload) else { return };
        if planted("apply-local-clock") {
            now = self.wall();
        }
        self.stamps.learn(now);
        self.bytes_since_snapshot += payload.len();
        if !self.reads_at_once() {
            warm(&self.state, ops);
        }
        let mut ordinal = 0;
        let mut riders = waiting.riders.iter().peekable();
        while let Some(op) = Operation::take(&mut ops) {
            while let Some((_, origin, op)) = riders.next_if(|(after, ..)| *after <= ordinal) {
                self.read_at(now, origin, op, audience);
            }
            let ctx = context(now, seed, ordinal as u64);
            let is_keyspace = op.machine == MachineId::KEYSPACE;
            if is_keyspace && synod_data::op::is_expiry(op.body) {
                self.expiry.forget_proposed();
            }
            if is_keyspace && synod_data::op::is_eviction(op.body) {
                self.evicting = false;
            }
            if op.machine == MachineId::TREE {
                self.leases.touch(&Call::touched(&op));
            }
            match waiting.origins.get(ordinal).copied() {
                origin if is_keyspace && synod_data::op::is_wait(op.body) => {
                    self.apply_wait(entry.index, op, origin, &ctx, audience);
                }
                None | Some(Origin::Internal) => self.state.apply(op, &ctx, &mut ()),
                Some(origin) => {
                    // Whoever waited may be gone and ask for no answer: what is committed is applied all the same.
                    let state = &mut self.state;
                    let mut applied = false;
                    audience.answer(origin, &mut |out| {
                        if !std::mem::replace(&mut applied, true) {
                            state.apply(op, &ctx, out);
                        }
                    });
                    audience.answered(origin, op);
                    if !applied {
                        self.state.apply(op, &ctx, &mut ());
                    }
                }
            }
            if is_keyspace && !self.waits.is_empty() {
                self.note_filled(op);
            }
            ordinal += 1;
            if planted("snapshot-half-batch") && !ops.is_empty() && self.applied.0.is_multiple_of(8)
            {
                self.begin_snapshot();
            }
        }
        for (_, origin, op) in riders {
            self.read_at(now, origin, op, audience);
        }
        if !self.filled.is_empty() {
            self.wake_filled(&context(now, seed, ordinal as u64));
        }
    }

    /// Executes a read at its place in the log, where it is the time of the entry that it stands in or before.
    fn read_at(&mut self, now: Millis, origin: Origin, bytes: &[u8], audience: &mut dyn Audience) {
        let Some(op) = Operation::take(&mut &*bytes) else { return };
        let ctx = Context { now, ..self.read_context() };
        self.execute_read(origin, op, &ctx, audience);
    }

    /// Runs a read. One that says which sessions are heard from is for the leader's own knowledge, too.
    fn execute_read(
        &mut self,
        origin: Origin,
        op: Operation<'_>,
        ctx: &Context,
        audience: &mut dyn Audience,
    ) {
        if op.machine == MachineId::TREE && self.wait_for_news(origin, op) {
            return;
        }
        if op.machine == MachineId::TREE {
            let touched = Call::touched(&op);
            if self.is_behind_an_end(&touched) {
                return self.read(origin, true, |out| put_again(op, out));
            }
            self.leases.touch(&touched);
        }
        audience.answer(origin, &mut |out| self.state.read(op, ctx, out));
        audience.answered(origin, op);
    }

    /// Whether the end of one of these sessions is on its way: a read that says that it lives has to wait for that.
    fn is_behind_an_end(&self, sessions: &[i64]) -> bool {
        let on_its_way = !(self.batch.is_empty() && self.proposals.is_empty());
        let ends = |id: &i64| self.state.tree().is_some_and(|tree| self.leases.ends(tree, *id));
        on_its_way && sessions.iter().any(ends)
    }

    /// Answers the reads that must not see the entry at this position, which this member proposed after they came. It
    /// was stamped after that too, so no doubt about the time is left; see [`Self::doubt`].
    fn answer_due_reads(&mut self, position: Position, audience: &mut dyn Audience) {
        let overtaken = self.reads.take_overtaken(position);
        self.unread.extend(overtaken.iter().flat_map(ReadBatch::origins));
        while let Some(batch) = self.reads.due(position) {
            let now = self.read_context().now;
            for (origin, bytes) in batch.iter() {
                self.read_at(now, origin, bytes, audience);
            }
        }
    }

    /// Answers every read whose barrier is reached.
    pub(crate) fn answer_reads(&mut self, audience: &mut dyn Audience) {
        while let Some(batch) = self.reads.ready(self.applied) {
            warm(&self.state, batch.ops());
            for (origin, bytes) in batch.iter() {
                self.answer_read(origin, bytes, &batch, audience);
            }
        }
    }

    fn answer_read(
        &mut self,
        origin: Origin,
        bytes: &[u8],
        batch: &ReadBatch,
        audience: &mut dyn Audience,
    ) {
        let Some(op) = Operation::take(&mut &*bytes) else { return };
        let again = batch.deferred();
        // What stands behind a deferred read of the same connection must not be answered from an earlier state.
        if let Some(barrier) = self.doubt_of(op).max(self.reads.deferred_before(origin, again)) {
            return self.reads.defer(again, origin, bytes, barrier, batch.before());
        }
        let ctx = self.read_context();
        self.execute_read(origin, op, &ctx, audience);
    }

    /// The entry that a read has to wait for because a key of it has expired since the time that reads are of.
    fn doubt_of(&mut self, op: Operation<'_>) -> Option<Index> {
        let expires = self.state.keyspace().is_some_and(|keyspace| keyspace.expires_len() > 0);
        if op.machine != MachineId::KEYSPACE || !expires {
            return None;
        }
        match Op::decode(op.body)? {
            Op::Command(args) => {
                let command = synod_data::lookup(args.first()?)?;
                self.doubt(command.key_positions(&args).map(|at| args[at]))
            }
            Op::Versions(keys) => self.doubt(keys.iter().copied()),
            _ => None,
        }
    }
}
