//! What only a leader knows, and its pulse.

use super::{Member, Rules, State};
use crate::contract::Effect;
use crate::message::{Body, Message};
use crate::progress::{Flow, Progress};
use crate::quorum;
use crate::read_barrier::ReadBarrier;
use synod_types::plant::planted;
use synod_types::{Index, Membership, NodeId};

/// The state of one reign; dropped with it.
#[derive(Debug)]
pub(crate) struct Leader {
    /// It leads, as far as anyone outside is concerned. An engine may want its first entry to be committed before.
    pub(crate) established: bool,
    /// Peers have to join the reign before they are fed.
    greets: bool,
    /// The first entry of this reign. Reads and changes wait until it is committed.
    pub(crate) first: Index,
    /// Everyone else, voters and learners, sorted.
    pub(crate) peers: Vec<(NodeId, Progress)>,
    /// Ticks since the last round of heartbeats.
    pub(crate) heartbeat_elapsed: u32,
    /// Heartbeats are to be sent with the next drain.
    pub(crate) heartbeat_due: bool,
    /// Ticks in which nothing was outstanding.
    pub(crate) idle: u32,
    pub(crate) barrier: ReadBarrier,
    /// The tick at which the last confirmed round was begun.
    pub(crate) lease_from: Option<u64>,
    /// An election was asked for in this term, so followers may vote although they hear this leader.
    pub(crate) lease_void: bool,
    pub(crate) transfer: Option<Transfer>,
}

/// Leadership on its way to another voter.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) to: NodeId,
    /// Ticks since it was asked for.
    pub(crate) elapsed: u32,
    /// `TimeoutNow` was sent and heartbeats did not come round since.
    pub(crate) asked: bool,
}

impl Leader {
    pub(crate) fn new(
        greets: bool,
        first: Index,
        membership: &Membership,
        id: NodeId,
        now: u64,
    ) -> Self {
        let mut leader = Self {
            established: !greets,
            greets,
            first,
            peers: Vec::new(),
            heartbeat_elapsed: 0,
            heartbeat_due: false,
            idle: 0,
            barrier: ReadBarrier::default(),
            lease_from: None,
            lease_void: false,
            transfer: None,
        };
        leader.set_members(membership, id, first, now);
        leader
    }

    /// Follows a change of membership: newcomers are asked from `next` on.
    pub(crate) fn set_members(
        &mut self,
        membership: &Membership,
        id: NodeId,
        next: Index,
        now: u64,
    ) {
        let mut old = std::mem::take(&mut self.peers).into_iter().peekable();
        for node in membership.all().into_iter().filter(|node| *node != id) {
            while old.next_if(|(known, _)| *known < node).is_some() {}
            let known = old.next_if(|(known, _)| *known == node);
            let greets = self.greets;
            self.peers.push(known.unwrap_or_else(|| (node, newcomer(greets, next, now))));
        }
    }

    /// Leads on under other rules, by which peers have to join the reign or need not.
    pub(crate) fn accede(&mut self, greets: bool) {
        self.greets = greets;
        for (_, peer) in self.peers.iter_mut().filter(|_| !greets) {
            peer.join(self.first, peer.heard);
        }
    }

    pub(crate) fn peer(&self, node: NodeId) -> Option<&Progress> {
        let at = self.peers.binary_search_by_key(&node, |(known, _)| *known).ok()?;
        Some(&self.peers[at].1)
    }

    pub(crate) fn peer_mut(&mut self, node: NodeId) -> Option<&mut Progress> {
        let at = self.peers.binary_search_by_key(&node, |(known, _)| *known).ok()?;
        Some(&mut self.peers[at].1)
    }

    /// What every peer holds; `own` when there is none.
    pub(crate) fn shared(&self, own: Index) -> Index {
        self.peers.iter().map(|(_, peer)| peer.matched).fold(own, Index::min)
    }

    /// Peers that wait for a snapshot are offered it again.
    pub(crate) fn offer_again(&mut self) {
        for (_, peer) in &mut self.peers {
            if matches!(peer.flow, Flow::Snapshot { .. }) {
                peer.flow = Flow::Snapshot { due: true };
            }
        }
    }
}

fn newcomer(greets: bool, next: Index, now: u64) -> Progress {
    let mut peer = Progress::new(next, now);
    if greets {
        peer.flow = Flow::Absent;
    }
    peer
}

impl<R: Rules> Member<R> {
    pub(crate) fn tick_leader(&mut self) {
        if !self.has_quorum() {
            return self.become_follower(self.hard.term, None);
        }
        if self.count_idle() {
            return;
        }
        self.age_transfer();
        self.beat();
        self.tend_peers();
    }

    /// Whether a quorum was heard within the last election time-out (check-quorum).
    fn has_quorum(&self) -> bool {
        let State::Leader(leader) = &self.state else { return false };
        quorum::holds(self.membership(), |node| {
            node == self.config.id || leader.peer(node).is_some_and(|peer| self.is_active(peer))
        })
    }

    pub(crate) fn is_active(&self, peer: &Progress) -> bool {
        self.now - peer.heard <= u64::from(self.config.election_ticks)
    }

    /// Once in `heartbeat_ticks`: a heartbeat for everyone, and whatever may have been lost once more.
    fn beat(&mut self) {
        let State::Leader(leader) = &mut self.state else { return };
        leader.heartbeat_elapsed += 1;
        if leader.heartbeat_elapsed < self.config.heartbeat_ticks {
            return;
        }
        leader.heartbeat_elapsed = 0;
        leader.heartbeat_due = true;
        leader.offer_again();
        // Every beat is a round of its own: it renews the lease, and tells when all answers are in.
        leader.barrier.begin(self.commit, self.now);
        if let Some(transfer) = &mut leader.transfer {
            transfer.asked = false;
        }
        self.press_transfer();
        self.confirm_reads();
    }

    /// Heartbeats are sent to every peer.
    pub(crate) fn send_heartbeats(&mut self) {
        let State::Leader(leader) = &mut self.state else { return };
        if !std::mem::take(&mut leader.heartbeat_due) {
            return;
        }
        let round = leader.barrier.current();
        for (node, peer) in &leader.peers {
            let mut commit = self.commit.min(peer.matched);
            if planted("commit-beyond-match") {
                commit = self.commit;
            }
            let body = match peer.flow {
                Flow::Absent => R::greeting(),
                _ => Some(Body::Heartbeat { commit, shared: self.shared, round, sleep: None }),
            };
            let Some(body) = body else { continue };
            let message = Message { protocol: R::PROTOCOL, term: self.hard.term, body };
            self.effects.push(Effect::Send { to: *node, message });
        }
    }
}
