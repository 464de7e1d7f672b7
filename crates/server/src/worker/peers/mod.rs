//! Connections to the other nodes.
//!
//! Between two nodes there is one connection per worker for consensus and requests, and one more for snapshots; who dials
//! is told in `addresses.rs`. Both sides begin with a hello and refuse each other when it does not fit.

mod addresses;
mod dial;
mod frames;
mod names;

use super::links::Link;
use super::{PEERS, Worker};
use crate::config::Config;
use addresses::Addresses;
use mio::event::Event;
use mio::{Interest, Token};
use names::Names;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use synod_ring::ClusterMap;
use synod_types::{NodeId, PartitionId};
use synod_wire::peer::{FrameKind, Hello, HelloRefused, Purpose, encode_frame};

/// A connection that has not said hello within this time is closed.
const HELLO_US_MAX: u64 = 10_000_000;
/// A peer that is well tells what it leads several times a second. One that was not heard for so long is
/// dialled anew: behind a cut that has healed, TCP may wait for minutes before it tries again.
const SILENT_US_MAX: u64 = 4_000_000;
/// The same for whole frames: where a damaged header promises a body that never ends, bytes go on coming and no
/// checksum is ever reached.
const FRAME_US_MAX: u64 = 10_000_000;
struct Peer {
    link: Link,
    /// Who it is, or is to be, where that is known.
    node: Option<NodeId>,
    /// What it said of itself, once that was found good: nothing else counts before.
    hello: Option<Hello>,
    purpose: Purpose,
    dialled: bool,
    opened_us: u64,
    /// When something came last; `opened_us <= heard_us`.
    heard_us: u64,
    /// When a frame was whole last; `opened_us <= framed_us <= heard_us`.
    framed_us: u64,
}

impl Peer {
    /// A connection made at `now_us`, and with whom, if that is known.
    fn new(link: Link, node: Option<NodeId>, purpose: Purpose, dialled: bool, now_us: u64) -> Self {
        let (opened_us, heard_us, framed_us) = (now_us, now_us, now_us);
        let hello = None;
        Self { link, node, hello, purpose, dialled, opened_us, heard_us, framed_us }
    }

    /// Whether the connection is of no more use. Snapshots are rare, so their connections go with those of data.
    fn is_lost(&self, now_us: u64) -> bool {
        match self.hello.and(self.node) {
            None => now_us.saturating_sub(self.opened_us) > HELLO_US_MAX,
            Some(_) => {
                let silent = now_us.saturating_sub(self.heard_us) > SILENT_US_MAX
                    || now_us.saturating_sub(self.framed_us) > FRAME_US_MAX;
                silent && self.purpose == Purpose::Data
            }
        }
    }
}

/// The peer connections of a worker.
pub struct Peers {
    own: NodeId,
    workers: u16,
    addresses: Addresses,
    names: Names,
    table: Vec<Option<Peer>>,
    data: BTreeMap<NodeId, usize>,
    snapshot: BTreeMap<NodeId, usize>,
    /// Who was refused, why and when, as it was told in the log last.
    refused: BTreeMap<Option<NodeId>, (HelloRefused, u64)>,
    /// Whose address could not be resolved, and when that was told in the log last.
    unresolved_us: BTreeMap<NodeId, u64>,
    /// When the log said last that the cluster waits to be founded; the start of the process counts as that.
    waiting_told_us: u64,
}

impl Peers {
    /// Nobody is connected yet.
    pub fn new(config: &Config) -> Self {
        Self {
            own: config.node_id,
            workers: config.workers,
            addresses: Addresses::new(config),
            names: Names::new(),
            table: Vec::new(),
            data: BTreeMap::new(),
            snapshot: BTreeMap::new(),
            refused: BTreeMap::new(),
            unresolved_us: BTreeMap::new(),
            waiting_told_us: 0,
        }
    }

    fn routes(&mut self, purpose: Purpose) -> &mut BTreeMap<NodeId, usize> {
        match purpose {
            Purpose::Data => &mut self.data,
            Purpose::Snapshot => &mut self.snapshot,
        }
    }

    /// The connection for snapshots to the node that has this one for data.
    fn snapshot_beside(&self, at: usize) -> Option<usize> {
        let node = self.table.get(at)?.as_ref()?.node?;
        self.snapshot.get(&node).copied()
    }

    fn add(&mut self, peer: Peer, worker_poll: &mio::Poll) -> io::Result<usize> {
        let at = self.table.iter().position(Option::is_none).unwrap_or(self.table.len());
        if at == self.table.len() {
            self.table.push(None);
        }
        let interest = Interest::READABLE | Interest::WRITABLE;
        let peer = self.table[at].insert(peer);
        worker_poll.registry().register(&mut peer.link.stream, Token(PEERS + at), interest)?;
        Ok(at)
    }
}

impl Worker {
    fn hello_frame(&self, to: NodeId, purpose: Purpose) -> Vec<u8> {
        let hello = self.core.node_ref().hello(to, purpose);
        let mut frame = Vec::new();
        let _a_hello_is_short =
            encode_frame(&mut frame, FrameKind::Hello, PartitionId::META, |b| {
                hello.encode(b);
            });
        frame
    }

    /// More is known of the members: connections that do not fit it end.
    pub(super) fn learn_members(&mut self, map: &ClusterMap) {
        self.peers.addresses.learn(map);
        for at in 0..self.peers.table.len() {
            let hello = self.peers.table[at].as_ref().and_then(|peer| peer.hello);
            if let Some(hello) = hello
                && let Err(refused) = self.core.node().check(&hello)
            {
                self.refuse_peer(at, Some(hello.from), refused);
            }
        }
    }

    /// A peer's socket is ready.
    pub(super) fn peer_ready(&mut self, at: usize, event: &Event) {
        let Some(Some(peer)) = self.peers.table.get_mut(at) else { return };
        let mut result = Ok(());
        if event.is_writable() {
            result = peer.link.writable();
        }
        if result.is_ok() && (event.is_readable() || event.is_read_closed() || event.is_error()) {
            result = peer.link.fill();
            peer.heard_us = self.clock.mono_us();
            self.read_frames(at);
        }
        if let Err(error) = result {
            self.drop_peer(at, Some(&error));
        }
    }

    fn read_frames(&mut self, at: usize) {
        loop {
            let Some(Some(peer)) = self.peers.table.get_mut(at) else { return };
            let (node, dialled, greeted) = (peer.node, peer.dialled, peer.hello.is_some());
            let frame = peer.link.frame();
            if matches!(frame, Ok(Some(_))) {
                peer.framed_us = peer.heard_us;
            }
            match frame {
                Ok(None) => return,
                Ok(Some(frame)) if frame.kind == FrameKind::Hello => {
                    let stays = match dialled {
                        true => self.is_answered(at, &frame),
                        false => self.greet(at, &frame),
                    };
                    if !stays {
                        return;
                    }
                }
                Ok(Some(frame)) => match node.filter(|_| greeted) {
                    Some(node) => self.dispatch(node, frame),
                    None => return self.drop_peer(at, None),
                },
                Err(error) => return self.drop_peer(at, Some(&error)),
            }
        }
    }

    fn drop_peer(&mut self, at: usize, error: Option<&io::Error>) {
        let Some(mut peer) = self.peers.table.get_mut(at).and_then(Option::take) else { return };
        let _it_is_closed_anyway = self.poll.registry().deregister(&mut peer.link.stream);
        let Some(node) = peer.node else { return };
        if self.peers.routes(peer.purpose).get(&node) == Some(&at) {
            self.peers.routes(peer.purpose).remove(&node);
            if peer.purpose == Purpose::Data {
                match error {
                    Some(error) if error.kind() != ErrorKind::ConnectionRefused => {
                        tracing::info!(peer = %node, %error, "peer disconnected");
                    }
                    _ => {}
                }
                self.core.node().peer_down(node);
            }
        }
    }
}
