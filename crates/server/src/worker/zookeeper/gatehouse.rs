//! The clients of one namespace: their sockets, and the way between their gate and the node.
//!
//! Where this worker has a replica of the namespace's partition it tells the gate what happens; unless that leads, the gate
//! asks the leader, too, which knows it sooner.

use super::super::keepalive;
use crate::tls::{Door, HANDSHAKE_MS_MAX, Stream, Tls};
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Poll, Token};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use synod_node::{CallOutcome, Node};
use synod_ring::NodeInfo;
use synod_types::{NodeId, Slot, key_slot, limits, namespace_key};
use synod_zookeeper::{ConnectionId, Gate, Hearing, Mode, Outcome, Surroundings};

/// How much is read from one connection at once.
const READ_BYTES: usize = 64 << 10;
/// How many connections are accepted in one go.
const ACCEPT_MAX: usize = 256;
/// How often the gate is told how it is around it.
const LOOK_US: u64 = 1_000_000;
struct Socket {
    stream: Stream,
    opened_us: u64,
    id: ConnectionId,
    /// There may be more to read.
    readable: bool,
    /// It takes no more until it is reported writable.
    blocked: bool,
    /// Its client's end was announced.
    hung_up: bool,
}

/// What a namespace's part of this worker is made with.
pub(super) struct Built {
    pub listener: TcpListener,
    /// If its clients speak TLS.
    pub tls: Option<Arc<Tls>>,
    /// The tokens of its sockets: the listener's, and the connections' behind it.
    pub tokens: Range<usize>,
    pub namespace: String,
    /// A number that no other process has.
    pub process: u32,
    /// The digest of who may do everything.
    pub superuser: Option<String>,
}

/// A namespace's gate and its sockets.
pub(super) struct Gatehouse {
    listener: TcpListener,
    /// If its clients speak TLS.
    tls: Option<Arc<Tls>>,
    now_us: u64,
    tokens: Range<usize>,
    gate: Gate,
    namespace: String,
    slot: Slot,
    sockets: Vec<Option<Socket>>,
    free: Vec<usize>,
    by_id: BTreeMap<ConnectionId, usize>,
    buffer: Vec<u8>,
    /// More clients may be waiting than were accepted in one go.
    accept_again: bool,
    looked_us: u64,
}

impl Gatehouse {
    /// Serves the clients of a listener.
    ///
    /// # Errors
    /// The operating system refuses to watch the listener.
    pub fn new(built: Built, poll: &Poll) -> std::io::Result<Self> {
        let Built { mut listener, tls, tokens, namespace, process, superuser } = built;
        poll.registry().register(&mut listener, Token(tokens.start), Interest::READABLE)?;
        Ok(Self {
            listener,
            tls,
            now_us: 0,
            tokens,
            gate: Gate::new(process).with_superuser(superuser).of_namespace(&namespace),
            slot: key_slot(&namespace_key(&namespace)),
            namespace,
            sockets: Vec::new(),
            free: Vec::new(),
            by_id: BTreeMap::new(),
            buffer: vec![0; READ_BYTES],
            accept_again: false,
            looked_us: 0,
        })
    }

    /// Its clients' namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether there is more to accept than the last turn did.
    pub fn waiting(&self) -> bool {
        self.accept_again
    }

    /// A socket is ready.
    pub fn ready(&mut self, token: usize, event: &Event, poll: &Poll) {
        let Some(at) = (token - self.tokens.start).checked_sub(1) else { return self.accept(poll) };
        let Some(Some(socket)) = self.sockets.get_mut(at) else { return };
        if event.is_writable() {
            socket.blocked = false;
            self.write(at);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            if let Some(Some(socket)) = self.sockets.get_mut(at) {
                socket.readable = true;
                socket.hung_up |= event.is_read_closed() || event.is_error();
            }
            self.read(at);
        }
    }

    fn accept(&mut self, poll: &Poll) {
        self.accept_again = false;
        for _ in 0..ACCEPT_MAX {
            match self.listener.accept() {
                Ok((stream, address)) => self.open(stream, address, poll),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::warn!(%error, "a client of ZooKeeper's protocol could not be accepted");
                    return;
                }
            }
        }
        self.accept_again = true;
    }

    fn open(&mut self, stream: TcpStream, address: SocketAddr, poll: &Poll) {
        let stream = match &self.tls {
            None => Stream::from(stream),
            Some(tls) => match tls.accept(stream, Door::Zookeeper) {
                Ok(stream) => stream,
                Err(error) => return tls.tell(Door::Zookeeper, &address.to_string(), &error),
            },
        };
        self.admit(stream, address, poll);
    }

    /// Takes a connection in.
    pub fn admit(&mut self, mut stream: Stream, address: SocketAddr, poll: &Poll) {
        if self.by_id.len() >= limits::CLIENTS_MAX {
            return; // closed: clients try another server
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.sockets.push(None);
            self.sockets.len() - 1
        });
        let _only_latency_suffers = stream.socket().set_nodelay(true);
        keepalive::ask_after(stream.socket(), 300);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let token = Token(self.tokens.start + 1 + at);
        if let Err(error) = poll.registry().register(stream.socket_mut(), token, interest) {
            tracing::warn!(%error, "a client's socket could not be watched");
            self.free.push(at);
            return;
        }
        let id = self.gate.open(address.ip());
        self.by_id.insert(id, at);
        let opened_us = self.now_us;
        let (readable, blocked, hung_up) = (false, false, false);
        self.sockets[at] = Some(Socket { stream, opened_us, id, readable, blocked, hung_up });
    }

    fn read(&mut self, at: usize) {
        let Some(Some(socket)) = self.sockets.get_mut(at) else { return };
        while socket.readable && self.gate.wants_input(socket.id) {
            match socket.stream.read(&mut self.buffer) {
                Ok(0) => return self.close(at),
                Ok(n) => {
                    // A short read has emptied the socket; what comes later is a new event, but for the end that was
                    // announced along with these bytes.
                    socket.readable = n == READ_BYTES || socket.hung_up || socket.stream.has_more();
                    self.gate.input(socket.id, &self.buffer[..n]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => socket.readable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.tell_of_tls(at, &error);
                    return self.close(at);
                }
            }
        }
    }

    /// What went wrong with the TLS of a connection is told now and then; a connection that breaks is not.
    fn tell_of_tls(&self, at: usize, error: &std::io::Error) {
        let Some(Some(Socket { stream, .. })) = self.sockets.get(at) else { return };
        let is_of_tls = stream.is_handshaking() || error.kind() == ErrorKind::InvalidData;
        if let Some(tls) = self.tls.as_ref().filter(|_| is_of_tls) {
            let from = stream.peer_addr().map(|from| from.to_string()).unwrap_or_default();
            tls.tell(Door::Zookeeper, &from, error);
        }
    }

    /// Ends the connections whose handshake takes too long.
    fn end_handshakes(&mut self) {
        for at in 0..self.sockets.len() {
            let Some(socket) = &self.sockets[at] else { continue };
            let late = self.now_us > socket.opened_us + HANDSHAKE_MS_MAX * 1000;
            if late && socket.stream.is_handshaking() {
                self.tell_of_tls(at, &ErrorKind::TimedOut.into());
                self.close(at);
            }
        }
    }

    fn write(&mut self, at: usize) {
        let Some(Some(socket)) = self.sockets.get_mut(at) else { return };
        if !socket.blocked && socket.stream.flush().is_err() {
            return self.close(at);
        }
        let Some((output, close)) = self.gate.output(socket.id) else { return self.close(at) };
        while !output.is_empty() && !socket.blocked {
            match socket.stream.write(output) {
                Ok(n) => drop(output.drain(..n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => socket.blocked = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.close(at),
            }
        }
        if output.len() > limits::OUTPUT_BYTES_MAX {
            tracing::warn!("a client does not read its replies and is closed");
            return self.close(at);
        }
        if output.is_empty() && close && !socket.stream.has_output() {
            self.close(at);
        }
    }

    fn close(&mut self, at: usize) {
        if let Some(socket) = self.sockets.get_mut(at).and_then(Option::take) {
            self.by_id.remove(&socket.id);
            self.gate.close(socket.id);
            self.free.push(at);
        }
    }

    /// A turn begins at this time.
    pub fn begin_turn(&mut self, now_us: u64, poll: &Poll) {
        self.gate.pass_time(now_us);
        if self.accept_again {
            self.accept(poll);
        }
    }

    /// A tick has passed.
    pub fn tick(&mut self, now_us: u64, node: &Node, poll: &Poll) {
        self.now_us = now_us;
        // One that could not be accepted, for want of descriptors say, is told of no second time.
        self.accept(poll);
        if self.tls.is_some() {
            self.end_handshakes();
        }
        let leads = node.leads_slot(self.slot) == Some(true);
        self.gate
            .tick(now_us, Hearing::beside(node.tree(self.slot, &self.namespace).is_some(), leads));
        if self.looked_us == 0 || now_us >= self.looked_us + LOOK_US {
            self.looked_us = now_us;
            self.gate.surround(around(self.slot, node));
        }
    }

    /// Writes what clients are to be told, and goes on with those who had to wait for that.
    pub fn write_all(&mut self) {
        for id in self.gate.take_dirty() {
            if let Some(at) = self.by_id.get(&id).copied() {
                self.write(at);
                self.read(at);
            }
        }
    }

    /// Whether the gate asks for something.
    pub fn asks(&self) -> bool {
        self.gate.has_submits()
    }

    /// Hands the node what the gate asks for, each under the ticket that `ticket` makes of the gate's; whether there was anything.
    pub fn submit(&mut self, node: &mut Node, ticket: impl Fn(u64) -> u64) -> bool {
        let submits = self.gate.take_submits();
        let any = !submits.is_empty();
        for submit in submits {
            if submit.local {
                let answer = node.read_here(self.slot, &submit.op);
                let outcome = answer.as_deref().map_or(Outcome::Lost, Outcome::Done);
                self.gate.outcome(submit.ticket, outcome);
                continue;
            }
            node.submit(ticket(submit.ticket), self.slot, submit.op, submit.read);
        }
        any
    }

    /// Tells the gate what the replica here has applied.
    pub fn learn(&mut self, node: &Node) {
        let tree = node.tree(self.slot, &self.namespace);
        if let (Some(tree), Some(seen)) = (tree, self.gate.follows()) {
            match tree.events_since(seen) {
                Some(_) if tree.zxid() <= seen => {}
                Some(events) => self.gate.news(tree.zxid(), events.cloned()),
                None => self.gate.lost_track(tree.zxid()),
            }
        }
    }

    /// Tells the gate how a call has ended.
    pub fn outcome(&mut self, ticket: u64, outcome: &CallOutcome) {
        let outcome = match outcome {
            CallOutcome::Done(bytes) => Outcome::Done(bytes),
            CallOutcome::DiskFull => Outcome::DiskFull,
            CallOutcome::Lost => Outcome::Lost,
        };
        self.gate.outcome(ticket, outcome);
    }
}

fn around(slot: Slot, node: &Node) -> Surroundings {
    let map = node.map();
    let members = || map.nodes.iter().filter(|(id, _)| !map.is_retired(**id));
    let mode = match (members().count(), node.leads_slot(slot)) {
        (..=1, _) => Mode::Standalone,
        (_, Some(true)) => Mode::Leader,
        (_, Some(false)) => Mode::Follower,
        (_, None) => Mode::Observer,
    };
    // ZooKeeper's members have two ports for each other; here there is one.
    let member = |(id, info): (&NodeId, &NodeInfo)| {
        let port = info.peer_addr.rsplit(':').next().unwrap_or_default();
        format!("server.{id}={}:{port}:participant\n", info.peer_addr)
    };
    let list: String = members().map(member).collect();
    Surroundings { mode, config: format!("{list}version={:x}", map.epoch) }
}
