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
use crate::tls::{Door, Tls};
use addresses::Addresses;
use mio::event::Event;
use mio::{Interest, Token};
use names::Names;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use synod_node::TICK_MS;
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
/// A long frame has more time: that of a link on which so many bytes pass in a microsecond.
const FRAME_BYTES_PER_US: u64 = 16;
/// Of a frame that lacks so much, or of bytes that wait for the peer to take those before them, parts count as signs of
/// life. Shorter ones are whole soon.
const LONG_BYTES: usize = 256 << 10;
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
    /// When the node was told last that it lives, amid a long frame.
    lived_us: u64,
}

impl Peer {
    /// A connection made at `now_us`, and with whom, if that is known.
    fn new(link: Link, node: Option<NodeId>, purpose: Purpose, dialled: bool, now_us: u64) -> Self {
        let (opened_us, heard_us, framed_us) = (now_us, now_us, now_us);
        let hello = None;
        let lived_us = 0;
        Self { link, node, hello, purpose, dialled, opened_us, heard_us, framed_us, lived_us }
    }

    /// Who is at the other side, for people.
    fn who(&self) -> String {
        let from = self.link.stream.peer_addr().map(|from| from.to_string()).unwrap_or_default();
        match self.node {
            Some(node) => format!("node {node} {from}"),
            None => from,
        }
    }

    /// Whether the connection is of no more use. Snapshots are rare, so their connections go with those of data.
    fn is_lost(&self, now_us: u64) -> bool {
        match self.hello.and(self.node) {
            None => now_us.saturating_sub(self.opened_us) > HELLO_US_MAX,
            Some(_) => {
                let frame_us_max = FRAME_US_MAX + self.link.missing() as u64 / FRAME_BYTES_PER_US;
                let silent = now_us.saturating_sub(self.heard_us) > SILENT_US_MAX
                    || now_us.saturating_sub(self.framed_us) > frame_us_max;
                silent && self.purpose == Purpose::Data
            }
        }
    }
}

/// The peer connections of a worker.
pub struct Peers {
    own: NodeId,
    workers: u16,
    /// If nodes speak TLS with each other.
    tls: Option<Arc<Tls>>,
    addresses: Addresses,
    names: Names,
    table: Vec<Option<Peer>>,
    data: BTreeMap<NodeId, usize>,
    snapshot: BTreeMap<NodeId, usize>,
    /// Who was refused, why and when, as it was told in the log last.
    refused: BTreeMap<Option<NodeId>, (HelloRefused, u64)>,
    /// With whom TLS failed last.
    distrusted: BTreeSet<NodeId>,
    /// Whose address could not be resolved, and when that was told in the log last.
    unresolved_us: BTreeMap<NodeId, u64>,
    /// When the log said last that the cluster waits to be founded; the start of the process counts as that.
    waiting_told_us: u64,
    /// Some connection was not read to its end.
    pub(super) unread: bool,
}

impl Peers {
    /// Nobody is connected yet.
    pub fn new(config: &Config, tls: Option<&Arc<Tls>>) -> Self {
        Self {
            own: config.node_id,
            workers: config.workers,
            tls: tls.filter(|_| config.tls.cluster).cloned(),
            addresses: Addresses::new(config),
            names: Names::new(),
            table: Vec::new(),
            data: BTreeMap::new(),
            snapshot: BTreeMap::new(),
            refused: BTreeMap::new(),
            distrusted: BTreeSet::new(),
            unresolved_us: BTreeMap::new(),
            waiting_told_us: 0,
            unread: false,
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
        worker_poll.registry().register(
            peer.link.stream.socket_mut(),
            Token(PEERS + at),
            interest,
        )?;
        Ok(at)
    }
}

/// Whether a connection ended before its hello for what TLS makes of it; a peer that is down is no such case.
fn is_of_tls(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::TimedOut)
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
            let takes_long = peer.link.is_behind();
            result = peer.link.writable();
            if takes_long {
                self.peer_lives(at);
            }
        }
        if result.is_ok() && (event.is_readable() || event.is_read_closed() || event.is_error()) {
            return self.read_peer(at);
        }
        if let Err(error) = result {
            self.drop_peer(at, Some(&error));
        }
    }

    fn read_peer(&mut self, at: usize) {
        let Some(Some(peer)) = self.peers.table.get_mut(at) else { return };
        let result = peer.link.fill();
        peer.heard_us = self.clock.mono_us();
        let is_amid = peer.link.missing() >= LONG_BYTES;
        self.peers.unread |= peer.link.is_unread();
        if is_amid {
            self.peer_lives(at);
        }
        self.read_frames(at);
        if let Err(error) = result {
            self.drop_peer(at, Some(&error));
        }
    }

    /// Reads on where the turn before had read enough.
    pub(super) fn go_on_with_peers(&mut self) {
        if !std::mem::take(&mut self.peers.unread) {
            return;
        }
        for at in 0..self.peers.table.len() {
            let unread = |peer: &Peer| peer.link.is_unread();
            if self.peers.table[at].as_ref().is_some_and(unread) {
                self.read_peer(at);
            }
        }
    }

    /// A part of what passes on this connection did; the node hears that once per tick at most.
    fn peer_lives(&mut self, at: usize) {
        let now_us = self.clock.mono_us();
        let Some(Some(peer)) = self.peers.table.get_mut(at) else { return };
        let Some(node) = peer.hello.and(peer.node) else { return };
        if now_us.saturating_sub(peer.lived_us) >= TICK_MS * 1000 {
            peer.lived_us = now_us;
            self.core.node().peer_lives(node);
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
        let _it_is_closed_anyway = self.poll.registry().deregister(peer.link.stream.socket_mut());
        if let (Some(error), Some(tls)) = (error, &self.peers.tls)
            && peer.hello.is_none()
            && is_of_tls(error)
        {
            tls.tell(Door::Peers, &peer.who(), error);
            self.peers.distrusted.extend(peer.node);
        }
        let Some(node) = peer.node else { return };
        if self.peers.routes(peer.purpose).get(&node) == Some(&at) {
            self.peers.routes(peer.purpose).remove(&node);
            if peer.purpose == Purpose::Data {
                match error {
                    Some(error)
                        if error.kind() != ErrorKind::ConnectionRefused
                            && (peer.hello.is_some() || self.peers.tls.is_none()) =>
                    {
                        tracing::info!(peer = %node, %error, "peer disconnected");
                    }
                    _ => {}
                }
                self.core.node().peer_down(node);
            }
        }
    }
}
