//! How a connection between two nodes begins: one dials, both say hello, and the connection comes to the worker that
//! it is for.

use super::super::Worker;
use super::super::accept::is_of_one_connection;
use super::super::links::Link;
use super::names::Found;
use super::{Peer, Peers};
use crate::inbox::Mail;
use crate::tls::{Door, Stream};
use mio::net::TcpStream;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use synod_types::NodeId;
use synod_wire::peer::{Frame, Hello, HelloRefused, Purpose};

/// How long to wait before a peer is dialled again.
const REDIAL_US: u64 = 200_000;
/// The same when one of the two refused the other: it takes an operator to change that, or a quorum.
const REFUSED_REDIAL_US: u64 = 1_000_000;
/// A refused peer dials again and again; so often it is told.
const REFUSAL_TOLD_US: u64 = 60_000_000;
/// How long the members of a new cluster may take until the log says who is missing.
const FOUNDING_US: u64 = 5_000_000;
/// The most connections that have not said hello.
const UNKNOWN_MAX: usize = 16;

impl Peers {
    /// Whether this refusal is worth a line in the log: it is another one than before, or was told long ago.
    fn tells_refusal(&mut self, who: Option<NodeId>, refused: &HelloRefused, now_us: u64) -> bool {
        let told = self.refused.get(&who);
        if told.is_some_and(|(before, at)| before == refused && now_us - at < REFUSAL_TOLD_US) {
            return false;
        }
        self.refused.insert(who, (*refused, now_us));
        true
    }

    /// Sends on a connection that is about to end.
    fn send_last(&mut self, at: usize, bytes: &[u8]) {
        if let Some(Some(peer)) = self.table.get_mut(at) {
            let _it_ends_anyway = peer.link.send(bytes);
        }
    }
}

impl Worker {
    /// Drops connections that never said who they are, or say nothing any more.
    pub(in crate::worker) fn drop_silent_peers(&mut self, now_us: u64) {
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
    }

    /// Dials the peers that this node has to dial and is not connected to.
    pub(in crate::worker) fn dial_peers(&mut self, now_us: u64) {
        self.tell_who_is_missing(now_us);
        for id in self.peers.addresses.peers() {
            let (addr, purpose) = if self.peers.data.contains_key(&id) {
                let addr = self.peers.addresses.is_here(id);
                (addr.filter(|_| !self.peers.snapshot.contains_key(&id)), Purpose::Snapshot)
            } else {
                let refused = self.peers.refused.contains_key(&Some(id));
                let pause_us = match refused || self.peers.distrusted.contains(&id) {
                    true => REFUSED_REDIAL_US,
                    false => REDIAL_US,
                };
                (self.peers.addresses.due(id, now_us, pause_us), Purpose::Data)
            };
            let Some(addr) = addr else { continue };
            match self.peers.names.find(&addr) {
                Found::At(address) => {
                    if let Err(error) = self.dial(id, address, purpose, now_us) {
                        tracing::debug!(peer = %id, %addr, %error, "a peer could not be dialled");
                    }
                }
                Found::Nowhere => self.tell_nowhere(id, &addr, now_us),
                Found::NotYet => {}
            }
        }
    }

    /// A new cluster needs all of its members once; an operator who started some of them has to hear that.
    fn tell_who_is_missing(&mut self, now_us: u64) {
        let first = self.peers.waiting_told_us == 0 && now_us >= self.started_us + FOUNDING_US;
        if !first && now_us < self.peers.waiting_told_us.max(self.started_us) + REFUSAL_TOLD_US {
            return;
        }
        self.peers.waiting_told_us = now_us;
        let missing = self.core.node_ref().founding_waits_for();
        // Who is refused has heard why.
        if !missing.is_empty() && self.peers.refused.is_empty() {
            tracing::warn!(
                nodes = ?missing.iter().map(|node| node.0).collect::<Vec<_>>(),
                "the cluster is not founded yet: it waits for these nodes; all members of --initial-cluster have to be \
                 started once"
            );
        }
    }

    /// A name that has no address is told now and then: it may be mistyped, or not exist yet.
    fn tell_nowhere(&mut self, id: NodeId, addr: &str, now_us: u64) {
        let told = self.peers.unresolved_us.get(&id);
        if told.is_none_or(|at| now_us - at >= REFUSAL_TOLD_US) {
            self.peers.unresolved_us.insert(id, now_us);
            tracing::warn!(peer = %id, %addr, "the name of a peer has no address: check --initial-cluster and the resolver");
        }
    }

    fn dial(
        &mut self,
        id: NodeId,
        address: SocketAddr,
        purpose: Purpose,
        now_us: u64,
    ) -> io::Result<()> {
        let stream = TcpStream::connect(address)?;
        let mut link = Link::new(match &self.peers.tls {
            Some(tls) => tls.dial(stream, id)?,
            None => stream.into(),
        });
        link.established();
        let hello = self.hello_frame(id, purpose);
        match link.send(&hello) {
            Err(error) if error.kind() != ErrorKind::NotConnected => return Err(error),
            // Not connected yet: the hello waits for the socket to become writable.
            Err(_) => link.queue(&hello),
            Ok(()) => {}
        }
        let peer = Peer::new(link, Some(id), purpose, true, now_us);
        let at = self.peers.add(peer, &self.poll)?;
        self.peers.routes(purpose).insert(id, at);
        Ok(())
    }

    pub(in crate::worker) fn accept_peers(&mut self) {
        let now_us = self.clock.mono_us();
        while let Some((_, listener)) = &self.listeners {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if is_of_one_connection(&error) => continue,
                Err(error) => return self.accept_later(&error),
            };
            let unknown = self.peers.table.iter().flatten().filter(|p| p.node.is_none()).count();
            if unknown >= UNKNOWN_MAX {
                continue;
            }
            let stream = match &self.peers.tls {
                None => stream.into(),
                Some(tls) => match tls.accept(stream, Door::Peers) {
                    Ok(stream) => stream,
                    Err(error) => {
                        tls.tell(Door::Peers, "", &error);
                        continue;
                    }
                },
            };
            let peer = Peer::new(Link::new(stream), None, Purpose::Data, false, now_us);
            if let Err(error) = self.peers.add(peer, &self.poll) {
                tracing::warn!(%error, "a peer's socket could not be watched");
            }
        }
    }

    /// An accepted connection said who it is. Whether it stays with this worker.
    pub(super) fn greet(&mut self, at: usize, frame: &Frame) -> bool {
        if !self.shows_its_certificate(at, frame) {
            return false;
        }
        let hello = match self.judge(frame) {
            Ok(hello) => hello,
            Err((who, refused)) => {
                // Whoever is refused is told by whom, and can say so in its own log.
                if let Some(who) = who {
                    let answer = self.hello_frame(who, Purpose::Data);
                    self.peers.send_last(at, &answer);
                }
                self.refuse_peer(at, who, refused);
                return false;
            }
        };
        let Some(mut peer) = self.peers.table[at].take() else { return false };
        let to = hello.worker % self.peers.workers;
        let _it_goes_elsewhere = self.poll.registry().deregister(peer.link.stream.socket_mut());
        let rest = peer.link.take_input();
        let stream = peer.link.stream;
        if to == self.worker {
            self.adopt_peer(stream, &hello, &rest);
        } else {
            self.postboxes[usize::from(to)].send(Mail::Peer { stream, hello, rest });
        }
        false
    }

    /// The other side of a connection that this node dialled said who it is. Whether the connection stays.
    pub(super) fn is_answered(&mut self, at: usize, frame: &Frame) -> bool {
        let Some(Some(peer)) = self.peers.table.get(at) else { return false };
        let (dialled, purpose) = (peer.node, peer.purpose);
        let judged = self.judge(frame).and_then(|hello| match dialled {
            Some(wanted) if wanted != hello.from => {
                let (from, ours) = (self.peers.own, hello.from);
                Err((dialled, HelloRefused::Recipient { from, wanted, ours }))
            }
            _ => Ok(hello),
        });
        match judged {
            Ok(hello) => {
                if let Some(Some(peer)) = self.peers.table.get_mut(at) {
                    peer.hello = Some(hello);
                }
                if purpose == Purpose::Data {
                    self.peers.refused.remove(&Some(hello.from));
                    self.peers.distrusted.remove(&hello.from);
                    tracing::info!(peer = %hello.from, "peer connected");
                }
                self.core.node().peer_up(hello.from);
                true
            }
            Err((_, refused)) => {
                self.refuse_peer(at, dialled, refused);
                false
            }
        }
    }

    /// Whether the certificate of an accepted connection names the node that its hello names; it is ended if not. Of a
    /// connection that was dialled the handshake has made sure of it.
    fn shows_its_certificate(&mut self, at: usize, frame: &Frame) -> bool {
        let (Some(tls), Some(Some(peer))) = (&self.peers.tls, self.peers.table.get(at)) else {
            return true;
        };
        // A hello that cannot be read is refused as such.
        let Ok(hello) = Hello::decode(&frame.body) else { return true };
        let Err(lacks) = tls.is_node(&peer.link.stream, hello.from) else { return true };
        let refused = format!(
            "it says that it is node {}, and its certificate does not name {lacks}: it is refused",
            hello.from
        );
        tls.tell(Door::Peers, &peer.who(), &refused);
        self.drop_peer(at, None);
        false
    }

    /// Reads a hello and judges it; who said it, where it is refused and that can be read.
    fn judge(&mut self, frame: &Frame) -> Result<Hello, (Option<NodeId>, HelloRefused)> {
        let hello = Hello::decode(&frame.body).map_err(|refused| (None, refused))?;
        self.core.node().admit(&hello).map_err(|refused| (Some(hello.from), refused))?;
        Ok(hello)
    }

    /// Ends a connection to somebody who may not have it, with a line in the log where that is new.
    pub(super) fn refuse_peer(&mut self, at: usize, who: Option<NodeId>, refused: HelloRefused) {
        if self.peers.tells_refusal(who, &refused, self.clock.mono_us()) {
            tracing::warn!(%refused, "a peer was refused");
        }
        self.drop_peer(at, None);
    }

    /// Takes over a connection that has said who it is, in place of an older one.
    pub(in crate::worker) fn adopt_peer(&mut self, stream: Stream, hello: &Hello, rest: &[u8]) {
        let (node, purpose) = (hello.from, hello.purpose);
        if let Some(old) = self.peers.routes(purpose).get(&node).copied() {
            self.drop_peer(old, None);
        }
        let mut link = Link::new(stream);
        link.established();
        link.unread(rest);
        let answer = self.hello_frame(node, purpose);
        let sent = link.send(&answer);
        let mut peer = Peer::new(link, Some(node), purpose, false, self.clock.mono_us());
        peer.hello = Some(*hello);
        match sent.and_then(|()| self.peers.add(peer, &self.poll)) {
            Ok(at) => {
                self.peers.routes(purpose).insert(node, at);
                if purpose == Purpose::Data {
                    self.peers.refused.remove(&Some(node));
                    self.peers.distrusted.remove(&node);
                    tracing::info!(peer = %node, "peer connected");
                    self.core.node().peer_up(node);
                }
                self.read_frames(at);
            }
            Err(error) => tracing::warn!(peer = %node, %error, "a peer was lost at once"),
        }
    }
}
