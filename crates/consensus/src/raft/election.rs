//! Who leads: pre-votes, votes, and the term in which they are given.
//!
//! ```text
//!                 silence                a quorum would vote          a quorum votes
//!   Follower -----------------> Asking --------------------> Standing ----------------> Leader
//!               (a transfer: Standing at once)   ^               |
//!                                                +---------------+ election time-out
//! ```

use super::{Ask, Raft};
use crate::contract::Role;
use crate::member::Member;
use crate::message::Body;
use crate::quorum::{self, Tally};
use std::cmp::Ordering;
use synod_types::plant::planted;
use synod_types::{Index, NodeId, Term};

/// An election that this member wants to win.
#[derive(Debug)]
pub(crate) struct Election {
    stage: Stage,
    votes: Votes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Asks whether it could win.
    Asking,
    /// Asks for votes.
    Standing,
}

impl Election {
    pub(super) fn role(&self) -> Role {
        match self.stage {
            Stage::Asking => Role::PreCandidate,
            Stage::Standing => Role::Candidate,
        }
    }
}

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

impl Member<Raft> {
    /// A message about an election.
    pub(super) fn hear(&mut self, from: NodeId, term: Term, ask: Ask) {
        match ask {
            Ask::Vote { pre: true, last, last_term, .. } => {
                return self.answer_pre_vote(from, term, last, last_term);
            }
            Ask::VoteReply { pre: true, granted: true } => {
                if term == self.term().next() {
                    self.take_vote(from, true, true);
                }
                return;
            }
            _ => {}
        }
        match term.cmp(&self.term()) {
            Ordering::Less => {}
            Ordering::Equal => self.hear_now(from, ask),
            Ordering::Greater => {
                if let Ask::Vote { transfer, .. } = ask
                    && !self.admits_vote(transfer)
                {
                    return;
                }
                self.become_follower(term, None);
                self.hear_now(from, ask);
            }
        }
    }

    /// A message of this term.
    fn hear_now(&mut self, from: NodeId, ask: Ask) {
        match ask {
            Ask::Vote { last, last_term, .. } => self.answer_vote(from, last, last_term),
            Ask::VoteReply { pre, granted } => self.take_vote(from, pre, granted),
        }
    }

    /// Asks whether an election could be won.
    pub(super) fn become_pre_candidate(&mut self) {
        if !self.may_stand() || self.is_bound_by_lease() {
            return;
        }
        let mut votes = Votes::default();
        votes.insert(self.id(), true);
        self.begin_election(Election { stage: Stage::Asking, votes });
        let (term, body) = (self.term().next(), self.vote_request(true, false));
        for node in self.other_voters() {
            self.send_of(term, node, body.clone());
        }
        self.count_votes();
    }

    /// Stands for election. Its requests and its own vote wait until the vote is durable.
    pub(super) fn become_candidate(&mut self, transfer: bool) {
        if !self.may_stand() {
            return;
        }
        self.enter_term(self.term().next());
        self.give_vote(self.id());
        let votes = Votes::default();
        self.begin_election(Election { stage: Stage::Standing, votes });
        let body = self.vote_request(false, transfer);
        for node in self.other_voters() {
            self.send_durably(node, body.clone());
        }
        self.send_durably(self.id(), Body::Raft(Ask::VoteReply { pre: false, granted: true }));
    }

    fn vote_request(&self, pre: bool, transfer: bool) -> Body {
        let (last_term, last) = self.end();
        Body::Raft(Ask::Vote { pre, transfer, last, last_term })
    }

    fn is_up_to_date(&self, last: Index, last_term: Term) -> bool {
        (last_term, last) >= self.owed_end() || planted("vote-for-shorter-log")
    }

    /// Answers a pre-vote. Nothing changes and nothing is promised.
    fn answer_pre_vote(&mut self, from: NodeId, term: Term, last: Index, last_term: Term) {
        let granted =
            term > self.term() && self.admits_vote(false) && self.is_up_to_date(last, last_term);
        let body = Body::Raft(Ask::VoteReply { pre: true, granted });
        let term = if granted { term } else { self.term() };
        if term > Term(0) {
            self.send_of(term, from, body);
        }
    }

    /// Answers a request for a vote in this term.
    fn answer_vote(&mut self, from: NodeId, last: Index, last_term: Term) {
        let free =
            self.vote() == from || (self.vote() == NodeId(0) && self.known_leader().is_none());
        let granted = free && self.is_up_to_date(last, last_term);
        if granted {
            self.give_vote(from);
            self.restart_timer();
        }
        let reply = Body::Raft(Ask::VoteReply { pre: false, granted });
        if planted("vote-before-durable") {
            return self.send(from, reply);
        }
        self.send_durably(from, reply);
    }

    /// A member answered, this one included.
    fn take_vote(&mut self, from: NodeId, pre: bool, granted: bool) {
        let Some(election) = self.election_mut() else { return };
        if pre == (election.stage == Stage::Asking) {
            election.votes.insert(from, granted);
            self.count_votes();
        }
    }

    fn count_votes(&mut self) {
        let Some(Election { stage, votes }) = self.election() else { return };
        let pre = *stage == Stage::Asking;
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
            Tally::Lost => self.become_follower(self.term(), None),
            Tally::Pending => {}
        }
    }
}
