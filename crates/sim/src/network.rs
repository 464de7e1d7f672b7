//! The wires between nodes: one connection per pair, as the server keeps them, and what can befall it.
//!
//! Frames of one connection arrive in order, or the connection breaks and what was under way is lost; that is TCP.
//! Consensus messages may besides be lost, repeated and overtaken one by one: their contract allows it.

use crate::machine::Mail;
use crate::trace::{Fate, Item};
use crate::world::{Event, World};
use bytes::BytesMut;
use std::collections::BTreeMap;
use synod_consensus::Message;
use synod_types::NodeId;
use synod_wire::peer::{Frame, FrameDecoder, FrameKind, Purpose};

/// How long after a loss a node dials again.
const REDIAL_US: u64 = 200_000;
/// The most frames that a silent direction holds back; more are lost with the connection.
const HELD_MAX: usize = 20_000;

/// One direction between two nodes.
#[derive(Default)]
pub(crate) struct Link {
    /// How many faults silence it now.
    pub blocked: u32,
    held: Vec<(bool, Vec<Frame>)>,
    /// When the last frame of the data and of the snapshot connection arrives.
    last_us: [u64; 2],
}

/// What connects two nodes.
#[derive(Default)]
pub(crate) struct Wire {
    pub up: bool,
    /// Grows when it breaks: what is under way belongs to an earlier one.
    pub generation: u64,
    dialling: bool,
    /// Whether the lower and the higher node believe that it stands.
    believed: [bool; 2],
}

/// All of it, and the ambient faults.
#[derive(Default)]
pub(crate) struct Network {
    pub links: BTreeMap<(usize, usize), Link>,
    pub wires: BTreeMap<(usize, usize), Wire>,
    pub delay_us: (u64, u64),
    /// Per thousand.
    pub loss: u64,
    pub duplicate: u64,
    pub reorder: u64,
    pub slow: u64,
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

impl Network {
    pub fn new(nodes: usize, delay_us: (u64, u64)) -> Self {
        let mut network = Self { delay_us, ..Self::default() };
        for a in 0..nodes {
            for b in (0..nodes).filter(|b| *b != a) {
                network.links.insert((a, b), Link::default());
                network.wires.insert(pair(a, b), Wire::default());
            }
        }
        network
    }

    fn blocked(&self, a: usize, b: usize) -> bool {
        self.links.get(&(a, b)).is_some_and(|l| l.blocked > 0)
    }
}

impl World {
    /// Sends what a node has for another.
    pub(crate) fn send(&mut self, from: usize, to: usize, snapshot: bool, bytes: &[u8]) {
        let Some(wire) = self.network.wires.get(&pair(from, to)).filter(|w| w.up) else { return };
        let generation = wire.generation;
        let mut decoder = FrameDecoder::new();
        decoder.established();
        let mut input = BytesMut::from(bytes);
        let mut in_order = Vec::new();
        while let Ok(Some(frame)) = decoder.decode(&mut input) {
            self.watch_frame(from, &frame);
            if frame.kind == FrameKind::Consensus && !snapshot {
                if self.random.permille(self.network.loss) {
                    self.count(crate::Fault::Loss);
                    self.tell_message(from, to, Fate::Lost, &[frame]);
                    continue;
                }
                if self.random.permille(self.network.duplicate) {
                    self.count(crate::Fault::Duplicate);
                    self.stray(from, to, generation, frame.clone());
                }
                if self.random.permille(self.network.reorder) {
                    self.count(crate::Fault::Reorder);
                    self.stray(from, to, generation, frame);
                    continue;
                }
            }
            in_order.push(frame);
        }
        if !in_order.is_empty() {
            self.transmit(from, to, snapshot, in_order);
        }
    }

    /// A frame that takes its own way.
    fn stray(&mut self, from: usize, to: usize, generation: u64, frame: Frame) {
        let (low, high) = self.network.delay_us;
        let at = self.time + self.random.between(low, high * 4);
        if !self.network.blocked(from, to) {
            self.tell_message(from, to, Fate::Arrives(at), std::slice::from_ref(&frame));
            self.at(at, Event::Deliver { from, to, generation, frames: vec![frame] });
        }
    }

    fn transmit(&mut self, from: usize, to: usize, snapshot: bool, frames: Vec<Frame>) {
        let (low, high) = self.network.delay_us;
        let mut delay = self.random.skewed(low, high);
        if self.random.permille(self.network.slow) {
            self.count(crate::Fault::Delay);
            delay += self.random.skewed(10_000, 1_000_000);
        }
        let time = self.time;
        let generation = self.network.wires.get(&pair(from, to)).map_or(0, |w| w.generation);
        let Some(link) = self.network.links.get_mut(&(from, to)) else { return };
        if link.blocked > 0 {
            if link.held.len() < HELD_MAX {
                link.held.push((snapshot, frames.clone()));
            }
            return self.tell_message(from, to, Fate::Held, &frames);
        }
        let last = &mut link.last_us[usize::from(snapshot)];
        *last = (*last + 1).max(time + delay);
        let at = *last;
        self.tell_message(from, to, Fate::Arrives(at), &frames);
        self.at(at, Event::Deliver { from, to, generation, frames });
    }

    pub(crate) fn deliver(&mut self, from: usize, to: usize, generation: u64, frames: Vec<Frame>) {
        let current = self.network.wires.get(&pair(from, to));
        if !current.is_some_and(|w| w.up && w.generation == generation) {
            return;
        }
        for frame in &frames {
            self.recorder.mix(frame.kind as u64 | u64::from(frame.group.0) << 8);
            self.recorder.mix_bytes(&frame.body);
        }
        self.machines[to].heard_us = self.time;
        self.tell(to, Mail::Frames(from, frames));
    }

    /// Silences one direction.
    pub(crate) fn block(&mut self, from: usize, to: usize) {
        if let Some(link) = self.network.links.get_mut(&(from, to)) {
            link.blocked += 1;
            let (time, first) = (self.time, link.blocked == 1);
            if first {
                self.recorder.keep(time, || Item::Silent(from, to, true));
            }
        }
    }

    /// Ends one silence. What was held back arrives in one go, or the connection breaks.
    pub(crate) fn unblock(&mut self, from: usize, to: usize) {
        let breaks = self.random.permille(500);
        let Some(link) = self.network.links.get_mut(&(from, to)) else { return };
        link.blocked = link.blocked.saturating_sub(1);
        if link.blocked > 0 {
            return;
        }
        let held = std::mem::take(&mut link.held);
        let time = self.time;
        self.recorder.keep(time, || Item::Silent(from, to, false));
        if breaks || held.len() >= HELD_MAX {
            self.break_wire(from, to, true);
        } else {
            for (snapshot, frames) in held {
                self.transmit(from, to, snapshot, frames);
            }
        }
    }

    /// A connection breaks. `noticed`: both sides learn of it soon; a machine without power tells nobody.
    pub(crate) fn break_wire(&mut self, a: usize, b: usize, noticed: bool) {
        let Some(wire) = self.network.wires.get_mut(&pair(a, b)) else { return };
        if wire.up {
            wire.up = false;
            wire.generation += 1;
            let (time, (low, high)) = (self.time, pair(a, b));
            self.recorder.keep(time, || Item::Wire(low, high, false));
            for way in [(a, b), (b, a)] {
                if let Some(link) = self.network.links.get_mut(&way) {
                    link.held.clear();
                }
            }
            if noticed {
                for (node, peer) in [(a, b), (b, a)] {
                    let at = self.time + self.random.between(100, 50_000);
                    let life = self.machines[node].life;
                    self.at(at, Event::Broken { node, life, peer });
                }
            }
        }
        self.dial_later(a, b);
    }

    pub(crate) fn dial_later(&mut self, a: usize, b: usize) {
        let Some(wire) = self.network.wires.get_mut(&pair(a, b)) else { return };
        if !std::mem::replace(&mut wire.dialling, true) {
            let at = self.time + REDIAL_US + self.random.below(50_000);
            let (a, b) = pair(a, b);
            self.at(at, Event::Dial(a, b));
        }
    }

    /// A node learns that its connection is gone.
    pub(crate) fn broken(&mut self, node: usize, peer: usize) {
        let side = usize::from(node > peer);
        let Some(wire) = self.network.wires.get_mut(&pair(node, peer)) else { return };
        if std::mem::take(&mut wire.believed[side]) {
            self.tell(node, Mail::PeerDown(peer));
        }
    }

    /// The process of a node is new: it believes in no connection.
    pub(crate) fn forget_wires(&mut self, node: usize) {
        for peer in (0..self.machines.len()).filter(|p| *p != node) {
            if let Some(wire) = self.network.wires.get_mut(&pair(node, peer)) {
                wire.believed[usize::from(node > peer)] = false;
            }
        }
    }

    pub(crate) fn dial(&mut self, a: usize, b: usize) {
        let ready = |w: &Self, n: usize| {
            w.machines[n].process.is_some() && w.machines[n].paused_until <= w.time
        };
        let open = !self.network.blocked(a, b) && !self.network.blocked(b, a);
        let can = open && ready(self, a) && ready(self, b);
        let Some(wire) = self.network.wires.get_mut(&(a, b)) else { return };
        wire.dialling = false;
        if !can {
            return self.dial_later(a, b);
        }
        if !self.greet(a, b) {
            return self.dial_later(a, b);
        }
        let Some(wire) = self.network.wires.get_mut(&(a, b)) else { return };
        wire.up = true;
        wire.generation += 1;
        let believed = std::mem::replace(&mut wire.believed, [true, true]);
        let time = self.time;
        self.recorder.keep(time, || Item::Wire(a, b, true));
        for (node, peer, believed) in [(a, b, believed[0]), (b, a, believed[1])] {
            if believed {
                self.tell(node, Mail::PeerDown(peer));
            }
            self.tell(node, Mail::PeerUp(peer));
        }
    }

    /// Both sides say hello; whether each lets the other in.
    fn greet(&mut self, a: usize, b: usize) -> bool {
        let id = |at: usize| NodeId(at as u64 + 1);
        let said = [(a, b), (b, a)].map(|(from, to)| {
            let process = self.machines[from].process.as_ref()?;
            Some(process.worker.node_ref().hello(id(to), Purpose::Data))
        });
        let [Some(of_a), Some(of_b)] = said else { return false };
        let mut admits = |at: usize, hello| {
            let admitted = self.machines[at].process.as_mut().map(|p| p.worker.node().admit(hello));
            self.wake(at, self.time);
            matches!(admitted, Some(Ok(())))
        };
        // Both judge: each may have learned something of the other.
        let (in_b, in_a) = (admits(b, &of_a), admits(a, &of_b));
        if in_b {
            self.let_in(b, a);
        }
        if in_a {
            self.let_in(a, b);
        }
        in_a && in_b
    }

    /// A node knows more of the members: connections that do not fit it end.
    pub(crate) fn check_peers(&mut self, at: usize) {
        let id = NodeId(at as u64 + 1);
        for peer in (0..self.machines.len()).filter(|peer| *peer != at) {
            let hello = self.machines[peer].process.as_ref();
            let Some(hello) = hello.map(|p| p.worker.node_ref().hello(id, Purpose::Data)) else {
                continue;
            };
            let fits = self.machines[at]
                .process
                .as_ref()
                .is_none_or(|p| p.worker.node_ref().check(&hello).is_ok());
            if !fits {
                self.break_wire(at, peer, true);
            }
        }
    }

    pub(crate) fn node_of(&self, id: NodeId) -> Option<usize> {
        let at = (id.0 as usize).checked_sub(1)?;
        (at < self.machines.len()).then_some(at)
    }

    /// Looks over the shoulder of the wire: whoever speaks as a leader is one.
    fn watch_frame(&mut self, from: usize, frame: &Frame) {
        if frame.kind == FrameKind::Consensus
            && let Some(message) = Message::decode(frame.body.clone())
            && message.body.is_of_leader()
        {
            self.saw_leader(frame.group, message.term.0, from);
        }
    }
}
