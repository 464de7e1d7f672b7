//! Fast leader election: everyone proposes the best it has heard of, until a quorum proposes the same.
//!
//! Votes only count within one round, and a round begins with everybody's own. Whoever follows or leads already answers who
//! that leader is; a member that looks joins it when a quorum says so and the leader itself does. An election may be wrong,
//! when messages were lost or a vote was for one that is gone: it only costs time, since discovery relies on none of it.

use super::discovery::Discovery;
use super::{Ask, Election, Zab};
use crate::member::Member;
use crate::message::Body;
use crate::quorum;
use synod_types::plant::planted;
use synod_types::{Index, NodeId, Term};

/// Epoch and index of the last entry, and who has it. The larger is the better leader.
pub(super) type Vote = (Term, Index, NodeId);

/// A member that looks for a leader.
#[derive(Debug)]
pub(crate) struct Looking {
    round: u64,
    /// The best vote of this round.
    vote: Vote,
    /// What others proposed in this round; small, so a list.
    heard: Vec<(NodeId, Vote)>,
    /// Who follows whom already; leaders follow themselves.
    settled: Vec<(NodeId, NodeId)>,
    /// Ticks for which a quorum has agreed with the vote. A better one may still come.
    agreed: u32,
}

fn put<T>(list: &mut Vec<(NodeId, T)>, node: NodeId, value: T) {
    match list.iter_mut().find(|(known, _)| *known == node) {
        Some((_, old)) => *old = value,
        None => list.push((node, value)),
    }
}

fn get<T: Copy>(list: &[(NodeId, T)], node: NodeId) -> Option<T> {
    list.iter().find(|(known, _)| *known == node).map(|(_, value)| *value)
}

impl Member<Zab> {
    /// The vote to begin a round with. A member that may not stand, as far as it knows, has none of its own, and agrees with
    /// any: it may be a voter by a membership that it has not heard of.
    fn own_vote(&self) -> Vote {
        let (term, last) = self.end();
        if self.may_stand() { (term, last, self.id()) } else { (Term(0), Index(0), NodeId(0)) }
    }

    /// A new round, which begins with the own vote.
    pub(super) fn look(&mut self) {
        if self.is_bound_by_lease() || self.leads() {
            return;
        }
        if self.may_stand() {
            let round = self.next_round();
            self.enter_round(round);
            self.notify_all();
        } else if self.election().is_some() {
            self.become_follower(self.term(), None);
        }
    }

    fn enter_round(&mut self, round: u64) {
        let vote = self.own_vote();
        let (heard, settled) = (vec![(self.id(), vote)], Vec::new());
        self.begin_election(Election::Looking(Looking { round, vote, heard, settled, agreed: 0 }));
    }

    fn notification(&self) -> Option<Ask> {
        let Some(Election::Looking(looking)) = self.election() else { return None };
        let (last_term, last, leader) = looking.vote;
        Some(Ask::Notification { round: looking.round, looking: true, leader, last, last_term })
    }

    /// Tells the voters, and whoever else takes part: it may know of a newer membership.
    fn notify_all(&mut self) {
        let Some(Election::Looking(looking)) = self.election() else { return };
        let mut nodes = self.other_voters();
        nodes.extend(looking.heard.iter().map(|(node, _)| *node).filter(|node| *node != self.id()));
        nodes.sort_unstable();
        nodes.dedup();
        nodes.into_iter().for_each(|node| self.notify(node));
    }

    fn notify(&mut self, to: NodeId) {
        if let Some(ask) = self.notification() {
            self.send_of(self.term().next(), to, Body::Zab(ask));
        }
    }

    /// Whom this member has agreed on, if anyone.
    fn settled_on(&self) -> Option<NodeId> {
        match self.election() {
            Some(Election::Looking(_)) => None,
            Some(Election::Joining(leader)) => Some(*leader),
            Some(Election::Discovery(_)) => Some(self.id()),
            None if self.leads() => Some(self.id()),
            None if self.is_loyal() => self.known_leader(),
            // It has accepted an epoch and waits for that leader.
            None if self.is_patient() => {
                Some(self.vote()).filter(|vote| *vote != NodeId(0) && *vote != self.id())
            }
            None => None,
        }
    }

    /// A member that looks proposes `vote`.
    pub(super) fn hear_looking(&mut self, from: NodeId, round: u64, vote: Vote) {
        if let Some(leader) = self.settled_on() {
            let (last_term, last) = self.end();
            let round = self.round();
            let ask = Ask::Notification { round, looking: false, leader, last, last_term };
            return self.send_of(self.term().next(), from, Body::Zab(ask));
        }
        if self.election().is_none() && self.is_loyal() {
            return;
        }
        if self.election().is_none() && self.may_stand() {
            self.look();
        } else if self.election().is_none() {
            self.enter_round(round);
        }
        self.compare(from, round, vote);
    }

    fn compare(&mut self, from: NodeId, round: u64, vote: Vote) {
        let (own, me) = (self.own_vote(), self.id());
        let mut newer = false;
        let Some(Election::Looking(looking)) = self.election_mut() else { return };
        if round < looking.round {
            return self.notify(from);
        }
        if round > looking.round {
            newer = true;
            (looking.round, looking.vote, looking.agreed) = (round, own, 0);
            looking.heard = vec![(me, own)];
        }
        let better = match planted("zab-vote-by-id") {
            true => vote.2 > looking.vote.2,
            false => vote > looking.vote,
        };
        if better {
            (looking.vote, looking.agreed) = (vote, 0);
            put(&mut looking.heard, me, vote);
        }
        put(&mut looking.heard, from, vote);
        let behind = vote < looking.vote;
        if newer {
            self.catch_up_round(round);
        }
        if newer || better {
            self.notify_all();
        } else if behind {
            self.notify(from);
        }
    }

    /// A member that has a leader says so.
    pub(super) fn hear_settled(&mut self, from: NodeId, leader: NodeId) {
        let Some(Election::Looking(looking)) = self.election_mut() else { return };
        put(&mut looking.settled, from, leader);
        let Some(Election::Looking(looking)) = self.election() else { return };
        let with = |node| {
            get(&looking.settled, node) == Some(leader)
                || get(&looking.heard, node).is_some_and(|vote| vote.2 == leader)
        };
        let it_says_so = get(&looking.settled, leader) == Some(leader);
        let me = self.id();
        if it_says_so && leader != me && quorum::holds(self.membership(), |n| n == me || with(n)) {
            self.follow(leader);
        }
    }

    /// A tick of the election: enough of them without a better vote decide it.
    pub(super) fn tick_looking(&mut self, beat: bool) {
        let patience = self.beat_ticks();
        let Some(Election::Looking(looking)) = self.election() else { return };
        let vote = looking.vote;
        let agrees = |node| get(&looking.heard, node) == Some(vote);
        let agreed = quorum::holds(self.membership(), agrees) || !self.may_stand();
        let Some(Election::Looking(looking)) = self.election_mut() else { return };
        looking.agreed = if agreed { looking.agreed + 1 } else { 0 };
        if looking.agreed > patience {
            return self.decide(vote.2);
        }
        if beat {
            self.notify_all();
        }
    }

    fn decide(&mut self, leader: NodeId) {
        if leader != self.id() {
            return self.follow(leader);
        }
        self.begin_election(Election::Discovery(Discovery::new(self.id(), self.term().next())));
        self.open_epoch();
    }

    /// Tells the elected leader that it is followed.
    pub(super) fn follow(&mut self, leader: NodeId) {
        if !matches!(self.election(), Some(Election::Joining(joining)) if *joining == leader) {
            self.begin_election(Election::Joining(leader));
        }
        self.send_of(self.term().next(), leader, Body::Zab(Ask::FollowerInfo));
    }
}
