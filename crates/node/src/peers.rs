//! The other nodes: who is up, who leads what, and what their frames mean.
//!
//! ```text
//! Heartbeat body:  events u16 | worker u32 | workers u32 | epoch u64 | count u32 | (group u32 | term u64)* | engine u8 * | tails
//!                  the groups that this worker leads, what they run, and which map it has; the tails are those of
//!                  `tracking/streams.rs` and `memory/elsewhere.rs`
//! ```

use crate::answers::take_reply;
use crate::config::NodeConfig;
use crate::everywhere;
use crate::forward::{self, take_forward};
use crate::node::Node;
use crate::output::Destination;
use crate::submit::Submission;
use crate::waits::ForwardedWait;
use std::collections::{BTreeMap, BTreeSet};
use synod_consensus::{Message, Protocol, Role};
use synod_data::events::Classes;
use synod_replica::{Failure, Origin};
use synod_types::{NodeId, PartitionId, Term};
use synod_wire::peer::{Frame, FrameKind};

/// A node that was silent for so long counts as down, connected or not.
const SILENT_US_MAX: u64 = 1_000_000;

#[derive(Debug, Default)]
struct Peer {
    connected: bool,
    /// When it was heard last; 0 is never.
    heard_us: u64,
    /// Since when it has been up without a break.
    up_since_us: u64,
    /// The keyspace events that its subscribers are to hear of.
    events: Classes,
}

/// What is known of the other nodes.
#[derive(Debug)]
pub(crate) struct Peers {
    own: NodeId,
    peers: BTreeMap<NodeId, Peer>,
    now_us: u64,
}

impl Peers {
    pub fn new(config: &NodeConfig) -> Self {
        Self { own: config.id, peers: BTreeMap::new(), now_us: 0 }
    }

    /// Whether a node can be reached, as far as is known; this node always can.
    pub fn is_up(&self, node: NodeId) -> bool {
        node == self.own
            || self.peers.get(&node).is_some_and(|p| {
                p.connected && self.now_us.saturating_sub(p.heard_us) < SILENT_US_MAX
            })
    }

    /// The nodes that are connected, and since when, in microseconds of this node's clock.
    pub fn connected(&self) -> impl Iterator<Item = (NodeId, u64)> {
        let peers = self.peers.iter().filter(|(node, peer)| peer.connected && **node != self.own);
        peers.map(|(node, peer)| (*node, peer.up_since_us))
    }

    /// How many there are.
    pub fn links(&self) -> usize {
        self.connected().count()
    }

    /// How long it has been up, in microseconds.
    pub fn up_for_us(&self, node: NodeId) -> u64 {
        match self.is_up(node) {
            true if node != self.own => {
                self.now_us - self.peers[&node].up_since_us.min(self.now_us)
            }
            _ => 0,
        }
    }

    /// For how long nothing was heard of it, in microseconds.
    pub fn silent_for_us(&self, node: NodeId) -> u64 {
        self.now_us.saturating_sub(self.peers.get(&node).map_or(0, |peer| peer.heard_us))
    }

    /// What any node that is up wants to hear of.
    pub fn wanted_events(&self) -> Classes {
        let up = self.peers.iter().filter(|(node, _)| self.is_up(**node));
        up.fold(Classes::default(), |all, (_, peer)| all.and(peer.events))
    }

    /// Whether a node wants to hear of all of these.
    pub fn wants(&self, node: NodeId, events: Classes) -> bool {
        self.peers.get(&node).is_some_and(|peer| peer.events.has(events))
    }

    /// A node told what it wants to hear of; whether that is news.
    pub fn set_wanted_events(&mut self, node: NodeId, events: Classes) -> bool {
        let peer = self.peers.entry(node).or_default();
        std::mem::replace(&mut peer.events, events) != events
    }

    fn heard(&mut self, node: NodeId) {
        let was_up = self.is_up(node);
        let now = self.now_us;
        let peer = self.peers.entry(node).or_default();
        peer.heard_us = now;
        peer.connected = true;
        if !was_up {
            peer.up_since_us = now;
        }
    }

    /// This node did nothing for so long: whoever spoke meanwhile was not listened to, so that was no silence.
    fn stood_still(&mut self, us: u64) {
        for peer in self.peers.values_mut().filter(|peer| peer.heard_us != 0) {
            peer.heard_us = peer.heard_us.saturating_add(us).min(self.now_us.saturating_add(us));
        }
    }

    /// Notes the time; the peers that went silent since the last call.
    pub fn at(&mut self, now_us: u64) -> Vec<NodeId> {
        let up: Vec<_> = self.peers.keys().copied().filter(|n| self.is_up(*n)).collect();
        self.now_us = now_us;
        up.into_iter().filter(|n| !self.is_up(*n)).collect()
    }
}

impl Node {
    /// A connection to the peer stands.
    pub fn peer_up(&mut self, peer: NodeId) {
        self.others.peers_mut().heard(peer);
    }

    /// The process did not run for so long, or was busy with one thing: what the peers said lies in the sockets.
    pub fn stood_still(&mut self, us: u64) {
        self.others.peers_mut().stood_still(us);
    }

    /// A part of a long frame came from the peer, or was taken by it. What else it has to say stands in line behind the
    /// rest of it: whether it leads or follows, it is not silent.
    pub fn peer_lives(&mut self, peer: NodeId) {
        self.others.peers_mut().heard(peer);
        for replica in self.groups.replicas_mut() {
            replica.engine().hears(peer);
        }
    }

    /// The connection to the peer broke: what it was asked may be lost.
    pub fn peer_down(&mut self, peer: NodeId) {
        if let Some(state) = self.others.peers_mut().peers.get_mut(&peer) {
            state.connected = false;
        }
        self.lose(peer);
    }

    /// The peer cannot be reached. The groups it led wake up and find another leader.
    pub(crate) fn lose(&mut self, peer: NodeId) {
        self.recall(peer);
        // A group that sleeps does not notice that its leader has lost its quorum.
        for replica in self.groups.replicas_mut() {
            if replica.role().0 == Role::Leader {
                replica.engine().wake();
            }
        }
        for group in self.groups.leaders_mut().forget(peer) {
            if let Some(replica) = self.replica(group) {
                replica.engine().wake();
                self.touch(group);
            }
        }
    }

    /// A frame came from a peer, or from another worker of this node. One that cannot be read is dropped.
    pub fn frame(&mut self, from: NodeId, frame: Frame) {
        if from != self.local.id() {
            self.others.peers_mut().heard(from);
        }
        self.counted.counters_mut().frames_in += 1;
        let Frame { kind, group, body } = frame;
        match kind {
            FrameKind::Heartbeat => self.heartbeat(from, &body),
            FrameKind::Consensus => {
                if let Some(message) = Message::decode(body)
                    && let Some(replica) = self.replica(group)
                {
                    replica.engine().step(from, message);
                    self.touch(group);
                }
            }
            FrameKind::Forward => self.forwarded(from, group, &body),
            FrameKind::ForwardReply => {
                if let Some(outcome) = take_reply(&body) {
                    self.answered(from, &outcome);
                }
            }
            FrameKind::Publish => self.published(&body),
            FrameKind::Changed => self.told_of_changes(from, &body),
            FrameKind::ReplyFetch => self.serve_reply(from, group, &body),
            FrameKind::Unwait => self.unwait(from, group, &body),
            FrameKind::SnapshotFetch => self.serve_snapshot(from, group, &body),
            FrameKind::SnapshotChunk => self.store_chunk(group, &body),
            FrameKind::Introduction => self.introduced(from, &body),
            FrameKind::Members => self.told_of_members(&body),
            FrameKind::Hello => {}
        }
    }

    /// Another worker's request for a partition that it believes to be led here.
    fn forwarded(&mut self, from: NodeId, group: PartitionId, body: &[u8]) {
        let Some(request) = take_forward(body) else { return };
        let origin = Origin::Peer {
            node: from,
            worker: request.worker,
            request: request.request,
            attempt: request.attempt.0,
            resp3: request.resp3,
        };
        if everywhere::is_of_worker(group) {
            return match from == self.local.id() {
                true => self.errand(origin, request.op),
                false => self.asked_from_afar(origin, request.op),
            };
        }
        let leads = self.led_in(group);
        if !self.under_way.attempts_mut().admit(group, from, request.worker, request.attempt, leads)
        {
            let hint = self.groups.leaders().get(group).filter(|n| *n != self.local.id());
            return self.fail(group, origin, Failure::NotExecuted(hint));
        }
        if let Some(failure) = self.refuses_epoch(group, request.epoch) {
            self.under_way.attempts_mut().refuse(group, from, request.worker);
            return self.fail(group, origin, failure);
        }
        let wait = request.wait.map(|(left_ms, since)| {
            let deadline_us =
                left_ms.map(|ms| self.local.now().mono_us.saturating_add(ms.saturating_mul(1000)));
            ForwardedWait { deadline_us, since, ..ForwardedWait::default() }
        });
        let (op, access) = (request.op, request.access);
        self.serve(Submission { partition: group, origin, op, access, wait });
    }

    fn heartbeat(&mut self, from: NodeId, body: &[u8]) {
        let Some((events, body)) = body.split_first_chunk::<2>() else { return };
        if from != self.local.id() {
            self.peer_wants(from, u16::from_le_bytes(*events));
        }
        let Some((head, mut rest)) = body.split_first_chunk::<20>() else { return };
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| head[at + byte]));
        let (worker, workers, count) = (word(0), word(4), word(16));
        let epoch = u64::from(word(8)) | u64::from(word(12)) << 32;
        if worker == 0 {
            self.tell_of_members(from, epoch);
        }
        let mut led = BTreeSet::new();
        let mut groups = Vec::new();
        for _ in 0..count {
            let Some((group, tail)) = rest.split_first_chunk::<4>() else { return };
            let Some((term, tail)) = tail.split_first_chunk::<8>() else { return };
            rest = tail;
            let group = PartitionId(u32::from_le_bytes(*group));
            led.insert(group);
            self.groups.leaders_mut().learn(group, Term(u64::from_le_bytes(*term)), Some(from));
            groups.push(group);
        }
        let (engines, mut tail) = rest.split_at(groups.len().min(rest.len()));
        for (group, tag) in groups.into_iter().zip(engines) {
            if let Some(engine) = Protocol::from_tag(*tag) {
                self.groups.engines_mut().learn(group, engine);
            }
        }
        self.groups
            .leaders_mut()
            .forget_others(from, &led, |group| workers > 0 && group.0 % workers == worker);
        if let (Ok(worker), Ok(workers)) = (u16::try_from(worker), u16::try_from(workers)) {
            self.heard_of_streams(from, worker, workers, &mut tail);
            self.heard_of_excess(from, worker, workers, tail);
        }
    }

    /// Tells every other worker, here and elsewhere, what this one leads.
    pub(crate) fn send_heartbeats(&mut self) {
        let excess = self.excess();
        let led: Vec<(PartitionId, Term, Protocol)> = self
            .groups
            .replicas()
            .filter(|r| r.role().0 == Role::Leader)
            .map(|r| (r.group(), r.role().1, r.protocol()))
            .collect();
        let (worker, workers) =
            (u32::from(self.local.config().worker), u32::from(self.local.config().workers));
        let (epoch, events, own) =
            (self.groups.map().epoch, self.wanted_event_bits(), self.local.id());
        for to in self.heartbeat_destinations() {
            let frames = self.output.frames.entry(to).or_default();
            forward::put_frame(frames, FrameKind::Heartbeat, PartitionId::META, |body| {
                body.extend_from_slice(&events.to_le_bytes());
                body.extend_from_slice(&worker.to_le_bytes());
                body.extend_from_slice(&workers.to_le_bytes());
                body.extend_from_slice(&epoch.to_le_bytes());
                body.extend_from_slice(&(led.len() as u32).to_le_bytes());
                for (group, term, _) in &led {
                    body.extend_from_slice(&group.0.to_le_bytes());
                    body.extend_from_slice(&term.0.to_le_bytes());
                }
                body.extend(led.iter().map(|(_, _, engine)| engine.tag()));
                self.caching.streams.put(to, own, body);
                body.extend_from_slice(&excess.to_le_bytes());
            });
        }
    }

    pub(crate) fn heartbeat_destinations(&self) -> Vec<Destination> {
        let own = self.local.id();
        let nodes =
            self.local.config().initial_cluster.keys().chain(self.groups.map().nodes.keys());
        let mut all: Vec<_> = nodes
            .filter(|n| **n != own)
            .map(|n| Destination { node: *n, worker: 0 })
            .chain((0..self.local.config().workers).map(|worker| Destination { node: own, worker }))
            .filter(|d| d.node != own || d.worker != self.local.config().worker)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}
