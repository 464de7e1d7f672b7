//! What a member of a group does whatever the engine: it feeds followers or follows, reads, changes membership, hands
//! leadership over, takes snapshots, and sleeps.
//!
//! ```text
//!                election time-out, campaign(), TimeoutNow
//!    start      +-----------------------------------------> Electing: the engine's own way to a leader
//!      v        |                                              |  |
//!   Follower <--+------------- a leader, or a newer term ------+  | elected
//!      ^                                                          v
//!      +------------------------------------------------------- Leader
//!               a newer term; no quorum heard for an election time-out;
//!               not a voter of a committed membership
//!
//!   Follower and Leader may sleep: see sleep.rs.
//! ```
//!
//! Inputs only change state; [`Engine::effects`](crate::Engine::effects) works out what is to be written and sent, so that all
//! that was proposed between two drains travels in one write and one message per peer.
//!
//! An engine fills [`Rules`]. What makes it sound to share the rest is that in all of them a reign begins with an entry of its
//! own ([decision 7](../../../../docs/decisions/0007-three-engines.md)): an entry's index and term then name a whole log.
//!
//! Where things are: roles.rs (ways into and out of each role), replication.rs (the leader's side of the log), following.rs
//! (the follower's side), reads.rs, reconfiguration.rs, transfer.rs, snapshot.rs, compaction.rs, sleep.rs,
//! succession.rs (another engine takes over), and drain.rs (what the driver is asked to do).

mod compaction;
mod drain;
mod engine;
mod following;
pub(crate) mod leader;
mod reads;
mod reconfiguration;
mod replication;
mod roles;
mod rules;
mod sleep;
mod snapshot;
mod step;
mod succession;
mod transfer;

pub(crate) use following::Merged;
pub(crate) use rules::{Cause, Rules};

use crate::Protocol;
use crate::contract::{Config, Effect, Recovered, Role};
use crate::durability::Durability;
use crate::log_view::LogView;
use crate::membership::Memberships;
use crate::message::{Body, Message};
use crate::random::Random;
use leader::Leader;
use synod_types::plant::planted;
use synod_types::{EntryKind, HardState, Index, Membership, NodeId, SnapshotMeta, Term};

/// One member of a group.
#[derive(Debug)]
pub(crate) struct Member<R: Rules> {
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
    /// The driver was asked for a snapshot and has not taken it yet.
    snapshot_wanted: bool,
    /// The snapshot that is being fetched, and the term in which that began.
    fetching: Option<(Term, SnapshotMeta)>,
    state: State<R::Election>,
    leader: Option<NodeId>,
    /// What the last `RoleChanged` said.
    announced: (Role, Term, Option<NodeId>),
    asleep: bool,
    /// How many elections there were, as far as this member knows; of use to engines that number them.
    round: u64,
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
pub(crate) enum State<E> {
    Follower,
    Electing(E),
    Leader(Box<Leader>),
}

impl<R: Rules> Member<R> {
    /// A member that remembers `recovered`. Entries that a snapshot has covered, or that are of an older reign than the
    /// snapshot they lie behind, are left out.
    ///
    /// # Panics
    /// When the entries have a gap: to go on would be to forget what was acknowledged.
    #[must_use]
    pub(crate) fn new(config: Config, recovered: Recovered) -> Self {
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
        let mut member = Self {
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
            snapshot_wanted: false,
            round: 0,
            log,
            config,
        };
        member.restart_timer();
        member
    }

    /// The membership in force.
    pub(crate) fn membership(&self) -> &Membership {
        self.memberships.current()
    }

    pub(crate) fn is_voter(&self) -> bool {
        self.membership().is_voter(self.config.id)
    }

    pub(crate) fn restart_timer(&mut self) {
        self.elapsed = 0;
        let ticks = self.config.election_ticks.max(1);
        self.timeout = ticks + self.random.below(ticks);
    }

    /// Tells the driver of a change of role, term or leader, if there was one.
    pub(crate) fn announce(&mut self) {
        let now = (self.outward_role(), self.hard.term, self.leader);
        if now != self.announced {
            self.announced = now;
            let (role, term, leader) = now;
            self.effects.push(Effect::RoleChanged { role, term, leader });
        }
    }

    /// A message of this term.
    pub(crate) fn say(&self, body: Body) -> Message {
        Message { protocol: R::PROTOCOL, term: self.hard.term, body }
    }

    /// Sends at once; only for what promises nothing.
    pub(crate) fn send(&mut self, to: NodeId, body: Body) {
        let message = self.say(body);
        self.effects.push(Effect::Send { to, message });
    }

    /// Sends at once what is said of another term than this member's.
    pub(crate) fn send_of(&mut self, term: Term, to: NodeId, body: Body) {
        let message = Message { protocol: R::PROTOCOL, term, body };
        self.effects.push(Effect::Send { to, message });
    }

    /// Sends as soon as everything known at this moment is durable.
    pub(crate) fn send_durably(&mut self, to: NodeId, body: Body) {
        let message = self.say(body);
        self.durability.hold(to, message);
    }

    /// Everything up to `index` is committed.
    ///
    /// # Panics
    /// When that goes beyond the log: callers check what comes from outside.
    pub(crate) fn advance_commit(&mut self, index: Index) {
        if index <= self.commit {
            if planted("paxos-decided-taken-back") && R::PROTOCOL == Protocol::Paxos {
                self.commit = index.max(self.log.base());
            }
            return;
        }
        assert!(index <= self.log.last(), "only what is in the log can be committed");
        self.commit = index;
        self.memberships.commit(index);
    }
}
