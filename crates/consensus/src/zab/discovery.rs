//! Discovery: a new epoch, accepted by a quorum none of which has a newer history than the one who leads it.

use super::{Ask, Election, Zab};
use crate::member::Member;
use crate::message::Body;
use crate::quorum;
use std::cmp::Ordering;
use synod_types::plant::planted;
use synod_types::{Index, NodeId, Term};

/// Where a history ends; the newest is the largest.
type End = (Term, Index);

/// What the elected has heard.
#[derive(Debug)]
pub(crate) struct Discovery {
    /// Who follows, and the lowest epoch it has not accepted yet.
    followers: Vec<(NodeId, Term)>,
    /// The epoch is open.
    open: bool,
    transfer: bool,
    /// Who accepted it, and where its history ends.
    acks: Vec<(NodeId, End)>,
}

impl Discovery {
    pub(super) fn new(me: NodeId, epoch: Term) -> Self {
        Self { followers: vec![(me, epoch)], open: false, transfer: false, acks: Vec::new() }
    }
}

impl Member<Zab> {
    /// The old leader hands over: its whole history is here, and no election is needed.
    pub(super) fn inherit(&mut self) {
        if !self.may_stand() {
            return;
        }
        let epoch = self.term().next();
        let mut followers = vec![(self.id(), epoch)];
        followers.extend(self.other_voters().into_iter().map(|node| (node, epoch)));
        let discovery = Discovery { followers, open: false, transfer: true, acks: Vec::new() };
        self.begin_election(Election::Discovery(discovery));
        self.open_epoch();
    }

    /// FOLLOWERINFO.
    pub(super) fn take_follower(&mut self, from: NodeId, epoch: Term) {
        let term = self.term();
        let Some(Election::Discovery(discovery)) = self.election_mut() else {
            return self.greet(from);
        };
        match discovery.followers.iter_mut().find(|(node, _)| *node == from) {
            Some((_, known)) => *known = epoch,
            None => discovery.followers.push((from, epoch)),
        }
        let (open, transfer) = (discovery.open, discovery.transfer);
        if !open {
            self.open_epoch();
        } else if epoch <= term.next() {
            self.send_durably(from, Body::Zab(Ask::NewEpoch { transfer, leading: false }));
        }
    }

    /// A quorum follows: the epoch is above all that any of them has accepted. It is durable here before anyone hears of it.
    pub(super) fn open_epoch(&mut self) {
        let Some(Election::Discovery(discovery)) = self.election() else { return };
        let follows = |node| discovery.followers.iter().any(|(known, _)| *known == node);
        if discovery.open || !quorum::holds(self.membership(), follows) {
            return;
        }
        let highest = discovery.followers.iter().map(|(_, epoch)| *epoch).max();
        let epoch = self.term().next().max(highest.unwrap_or_default());
        self.enter_term(epoch);
        self.give_vote(self.id());
        if let Some(Election::Discovery(discovery)) = self.election_mut() {
            discovery.open = true;
        }
        self.announce();
        self.call_again();
        if planted("zab-discovery-skipped") {
            return self.become_leader();
        }
        let (last_term, last) = self.end();
        self.send_durably(self.id(), Body::Zab(Ask::AckEpoch { last, last_term }));
    }

    /// NEWEPOCH for whoever follows and has not accepted it.
    pub(super) fn call_again(&mut self) {
        let Some(Election::Discovery(discovery)) = self.election() else { return };
        if !discovery.open {
            return;
        }
        let transfer = discovery.transfer;
        let accepted = |node| discovery.acks.iter().any(|(known, _)| *known == node);
        let mut nodes: Vec<NodeId> = discovery.followers.iter().map(|(node, _)| *node).collect();
        nodes.retain(|node| *node != self.id() && !accepted(*node));
        for node in nodes {
            self.send_durably(node, Body::Zab(Ask::NewEpoch { transfer, leading: false }));
        }
    }

    /// NEWEPOCH, at a follower. An epoch is accepted from one leader only; but once a quorum has accepted it from one, whoever
    /// gave its word to another may follow.
    pub(super) fn take_epoch(
        &mut self,
        from: NodeId,
        epoch: Term,
        (transfer, leading): (bool, bool),
    ) {
        match epoch.cmp(&self.term()) {
            Ordering::Less => return self.refuse_past(from),
            Ordering::Equal if self.leads() => return,
            Ordering::Equal => {}
            Ordering::Greater if !self.admits_vote(transfer) => return,
            Ordering::Greater => self.become_follower(epoch, None),
        }
        if self.known_leader().is_some_and(|leader| leader != from) {
            return;
        }
        if leading && self.known_leader().is_none() {
            self.become_follower(epoch, Some(from));
        }
        let free = [NodeId(0), from].contains(&self.vote());
        if free {
            self.give_vote(from);
        } else if !leading {
            return;
        }
        self.restart_timer();
        let (last_term, last) = self.owed_end();
        let ack = Body::Zab(Ask::AckEpoch { last, last_term });
        self.send_durably(from, ack);
    }

    /// ACKEPOCH, at the elected or the leader.
    pub(super) fn take_ack(&mut self, from: NodeId, end: End) {
        if self.leads() {
            return self.admit(from, end);
        }
        let own = self.end();
        let Some(Election::Discovery(discovery)) = self.election_mut() else { return };
        if !discovery.open {
            return;
        }
        if end > own && !planted("zab-newer-history-ignored") {
            // Somebody else should lead. The next election will say who.
            return self.become_follower(self.term(), None);
        }
        if discovery.acks.iter().all(|(node, _)| *node != from) {
            discovery.acks.push((from, end));
        }
        let acks = discovery.acks.clone();
        let accepted = |node| acks.iter().any(|(known, _)| *known == node);
        if quorum::holds(self.membership(), accepted) {
            // NEWLEADER goes to everyone who accepted the epoch; the others are greeted with it first.
            self.become_leader();
            acks.into_iter().for_each(|(node, end)| self.admit(node, end));
        }
    }
}
