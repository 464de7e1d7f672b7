//! Phase 1: promises, and the log that they oblige the proposer to take over.
//!
//! ```text
//!   Prepare(ballot, after: what I have) --> quorum of Promise(end of log, first entries behind it)
//!        ^                                     |
//!        |  the newest log of the quorum       |  the newest log is my own
//!        +--- is not here whole yet <----------+-----------------------------> lead
//! ```
//!
//! A promise does not change until the ballot's leader speaks, so asking the same acceptor again for what comes next is
//! just another `Prepare`. What is taken over may bring a newer membership: then the promises are counted again under
//! that one, and whoever is new is asked as well.

use super::{Ask, Election, Paxos};
use crate::member::{Member, Merged};
use crate::message::Body;
use crate::quorum::{self, Tally};
use std::cmp::Ordering;
use synod_types::plant::planted;
use synod_types::{Index, NodeId, SnapshotMeta, Term};

/// The end of a log: the newest is the largest.
type End = (Term, Index);

/// A ballot that is being prepared.
#[derive(Debug)]
pub(crate) struct Preparing {
    transfer: bool,
    /// Who promised, and the end of its log. It stands still from then on.
    promises: Vec<(NodeId, End)>,
    /// Whose log is being taken over, and up to where that is done.
    source: Option<(NodeId, Index)>,
    /// A promise whose entries can be taken over.
    newest: Option<(NodeId, Ask)>,
}

impl Preparing {
    fn end_of(&self, node: NodeId) -> Option<End> {
        self.promises.iter().find(|(known, _)| *known == node).map(|(_, end)| *end)
    }

    fn best(&self) -> Option<(NodeId, End)> {
        if planted("paxos-shortest-adopted") {
            return self.promises.iter().copied().min_by_key(|(node, end)| (*end, *node));
        }
        self.promises.iter().copied().max_by_key(|(node, end)| (*end, *node))
    }
}

impl Member<Paxos> {
    /// Phase 1a. Requests and the own promise wait until that promise is durable.
    pub(super) fn prepare(&mut self, ballot: Term, transfer: bool) {
        if !self.may_stand() {
            return;
        }
        self.enter_term(ballot);
        self.give_vote(self.id());
        let preparing = Preparing { transfer, promises: Vec::new(), source: None, newest: None };
        self.begin_election(Election::Preparing(preparing));
        self.prepare_again();
        let promise = self.promise(self.commit());
        self.send_durably(self.id(), Body::Paxos(promise));
    }

    /// Asks whoever has not promised, and the source for what is still lacking. The others only hear that the ballot lives. At
    /// first the logs are guessed to be the same as far as this one goes.
    pub(super) fn prepare_again(&mut self) {
        let (_, last) = self.end();
        let Some(Election::Preparing(preparing)) = self.election() else { return };
        let transfer = preparing.transfer;
        let source = preparing.source;
        let mut asked: Vec<(NodeId, Index)> = Vec::new();
        for node in self.other_voters() {
            let after = source.filter(|(from, _)| *from == node).map(|(_, after)| after);
            asked.push((node, after.unwrap_or(last)));
        }
        for (node, after) in asked {
            self.send_durably(node, Body::Paxos(Ask::Prepare { transfer, after }));
        }
    }

    /// Phase 1b, the acceptor's side.
    pub(super) fn take_prepare(&mut self, from: NodeId, term: Term, transfer: bool, after: Index) {
        match term.cmp(&self.term()) {
            Ordering::Less => return,
            Ordering::Equal => {}
            Ordering::Greater if !self.admits_vote(transfer) => return,
            Ordering::Greater => self.become_follower(term, None),
        }
        let free =
            self.vote() == from || (self.vote() == NodeId(0) && self.known_leader().is_none());
        if !free && !planted("paxos-promised-twice") {
            return;
        }
        self.give_vote(from);
        self.restart_timer();
        if after < self.base() {
            let offer = self.offer();
            if let Some(meta) = offer {
                self.send_durably(from, Body::Paxos(Ask::Offer(meta)));
            }
        }
        let promise = Body::Paxos(self.promise(after));
        if planted("paxos-promise-not-durable") {
            return self.send(from, promise);
        }
        self.send_durably(from, promise);
    }

    /// What this acceptor has accepted, and the first of it behind `after`. Of a log that it gave up it can give nothing, but
    /// nobody leads without that either.
    fn promise(&self, after: Index) -> Ask {
        let (last_term, last) = self.owed_end();
        if (last_term, last) != self.end() {
            let (commit, after, after_term) = (Index(0), Index(0), Term(0));
            return Ask::Promise {
                last,
                last_term,
                commit,
                after,
                after_term,
                entries: Vec::new(),
            };
        }
        let after = after.min(last);
        let (after_term, entries) = self.entries_after(after);
        Ask::Promise { last, last_term, commit: self.commit(), after, after_term, entries }
    }

    pub(super) fn take_promise(&mut self, from: NodeId, promise: Ask) {
        let Ask::Promise { last, last_term, .. } = &promise else { return };
        let end = (*last_term, *last);
        let Some(Election::Preparing(preparing)) = self.election_mut() else { return };
        match preparing.promises.iter_mut().find(|(node, _)| *node == from) {
            Some((_, known)) => *known = end,
            None => preparing.promises.push((from, end)),
        }
        if preparing.best().is_some_and(|(node, _)| node == from) {
            preparing.newest = Some((from, promise));
        }
        self.count_promises();
    }

    fn count_promises(&mut self) {
        let Some(Election::Preparing(preparing)) = self.election() else { return };
        let promised = |node| preparing.end_of(node).map(|_| true);
        if quorum::tally(self.membership(), promised) != Tally::Won {
            return;
        }
        let Some((best, end)) = preparing.best() else { return };
        let caught_up = end <= self.end() || best == self.id();
        if caught_up || planted("paxos-log-not-adopted") {
            let ends = preparing.promises.clone();
            self.become_leader();
            return ends.into_iter().for_each(|(node, end)| self.aim(node, end));
        }
        self.adopt(best, end);
    }

    /// Takes over what is at hand of the log of `best`, and asks for the rest.
    fn adopt(&mut self, best: NodeId, end: End) {
        let Some(Election::Preparing(preparing)) = self.election_mut() else { return };
        let source = preparing.source.filter(|(node, _)| *node == best);
        let at_hand = preparing.newest.take_if(|(node, _)| *node == best);
        let mut after = source.map(|(_, after)| after);
        if let Some((_, Ask::Promise { commit, after: prev, after_term, entries, .. })) = at_hand
            && after.is_none_or(|after| prev <= after)
        {
            match self.merge_after((prev, after_term), entries) {
                Merged::Upto(matched) if after.is_none_or(|after| matched > after) => {
                    self.advance_commit(commit.min(matched));
                    after = source.map(|_| matched);
                }
                // The guess was wrong: nothing is sure to be the same but what is committed.
                Merged::Lacks if after.is_none_or(|after| after == prev) => {
                    after = Some(self.commit());
                }
                Merged::Upto(_) | Merged::Lacks | Merged::Contradicts => {}
            }
        }
        let after = after.unwrap_or_else(|| self.may_part_at(end)).max(self.commit());
        if source == Some((best, after)) {
            // The answer is on its way, or will be asked for again with the next beat.
            return;
        }
        self.restart_timer();
        let newest = self.is_newest();
        let Some(Election::Preparing(preparing)) = self.election_mut() else { return };
        preparing.source = Some((best, after));
        let transfer = preparing.transfer;
        if newest {
            // The membership may be another one now.
            if planted("paxos-joint-not-recounted") {
                return self.become_leader();
            }
            self.prepare_again();
            return self.count_promises();
        }
        self.send_durably(best, Body::Paxos(Ask::Prepare { transfer, after }));
    }

    /// Whether the log is as new as any that was promised.
    fn is_newest(&self) -> bool {
        let Some(Election::Preparing(preparing)) = self.election() else { return false };
        preparing.best().is_none_or(|(_, end)| end <= self.end())
    }

    /// What the proposer lacks is only to be had as a snapshot. It stands again once it has that.
    pub(super) fn take_base(&mut self, from: NodeId, meta: SnapshotMeta) {
        let Some(Election::Preparing(preparing)) = self.election() else { return };
        let is_source = preparing.source.is_some_and(|(node, _)| node == from);
        if is_source && meta.index > self.commit() {
            self.become_follower(self.term(), None);
            self.fetch(from, meta);
        }
    }
}
