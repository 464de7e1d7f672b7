//! The replica itself: requests in, one pump per turn, outputs and answers out.

use crate::apply::Hearers;
use crate::aside::{Aside, Borrower, Progress};
use crate::batch::Batch;
use crate::changes::{Authors, Changes};
use crate::expiry::ExpirySearch;
use crate::gate::Gate;
use crate::leases::AllLeases;
use crate::lock_leases::LockLeases;
use crate::news::Question;
use crate::pending::{Access, Audience, Bounced, Failure, Origin, Proposal, Proposals};
use crate::reads::{ReadBatch, ReadQueue};
use crate::snapshot::SnapshotJob;
use crate::stamps::Stamps;
use crate::state::State;
use crate::waits::{Rearmed, Served, Waits};
use synod_consensus::{Effect, Engine, Message, Protocol, Role, Status, Token};
use synod_data::events::{Classes, Event};
use synod_data::{Command, Context, Garbage, KeyspaceStats, random};
use synod_machine::Operation;
use synod_tree::{Call, Request, taken_apart};
use synod_types::plant::planted;
use synod_types::{
    Entry, HardState, Index, Membership, Millis, NodeId, PartitionId, SnapshotMeta, Term, limits,
};

/// How often, in ticks, the leader looks for containers and znodes whose time is over: once a second.
const REAP_TICKS: u64 = 20;
/// How many of them go at once.
const REAP_MAX: usize = 1_000;
/// A proposal has a tick more for each so many bytes before it is given up: 10 MiB in a second.
const LONG_BYTES_PER_TICK: u64 = 1 << 20;
/// A snapshot that the engine wants and that could not be taken is tried again after so many ticks.
const SNAPSHOT_RETRY_TICKS: u64 = 20;

/// What a replica asks of its node.
#[derive(Debug)]
pub enum Output {
    /// Write to the log, in order; `Some(token)` is to be reported once it is durable, `None` was acknowledged early.
    Persist {
        /// To be reported, if anything.
        token: Option<Token>,
        /// Term and vote, if they changed.
        hard_state: Option<HardState>,
        /// Consecutive entries; may replace a tail.
        entries: Vec<Entry>,
    },
    /// Note in the log that a durable snapshot stands for everything up to its index.
    MarkSnapshot(SnapshotMeta),
    /// Send to the same group elsewhere.
    Send(NodeId, Message),
    /// Leadership as this replica sees it has changed.
    Led {
        /// The role here.
        role: Role,
        /// The term.
        term: Term,
        /// Who leads, if known.
        leader: Option<NodeId>,
    },
    /// These cannot be served here, in the order in which they came; nothing was executed.
    Bounced(Vec<Bounced>),
    /// The entries of these were replaced before they were committed; nothing was executed.
    Voided(Vec<Origin>),
    /// The cluster map changed.
    MapChanged,
    /// Fetch the leader's snapshot.
    FetchSnapshot(NodeId, SnapshotMeta),
    /// To be dropped where nobody waits.
    Discard(Garbage),
    /// To be run beside the turns, and then given to [`Replica::come_back`].
    Aside(Box<Aside>),
    /// What happened to keys; only a leader says so.
    Events(Vec<Event>),
    /// Which keys have changed, for clients that keep copies; only a leader says so.
    Changes(Changes),
}

/// What time it is and how the world takes its disk.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Unix time.
    pub wall: Millis,
    /// A fresh random number.
    pub seed: u64,
}

/// One member of one group, with its state.
pub struct Replica {
    pub(crate) group: PartitionId,
    pub(crate) node: NodeId,
    pub(crate) engine: Box<dyn Engine + Send>,
    pub(crate) state: State,
    pub(crate) batch: Batch,
    pub(crate) proposals: Proposals,
    /// How many ticks more the longest proposal under way may take than a short one.
    long_ticks: u64,
    pub(crate) reads: ReadQueue,
    /// What the engine would not take in this turn, reads before writes that they came before.
    refused_reads: Vec<Bounced>,
    pub(crate) refused: Vec<Bounced>,
    /// Reads that were bounded by an entry of which nobody knows here what became.
    pub(crate) unread: Vec<Origin>,
    pub(crate) job: Option<SnapshotJob>,
    /// The engine needs a snapshot that goes at least this far and asks only once; kept until there is one.
    pub(crate) snapshot_wanted: Option<Index>,
    pub(crate) stamps: Stamps,
    pub(crate) waits: Waits,
    pub(crate) served: Served,
    /// Waits that were armed elsewhere before, until it is known here what became of them.
    pub(crate) rearmed: Vec<Rearmed>,
    /// Keys that somebody waits for and that the entry being applied may have filled.
    pub(crate) filled: Vec<Vec<u8>>,
    pub(crate) applied: Index,
    pub(crate) applied_term: Term,
    pub(crate) applied_membership: Membership,
    pub(crate) bytes_since_snapshot: usize,
    pub(crate) role: Role,
    pub(crate) term: Term,
    pub(crate) leader: Option<NodeId>,
    /// Whether this member is the only voter, so that it needs nobody's word to read.
    solo: bool,
    /// Whether entries count as persisted as soon as they are handed to the log (`everysec`, `none`).
    ack_early: bool,
    hard_state: HardState,
    /// The last token that must be reported as durable whatever the durability: it holds a vote.
    synced_until: Option<Token>,
    scratch: Vec<Effect>,
    pub(crate) expiry: ExpirySearch,
    /// Whether an entry that evicts keys is proposed and not applied: they still seem to be there.
    pub(crate) evicting: bool,
    /// Whether changes of keys are told.
    pub(crate) wants_changes: bool,
    pub(crate) authors: Authors,
    pub(crate) leases: AllLeases,
    pub(crate) lock_leases: LockLeases,
    /// Who waits for keys of transactions over several partitions.
    pub(crate) gate: Gate,
    /// Questions about a tree that wait for something to happen.
    pub(crate) questions: Vec<Question>,
    /// How many changes of all trees those who wait were told.
    pub(crate) told_changes: i64,
    /// What is committed or may be read and waits for an operation that is run beside the turns.
    pub(crate) progress: Progress,
    /// That operation.
    pub(crate) borrower: Option<Borrower>,
    /// How often the keyspace was lent.
    pub(crate) lendings: u64,
    /// How long an operation may be to be run in a turn.
    pub(crate) turn_length: usize,
    /// How long those were that were run in turns.
    pub(crate) spent: usize,
    /// Counts the ticks of the node.
    pub(crate) ticks: u64,
    now: Step,
}

impl Replica {
    /// A replica that goes on where `snapshot` (the one `state` was restored from) and the engine stand.
    #[must_use]
    pub fn new(
        group: PartitionId,
        node: NodeId,
        engine: Box<dyn Engine + Send>,
        state: State,
        snapshot: &SnapshotMeta,
        hard_state: HardState,
        ack_early: bool,
    ) -> Self {
        let membership = engine.status().membership;
        let (role, term, leader) = engine.role();
        let mut replica = Self {
            group,
            node,
            engine,
            state,
            batch: Batch::default(),
            proposals: Proposals::default(),
            long_ticks: 0,
            reads: ReadQueue::default(),
            refused_reads: Vec::new(),
            refused: Vec::new(),
            unread: Vec::new(),
            job: None,
            snapshot_wanted: None,
            stamps: Stamps::default(),
            waits: Waits::default(),
            served: Served::since(snapshot.index),
            rearmed: Vec::new(),
            filled: Vec::new(),
            applied: snapshot.index,
            applied_term: snapshot.term,
            applied_membership: snapshot.membership.clone(),
            bytes_since_snapshot: 0,
            role,
            term,
            leader,
            solo: false,
            ack_early,
            hard_state,
            synced_until: None,
            scratch: Vec::new(),
            expiry: ExpirySearch::default(),
            evicting: false,
            wants_changes: false,
            authors: Authors::default(),
            leases: AllLeases::default(),
            lock_leases: LockLeases::default(),
            gate: Gate::default(),
            questions: Vec::new(),
            told_changes: 0,
            progress: Progress::default(),
            borrower: None,
            lendings: 0,
            turn_length: limits::TURN_LENGTH_BYTES,
            spent: 0,
            ticks: 0,
            now: Step { wall: Millis(0), seed: 0 },
        };
        replica.learn_membership(&membership);
        replica
    }

    /// Tells the time of this turn.
    pub fn at(&mut self, now: Step) {
        self.now = now;
    }

    /// What the clock of this node says.
    pub(crate) fn wall(&self) -> Millis {
        self.now.wall
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> PartitionId {
        self.group
    }

    /// The entry applied last, and its term.
    #[must_use]
    pub fn applied(&self) -> (Index, Term) {
        (self.applied, self.applied_term)
    }

    /// The state machine.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// How many reads wait for the engine's word.
    #[must_use]
    pub fn reads_waiting(&self) -> usize {
        self.reads.len()
    }

    /// How many proposed batches are not applied yet.
    #[must_use]
    pub fn proposals_waiting(&self) -> usize {
        self.proposals.len()
    }

    /// Role, term and leader.
    #[must_use]
    pub fn role(&self) -> (Role, Term, Option<NodeId>) {
        (self.role, self.term, self.leader)
    }

    /// The membership that was in force when the last entry was applied: committed.
    #[must_use]
    pub fn committed_membership(&self) -> &Membership {
        &self.applied_membership
    }

    /// Which consensus engine it runs.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.engine.protocol()
    }

    /// What must be remembered of it when it is dropped.
    #[must_use]
    pub fn given_up(&self) -> HardState {
        self.engine.given_up()
    }

    /// Whether nothing waits here for an entry or for a word of the leader, and no snapshot is being taken.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.batch.is_empty()
            && self.proposals.is_empty()
            && self.reads.is_empty()
            && !self.is_behind()
            && self.gate_load().0 == 0
            && !self.snapshot_running()
    }

    /// Gives the replica up; what is to be freed where nobody waits.
    #[must_use]
    pub fn into_garbage(self) -> Option<Garbage> {
        self.state.into_garbage()
    }

    /// Everything the engine says of itself.
    #[must_use]
    pub fn status(&self) -> Status {
        self.engine.status()
    }

    /// Lets the counts of the keyspace go on from these, 0 to reset them.
    pub fn set_stats(&mut self, stats: KeyspaceStats) {
        match self.state.keyspace_mut() {
            Some(keyspace) => keyspace.set_stats(stats),
            None => self.set_stats_of_lent(stats),
        }
    }

    /// The engine, for ticks, messages and orders that concern consensus alone.
    pub fn engine(&mut self) -> &mut dyn Engine {
        &mut *self.engine
    }

    /// Takes a write in; `encode` appends its operation. It is proposed with the rest of the turn, and bounced then
    /// if this replica does not lead.
    pub fn write(
        &mut self,
        origin: Origin,
        encode: impl FnOnce(&mut Vec<u8>),
        out: &mut Vec<Output>,
    ) {
        if self.gate_is_open() {
            return self.write_open(origin, encode, out);
        }
        let mut op = Vec::new();
        encode(&mut op);
        if !self.holds_back(origin, &op, Access::Write) {
            self.write_open(origin, |bytes| bytes.extend_from_slice(&op), out);
        }
    }

    /// As [`Self::write`], for what need not wait for a transaction.
    pub(crate) fn write_open(
        &mut self,
        origin: Origin,
        encode: impl FnOnce(&mut Vec<u8>),
        out: &mut Vec<Output>,
    ) {
        let bytes = self.batch.add(origin);
        let start = bytes.len();
        encode(bytes);
        if self.role == Role::Leader && self.state.trees().next().is_some() {
            self.hear(start);
        }
        if !self.waits.is_empty() {
            self.follow_up(start);
        }
        if self.batch.is_full() {
            self.propose(out);
        }
    }

    /// Notes who is heard from by the operation that stands in the batch from here on: already now, so that no end of a
    /// session is proposed behind a request of it.
    fn hear(&mut self, start: usize) {
        let op = Operation::take(&mut &self.batch.payload()[start..]);
        if let Some((namespace, op)) = op.as_ref().and_then(taken_apart) {
            let tree = self.state.tree(namespace);
            let leases = self.leases.of(namespace);
            leases.touch(&Call::touched(&op, tree));
            if let Some((session, lease_ms)) = Call::renews(&op, tree) {
                leases.promise(session, lease_ms);
            }
        }
    }

    /// Whether reads are answered at once here, because nobody else's word is needed.
    #[must_use]
    pub fn reads_at_once(&self) -> bool {
        self.solo && self.role == Role::Leader && self.applied_term == self.term
    }

    /// Whether [`Self::read_now`] may be called for this command, now that it is `wall`; `behind` as with
    /// [`Self::read`].
    #[must_use]
    pub fn can_read_now(
        &mut self,
        wall: Millis,
        behind: bool,
        command: &Command,
        args: &[&[u8]],
    ) -> bool {
        self.now.wall = wall;
        self.reads_at_once()
            && !self.is_behind()
            && !self.is_too_long(command, args)
            && (!behind || (self.batch.is_empty() && self.proposals.is_empty()))
            && self.reads.is_empty()
            && self.gate_is_open()
            && self.doubt(command.key_positions(args).map(|at| args[at])).is_none()
    }

    /// Runs a reading command now.
    pub fn read_now(
        &mut self,
        command: &Command,
        args: &[&[u8]],
        out: &mut dyn synod_types::ReplySink,
    ) {
        let ctx = self.read_context();
        if let Some(keyspace) = self.state.keyspace() {
            keyspace.execute_read(command, args, &ctx, out);
        }
    }

    /// Takes a read in; `encode` appends its operation. `behind` says that its connection may have writes here which
    /// are not answered: it is executed after everything that was written here so far.
    pub fn read(&mut self, origin: Origin, behind: bool, encode: impl FnOnce(&mut Vec<u8>)) {
        if self.gate_is_open() {
            return self.read_open(origin, behind, encode);
        }
        let mut op = Vec::new();
        encode(&mut op);
        let access = if behind { Access::ReadBehind } else { Access::Read };
        if !self.holds_back(origin, &op, access) {
            self.read_open(origin, behind, |bytes| bytes.extend_from_slice(&op));
        }
    }

    /// As [`Self::read`], of an encoded operation, which may be a step of a transaction.
    pub fn take_read(&mut self, origin: Origin, behind: bool, op: &[u8]) {
        match crate::gate::is_step(op) {
            true => self.take_step(origin, op),
            false => self.read(origin, behind, |bytes| bytes.extend_from_slice(op)),
        }
    }

    /// As [`Self::read`], for what need not wait for a transaction.
    pub(crate) fn read_open(
        &mut self,
        origin: Origin,
        behind: bool,
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        if !behind || planted("read-before-own-write") {
            return self.reads.add(origin, encode);
        }
        if !self.batch.is_empty() {
            return self.batch.ride(origin, encode);
        }
        if !self.refused.is_empty() {
            let mut op = Vec::new();
            encode(&mut op);
            return self.refused.push(Bounced { origin, op, access: Access::ReadBehind });
        }
        match self.proposals.last() {
            Some(last) => self.reads.add_behind(origin, last.index, encode),
            None => self.reads.add(origin, encode),
        }
    }

    /// Whether one of these keys has expired since the time that reads are of: then the entry to wait for.
    pub(crate) fn doubt<'k>(&mut self, mut keys: impl Iterator<Item = &'k [u8]>) -> Option<Index> {
        let keyspace = self.state.keyspace().filter(|keyspace| keyspace.has_deadlines())?;
        let (barrier, present) = self.stamps.present(self.now.wall)?;
        let time = self.stamps.read(self.now.wall);
        keys.any(|key| keyspace.expires_within(key, time, present)).then_some(barrier)
    }

    /// What time it is for a read.
    pub(crate) fn read_time(&mut self) -> Millis {
        self.stamps.read(self.now.wall)
    }

    /// What one reading command knows: the time, and randomness of its own, for many are answered in one turn.
    pub(crate) fn read_context(&mut self) -> Context {
        let seed = random(&mut self.now.seed);
        Context { now: self.stamps.read(self.now.wall), seed }
    }

    /// Does everything that can be done now: proposes, reads, applies, answers. Once per turn.
    pub fn pump(&mut self, audience: &mut dyn Audience, out: &mut Vec<Output>) {
        self.rearm(audience);
        if self.progress.is_under_way() {
            self.go_on(&mut Hearers { audience, out });
        }
        loop {
            self.expire_some(out);
            self.open_gate(out);
            self.propose(out);
            self.ask_to_read();
            std::mem::swap(self.engine.effects(), &mut self.scratch);
            if self.scratch.is_empty() {
                break;
            }
            let mut effects = std::mem::take(&mut self.scratch);
            for effect in effects.drain(..) {
                self.perform(effect, audience, out);
            }
            self.scratch = effects;
        }
        self.bounce_refused(out);
        self.fail_unread(audience);
        self.answer_reads(&mut Hearers { audience, out });
        self.refuse_at_gate(audience);
        self.give_out(out);
    }

    /// What the keyspace has to say that is no part of its state.
    fn give_out(&mut self, out: &mut Vec<Output>) {
        self.give_changes_out(out);
        let leads = self.role().0 == Role::Leader;
        let Some(keyspace) = self.state.keyspace_mut() else { return };
        out.extend(keyspace.take_garbage().map(Output::Discard));
        let events = keyspace.take_events();
        if leads && !events.is_empty() {
            out.push(Output::Events(events));
        }
    }

    /// Whether there are keyspace events, or changes of keys, to be given out.
    #[must_use]
    pub fn has_events(&self) -> bool {
        self.state
            .keyspace()
            .is_some_and(|keyspace| keyspace.has_events() || keyspace.has_changes())
    }

    /// Which kinds of keyspace events are collected here.
    pub fn want_events(&mut self, classes: Classes) {
        if let Some(keyspace) = self.state.keyspace_mut() {
            keyspace.want_events(classes);
        }
    }

    fn propose(&mut self, out: &mut Vec<Output>) {
        if self.batch.is_empty() {
            return;
        }
        let stamp = self.stamps.next(self.now.wall);
        let spare = self.proposals.spare();
        let closed = self.batch.close(stamp, self.now.seed, spare);
        self.now.seed = self.now.seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        // Behind something that was refused in this turn nothing may be taken.
        let taken = match self.refused.is_empty() {
            true => self.engine.propose(closed.payload.clone()).ok(),
            false => None,
        };
        let Some(position) = taken else {
            self.expiry.forget_proposed();
            self.evicting = false;
            self.forget_waits(&closed.origins);
            return self.refused.extend(closed.split());
        };
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

    fn ask_to_read(&mut self) {
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
    fn give_back(&mut self, batch: &ReadBatch) -> Vec<Bounced> {
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

    fn abort_read(&mut self, id: u64, out: &mut Vec<Output>) {
        if let Some(batch) = self.reads.abort(id) {
            let bounced = self.give_back(&batch);
            out.push(Output::Bounced(bounced));
        }
    }

    /// Gives back what the engine would not take, behind all that was given back of earlier turns. Reads that wait for
    /// the engine go along: they would come back later, and be executed behind a write that they stood before.
    fn bounce_refused(&mut self, out: &mut Vec<Output>) {
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

    fn perform(&mut self, effect: Effect, audience: &mut dyn Audience, out: &mut Vec<Output>) {
        match effect {
            Effect::Persist { token, hard_state, entries } => {
                self.persist(token, hard_state, entries, out);
            }
            Effect::Send { to, message } => out.push(Output::Send(to, message)),
            Effect::Commit(entries) => {
                self.apply(entries, &mut Hearers { audience, out });
                if self.state.map().is_some() {
                    out.push(Output::MapChanged);
                }
            }
            Effect::ReadReady { id, index } => self.reads.confirm(id, index),
            Effect::ReadAborted { id } => self.abort_read(id, out),
            Effect::RoleChanged { role, term, leader } => self.learn_role(role, term, leader, out),
            Effect::MembershipChanged(membership) => self.learn_membership(&membership),
            Effect::SnapshotWanted { at_least } => self.want_snapshot(at_least),
            Effect::FetchSnapshot { from, meta } => out.push(Output::FetchSnapshot(from, meta)),
        }
    }

    fn persist(
        &mut self,
        token: Token,
        hard_state: Option<HardState>,
        entries: Vec<Entry>,
        out: &mut Vec<Output>,
    ) {
        let promise = hard_state
            .is_some_and(|h| h.term != self.hard_state.term || h.vote != self.hard_state.vote);
        self.hard_state = hard_state.unwrap_or(self.hard_state);
        if promise {
            self.synced_until = Some(token);
        }
        let early = self.ack_early && self.synced_until.is_none();
        out.push(Output::Persist { token: (!early).then_some(token), hard_state, entries });
        if early {
            self.engine.persisted(token);
        }
    }

    /// Everything up to this token is durable.
    pub fn persisted(&mut self, token: Token) {
        if self.synced_until.is_some_and(|until| until <= token) {
            self.synced_until = None;
        }
        self.engine.persisted(token);
    }

    fn learn_role(
        &mut self,
        role: Role,
        term: Term,
        leader: Option<NodeId>,
        out: &mut Vec<Output>,
    ) {
        (self.role, self.term, self.leader) = (role, term, leader);
        self.leases.forget();
        self.lock_leases.forget();
        if role != Role::Leader {
            self.stamps.forget_proposed();
            self.expiry.forget_proposed();
            self.evicting = false;
            self.snapshot_wanted = None;
            self.close_gate(out);
            self.give_waits_back(out);
            self.give_questions_back(out);
        }
        if role != Role::Leader {
            let mut aborted = self.reads.take_deferred();
            // Another entry may come to stand where the write that they are behind was proposed.
            aborted.extend(self.reads.take_behind(self.applied));
            aborted.extend(self.reads.take_unasked());
            for batch in aborted {
                let bounced = self.give_back(&batch);
                self.refused_reads.extend(bounced);
            }
        }
        out.push(Output::Led { role, term, leader });
    }

    fn learn_membership(&mut self, membership: &Membership) {
        self.solo = membership.voters == [self.node] && membership.outgoing.is_empty();
    }

    /// Time passes in which no session is ended: who is heard from is heard from now.
    pub fn pass_time(&mut self, now_us: u64) {
        self.leases.pass_time(now_us);
    }

    /// Another tick has passed for the tree: proposes the end of the sessions that were not heard
    /// from in time, and now and then that of the znodes that have faded; only the leader does.
    pub fn expire_sessions(&mut self, now_us: u64, out: &mut Vec<Output>) {
        if self.role != Role::Leader {
            return;
        }
        self.leases.pass_time(now_us);
        let looks = self.ticks.is_multiple_of(REAP_TICKS);
        let mut ops = Vec::new();
        for (namespace, tree) in self.state.trees() {
            let over = self.leases.of(namespace).over(tree, now_us);
            let faded = if looks { tree.faded(self.now.wall, REAP_MAX) } else { Vec::new() };
            let reap = (!faded.is_empty()).then_some(Request::Reap(faded));
            let expire = (!over.is_empty()).then_some(Request::Expire(over));
            for request in reap.into_iter().chain(expire) {
                let call = Call { session: 0, owner: 0, ids: Vec::new(), request };
                let mut op = Vec::new();
                call.put(namespace, &mut op);
                ops.push(op);
            }
        }
        for op in ops {
            self.write(Origin::Internal, |bytes| bytes.extend_from_slice(&op), out);
        }
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
