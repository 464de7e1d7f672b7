//! The leader's side of the log: append, feed the peers, count who has what.

use super::{Member, Rules, State};
use crate::contract::{Config, Effect, Position};
use crate::log_view::LogView;
use crate::message::{Body, Message};
use crate::progress::{Flow, Progress};
use crate::{Protocol, quorum};
use bytes::Bytes;
use synod_types::plant::planted;
use synod_types::{Entry, EntryKind, Index, Membership, NodeId, SnapshotMeta, Term};

impl<R: Rules> Member<R> {
    /// Appends an entry of this leader's own.
    pub(crate) fn append(&mut self, kind: EntryKind, payload: Bytes) -> Position {
        let (term, index) = (self.hard.term, self.log.last().next());
        self.push(Entry { term, index, kind, payload });
        if let State::Leader(leader) = &mut self.state {
            leader.idle = 0;
            if kind == EntryKind::Membership {
                let membership = self.memberships.current();
                leader.set_members(membership, self.config.id, index, self.now);
            }
        }
        Position { term, index }
    }

    /// Sends every peer what it can take.
    pub(crate) fn feed_peers(&mut self) {
        let State::Leader(leader) = &mut self.state else { return };
        let mut feed = Feed {
            config: &self.config,
            log: &self.log,
            commit: self.commit,
            shared: self.shared,
            now: self.now,
            offer: self.snapshot.as_ref().filter(|meta| meta.index >= self.log.base()),
            lacks_snapshot: false,
        };
        let term = self.hard.term;
        for (node, peer) in &mut leader.peers {
            while let Some(body) = feed.next(peer) {
                let message = Message { protocol: R::PROTOCOL, term, body };
                self.effects.push(Effect::Send { to: *node, message });
            }
        }
        if feed.lacks_snapshot {
            self.want_snapshot();
        }
    }

    /// A peer acknowledged.
    pub(crate) fn take_reply(&mut self, from: NodeId, matched: Index, commit: Index) {
        let (now, base, last) = (self.now, self.log.base(), self.log.last());
        let State::Leader(leader) = &mut self.state else { return };
        let Some(peer) = leader.peer_mut(from) else { return };
        // Nobody can hold more of this leader's log than there is.
        if matched > last {
            return;
        }
        peer.heard = now;
        peer.commit = peer.commit.max(commit.min(last));
        let news = peer.acknowledged(matched, now);
        match peer.flow {
            Flow::Replicate | Flow::Absent => {}
            Flow::Probe { .. } => peer.replicate(),
            Flow::Snapshot { .. } if peer.matched >= base => peer.replicate(),
            Flow::Snapshot { .. } => {}
        }
        if news {
            self.count_copies();
            self.press_transfer();
            self.compact();
        }
    }

    /// A peer has something else where an append began.
    pub(crate) fn take_reject(&mut self, from: NodeId, prev: Index, hint: Index, hint_term: Term) {
        let now = self.now;
        let hint = self.log.last_not_above(hint, hint_term);
        let State::Leader(leader) = &mut self.state else { return };
        let first = leader.first;
        let Some(peer) = leader.peer_mut(from) else { return };
        peer.heard = now;
        peer.rejected(prev, hint, first);
    }

    /// Commits what a quorum holds durably, if the engine's rule allows it.
    pub(crate) fn count_copies(&mut self) {
        let State::Leader(leader) = &self.state else { return };
        let (me, durable) = (self.config.id, self.durability.durable());
        let holds = |node| {
            if node == me { durable.0 } else { leader.peer(node).map_or(0, |peer| peer.matched.0) }
        };
        let mut reached = quorum::reached(self.membership(), holds);
        if planted("paxos-own-word-early") && R::PROTOCOL == Protocol::Paxos {
            let last = self.log.last().0;
            let holds = |node| if node == me { last } else { holds(node) };
            reached = quorum::reached(self.membership(), holds);
        }
        if planted("reply-before-quorum") {
            reached = durable.0;
        }
        if planted("learner-counted") {
            let everyone = Membership::of_voters(self.membership().all());
            reached = reached.max(quorum::reached(&everyone, holds));
        }
        if Index(reached) > self.commit && R::may_commit(leader, Index(reached)) {
            self.advance_commit(Index(reached));
            self.establish();
            self.settle_membership();
        }
    }

    /// Looks after peers that say nothing.
    pub(crate) fn tend_peers(&mut self) {
        let now = self.now;
        let silence = u64::from(self.config.election_ticks);
        let patience = u64::from(self.config.heartbeat_ticks.max(1));
        let State::Leader(leader) = &mut self.state else { return };
        for (_, peer) in &mut leader.peers {
            if peer.flow == Flow::Absent {
                continue;
            }
            if now - peer.heard > silence {
                // It is not fed before it is heard again.
                peer.probe();
                peer.flow = Flow::Probe { waiting: true };
            } else if peer.flow == Flow::Replicate
                && peer.is_waiting()
                && now - peer.moved >= patience
            {
                peer.nudge = true;
                peer.moved = now;
            }
        }
    }
}

/// What feeding a peer takes.
struct Feed<'a> {
    config: &'a Config,
    log: &'a LogView,
    commit: Index,
    shared: Index,
    now: u64,
    /// A snapshot that the window continues.
    offer: Option<&'a SnapshotMeta>,
    /// A peer needs a snapshot and there is none to offer.
    lacks_snapshot: bool,
}

impl Feed<'_> {
    /// The next message for this peer, until there is no more.
    fn next(&mut self, peer: &mut Progress) -> Option<Body> {
        match peer.flow {
            Flow::Absent | Flow::Snapshot { due: false } | Flow::Probe { waiting: true } => None,
            Flow::Snapshot { due: true } => self.offer_snapshot(peer),
            Flow::Probe { waiting: false } => self.probe(peer),
            Flow::Replicate => self.replicate(peer),
        }
    }

    fn probe(&mut self, peer: &mut Progress) -> Option<Body> {
        let Some(prev_term) = self.log.term_at(peer.next.prev()) else {
            if self.now - peer.heard > u64::from(self.config.election_ticks) {
                // Not worth a snapshot before it is heard again.
                peer.flow = Flow::Probe { waiting: true };
                return None;
            }
            peer.snapshot();
            return self.offer_snapshot(peer);
        };
        peer.flow = Flow::Probe { waiting: true };
        let (entries, _) = self.log.batch(peer.next, self.config.append_bytes_max);
        Some(self.append(peer.next.prev(), prev_term, entries))
    }

    fn replicate(&mut self, peer: &mut Progress) -> Option<Body> {
        let more = peer.next <= self.log.last() && peer.has_room(self.config.inflight_bytes_max);
        if !more && !peer.nudge {
            return None;
        }
        let prev = peer.next.prev();
        let Some(prev_term) = self.log.term_at(prev) else {
            peer.probe();
            return self.probe(peer);
        };
        peer.nudge = false;
        if !more {
            return Some(self.append(prev, prev_term, Vec::new()));
        }
        let (entries, bytes) = self.log.batch(peer.next, self.config.append_bytes_max);
        peer.sent(Index(prev.0 + entries.len() as u64), bytes, self.now);
        Some(self.append(prev, prev_term, entries))
    }

    fn append(&self, prev: Index, prev_term: Term, entries: Vec<Entry>) -> Body {
        Body::Append { prev, prev_term, commit: self.commit, shared: self.shared, entries }
    }

    fn offer_snapshot(&mut self, peer: &mut Progress) -> Option<Body> {
        peer.flow = Flow::Snapshot { due: false };
        self.lacks_snapshot |= self.offer.is_none();
        self.offer.map(|meta| Body::SnapshotOffer(meta.clone()))
    }
}
