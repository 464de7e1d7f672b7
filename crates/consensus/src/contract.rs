//! The contract between a consensus engine and whoever drives it.
//!
//! An engine is a step machine for one group. It is told what happened (a tick, a message, "persisted")
//! and answers with effects, plain values in a buffer. It never waits, never calls out, and knows no
//! clock, disk or socket.
//!
//! # What the driver owes the engine
//!
//! 1. Drain [`Engine::effects`] after every call, in order.
//! 2. `Persist`: write hard state and entries in the order given, across all effects of the group. An
//!    entry whose index is not after the last one written replaces it and everything behind it. When
//!    all of it is as durable as the operator asked for, call [`Engine::persisted`] with the token;
//!    a later token stands for the earlier ones too. If it can never be persisted, stop the process.
//! 3. `Send`: deliver at most once, or lose it; order does not matter for safety. What a message
//!    promises is already persisted when the effect appears.
//! 4. `Commit`: apply the entries in order, then call [`Engine::applied`]. Each entry is handed out
//!    exactly once in the life of this engine value, possibly before the own disk has it: a quorum of
//!    others does.
//! 5. `ReadReady`: answer the read once everything up to the index is applied.
//! 6. `SnapshotWanted`: make a durable snapshot at any index not before the one given and call
//!    [`Engine::snapshot_taken`]; it is asked for once, and is owed also when the role has changed. `FetchSnapshot`: fetch that snapshot from the node named, make it durable,
//!    load it into the state machine, note in the log that it stands for everything up to its index, then call
//!    [`Engine::snapshot_installed`]. A start knows of it by that note, so what the engine acknowledges waits for the
//!    `Persist` that comes next: it must not be reported before the note is durable. A later `FetchSnapshot` replaces
//!    the one under way, which is then not installed. Entries that were written before and lie behind a
//!    snapshot need not be removed.
//! 7. Call [`Engine::tick`] at a steady pace; all time-outs are counted in ticks. With lease reads, make up for missed
//!    ticks (a pause) before any other input.
//! 8. Stop a member that a committed membership no longer has. It may not know, and would ask for votes forever.

use crate::{Message, Protocol};
use bytes::Bytes;
use synod_types::{Entry, HardState, Index, Membership, NodeId, PartitionId, SnapshotMeta, Term};

/// How an engine is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// This member.
    pub id: NodeId,
    /// The group, for messages to people only.
    pub group: PartitionId,
    /// A follower that hears nothing for this many ticks, plus a random share of as many again, stands for election.
    /// At least `2 * heartbeat_ticks`.
    pub election_ticks: u32,
    /// A leader sends a heartbeat every so many ticks, unless the group sleeps. At least 1.
    pub heartbeat_ticks: u32,
    /// Serve reads from the leader's lease instead of a quorum round. Safe only while no clock runs more
    /// than 25 % faster than another; off by default.
    pub lease_reads: bool,
    /// The most entry bytes in one append message (one entry always fits).
    pub append_bytes_max: usize,
    /// The most entry bytes in flight to one follower; the last append may exceed it.
    pub inflight_bytes_max: usize,
    /// How many bytes of applied entries stay in memory for followers that lag; older ones cost a snapshot. For
    /// followers that lag but answer it may become four times as many.
    pub cache_bytes_max: usize,
    /// Where the random election delays come from.
    pub seed: u64,
}

/// What a member remembers when it starts: nothing at all, or what the driver persisted.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// Term, vote, known commit.
    pub hard_state: HardState,
    /// The snapshot that the state machine was restored from; for a new group index 0 and the founding membership.
    pub snapshot: SnapshotMeta,
    /// The entries after the snapshot, without a gap.
    pub entries: Vec<Entry>,
}

/// Names one `Persist` effect of a group; they grow by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(pub u64);

/// Where a proposal went. It is committed if and only if an entry with this index *and* term is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The term it was proposed in.
    pub term: Term,
    /// Its place in the log.
    pub index: Index,
}

/// What this member is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Follows a leader, or waits for one.
    Follower,
    /// Asks whether an election could be won, without disturbing anyone.
    PreCandidate,
    /// Stands for election.
    Candidate,
    /// Leads.
    Leader,
}

/// What an engine asks of its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Make durable, in order, then report the token.
    Persist {
        /// Names this effect.
        token: Token,
        /// Written if present.
        hard_state: Option<HardState>,
        /// Consecutive; may replace a tail.
        entries: Vec<Entry>,
    },
    /// Deliver, or lose.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: Message,
    },
    /// Apply these, in order.
    Commit(Vec<Entry>),
    /// The read may be answered once `index` is applied.
    ReadReady {
        /// As given to [`Engine::read`].
        id: u64,
        /// The read barrier.
        index: Index,
    },
    /// The read was not confirmed (leadership was lost); it may be asked again, here or elsewhere.
    ReadAborted {
        /// As given to [`Engine::read`].
        id: u64,
    },
    /// Role, term or known leader changed.
    RoleChanged {
        /// The role now.
        role: Role,
        /// The term now.
        term: Term,
        /// The leader of that term, if known.
        leader: Option<NodeId>,
    },
    /// A membership is in force now (it may still be uncommitted). The one at the start is in [`Status`].
    MembershipChanged(Membership),
    /// A follower needs what this leader no longer holds in memory: take a snapshot at `at_least` or later.
    SnapshotWanted {
        /// The lowest useful index.
        at_least: Index,
    },
    /// This follower needs the leader's snapshot.
    FetchSnapshot {
        /// The leader.
        from: NodeId,
        /// Which one.
        meta: SnapshotMeta,
    },
}

/// Why an engine did not take a request. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Only the leader can; this is who leads as far as is known.
    #[error("not the leader")]
    NotLeader(Option<NodeId>),
    /// The leader has not yet committed an entry of its own term: reads and membership changes wait.
    #[error("the leader is not ready yet")]
    NotReady,
    /// Leadership is being handed over.
    #[error("leadership is being transferred")]
    Transferring,
    /// A membership change is under way.
    #[error("a membership change is under way")]
    ChangePending,
    /// The membership asked for is not a legal one (no voter, a voter that is a learner too, an unknown target).
    #[error("not a legal membership or target")]
    Illegal,
}

/// One peer, as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// Who.
    pub node: NodeId,
    /// The last entry it is known to hold durably.
    pub matched: Index,
    /// Whether it was heard from within the last election time-out.
    pub active: bool,
    /// Whether it waits for a snapshot.
    pub snapshot: bool,
}

/// What an engine says of itself. `commit <= last`, `applied <= commit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The engine that this member runs.
    pub engine: Protocol,
    /// The role.
    pub role: Role,
    /// The term.
    pub term: Term,
    /// The leader of the term, if known.
    pub leader: Option<NodeId>,
    /// Last entry known committed.
    pub commit: Index,
    /// Last entry the driver reported applied.
    pub applied: Index,
    /// Last entry in the log.
    pub last: Index,
    /// Whether the group sleeps: no heartbeats, no election timer.
    pub asleep: bool,
    /// The membership in force.
    pub membership: Membership,
    /// The others; empty unless leading.
    pub peers: Vec<PeerStatus>,
}

/// One member of one group. See the module's list of what the driver owes it.
pub trait Engine {
    /// One unit of time passed.
    fn tick(&mut self);
    /// Stands for election now, if it may vote and does not lead. Members that hear a leader will not help; with
    /// lease reads, a member that hears one or has just begun does not even try.
    fn campaign(&mut self);
    /// A message came. One that cannot be right is dropped, whatever it holds.
    fn step(&mut self, from: NodeId, message: Message);
    /// A part of a message came, or went: whoever sends or takes it lives, though it may be long before the whole is
    /// there. What it has to say stands in line behind the rest, so silence means nothing.
    fn hears(&mut self, from: NodeId);
    /// Appends a batch of commands.
    ///
    /// # Errors
    /// `NotLeader`, `Transferring`; nothing was changed.
    fn propose(&mut self, payload: Bytes) -> Result<Position, Refused>;
    /// Moves to these voters and learners through a joint configuration, which is left without being asked again.
    /// `target.outgoing` must be empty. If `target` names an engine, the group moves to that as soon as the entry is
    /// committed; if it names none, the engine stays.
    ///
    /// # Errors
    /// `NotLeader`, `NotReady`, `Transferring`, `ChangePending`, `Illegal`; nothing was changed.
    fn change_membership(&mut self, target: Membership) -> Result<Position, Refused>;
    /// Asks for a read barrier; `ReadReady` or `ReadAborted` with this id follows. Requests between two drains of
    /// the effects share one round.
    ///
    /// # Errors
    /// `NotLeader`, `NotReady`; nothing was changed.
    fn read(&mut self, id: u64) -> Result<(), Refused>;
    /// Hands leadership to a voter as soon as it has the whole log; given up after an election time-out.
    ///
    /// # Errors
    /// `NotLeader`, `Transferring`, `Illegal`; nothing was changed.
    fn transfer_leadership(&mut self, to: NodeId) -> Result<(), Refused>;
    /// Everything up to this token is durable.
    fn persisted(&mut self, token: Token);
    /// Everything up to this index is applied.
    fn applied(&mut self, index: Index);
    /// A durable snapshot exists; entries it covers may be forgotten.
    fn snapshot_taken(&mut self, meta: SnapshotMeta);
    /// Entries up to this one, as far as a durable snapshot covers them, are handed to nobody any more: whoever lacks
    /// them is offered the snapshot.
    fn forget(&mut self, index: Index);
    /// The snapshot of a `FetchSnapshot` is durable and loaded.
    fn snapshot_installed(&mut self, meta: SnapshotMeta);
    /// The snapshot of a `FetchSnapshot` could not be had; the leader will offer again.
    fn snapshot_failed(&mut self);
    /// The node of the leader went silent, or there is work: leave sleep and let timers run.
    fn wake(&mut self);
    /// What there is to do; the driver drains it.
    fn effects(&mut self) -> &mut Vec<Effect>;
    /// The `nth` of the entries that the next [`Effect::Commit`] hands out, as far as that is known now and they are in memory: there
    /// may be more. For whoever wants to fetch ahead what these entries need.
    fn about_to_commit(&self, nth: u64) -> Option<&Entry>;
    /// A copy of the state that people and policies look at.
    fn status(&self) -> Status;
    /// The engine that this member runs, without the cost of [`Engine::status`].
    fn protocol(&self) -> Protocol;
    /// Role, term and leader, without the cost of [`Engine::status`].
    fn role(&self) -> (Role, Term, Option<NodeId>);
    /// What must be remembered when this member is dropped together with its log.
    fn given_up(&self) -> HardState;
}
