//! Committed entries become state, and answers.

use crate::aside::{EntryUnderWay, ReadsUnderWay};
use crate::news::put_again;
use crate::payload::{self, Payload};
use crate::pending::{Audience, Origin, Proposal};
use crate::reads::ReadBatch;
use crate::replica::{Output, Replica};
use crate::riders::Riders;
use crate::slots::Owned;
use crate::state::context;
use synod_consensus::{Position, Role};
use synod_data::Keyspace;
use synod_data::op::Op;
use synod_machine::{Context, MachineId, Operation};
use synod_tree::{Call, taken_apart};
use synod_txn::Step;
use synod_types::plant::planted;
use synod_types::{Entry, EntryKind, Index, Membership, Millis, Slot, key_slot};

/// The first key of each command among these operations.
fn first_keys(mut ops: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let op = Operation::take(&mut ops)?;
            if op.machine == MachineId::KEYSPACE
                && let Some(key) = synod_data::op::first_key(op.body)
            {
                return Some(key);
            }
        }
    })
}

/// Who hears of what is done, and what the node is asked for.
pub(crate) struct Hearers<'a> {
    pub audience: &'a mut dyn Audience,
    pub out: &'a mut Vec<Output>,
}

impl Replica {
    /// The first keys of the commands that [`Self::pump`] is about to apply, as far as it is known, with where they lie; for
    /// fetching them ahead. None where they were fetched when their requests came: then what came is applied in the same turn.
    pub fn about_to_apply(&self) -> impl Iterator<Item = (&Keyspace, Slot, &[u8])> {
        let keyspace = self.state.keyspace().filter(|_| !self.reads_at_once());
        keyspace.into_iter().flat_map(|keyspace| {
            let entries = (0..).map_while(|nth| self.engine.about_to_commit(nth));
            let commands = entries.filter(|entry| entry.kind == EntryKind::Commands);
            let payloads = commands.filter_map(|entry| payload::open_payload(&entry.payload));
            payloads
                .flat_map(|payload| first_keys(payload.ops))
                .map(move |key| (keyspace, key_slot(key), key))
        })
    }

    /// Applies entries in order and answers those who wait for them.
    pub(crate) fn apply(&mut self, entries: Vec<Entry>, hearers: &mut Hearers<'_>) {
        self.progress.backlog.extend(entries);
        self.go_on(hearers);
    }

    /// Goes on with what is committed, until all of it is applied or an operation takes long.
    pub(crate) fn go_on(&mut self, hearers: &mut Hearers<'_>) {
        while !self.is_away() {
            if let Some(reads) = self.progress.reads.take() {
                self.go_on_reading(reads, hearers);
            } else if let Some(entry) = self.progress.entry.take() {
                self.go_on_applying(entry, hearers);
            } else if self.lacks_content(hearers.out) {
                break;
            } else if let Some(next) = self.progress.backlog.front() {
                assert!(next.index == self.applied.next(), "entries are handed out in order, once");
                let position = Position { term: next.term, index: next.index };
                self.stamps.apply(self.applied);
                let overtaken = self.reads.take_overtaken(position);
                self.unread.extend(overtaken.iter().flat_map(ReadBatch::origins));
                // Reads that must not see the entry, which this member proposed after they came. It was stamped after
                // that too, so no doubt about the time is left; see [`Self::doubt`].
                if let Some(batch) = self.reads.due(position) {
                    if self.is_draining() {
                        self.outdate(batch.bounced());
                        continue;
                    }
                    let due = Some(self.read_context().now);
                    self.progress.reads = Some(ReadsUnderWay { batch, next: 0, due });
                } else if let Some(entry) = self.progress.backlog.pop_front() {
                    self.begin_entry(entry, position, hearers);
                }
            } else {
                break;
            }
        }
        self.stamps.apply(self.applied);
        self.engine.applied(self.applied);
        if self.progress.entry.is_none() {
            self.tell_news(hearers.audience);
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
        Proposal { position, since: 0, bytes: 0, origins: Vec::new(), riders: Riders::default() }
    }

    fn begin_entry(&mut self, entry: Entry, position: Position, hearers: &mut Hearers<'_>) {
        let waiting = self.claim(position, hearers.audience);
        if entry.kind == EntryKind::Membership
            && let Some(membership) = Membership::decode(&entry.payload)
        {
            self.applied_membership = membership;
        }
        let commands = payload::open_payload(&entry.payload);
        let Some(payload) = commands.filter(|_| entry.kind == EntryKind::Commands) else {
            return self.end_entry(&entry, waiting, hearers.out);
        };
        let Payload { now, seed, epoch, ops } = payload;
        let now = if planted("apply-local-clock") { self.wall() } else { now };
        self.stamps.learn(now);
        self.bytes_since_snapshot += entry.payload.len();
        self.entries_since_snapshot += 1;
        if epoch != self.state.epoch() && !planted("call-of-an-older-epoch") {
            self.pass_over(ops, &entry.payload, &waiting);
            return self.end_entry(&entry, waiting, hearers.out);
        }
        let at = entry.payload.len() - ops.len();
        let under_way = EntryUnderWay { entry, waiting, now, seed, at, ordinal: 0, ridden: 0 };
        self.go_on_applying(under_way, hearers);
    }

    fn end_entry(&mut self, entry: &Entry, waiting: Proposal, out: &mut Vec<Output>) {
        self.proposals.recycle(waiting.origins);
        self.applied = entry.index;
        self.applied_term = entry.term;
        self.note_offspring();
        self.note_absorbed(out);
    }

    /// Applies an entry from some operation on, with the reads that stand in it.
    fn go_on_applying(&mut self, mut entry: EntryUnderWay, hearers: &mut Hearers<'_>) {
        let payload = entry.entry.payload.clone();
        let mut ops = &payload[entry.at..];
        loop {
            let is_last = ops.is_empty();
            while let Some((after, origin, op)) = entry.waiting.riders.get(entry.ridden)
                && (is_last || after <= entry.ordinal)
            {
                self.read_at(entry.now, origin, op, hearers);
                entry.ridden += 1;
                if self.is_away() {
                    self.progress.entry = Some(entry);
                    return;
                }
            }
            let Some(op) = Operation::take(&mut ops) else { break };
            let ctx = context(entry.now, entry.seed, entry.ordinal as u64);
            let origin = entry.waiting.origins.get(entry.ordinal).copied();
            self.apply_one(entry.entry.index, op, origin, &ctx, hearers);
            entry.ordinal += 1;
            entry.at = payload.len() - ops.len();
            if self.is_away() {
                if planted("rest-of-entry-lost") {
                    entry.at = payload.len();
                }
                self.progress.entry = Some(entry);
                return;
            }
            if planted("snapshot-half-batch") && !ops.is_empty() && self.applied.0.is_multiple_of(8)
            {
                self.begin_snapshot();
            }
        }
        if !self.filled.is_empty() {
            self.wake_filled(&context(entry.now, entry.seed, entry.ordinal as u64));
        }
        self.end_entry(&entry.entry, entry.waiting, hearers.out);
    }

    fn apply_one(
        &mut self,
        index: Index,
        op: Operation<'_>,
        origin: Option<Origin>,
        ctx: &Context,
        hearers: &mut Hearers<'_>,
    ) {
        let is_keyspace = op.machine == MachineId::KEYSPACE;
        self.note_decided(op);
        if op.machine == MachineId::SLOTS
            && let Some(is_split) = Owned::moves_content(op.body)
        {
            // A group does not begin in the middle of a change of its members.
            if is_split && !self.applied_membership.outgoing.is_empty() {
                return;
            }
            self.give_snapshot_up();
        }
        if self.role == Role::Leader
            && let Some((namespace, op)) = taken_apart(&op)
        {
            let touched = Call::touched(&op, self.state.tree(namespace));
            self.leases.of(namespace).touch(&touched);
        }
        if let Some(length) = self.too_long(op) {
            self.run_aside((op, length), origin, ctx, true, hearers);
        } else {
            match origin {
                origin if is_keyspace && synod_data::op::is_wait(op.body) => {
                    self.apply_wait(index, op, origin, ctx, hearers.audience);
                }
                None | Some(Origin::Internal) => self.state.apply(op, ctx, &mut ()),
                Some(origin) => self.apply_for(origin, op, ctx, hearers.audience),
            }
            self.note_author(origin);
        }
        if is_keyspace && synod_data::op::is_step(op.body) {
            self.step_applied(op);
        }
        if op.machine == MachineId::SLOTS {
            self.epoch_may_have_begun();
        }
        if is_keyspace && !self.waits.is_empty() {
            self.note_filled(op);
        }
    }

    /// What this leader proposed of its own accord and waits for stands in the log.
    pub(crate) fn note_decided(&mut self, op: Operation<'_>) {
        let is_keyspace = op.machine == MachineId::KEYSPACE;
        if is_keyspace && synod_data::op::is_expiry(op.body) {
            self.expiry.forget_proposed();
        }
        if is_keyspace && synod_data::op::is_eviction(op.body) {
            self.evicting = false;
        }
    }

    fn apply_for(
        &mut self,
        origin: Origin,
        op: Operation<'_>,
        ctx: &Context,
        audience: &mut dyn Audience,
    ) {
        // Whoever waited may be gone and ask for no answer: what is committed is applied all the same.
        let state = &mut self.state;
        let mut applied = false;
        audience.answer(origin, &mut |out| {
            if !std::mem::replace(&mut applied, true) {
                state.apply(op, ctx, out);
            }
        });
        audience.answered(origin, op);
        if !applied {
            self.state.apply(op, ctx, &mut ());
        }
    }

    /// Executes a read at its place in the log, where it is the time of the entry that it stands in or before.
    fn read_at(&mut self, now: Millis, origin: Origin, bytes: &[u8], hearers: &mut Hearers<'_>) {
        let Some(op) = Operation::take(&mut &*bytes) else { return };
        let ctx = Context { now, ..self.read_context() };
        self.execute_read(origin, op, &ctx, hearers);
    }

    /// Runs a read. One that says which sessions are heard from is for the leader's own knowledge, too.
    fn execute_read(
        &mut self,
        origin: Origin,
        op: Operation<'_>,
        ctx: &Context,
        hearers: &mut Hearers<'_>,
    ) {
        if let Some((namespace, asked)) = taken_apart(&op) {
            let touched = Call::touched(&asked, self.state.tree(namespace));
            if self.is_behind_an_end(namespace, &touched) {
                return self.read(origin, true, |out| put_again(op, out));
            }
            self.leases.of(namespace).touch(&touched);
            if self.wait_for_news(origin, op, namespace, asked) {
                return;
            }
        }
        if let Some(length) = self.too_long(op) {
            return self.run_aside((op, length), Some(origin), ctx, false, hearers);
        }
        hearers.audience.answer(origin, &mut |out| self.state.read(op, ctx, out));
        self.note_author(Some(origin));
        hearers.audience.answered(origin, op);
    }

    /// Whether the end of one of these sessions is on its way: a read that says that it lives has to wait for that.
    fn is_behind_an_end(&self, namespace: &str, sessions: &[i64]) -> bool {
        let on_its_way = !(self.batch.is_empty() && self.proposals.is_empty());
        let tree = self.state.tree(namespace);
        on_its_way && tree.is_some_and(|tree| self.leases.ends_any(namespace, tree, sessions))
    }

    /// Answers every read whose barrier is reached.
    pub(crate) fn answer_reads(&mut self, hearers: &mut Hearers<'_>) {
        while !self.is_behind()
            && !self.is_draining()
            && let Some(batch) = self.reads.ready(self.applied)
        {
            if let Some(keyspace) = self.state.keyspace() {
                let keys = first_keys(batch.ops());
                synod_data::warm(keys.map(|key| (keyspace, key_slot(key), key)));
            }
            self.go_on_reading(ReadsUnderWay { batch, next: 0, due: None }, hearers);
        }
    }

    fn go_on_reading(&mut self, mut reads: ReadsUnderWay, hearers: &mut Hearers<'_>) {
        while let Some((origin, bytes)) = reads.batch.get(reads.next) {
            match reads.due {
                Some(now) => self.read_at(now, origin, bytes, hearers),
                None => self.answer_read(origin, bytes, &reads.batch, hearers),
            }
            reads.next += 1;
            if self.is_away() {
                self.progress.reads = Some(reads);
                return;
            }
        }
    }

    fn answer_read(
        &mut self,
        origin: Origin,
        bytes: &[u8],
        batch: &ReadBatch,
        hearers: &mut Hearers<'_>,
    ) {
        let Some(op) = Operation::take(&mut &*bytes) else { return };
        let again = batch.deferred();
        // What stands behind a deferred read of the same connection must not be answered from an earlier state.
        if let Some(barrier) = self.doubt_of(op).max(self.reads.deferred_before(origin, again)) {
            return self.reads.defer(again, origin, bytes, barrier, batch.before());
        }
        let ctx = self.read_context();
        self.execute_read(origin, op, &ctx, hearers);
    }

    /// The entry that a read has to wait for because a key of it has expired since the time that reads are of.
    fn doubt_of(&mut self, op: Operation<'_>) -> Option<Index> {
        let expires = self.state.keyspace().is_some_and(|keyspace| keyspace.has_deadlines());
        if op.machine != MachineId::KEYSPACE || !expires {
            return None;
        }
        match Op::decode(op.body)? {
            Op::Command(args) => {
                let command = synod_data::lookup(args.first()?)?;
                self.doubt_of_command(command, &args)
            }
            Op::Versions(keys) => self.doubt(keys.iter().copied()),
            Op::Step(Step::Fetch { keys, .. }) => self.doubt(keys.iter().copied()),
            Op::Step(Step::Verify { reads, .. }) => self.doubt(reads.iter().map(|(key, _)| *key)),
            _ => None,
        }
    }
}
