//! How a connection between two nodes begins: one dials, both say hello, and the connection comes to the worker that
//! it is for.

use super::super::links::Link;
use super::super::{Worker, is_of_one_connection};
use super::{Peer, Peers};
use crate::inbox::Mail;
use mio::net::TcpStream;
use std::io::{self, ErrorKind};
use std::net::ToSocketAddrs;
use synod_types::NodeId;
use synod_wire::peer::{Frame, Hello, Purpose};

/// How long to wait before a peer is dialled again.
const REDIAL_US: u64 = 200_000;
/// A refused peer dials again and again; so often it is told.
const REFUSAL_TOLD_US: u64 = 10_000_000;
/// The most connections that have not said hello.
const UNKNOWN_MAX: usize = 16;

impl Peers {
    /// Whether a refusal now is worth a line in the log.
    fn tells_refusal(&mut self, now_us: u64) -> bool {
        let tells = self.refusal_told_us.is_none_or(|at| now_us - at >= REFUSAL_TOLD_US);
        if tells {
            self.refusal_told_us = Some(now_us);
        }
        tells
    }
}

impl Worker {
    /// Dials the peers that this node has to dial and is not connected to, and drops connections that never said
    /// who they are, or say nothing any more.
    pub(in crate::worker) fn dial_peers(&mut self, now_us: u64) {
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
            let peer = Peer::new(Link::new(stream), None, Purpose::Data, false, now_us);
            if let Err(error) = self.peers.add(peer, &self.poll) {
                tracing::warn!(%error, "a peer's socket could not be watched");
            }
        }
    }

    /// An accepted connection said who it is. Whether it stays with this worker.
    pub(super) fn greet(&mut self, at: usize, frame: &Frame) -> bool {
        let checked = Hello::decode(&frame.body).and_then(|hello| {
            hello.check(self.peers.own, self.peers.cluster, self.peers.engine).map(|()| hello)
        });
        let hello = match checked {
            Ok(hello) => hello,
            Err(refused) => {
                if self.peers.tells_refusal(self.clock.mono_us()) {
                    tracing::warn!(%refused, "a peer was refused");
                }
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
    pub(in crate::worker) fn adopt_peer(&mut self, stream: TcpStream, hello: &Hello, rest: &[u8]) {
        let (node, purpose) = (hello.from, hello.purpose);
        if let Some(old) = self.peers.routes(purpose).get(&node).copied() {
            self.drop_peer(old, None);
        }
        let mut link = Link::new(stream);
        link.established();
        link.unread(rest);
        let answer = self.peers.hello(node, purpose);
        let sent = link.send(&answer);
        let peer = Peer::new(link, Some(node), purpose, false, self.clock.mono_us());
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
}
