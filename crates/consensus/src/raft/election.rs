//! Who leads: pre-votes, votes, and the ways into and out of each role.

use super::leader::Leader;
use super::{Body, Raft, State};
use crate::contract::Effect;
use crate::membership;
use crate::quorum::{self, Tally};
use bytes::Bytes;
use synod_types::plant::planted;
use synod_types::{EntryKind, Index, NodeId, Term};

/// Who said what; small, so a list.
#[derive(Debug, Default)]
pub(super) struct Votes(Vec<(NodeId, bool)>);

impl Votes {
    fn insert(&mut self, node: NodeId, granted: bool) {
        if self.get(node).is_none() || planted("vote-counted-twice") {
            self.0.push((node, granted));
        }
    }

    fn get(&self, node: NodeId) -> Option<bool> {
        self.0.iter().find(|(known, _)| *known == node).map(|(_, granted)| *granted)
    }
}

impl Raft {
    /// Whether this member may stand. While a snapshot is being fetched its log lacks what is committed, so it
    /// could not win.
    fn may_stand(&self) -> bool {
        self.memberships.may_stand(self.config.id)
            && self.fetching.is_none()
            && !matches!(self.state, State::Leader(_))
    }

    /// Whether a leader may rely on this member for its lease, so that it must not even vote for itself.
    fn is_bound_by_lease(&self) -> bool {
        self.config.lease_reads
            && self.is_loyal()
            && !membership::is_only_voter(self.membership(), self.config.id)
    }

    /// Asks whether an election could be won.
    pub(super) fn become_pre_candidate(&mut self) {
        if !self.may_stand() || self.is_bound_by_lease() {
            return;
        }
        let mut votes = Votes::default();
        votes.insert(self.config.id, true);
        self.state = State::PreCandidate(votes);
        self.leader = None;
        self.restart_timer();
        self.announce();
        let (term, body) = (self.hard.term.next(), self.vote_request(true, false));
        for node in self.other_voters() {
            let message = super::Message { term, body: body.clone() };
            self.effects.push(Effect::Send { to: node, message: crate::Message::Raft(message) });
        }
        self.count_votes();
    }

    /// Stands for election. Its requests and its own vote wait until the vote is durable.
    pub(super) fn become_candidate(&mut self, transfer: bool) {
        if !self.may_stand() {
            return;
        }
        self.enter_term(self.hard.term.next());
        self.hard.vote = self.config.id;
        self.state = State::Candidate(Votes::default());
        self.leader = None;
        self.restart_timer();
        self.announce();
        let body = self.vote_request(false, transfer);
        for node in self.other_voters() {
            self.send_durably(node, body.clone());
        }
        self.send_durably(self.config.id, Body::VoteReply { pre: false, granted: true });
    }

    fn vote_request(&self, pre: bool, transfer: bool) -> Body {
        Body::Vote { pre, transfer, last: self.log.last(), last_term: self.log.last_term() }
    }

    fn other_voters(&self) -> Vec<NodeId> {
        let membership = self.membership();
        let mut voters = membership.all();
        voters.retain(|node| *node != self.config.id && membership.is_voter(*node));
        voters
    }

    fn enter_term(&mut self, term: Term) {
        assert!(term > self.hard.term, "terms only grow");
        self.hard.term = term;
        self.hard.vote = NodeId(0);
        self.durability.forget_held();
    }

    /// Follows whoever leads `term`.
    pub(super) fn become_follower(&mut self, term: Term, leader: Option<NodeId>) {
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

    fn become_leader(&mut self) {
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
    fn is_loyal(&self) -> bool {
        let hears = self.leader.is_some() && self.elapsed < self.config.election_ticks;
        matches!(self.state, State::Leader(_)) || hears || self.now < self.mute_until
    }

    /// A request for a vote of a term newer than this member's, or its own. Tells whether it is to be heard.
    pub(super) fn admits_vote(&self, transfer: bool) -> bool {
        transfer || !self.is_loyal()
    }

    fn is_up_to_date(&self, last: Index, last_term: Term) -> bool {
        (last_term, last) >= (self.log.last_term(), self.log.last())
            || planted("vote-for-shorter-log")
    }

    /// Answers a pre-vote. Nothing changes and nothing is promised.
    pub(super) fn answer_pre_vote(
        &mut self,
        from: NodeId,
        term: Term,
        last: Index,
        last_term: Term,
    ) {
        let granted =
            term > self.hard.term && self.admits_vote(false) && self.is_up_to_date(last, last_term);
        let body = Body::VoteReply { pre: true, granted };
        let term = if granted { term } else { self.hard.term };
        if term > Term(0) {
            let message = crate::Message::Raft(super::Message { term, body });
            self.effects.push(Effect::Send { to: from, message });
        }
    }

    /// Answers a request for a vote in this term.
    pub(super) fn answer_vote(&mut self, from: NodeId, last: Index, last_term: Term) {
        let free = self.hard.vote == from || (self.hard.vote == NodeId(0) && self.leader.is_none());
        let granted = free && self.is_up_to_date(last, last_term);
        if granted {
            self.hard.vote = from;
            self.restart_timer();
        }
        let reply = Body::VoteReply { pre: false, granted };
        if planted("vote-before-durable") {
            return self.send(from, reply);
        }
        self.send_durably(from, reply);
    }

    /// A member answered, this one included.
    pub(super) fn take_vote(&mut self, from: NodeId, pre: bool, granted: bool) {
        match &mut self.state {
            State::PreCandidate(votes) if pre => votes.insert(from, granted),
            State::Candidate(votes) if !pre => votes.insert(from, granted),
            _ => return,
        }
        self.count_votes();
    }

    fn count_votes(&mut self) {
        let (votes, pre) = match &self.state {
            State::PreCandidate(votes) => (votes, true),
            State::Candidate(votes) => (votes, false),
            _ => return,
        };
        let mut tally = quorum::tally(self.membership(), |node| votes.get(node));
        if planted("vote-counted-twice")
            && votes.0.iter().filter(|(_, granted)| *granted).count()
                >= quorum::majority(self.membership().voters.len())
        {
            tally = Tally::Won;
        }
        match tally {
            Tally::Won if pre => self.become_candidate(false),
            Tally::Won => self.become_leader(),
            Tally::Lost => self.become_follower(self.hard.term, None),
            Tally::Pending => {}
        }
    }
}
