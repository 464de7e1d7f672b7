//! The sockets of the clients: read into their connections, written from them, closed with their sessions.
//!
//! What the bytes mean is the business of `synod_worker`. A connection that was given up is not cut off at once: while
//! bytes of its client are unread, that would take the reply away that says why. It is shut down for writing and
//! drained unseen, until the client closes too or the time is over.

use super::CLIENTS;
use super::keepalive;
use super::refused::Refused;
use crate::tls::{Door, HANDSHAKE_MS_MAX, Stream, Tls};
use mio::event::Event;
use mio::{Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use synod_node::{Node, Setting};
use synod_types::{ClientId, limits};
use synod_worker::{Connections, READ_BYTES, Sums, Why};

/// How often one turn reads from a connection that is only drained.
const DRAIN_READS_MAX: usize = 16;
/// How often clients that take nothing are looked for, in microseconds.
const SWEEP_EVERY_US: u64 = 1_000_000;
/// Browsers' requests are told in the log this often at most, in microseconds (Redis: the same).
const FOREIGN_TOLD_EVERY_US: u64 = 60_000_000;

struct Socket {
    stream: Stream,
    opened_us: u64,
    /// There may be more in the socket than was read.
    readable: bool,
    /// The socket takes no more until it is reported writable.
    blocked: bool,
    /// The other side sends no more; what it has sent may still be in the socket.
    hung_up: bool,
    /// The other side has said its last; close when all is answered.
    ended: bool,
    /// When the socket took bytes last, or there were none to take.
    moved_us: u64,
    /// Since when it is drained only: its session is closed.
    drained_since_us: Option<u64>,
}

/// All client sockets of a worker.
pub struct Clients {
    /// The connections of all workers of the node.
    connected: Arc<AtomicUsize>,
    /// By the connection's place.
    sockets: Vec<Option<Socket>>,
    connections: Connections,
    /// Connections with requests to be offered again, or with more to read.
    again: Vec<usize>,
    /// Connections whose clients have hung up and that are not at the end of what was sent.
    leaving: Vec<usize>,
    dirty: Vec<ClientId>,
    /// For connections that came through the door of TLS.
    tls: Option<Arc<Tls>>,
    refused: Refused,
    now_us: u64,
    swept_us: u64,
    foreign_told_us: Option<u64>,
}

impl Clients {
    /// None yet.
    pub fn new(connected: Arc<AtomicUsize>, sums: Sums, tls: Option<Arc<Tls>>) -> Self {
        Self {
            connected,
            sockets: Vec::new(),
            connections: Connections::counted_by(sums),
            again: Vec::new(),
            leaving: Vec::new(),
            dirty: Vec::new(),
            tls,
            refused: Refused::default(),
            now_us: 0,
            swept_us: 0,
            foreign_told_us: None,
        }
    }

    /// A turn begins at this time.
    pub fn begin_turn(&mut self, now_us: u64, node: &mut Node) {
        self.now_us = now_us;
        self.connections.begin_turn(now_us, node);
        self.refused.tend(now_us);
        if now_us >= self.swept_us + SWEEP_EVERY_US {
            self.swept_us = now_us;
            self.sweep(node);
        }
    }

    /// Takes a connection in, or turns it away when there are too many.
    pub fn open(
        &mut self,
        mut stream: Stream,
        addr: SocketAddr,
        node: &mut Node,
        poll: &Poll,
    ) -> Option<ClientId> {
        let max = node.settings().get(Setting::MaxClients);
        if self.connected.fetch_add(1, Ordering::Relaxed) as i64 >= max {
            self.connected.fetch_sub(1, Ordering::Relaxed);
            self.refused.refuse(stream, self.now_us);
            node.count_rejected();
            return None;
        }
        let id = node.open_session(addr.to_string());
        if stream.is_tls() {
            node.session_uses_tls(id);
        }
        let at = self.connections.open(id);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let _only_latency_suffers = stream.socket().set_nodelay(true);
        let idle_s = node.settings().get(Setting::TcpKeepalive).unsigned_abs();
        keepalive::ask_after(stream.socket(), idle_s);
        let watched = poll.registry().register(stream.socket_mut(), Token(CLIENTS + at), interest);
        if at >= self.sockets.len() {
            self.sockets.resize_with(at + 1, || None);
        }
        self.sockets[at] = Some(Socket {
            stream,
            opened_us: self.now_us,
            readable: false,
            blocked: false,
            hung_up: false,
            ended: false,
            moved_us: self.now_us,
            drained_since_us: None,
        });
        if let Err(error) = watched {
            tracing::warn!(%error, "a client's socket could not be watched");
            self.close(at, node);
        }
        Some(id)
    }

    /// A socket is ready.
    pub fn ready(&mut self, at: usize, event: &Event, node: &mut Node) {
        let Some(Some(socket)) = self.sockets.get_mut(at) else { return };
        if event.is_writable() && (socket.blocked || socket.stream.has_output()) {
            socket.blocked = false;
            self.dirty.extend(self.connections.get(at).map(|c| c.id()));
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            socket.readable = true;
            if event.is_read_closed() && !socket.hung_up {
                socket.hung_up = true;
                self.leaving.push(at);
            }
            self.read(at, node);
        }
    }

    /// Whether there is more to do before waiting for events.
    pub fn waiting(&self) -> bool {
        !self.again.is_empty() || self.connections.has_yielded()
    }

    /// Goes on where the turn before had no time.
    pub fn go_on_with_yielded(&mut self, node: &mut Node) {
        let places = self.connections.go_on_with_yielded(node);
        self.again.extend(places);
    }

    /// Offers requests again that were stalled, and reads on where more may be.
    pub fn go_on(&mut self, node: &mut Node) {
        self.note_resumed(node);
        for at in std::mem::take(&mut self.again) {
            self.connections.offer_again(at, node);
            self.read(at, node);
        }
        self.execute(node);
    }

    /// Executes the requests that were read.
    pub fn execute(&mut self, node: &mut Node) {
        self.connections.execute(node);
    }

    fn note_resumed(&mut self, node: &mut Node) {
        for id in std::mem::take(&mut node.output().ready.resumed) {
            self.again.extend(self.connections.place(id));
        }
    }

    fn read(&mut self, at: usize, node: &mut Node) {
        let Some(Some(socket)) = self.sockets.get_mut(at) else { return };
        if !socket.readable || socket.ended {
            return;
        }
        if socket.drained_since_us.is_some() {
            return self.drain(at, node);
        }
        let Some(room) = self.connections.room(at, node) else { return };
        let read = socket.stream.read(room);
        if socket.stream.was_established()
            && let (Some(tls), Some(client)) = (&self.tls, self.connections.get(at))
            && let Some(user) = tls.user(&socket.stream)
        {
            node.certified(client.id(), &user);
        }
        match read {
            Ok(0) => {
                socket.ended = true;
                if let Some(client) = self.connections.get(at) {
                    node.client_left(client.id());
                    self.dirty.push(client.id());
                }
            }
            Ok(n) => {
                // A short read has emptied the socket; what comes later is a new event, but for the end that was
                // announced along with these bytes.
                socket.readable = n == READ_BYTES || socket.hung_up || socket.stream.has_more();
                if socket.readable {
                    self.again.push(at);
                }
                self.connections.received(at, n, node);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => socket.readable = false,
            Err(error) if error.kind() == ErrorKind::Interrupted => self.again.push(at),
            Err(error) => {
                self.tell_of_tls(at, &error);
                self.close(at, node);
            }
        }
    }

    /// What went wrong with the TLS of a connection is told now and then; a connection that breaks is not.
    fn tell_of_tls(&self, at: usize, error: &std::io::Error) {
        let Some(Some(Socket { stream, .. })) = self.sockets.get(at) else { return };
        let is_of_tls = stream.is_handshaking() || error.kind() == ErrorKind::InvalidData;
        if let Some(tls) = self.tls.as_ref().filter(|_| stream.is_tls() && is_of_tls) {
            let from = stream.peer_addr().map(|from| from.to_string()).unwrap_or_default();
            tls.tell(Door::Clients, &from, error);
        }
    }

    /// Of a client that has left nothing is begun that CLIENT PAUSE or a blocking command holds back.
    fn part(&mut self, node: &mut Node) {
        let mut leaving = std::mem::take(&mut self.leaving);
        leaving.retain(|at| {
            let Some(Some(socket)) = self.sockets.get_mut(*at) else { return false };
            let Some(client) = self.connections.get(*at) else { return false };
            let id = client.id();
            if client.is_stalled() && node.session_held_back(id) {
                socket.ended = true;
                self.connections.give_up(*at);
                node.client_left(id);
                self.dirty.push(id);
            }
            socket.hung_up && !socket.ended
        });
        self.leaving = leaving;
    }

    /// Writes what sessions have to say, and closes those that are done. Notes whose requests may be offered again,
    /// so that the next turn does not wait.
    pub fn write_dirty(&mut self, node: &mut Node) {
        self.note_resumed(node);
        if !self.leaving.is_empty() {
            self.part(node);
        }
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.append(&mut node.output().ready.dirty);
        for id in dirty.drain(..) {
            if let Some(at) = self.connections.place(id) {
                self.write(at, node);
            }
        }
        self.dirty = dirty;
    }

    fn write(&mut self, at: usize, node: &mut Node) {
        let Some(Some(socket)) = self.sockets.get_mut(at) else { return };
        let Some(client) = self.connections.get(at) else { return };
        if socket.drained_since_us.is_some() {
            return;
        }
        if client.given_up() == Some(Why::Foreign) {
            return self.close_foreign(at, node);
        }
        if node.session_killed(client.id()) {
            return self.close(at, node);
        }
        let (_, unanswered) = node.session_load(client.id());
        let Some((out, close)) = node.session_output(client.id()) else {
            return self.close(at, node);
        };
        if !socket.blocked && socket.stream.flush().is_err() {
            return self.close(at, node);
        }
        let mut moved = client.outbox.is_empty();
        let mut sent = 0;
        loop {
            // What the socket does not take stays with the session, which knows how much it may have.
            if client.outbox.is_empty() {
                client.take_output(out, unanswered);
            }
            if client.outbox.is_empty() || socket.blocked {
                break;
            }
            match socket.stream.write(client.outbox.rest()) {
                Ok(n) => {
                    client.outbox.wrote(n);
                    moved = true;
                    sent += n;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => socket.blocked = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.close(at, node),
            }
        }
        node.count_traffic(0, sent);
        if moved {
            socket.moved_us = self.now_us;
        }
        if client.can_resume(node) {
            self.again.push(at);
        }
        let stalled = client.is_stalled();
        if !client.outbox.is_empty() || socket.stream.has_output() {
            return;
        }
        if close && !socket.ended {
            self.drain_from_now_on(at, node);
        } else if close || (socket.ended && node.session_idle(client.id()) && !stalled) {
            self.close(at, node);
        }
    }

    /// The session is over and everything is written: the client is told so, and what it still sends is not looked at.
    fn drain_from_now_on(&mut self, at: usize, node: &mut Node) {
        let Some(Some(socket)) = self.sockets.get_mut(at) else { return };
        let Some(client) = self.connections.get(at) else { return };
        node.close_session(client.id());
        // A farewell that the socket does not take is left out: the end says the same.
        if socket.stream.finish().is_err() {
            return self.close(at, node);
        }
        self.connections.give_up(at);
        socket.drained_since_us = Some(self.now_us);
        socket.readable = true;
        self.again.push(at);
    }

    fn drain(&mut self, at: usize, node: &mut Node) {
        let Some(Some(socket)) = self.sockets.get_mut(at) else { return };
        let mut unseen = [0; 16 << 10];
        for _ in 0..DRAIN_READS_MAX {
            match socket.stream.read_unseen(&mut unseen) {
                Ok(1..) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    socket.readable = false;
                    return;
                }
                Ok(0) | Err(_) => return self.close(at, node),
            }
        }
        self.again.push(at);
    }

    fn close_foreign(&mut self, at: usize, node: &mut Node) {
        let told = self.foreign_told_us.is_some_and(|t| self.now_us < t + FOREIGN_TOLD_EVERY_US);
        if !told && let Some(Some(socket)) = self.sockets.get(at) {
            self.foreign_told_us = Some(self.now_us);
            let from = socket.stream.peer_addr().map(|a| a.to_string()).unwrap_or_default();
            tracing::warn!(
                %from,
                "possible attack: POST or Host: came as a command, as a web page sends it; the connection is closed"
            );
        }
        self.close(at, node);
    }

    /// Closes those that take nothing of what they asked for, those that do not come to the end of their handshake, and those that were drained for long enough.
    fn sweep(&mut self, node: &mut Node) {
        for at in 0..self.sockets.len() {
            let Some(socket) = &self.sockets[at] else { continue };
            let Some(client) = self.connections.get(at) else { continue };
            let late = |since: u64, ms: u64| self.now_us.saturating_sub(since) > ms * 1000;
            if let Some(since) = socket.drained_since_us {
                if late(since, limits::LINGER_MS_MAX) {
                    self.close(at, node);
                }
                continue;
            }
            if socket.stream.is_handshaking() && late(socket.opened_us, HANDSHAKE_MS_MAX) {
                self.tell_of_tls(at, &ErrorKind::TimedOut.into());
                self.close(at, node);
                continue;
            }
            let bytes = client.outbox.len() + node.session_load(client.id()).0;
            if bytes > limits::OUTPUT_MARK_BYTES
                && late(socket.moved_us, limits::OUTPUT_STUCK_MS_MAX)
            {
                tracing::warn!(bytes, "a client does not read its replies and is closed");
                self.close(at, node);
            }
        }
    }

    fn close(&mut self, at: usize, node: &mut Node) {
        if self.sockets.get_mut(at).and_then(Option::take).is_some() {
            self.connected.fetch_sub(1, Ordering::Relaxed);
            if let Some(id) = self.connections.close(at) {
                node.close_session(id);
            }
        }
    }

    /// Writes what can be written without waiting; before the process ends.
    pub fn flush_all(&mut self, node: &mut Node) {
        for at in 0..self.sockets.len() {
            self.write(at, node);
        }
    }
}
