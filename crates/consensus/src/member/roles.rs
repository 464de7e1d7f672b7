//! The ways into and out of each role that all engines share.

use super::leader::Leader;
use super::{Member, Rules, State};
use crate::contract::{Effect, Refused, Role};
use crate::membership;
use bytes::Bytes;
use synod_types::{EntryKind, Index, NodeId, Term};

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
            _ => Err(Refused::NotLeader(self.leader.filter(|node| *node != self.config.id))),
        }
    }

    /// A leader's first entry is committed: whoever waited for that leads from now on.
    pub(crate) fn establish(&mut self) {
        if let State::Leader(leader) = &mut self.state
            && !leader.established
        {
            leader.established = true;
            self.announce();
        }
    }

    /// Whether this member may stand. While a snapshot is being fetched its log lacks what is committed, so it
    /// could not win.
    pub(crate) fn may_stand(&self) -> bool {
        self.memberships.may_stand(self.config.id)
            && self.fetching.is_none()
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

    pub(crate) fn become_leader(&mut self) {
        let first = self.log.last().next();
        let leader = Leader::new(first, self.membership(), self.config.id, self.now);
        self.state = State::Leader(Box::new(leader));
        self.leader = Some(self.config.id);
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
