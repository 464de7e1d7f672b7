//! The replica itself: requests in, one pump per turn, outputs and answers out.

use crate::absorption::Absorptions;
use crate::apply::Hearers;
use crate::aside::{Aside, Borrower, Progress};
use crate::batch::Batch;
use crate::changes::{Authors, Changes};
use crate::epochs::Epochs;
use crate::expiry::ExpirySearch;
use crate::gate::Gate;
use crate::leases::AllLeases;
use crate::lock_leases::LockLeases;
use crate::news::Questions;
use crate::offspring::Offspring;
use crate::pending::{Audience, Bounced, Origin, Proposals};
use crate::reads::ReadQueue;
use crate::snapshot::SnapshotJob;
use crate::stamps::Stamps;
use crate::state::State;
use crate::waits::{Rearmed, Served, Waits};
use std::collections::BTreeSet;
use synod_consensus::{Effect, Engine, Message, Protocol, Role, Status, Token};
use synod_data::events::{Classes, Event};
use synod_data::{Garbage, KeyspaceStats};
use synod_tree::{Call, Request};
use synod_types::{
    Entry, Epoch, HardState, Index, Membership, Millis, NodeId, PartitionId, SnapshotMeta, Term,
    limits,
};

/// How often, in ticks, the leader looks for containers and znodes whose time is over: once a second.
const REAP_TICKS: u64 = 20;
/// How many of them go at once.
const REAP_MAX: usize = 1_000;

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
    /// These were taken before the partition's slots changed hands, in the order in which they came; nothing was executed.
    Outdated {
        /// Since when its slots are as they are.
        epoch: Epoch,
        /// The requests.
        requests: Vec<Bounced>,
    },
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
    /// A partition was split off this one.
    Born(Box<Offspring>),
    /// An entry waits for the content of another partition; see [`Replica::content_wanted`].
    Awaits,
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
    pub(crate) epochs: Epochs,
    /// What was split off and is to be given out.
    pub(crate) offspring: Vec<Offspring>,
    /// What was split off and is not durable for itself; at most one as a rule.
    pub(crate) unborn: BTreeSet<PartitionId>,
    pub(crate) absorptions: Absorptions,
    /// How many ticks more the longest proposal under way may take than a short one.
    pub(crate) long_ticks: u64,
    pub(crate) reads: ReadQueue,
    /// What the engine would not take in this turn, reads before writes that they came before.
    pub(crate) refused_reads: Vec<Bounced>,
    pub(crate) refused: Vec<Bounced>,
    /// Reads that were bounded by an entry of which nobody knows here what became.
    pub(crate) unread: Vec<Origin>,
    pub(crate) job: Option<SnapshotJob>,
    /// The engine needs a snapshot that goes at least this far and asks only once; kept until there is one, whoever leads
    /// in the meantime.
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
    pub(crate) entries_since_snapshot: u64,
    pub(crate) role: Role,
    pub(crate) term: Term,
    pub(crate) leader: Option<NodeId>,
    /// Whether this member is the only voter, so that it needs nobody's word to read.
    pub(crate) solo: bool,
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
    pub(crate) questions: Questions,
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
    pub(crate) now: Step,
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
        let epochs = Epochs::new(state.epoch());
        let mut replica = Self {
            group,
            node,
            engine,
            state,
            batch: Batch::default(),
            proposals: Proposals::default(),
            epochs,
            offspring: Vec::new(),
            unborn: BTreeSet::new(),
            absorptions: Absorptions::default(),
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
            entries_since_snapshot: 0,
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
            questions: Questions::default(),
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
        // Of what has given its slots away nobody but its own leader wants anything written.
        (self.batch.is_empty() || self.state.is_given())
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
        self.give_outdated_back(out);
        self.bounce_refused(out);
        self.fail_unread(audience);
        self.answer_reads(&mut Hearers { audience, out });
        self.refuse_at_gate(audience);
        self.give_out(out);
    }

    /// What the keyspace has to say that is no part of its state.
    fn give_out(&mut self, out: &mut Vec<Output>) {
        out.extend(self.offspring.drain(..).map(|child| Output::Born(Box::new(child))));
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
}
