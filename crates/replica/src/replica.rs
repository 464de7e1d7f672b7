//! The replica itself: requests in, one pump per turn, outputs and answers out.

use crate::batch::{self, Batch};
use crate::expiry::ExpirySearch;
use crate::pending::{Audience, Failure, Origin, Proposals};
use crate::reads::{ReadBatch, ReadQueue};
use crate::snapshot::SnapshotJob;
use crate::stamps::Stamps;
use crate::state::State;
use synod_consensus::{Effect, Engine, Message, Role, Status, Token};
use synod_data::{Command, Context, Garbage, Keyspace, KeyspaceStats, random};
use synod_types::{
    Entry, HardState, Index, Membership, Millis, NodeId, PartitionId, SnapshotMeta, Term,
};

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
    /// These cannot be served here; nothing was executed.
    Bounced {
        /// Who asked, and the encoded operation.
        requests: Vec<(Origin, Vec<u8>)>,
        /// Whether they are reads.
        read: bool,
    },
    /// The entries of these were replaced before they were committed; nothing was executed.
    Voided(Vec<Origin>),
    /// The cluster map changed.
    MapChanged,
    /// Fetch the leader's snapshot.
    FetchSnapshot(NodeId, SnapshotMeta),
    /// To be dropped where nobody waits.
    Discard(Garbage),
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
    pub(crate) reads: ReadQueue,
    pub(crate) job: Option<SnapshotJob>,
    /// The engine needs a snapshot that goes at least this far and asks only once; kept until there is one.
    pub(crate) snapshot_wanted: Option<Index>,
    pub(crate) stamps: Stamps,
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
    /// Counts the ticks of the node.
    ticks: u64,
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
            reads: ReadQueue::default(),
            job: None,
            snapshot_wanted: None,
            stamps: Stamps::default(),
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

    /// Everything the engine says of itself.
    #[must_use]
    pub fn status(&self) -> Status {
        self.engine.status()
    }

    /// Lets the counts of the keyspace go on from these, 0 to reset them.
    pub fn set_stats(&mut self, stats: KeyspaceStats) {
        if let Some(keyspace) = self.state.keyspace_mut() {
            keyspace.set_stats(stats);
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
        encode(self.batch.add(origin));
        if self.batch.is_full() {
            self.propose(out);
        }
    }

    /// Whether reads are answered at once here, because nobody else's word is needed.
    #[must_use]
    pub fn reads_at_once(&self) -> bool {
        self.solo && self.role == Role::Leader && self.applied_term == self.term
    }

    /// Whether [`Self::read_now`] may be called for this command, now that it is `wall`.
    #[must_use]
    pub fn can_read_now(&mut self, wall: Millis, command: &Command, args: &[&[u8]]) -> bool {
        self.now.wall = wall;
        self.reads_at_once() && self.doubt(command.key_positions(args).map(|at| args[at])).is_none()
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

    /// Takes a read in; `encode` appends its operation.
    pub fn read(&mut self, origin: Origin, encode: impl FnOnce(&mut Vec<u8>)) {
        self.reads.add(origin, encode);
    }

    /// Whether one of these keys has expired since the time that reads are of: then the entry to wait for.
    pub(crate) fn doubt<'k>(&mut self, mut keys: impl Iterator<Item = &'k [u8]>) -> Option<Index> {
        let keyspace = self.state.keyspace().filter(|keyspace| keyspace.expires_len() > 0)?;
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
        loop {
            self.expire_some(out);
            self.propose(out);
            self.ask_to_read(out);
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
        self.answer_reads(audience);
        out.extend(self.state.keyspace_mut().and_then(Keyspace::take_garbage).map(Output::Discard));
    }

    fn propose(&mut self, out: &mut Vec<Output>) {
        if self.batch.is_empty() {
            return;
        }
        let stamp = self.stamps.next(self.now.wall);
        let spare = self.proposals.spare();
        let (payload, origins) = self.batch.close(stamp, self.now.seed, spare);
        self.now.seed = self.now.seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        match self.engine.propose(payload.clone()) {
            Ok(position) => {
                self.stamps.propose(position.index);
                let void = self.proposals.push(position, self.ticks, origins);
                out.extend(void.into_iter().map(|proposal| Output::Voided(proposal.origins)));
            }
            Err(_) => {
                self.expiry.forget_proposed();
                let requests = batch::split(&payload, &origins);
                out.push(Output::Bounced { requests, read: false });
            }
        }
    }

    fn ask_to_read(&mut self, out: &mut Vec<Output>) {
        if !self.reads.has_gathered()
            || (self.role == Role::Leader && self.applied_term != self.term)
        {
            return; // a new leader's reads wait until its first entry is applied
        }
        let id = self.reads.close();
        match self.engine.read(id) {
            Ok(()) => {}
            Err(_) => self.bounce_reads(id, out),
        }
    }

    fn bounce_reads(&mut self, id: u64, out: &mut Vec<Output>) {
        if let Some(batch) = self.reads.abort(id) {
            out.push(bounced(&batch));
        }
    }

    fn perform(&mut self, effect: Effect, audience: &mut dyn Audience, out: &mut Vec<Output>) {
        match effect {
            Effect::Persist { token, hard_state, entries } => {
                self.persist(token, hard_state, entries, out);
            }
            Effect::Send { to, message } => out.push(Output::Send(to, message)),
            Effect::Commit(entries) => {
                self.apply(entries, audience);
                if self.state.map().is_some() {
                    out.push(Output::MapChanged);
                }
            }
            Effect::ReadReady { id, index } => self.reads.confirm(id, index),
            Effect::ReadAborted { id } => self.bounce_reads(id, out),
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
        if role != Role::Leader {
            self.stamps.forget_proposed();
            self.expiry.forget_proposed();
            self.snapshot_wanted = None;
        }
        if role != Role::Leader && self.reads.has_gathered() {
            let batch = self.reads.take_gathered();
            out.push(bounced(&batch));
        }
        if role != Role::Leader {
            for batch in self.reads.take_deferred() {
                out.push(bounced(&batch));
            }
        }
        out.push(Output::Led { role, term, leader });
    }

    fn learn_membership(&mut self, membership: &Membership) {
        self.solo = membership.voters == [self.node] && membership.outgoing.is_empty();
    }

    /// Another tick has passed: a snapshot that is wanted and could not be written is begun again. Whoever has waited for a proposal for more than `ticks_max` of them is told that
    /// its fate is not known here: a leader that reaches no quorum can neither commit nor retract.
    pub fn age_proposals(&mut self, ticks_max: u64, audience: &mut dyn Audience) {
        self.ticks += 1;
        if self.ticks.is_multiple_of(SNAPSHOT_RETRY_TICKS) {
            self.retry_snapshot();
        }
        while let Some(proposal) = self.proposals.take_older(self.ticks.saturating_sub(ticks_max)) {
            proposal.origins.iter().for_each(|origin| audience.fail(*origin, Failure::Unknown));
        }
    }

    /// Gives up on everyone who waits for a proposal: whether they were executed is not known here.
    pub fn abandon_proposals(&mut self, audience: &mut dyn Audience) {
        for proposal in self.proposals.drain() {
            proposal.origins.iter().for_each(|origin| audience.fail(*origin, Failure::Unknown));
        }
    }
}

/// Reads that are to go elsewhere.
fn bounced(batch: &ReadBatch) -> Output {
    let requests = batch.iter().map(|(origin, op)| (origin, op.to_vec())).collect();
    Output::Bounced { requests, read: true }
}
