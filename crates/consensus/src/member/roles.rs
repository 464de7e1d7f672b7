//! The ways into and out of each role that all engines share.

use super::leader::Leader;
use super::{Member, Rules, State};
use crate::contract::{Effect, Refused, Role};
use crate::membership;
use crate::message::Body;
use crate::progress::Flow;
use bytes::Bytes;
use synod_types::plant::planted;
use synod_types::{Entry, EntryKind, Index, NodeId, Term};

/// What an engine's rules may ask and change.
impl<R: Rules> Member<R> {
    /// This member.
    pub(crate) fn id(&self) -> NodeId {
        self.config.id
    }

    /// Its term: the highest it has promised anything in.
    pub(crate) fn term(&self) -> Term {
        self.hard.term
    }

    /// Whom it has given its promise of this term to; `NodeId(0)` is nobody.
    pub(crate) fn vote(&self) -> NodeId {
        self.hard.vote
    }

    /// Gives the promise of this term.
    pub(crate) fn give_vote(&mut self, to: NodeId) {
        self.hard.vote = to;
    }

    /// The leader of this term, if known.
    pub(crate) fn known_leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// How new the log is: the term of the last entry, then its index.
    pub(crate) fn end(&self) -> (Term, Index) {
        (self.log.last_term(), self.log.last())
    }

    /// How new a log this member answers for: its own, or one that it gave up. Whoever is to lead has one as new.
    pub(crate) fn owed_end(&self) -> (Term, Index) {
        if planted("floor-forgotten") {
            return self.end();
        }
        self.end().max(self.hard.floor)
    }

    /// The last entry known to be committed.
    pub(crate) fn commit(&self) -> Index {
        self.commit
    }

    /// The position before the window: entries up to here are only to be had as a snapshot.
    pub(crate) fn base(&self) -> Index {
        self.log.base()
    }

    /// The term at `after`, and what follows it, as much as fits into a message. Nothing when that has left the window.
    pub(crate) fn entries_after(&self, after: Index) -> (Term, Vec<Entry>) {
        match self.log.term_at(after) {
            Some(term) => (term, self.log.batch(after.next(), self.config.append_bytes_max).0),
            None => (Term(0), Vec::new()),
        }
    }

    /// Whether this member leads, or would if enough had joined it.
    pub(crate) fn leads(&self) -> bool {
        matches!(self.state, State::Leader(_))
    }

    /// The number of the last election.
    pub(crate) fn round(&self) -> u64 {
        self.round
    }

    /// Begins another.
    pub(crate) fn next_round(&mut self) -> u64 {
        self.round = self.round.saturating_add(1);
        self.round
    }

    /// Others are further.
    pub(crate) fn catch_up_round(&mut self, round: u64) {
        self.round = self.round.max(round);
    }

    /// Ticks between two rounds of asking.
    pub(crate) fn beat_ticks(&self) -> u32 {
        self.config.heartbeat_ticks.max(1)
    }

    /// Whether what was asked in an election is to be asked again with this tick.
    pub(crate) fn is_beat(&self) -> bool {
        self.elapsed.is_multiple_of(self.beat_ticks())
    }

    /// Whether something happened lately that a leader should follow up.
    pub(crate) fn is_patient(&self) -> bool {
        self.elapsed < self.config.election_ticks / 2
    }

    /// The last position up to which another log may be the same as this, if that one ends here.
    pub(crate) fn may_part_at(&self, (term, last): (Term, Index)) -> Index {
        self.log.last_not_above(last, term)
    }

    /// A peer's log ends here, so it is asked first where the logs may part.
    pub(crate) fn aim(&mut self, node: NodeId, end: (Term, Index)) {
        let next = self.may_part_at(end).next();
        if let State::Leader(leader) = &mut self.state
            && let Some(peer) = leader.peer_mut(node)
        {
            peer.aim(next);
        }
    }

    /// A peer joins this reign with a log that ends here: it is sent what it lacks (DIFF), told to cut what is too much
    /// (TRUNC), or given a snapshot (SNAP), whichever the place leads to.
    pub(crate) fn admit(&mut self, node: NodeId, end: (Term, Index)) {
        let (next, now) = (self.may_part_at(end).next(), self.now);
        if let State::Leader(leader) = &mut self.state
            && let Some(peer) = leader.peer_mut(node)
        {
            peer.join(next, now);
        }
    }

    /// A peer asks to join this reign: it is greeted, unless it has.
    pub(crate) fn greet(&mut self, node: NodeId) {
        let absent = match &self.state {
            State::Leader(leader) => {
                leader.peer(node).is_some_and(|peer| peer.flow == Flow::Absent)
            }
            _ => false,
        };
        if let Some(body) = R::greeting().filter(|_| absent) {
            self.send(node, body);
        }
    }

    /// Whoever leads an older term learns that this member cannot follow it any more.
    pub(crate) fn refuse_past(&mut self, node: NodeId) {
        self.send(node, Body::HeartbeatReply { round: 0, commit: self.commit });
    }

    /// The election under way, if there is one.
    pub(crate) fn election(&self) -> Option<&R::Election> {
        match &self.state {
            State::Electing(election) => Some(election),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn election_mut(&mut self) -> Option<&mut R::Election> {
        match &mut self.state {
            State::Electing(election) => Some(election),
            _ => None,
        }
    }

    /// An election begins, or enters another stage.
    pub(crate) fn begin_election(&mut self, election: R::Election) {
        self.state = State::Electing(election);
        self.leader = None;
        self.restart_timer();
        self.announce();
    }
}

impl<R: Rules> Member<R> {
    /// What this member is to the outside.
    pub(crate) fn outward_role(&self) -> Role {
        match &self.state {
            State::Follower => Role::Follower,
            State::Electing(election) => R::role(election),
            State::Leader(leader) if leader.established => Role::Leader,
            State::Leader(_) => Role::Candidate,
        }
    }

    /// What a leader knows, or why this member takes no requests.
    pub(crate) fn reign(&self) -> Result<&Leader, Refused> {
        match &self.state {
            State::Leader(leader) if leader.established => Ok(leader),
            _ => Err(Refused::NotLeader(self.leader)),
        }
    }

    /// A leader's first entry is committed: whoever waited for that leads from now on.
    pub(crate) fn establish(&mut self) {
        if let State::Leader(leader) = &mut self.state
            && !leader.established
        {
            leader.established = true;
            self.leader = Some(self.config.id);
            self.announce();
        }
    }

    /// Whether this member may stand. While a snapshot is being fetched its log lacks what is committed, so it
    /// could not win; nor could it before it has again what it once gave up.
    pub(crate) fn may_stand(&self) -> bool {
        self.memberships.may_stand(self.config.id)
            && self.fetching.is_none()
            && self.owed_end() == self.end()
            && !matches!(self.state, State::Leader(_))
    }

    /// Whether a leader may rely on this member for its lease, so that it must not even vote for itself.
    pub(crate) fn is_bound_by_lease(&self) -> bool {
        self.config.lease_reads
            && self.is_loyal()
            && !membership::is_only_voter(self.membership(), self.config.id)
    }

    pub(crate) fn other_voters(&self) -> Vec<NodeId> {
        let membership = self.membership();
        let mut voters = membership.all();
        voters.retain(|node| *node != self.config.id && membership.is_voter(*node));
        voters
    }

    pub(crate) fn enter_term(&mut self, term: Term) {
        assert!(term > self.hard.term, "terms only grow");
        self.hard.term = term;
        self.hard.vote = NodeId(0);
        self.durability.forget_held();
    }

    /// Follows whoever leads `term`.
    pub(crate) fn become_follower(&mut self, term: Term, leader: Option<NodeId>) {
        if term > self.hard.term {
            self.enter_term(term);
        }
        if let State::Leader(leader) = &mut self.state {
            let aborted = leader.barrier.abort();
            self.effects.extend(aborted.into_iter().map(|id| Effect::ReadAborted { id }));
        }
        self.state = State::Follower;
        self.leader = leader;
        self.asleep = false;
        self.restart_timer();
        self.announce();
    }

    /// Begins a reign: with all requests, or, when peers have to join it, with none before its first entry is committed.
    pub(crate) fn become_leader(&mut self) {
        let greets = R::greeting().is_some();
        let first = self.log.last().next();
        let leader = Leader::new(greets, first, self.membership(), self.config.id, self.now);
        self.state = State::Leader(Box::new(leader));
        self.leader = (!greets).then_some(self.config.id);
        self.elapsed = 0;
        self.announce();
        self.append(EntryKind::Noop, Bytes::new());
    }

    /// Whether this member hears a leader, or an earlier life of it may have: then it helps nobody to replace
    /// that leader. A leader that leads without a quorum steps down by itself.
    pub(crate) fn is_loyal(&self) -> bool {
        let hears = self.leader.is_some() && self.elapsed < self.config.election_ticks;
        matches!(self.state, State::Leader(_)) || hears || self.now < self.mute_until
    }

    /// A request for a vote of a term newer than this member's, or its own. Tells whether it is to be heard.
    pub(crate) fn admits_vote(&self, transfer: bool) -> bool {
        transfer || !self.is_loyal()
    }
}
