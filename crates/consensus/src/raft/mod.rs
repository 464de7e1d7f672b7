//! Raft, as one step machine per member.
//!
//! ```text
//!                 election time-out,            a quorum would vote
//!    start        campaign()                    (or TimeoutNow: at once)
//!      |        +-----------------> PreCandidate ----------------> Candidate <--+ election
//!      v        |                     |                             |  |  |  +--+ time-out:
//!   Follower <--+---------------------+-----------------------------+  |          PreCandidate
//!      ^        a quorum refuses, or a leader or a newer term shows up | a quorum votes
//!      |                                                               v
//!      +----------------------------------------------------------- Leader
//!               a newer term; no quorum heard for an election time-out;
//!               not a voter of a committed membership
//!
//!   Follower and Leader may sleep: see sleep.rs.
//! ```
//!
//! Inputs only change state; [`Engine::effects`] works out what is to be written and sent, so that all
//! that was proposed between two drains travels in one write and one message per peer.
//!
//! Sources: Ongaro and Ousterhout, "In search of an understandable consensus algorithm" (2014); Ongaro's
//! dissertation (2014) for pre-vote (9.6), read rounds and leases (6.4), transfer (3.10) and check-quorum (6.2).
//!
//! Where things are: election.rs (who leads), replication.rs (the leader's side of the log), following.rs (the
//! follower's side), reads.rs, reconfiguration.rs, transfer.rs, snapshot.rs, compaction.rs, sleep.rs, and
//! drain.rs (what the driver is asked to do).

mod compaction;
mod drain;
mod election;
mod engine;
mod following;
mod leader;
mod message;
mod reads;
mod reconfiguration;
mod replication;
mod sleep;
mod snapshot;
mod step;
mod transfer;

pub use message::{Body, Message};

use crate::contract::{Config, Effect, Recovered, Role};
use crate::durability::Durability;
use crate::log_view::LogView;
use crate::membership::Memberships;
use crate::random::Random;
use election::Votes;
use leader::Leader;
use synod_types::{EntryKind, HardState, Index, Membership, NodeId, SnapshotMeta, Term};

/// One member of a Raft group.
#[derive(Debug)]
pub struct Raft {
    config: Config,
    random: Random,
    /// Term and vote; the commit in here is only what was recovered.
    hard: HardState,
    /// What of it was handed out to be written.
    hard_issued: HardState,
    /// A snapshot was installed, and no effect was handed out since: a start would not know of it.
    mark_unwritten: bool,
    log: LogView,
    memberships: Memberships,
    durability: Durability,
    /// `log.base() <= applied <= handed <= commit <= log.last()`; none of them ever falls.
    commit: Index,
    /// The last entry in a `Commit` effect.
    handed: Index,
    applied: Index,
    /// Every member is known to hold everything up to here.
    shared: Index,
    /// The newest durable snapshot, if there is one.
    snapshot: Option<SnapshotMeta>,
    /// The snapshot that is being fetched, and the term in which that began.
    fetching: Option<(Term, SnapshotMeta)>,
    state: State,
    leader: Option<NodeId>,
    /// What the last `RoleChanged` said.
    announced: (Role, Term, Option<NodeId>),
    asleep: bool,
    /// Ticks since this member began; stands still while asleep.
    now: u64,
    /// Ticks since a leader was heard or an election was begun.
    elapsed: u32,
    /// The value of `elapsed` at which an election is begun.
    timeout: u32,
    /// Before this tick no vote is given to others: an earlier life may have heard a leader that holds a lease.
    mute_until: u64,
    effects: Vec<Effect>,
}

/// The role, with what only that role knows.
#[derive(Debug)]
enum State {
    Follower,
    PreCandidate(Votes),
    Candidate(Votes),
    Leader(Box<Leader>),
}

impl State {
    fn role(&self) -> Role {
        match self {
            Self::Follower => Role::Follower,
            Self::PreCandidate(_) => Role::PreCandidate,
            Self::Candidate(_) => Role::Candidate,
            Self::Leader(_) => Role::Leader,
        }
    }
}

impl Raft {
    /// A member that remembers `recovered`. Entries that a snapshot has covered, or that are of an older reign than the
    /// snapshot they lie behind, are left out.
    ///
    /// # Panics
    /// When the entries have a gap: to go on would be to forget what was acknowledged.
    #[must_use]
    pub fn new(config: Config, recovered: Recovered) -> Self {
        let Recovered { hard_state, snapshot, entries } = recovered;
        let mut log = LogView::new(snapshot.index, snapshot.term);
        let mut memberships = Memberships::new(snapshot.index, snapshot.membership.clone());
        for entry in entries {
            if entry.index < snapshot.index {
                continue;
            }
            if entry.index == snapshot.index {
                if entry.term == snapshot.term {
                    continue;
                }
                break;
            }
            if entry.term < log.last_term() {
                break;
            }
            if let (EntryKind::Membership, Some(membership)) =
                (entry.kind, Membership::decode(&entry.payload))
            {
                memberships.push(entry.index, membership);
            }
            log.push(entry);
        }
        let mut hard = hard_state;
        if hard.term < log.last_term() {
            (hard.term, hard.vote) = (log.last_term(), NodeId(0));
        }
        hard.commit = hard.commit.clamp(snapshot.index, log.last());
        memberships.commit(hard.commit);
        let mut raft = Self {
            random: Random::new(config.seed),
            hard,
            hard_issued: hard,
            mark_unwritten: false,
            memberships,
            durability: Durability::new(log.last()),
            commit: hard.commit,
            handed: snapshot.index,
            applied: snapshot.index,
            shared: Index(0),
            state: State::Follower,
            leader: None,
            announced: (Role::Follower, hard.term, None),
            asleep: false,
            now: 0,
            elapsed: 0,
            timeout: 0,
            mute_until: if config.lease_reads { u64::from(config.election_ticks) } else { 0 },
            effects: Vec::new(),
            snapshot: (snapshot.index > Index(0)).then_some(snapshot),
            fetching: None,
            log,
            config,
        };
        raft.restart_timer();
        raft
    }

    /// The membership in force.
    fn membership(&self) -> &Membership {
        self.memberships.current()
    }

    fn is_voter(&self) -> bool {
        self.membership().is_voter(self.config.id)
    }

    fn restart_timer(&mut self) {
        self.elapsed = 0;
        let ticks = self.config.election_ticks.max(1);
        self.timeout = ticks + self.random.below(ticks);
    }

    /// Tells the driver of a change of role, term or leader, if there was one.
    fn announce(&mut self) {
        let now = (self.state.role(), self.hard.term, self.leader);
        if now != self.announced {
            self.announced = now;
            let (role, term, leader) = now;
            self.effects.push(Effect::RoleChanged { role, term, leader });
        }
    }

    /// Sends at once; only for what promises nothing.
    fn send(&mut self, to: NodeId, body: Body) {
        let message = crate::Message::Raft(Message { term: self.hard.term, body });
        self.effects.push(Effect::Send { to, message });
    }

    /// Sends as soon as everything known at this moment is durable.
    fn send_durably(&mut self, to: NodeId, body: Body) {
        let message = crate::Message::Raft(Message { term: self.hard.term, body });
        self.durability.hold(to, message);
    }

    /// Everything up to `index` is committed.
    ///
    /// # Panics
    /// When that goes beyond the log: callers check what comes from outside.
    fn advance_commit(&mut self, index: Index) {
        if index <= self.commit {
            return;
        }
        assert!(index <= self.log.last(), "only what is in the log can be committed");
        self.commit = index;
        self.memberships.commit(index);
    }
}
