//! Connections to the other nodes.
//!
//! Of two nodes the one with the higher id dials: one connection per worker for consensus and requests, one more
//! for snapshots. Both sides begin with a hello and refuse each other when it does not fit.

use super::links::Link;
use super::{PEERS, Worker};
use crate::config::Config;
use crate::inbox::Mail;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Token};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::ToSocketAddrs;
use synod_node::Node;
use synod_ring::ClusterMap;
use synod_types::{ClusterId, NodeId, PartitionId};
use synod_wire::peer::{
    Frame, FrameDecoder, FrameKind, Hello, PROTOCOL_VERSION, Purpose, encode_frame,
};

/// How long to wait before a peer is dialled again.
const REDIAL_US: u64 = 200_000;
/// A connection that has not said hello within this time is closed.
const HELLO_US_MAX: u64 = 10_000_000;
/// A peer that is well tells what it leads several times a second. One that was not heard for so long is
/// dialled anew: behind a cut that has healed, TCP may wait for minutes before it tries again.
const SILENT_US_MAX: u64 = 4_000_000;
/// The same for whole frames: where a damaged header promises a body that never ends, bytes go on coming and no
/// checksum is ever reached.
const FRAME_US_MAX: u64 = 10_000_000;
/// The most connections that have not said hello.
const UNKNOWN_MAX: usize = 64;

struct Peer {
    link: Link,
    /// Who it is, once it has said so.
    node: Option<NodeId>,
    purpose: Purpose,
    dialled: bool,
    opened_us: u64,
    /// When something came last; `opened_us <= heard_us`.
    heard_us: u64,
    /// When a frame was whole last; `opened_us <= framed_us <= heard_us`.
    framed_us: u64,
}

impl Peer {
    /// Whether the connection is of no more use. Snapshots are rare, so their connections go with those of data.
    fn is_lost(&self, now_us: u64) -> bool {
        match self.node {
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
    worker: u16,
    workers: u16,
    cluster: ClusterId,
    addresses: BTreeMap<NodeId, String>,
    table: Vec<Option<Peer>>,
    data: BTreeMap<NodeId, usize>,
    snapshot: BTreeMap<NodeId, usize>,
    dialled_us: BTreeMap<NodeId, u64>,
}

impl Peers {
    /// Nobody is connected yet. A `cluster` of zero fits any: this node was in none so far. Addresses are
    /// those of the configuration until the metadata group tells newer ones.
    pub fn new(config: &Config, worker: u16, cluster: ClusterId) -> Self {
        let mut addresses = config.initial_cluster.clone();
        addresses.remove(&config.node_id);
        Self {
            own: config.node_id,
            worker,
            workers: config.workers,
            cluster,
            addresses,
            table: Vec::new(),
            data: BTreeMap::new(),
            snapshot: BTreeMap::new(),
            dialled_us: BTreeMap::new(),
        }
    }

    /// Learns the cluster's id and where its members are.
    pub fn learn(&mut self, map: &ClusterMap) {
        self.cluster = map.cluster;
        for (id, info) in &map.nodes {
            if *id != self.own && !info.peer_addr.is_empty() {
                self.addresses.insert(*id, info.peer_addr.clone());
            }
        }
    }

    fn hello(&self, to: NodeId, purpose: Purpose) -> Vec<u8> {
        let hello = Hello {
            protocol_version: PROTOCOL_VERSION,
            cluster: self.cluster,
            from: self.own,
            to,
            worker: self.worker,
            workers: self.workers,
            purpose,
        };
        let mut frame = Vec::new();
        let _a_hello_is_short =
            encode_frame(&mut frame, FrameKind::Hello, PartitionId::META, |b| {
                hello.encode(b);
            });
        frame
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
    /// Dials the peers that this node has to dial and is not connected to, and drops connections that never said
    /// who they are, or say nothing any more.
    pub(super) fn dial_peers(&mut self, now_us: u64) {
        let lost: Vec<usize> = (0..self.peers.table.len())
            .filter(|at| self.peers.table[*at].as_ref().is_some_and(|peer| peer.is_lost(now_us)))
            .collect();
        for at in lost {
            let snapshot = self.peers.snapshot_beside(at);
            self.drop_peer(at, Some(&ErrorKind::TimedOut.into()));
            if let Some(at) = snapshot {
                self.drop_peer(at, None);
            }
        }

        let own = self.peers.own;
        let missing: Vec<(NodeId, String, Purpose)> = self
            .peers
            .addresses
            .iter()
            .filter(|(id, _)| **id < own)
            .flat_map(|(id, addr)| {
                [Purpose::Data, Purpose::Snapshot].map(|purpose| (*id, addr.clone(), purpose))
            })
            .filter(|(id, _, purpose)| match purpose {
                Purpose::Data => !self.peers.data.contains_key(id),
                Purpose::Snapshot => !self.peers.snapshot.contains_key(id),
            })
            .collect();
        for (id, addr, purpose) in missing {
            let last = self.peers.dialled_us.entry(id).or_default();
            if purpose == Purpose::Data {
                if now_us - *last < REDIAL_US {
                    continue;
                }
                *last = now_us;
            } else if !self.peers.data.contains_key(&id) {
                continue;
            }
            if let Err(error) = self.dial(id, &addr, purpose, now_us) {
                tracing::debug!(peer = %id, %addr, %error, "a peer could not be dialled");
            }
        }
    }

    fn dial(&mut self, id: NodeId, addr: &str, purpose: Purpose, now_us: u64) -> io::Result<()> {
        let address = addr.to_socket_addrs()?.next().ok_or(ErrorKind::AddrNotAvailable)?;
        let mut link = Link::new(TcpStream::connect(address)?);
        link.established();
        let hello = self.peers.hello(id, purpose);
        match link.send(&hello) {
            Err(error) if error.kind() != ErrorKind::NotConnected => return Err(error),
            // Not connected yet: the hello waits for the socket to become writable.
            Err(_) => link.queue(&hello),
            Ok(()) => {}
        }
        let peer = Peer {
            link,
            node: Some(id),
            purpose,
            dialled: true,
            opened_us: now_us,
            heard_us: now_us,
            framed_us: now_us,
        };
        let at = self.peers.add(peer, &self.poll)?;
        self.peers.routes(purpose).insert(id, at);
        Ok(())
    }

    pub(super) fn accept_peers(&mut self) {
        let now_us = self.clock.mono_us();
        while let Some((_, listener)) = &self.listeners {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::warn!(%error, "a peer could not be accepted");
                    return;
                }
            };
            let unknown = self.peers.table.iter().flatten().filter(|p| p.node.is_none()).count();
            if unknown >= UNKNOWN_MAX {
                continue;
            }
            let peer = Peer {
                link: Link::new(stream),
                node: None,
                purpose: Purpose::Data,
                dialled: false,
                opened_us: now_us,
                heard_us: now_us,
                framed_us: now_us,
            };
            if let Err(error) = self.peers.add(peer, &self.poll) {
                tracing::warn!(%error, "a peer's socket could not be watched");
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
            let (node, dialled) = (peer.node, peer.dialled);
            let frame = peer.link.frame();
            if matches!(frame, Ok(Some(_))) {
                peer.framed_us = peer.heard_us;
            }
            match frame {
                Ok(None) => return,
                Ok(Some(frame)) if frame.kind == FrameKind::Hello => {
                    if dialled {
                        if let Some(node) = node {
                            self.node.peer_up(node);
                        }
                    } else if !self.greet(at, &frame) {
                        return;
                    }
                }
                Ok(Some(frame)) => match node {
                    Some(node) => self.dispatch(node, frame),
                    None => return self.drop_peer(at, None),
                },
                Err(error) => return self.drop_peer(at, Some(&error)),
            }
        }
    }

    /// An accepted connection said who it is. Whether it stays with this worker.
    fn greet(&mut self, at: usize, frame: &Frame) -> bool {
        let checked = Hello::decode(&frame.body)
            .and_then(|hello| hello.check(self.peers.own, self.peers.cluster).map(|()| hello));
        let hello = match checked {
            Ok(hello) => hello,
            Err(refused) => {
                tracing::warn!(%refused, "a peer was refused");
                self.drop_peer(at, None);
                return false;
            }
        };
        let Some(mut peer) = self.peers.table[at].take() else { return false };
        let to = hello.worker % self.peers.workers;
        let _it_goes_elsewhere = self.poll.registry().deregister(&mut peer.link.stream);
        let rest = peer.link.take_input();
        let stream = peer.link.stream;
        if to == self.worker {
            self.adopt_peer(stream, &hello, &rest);
        } else {
            self.postboxes[usize::from(to)].send(Mail::Peer { stream, hello, rest });
        }
        false
    }

    /// Takes over a connection that has said who it is, in place of an older one.
    pub(super) fn adopt_peer(&mut self, stream: TcpStream, hello: &Hello, rest: &[u8]) {
        let (node, purpose) = (hello.from, hello.purpose);
        if let Some(old) = self.peers.routes(purpose).get(&node).copied() {
            self.drop_peer(old, None);
        }
        let mut link = Link::new(stream);
        link.established();
        link.unread(rest);
        let answer = self.peers.hello(node, purpose);
        let opened_us = self.clock.mono_us();
        let sent = link.send(&answer);
        let peer = Peer {
            link,
            node: Some(node),
            purpose,
            dialled: false,
            opened_us,
            heard_us: opened_us,
            framed_us: opened_us,
        };
        match sent.and_then(|()| self.peers.add(peer, &self.poll)) {
            Ok(at) => {
                self.peers.routes(purpose).insert(node, at);
                if purpose == Purpose::Data {
                    tracing::info!(peer = %node, "peer connected");
                    self.node.peer_up(node);
                }
                self.read_frames(at);
            }
            Err(error) => tracing::warn!(peer = %node, %error, "a peer was lost at once"),
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
                self.node.peer_down(node);
            }
        }
    }

    /// Gives a frame to the worker it is for.
    fn dispatch(&mut self, from: NodeId, frame: Frame) {
        let workers = self.peers.workers;
        if workers == 1 {
            return self.node.frame(from, frame);
        }
        let to = match frame.kind {
            FrameKind::ForwardReply => Node::reply_worker(&frame.body).unwrap_or(self.worker),
            FrameKind::Heartbeat | FrameKind::Hello => {
                for (worker, postbox) in self.postboxes.iter().enumerate() {
                    if worker != usize::from(self.worker) {
                        postbox.send(Mail::Frame(from, frame.clone()));
                    }
                }
                self.worker
            }
            _ => (frame.group.0 % u32::from(workers)) as u16,
        };
        match self.postboxes.get(usize::from(to)) {
            Some(postbox) if to != self.worker => postbox.send(Mail::Frame(from, frame)),
            Some(_) => self.node.frame(from, frame),
            None => {}
        }
    }

    /// Frames that another worker of this node sent.
    pub(super) fn local_frames(&mut self, bytes: &[u8]) {
        let mut decoder = FrameDecoder::new();
        decoder.established();
        let mut input = bytes::BytesMut::from(bytes);
        while let Ok(Some(frame)) = decoder.decode(&mut input) {
            self.node.frame(self.peers.own, frame);
        }
    }

    /// Sends what the node has queued for others.
    pub(super) fn send_frames(&mut self) {
        let mut frames = std::mem::take(&mut self.node.output().frames);
        for (to, bytes) in &mut frames {
            if bytes.is_empty() {
                continue;
            }
            if to.node == self.peers.own {
                if let Some(postbox) = self.postboxes.get(usize::from(to.worker)) {
                    postbox.send(Mail::Frames(std::mem::take(bytes)));
                }
            } else {
                self.send_bytes(to.node, bytes);
                bytes.clear();
            }
        }
        self.node.output().frames = frames;
    }

    fn send_bytes(&mut self, to: NodeId, bytes: &[u8]) {
        match self.peers.data.get(&to).copied() {
            Some(at) => self.send_on(at, bytes),
            // A node with fewer workers has dialled only some of ours: worker 0 always has a connection.
            None if self.worker != 0 => self.postboxes[0].send(Mail::Relay(to, bytes.to_vec())),
            None => {}
        }
    }

    fn send_on(&mut self, at: usize, bytes: &[u8]) {
        let Some(Some(peer)) = self.peers.table.get_mut(at) else { return };
        if let Err(error) = peer.link.send(bytes)
            && error.kind() != ErrorKind::NotConnected
        {
            self.drop_peer(at, Some(&error));
        }
    }

    pub(super) fn send_to(&mut self, to: NodeId, bytes: &[u8]) {
        if let Some(at) = self.peers.data.get(&to).copied() {
            self.send_on(at, bytes);
        }
    }

    pub(super) fn send_snapshot(&mut self, to: NodeId, bytes: Vec<u8>) {
        match self.peers.snapshot.get(&to).or(self.peers.data.get(&to)).copied() {
            Some(at) => self.send_on(at, &bytes),
            None if self.worker != 0 => self.postboxes[0].send(Mail::Relay(to, bytes)),
            None => {}
        }
    }
}
