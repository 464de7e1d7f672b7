//! Client connections: bytes in, requests to the node, replies out.

use super::CLIENTS;
use super::intake::{Intake, READ_BYTES};
use super::keepalive;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use synod_node::{Node, Setting};
use synod_types::{ClientId, limits};
use synod_wire::resp::{Decoder, Limits};

/// A connection's buffers are given back when they are larger than this and empty.
const KEEP_BYTES_MAX: usize = 64 << 10;

pub(super) struct Client {
    stream: TcpStream,
    pub id: ClientId,
    pub decoder: Decoder,
    /// Received and not consumed yet.
    pub input: Vec<u8>,
    /// There may be more in the socket than was read.
    readable: bool,
    /// The node did not take the request at the start of `input` yet.
    pub stalled: bool,
    /// The socket takes no more until it is reported writable.
    blocked: bool,
    /// The other side sends no more; what it has sent may still be in the socket.
    hung_up: bool,
    /// The other side has said its last; close when all is answered.
    ended: bool,
}

/// All client connections of a worker.
pub struct Clients {
    /// Those of all workers of the node.
    connected: Arc<AtomicUsize>,
    table: Vec<Option<Client>>,
    free: Vec<usize>,
    /// By the session's place in the node's table: the connection.
    places: Vec<usize>,
    /// Connections with requests to be offered again, or with more to read.
    again: Vec<usize>,
    intake: Intake,
    dirty: Vec<ClientId>,
}

impl Clients {
    /// None yet.
    pub fn new(connected: Arc<AtomicUsize>) -> Self {
        Self {
            connected,
            table: Vec::new(),
            free: Vec::new(),
            places: Vec::new(),
            again: Vec::new(),
            intake: Intake::default(),
            dirty: Vec::new(),
        }
    }

    /// Takes a connection in, or turns it away when there are too many.
    pub fn open(&mut self, mut stream: TcpStream, addr: SocketAddr, node: &mut Node, poll: &Poll) {
        let max = node.settings().get(Setting::MaxClients);
        if self.connected.fetch_add(1, Ordering::Relaxed) as i64 >= max {
            self.connected.fetch_sub(1, Ordering::Relaxed);
            let _it_is_closed_anyway = stream.write(b"-ERR max number of clients reached\r\n");
            return;
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.table.push(None);
            self.table.len() - 1
        });
        let interest = Interest::READABLE | Interest::WRITABLE;
        let _only_latency_suffers = stream.set_nodelay(true);
        keepalive::ask_after(&stream, node.settings().get(Setting::TcpKeepalive).unsigned_abs());
        if let Err(error) = poll.registry().register(&mut stream, Token(CLIENTS + at), interest) {
            tracing::warn!(%error, "a client's socket could not be watched");
            self.free.push(at);
            self.connected.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let id = node.open_session(addr.to_string());
        let place = id.0 as u32 as usize;
        if place >= self.places.len() {
            self.places.resize(place + 1, usize::MAX);
        }
        self.places[place] = at;
        self.table[at] = Some(Client {
            stream,
            id,
            decoder: Decoder::new(Limits::default()),
            input: Vec::new(),
            readable: false,
            stalled: false,
            blocked: false,
            hung_up: false,
            ended: false,
        });
    }

    /// A socket is ready.
    pub fn ready(&mut self, at: usize, event: &Event, node: &mut Node) {
        let Some(Some(client)) = self.table.get_mut(at) else { return };
        if event.is_writable() && client.blocked {
            client.blocked = false;
            self.dirty.push(client.id);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            client.readable = true;
            client.hung_up |= event.is_read_closed();
            self.read(at, node);
        }
    }

    /// Whether there is more to do before waiting for events.
    pub fn waiting(&self) -> bool {
        !self.again.is_empty()
    }

    /// Offers requests again that were stalled, and reads on where more may be.
    pub fn go_on(&mut self, node: &mut Node) {
        self.note_resumed(node);
        for at in std::mem::take(&mut self.again) {
            if let Some(Some(client)) = self.table.get_mut(at) {
                client.stalled = false;
                self.take_input(at, node);
                self.read(at, node);
            }
        }
        self.execute(node);
    }

    /// Executes the requests that were read.
    pub fn execute(&mut self, node: &mut Node) {
        self.intake.execute(&mut self.table, node);
    }

    fn note_resumed(&mut self, node: &mut Node) {
        for id in std::mem::take(&mut node.output().resumed) {
            if let Some(at) = self.place(id) {
                self.again.push(at);
            }
        }
    }

    fn place(&self, id: ClientId) -> Option<usize> {
        let at = *self.places.get(id.0 as u32 as usize)?;
        let client = self.table.get(at)?.as_ref()?;
        (client.id == id).then_some(at)
    }

    fn read(&mut self, at: usize, node: &mut Node) {
        if self.intake.must_execute_before(at) {
            self.execute(node);
        }
        let Some(Some(client)) = self.table.get_mut(at) else { return };
        if client.stalled || !client.readable || client.ended {
            return;
        }
        let room = self.intake.room();
        match client.stream.read(room) {
            Ok(0) => {
                client.ended = true;
                self.dirty.push(client.id);
            }
            Ok(n) => {
                // A short read has emptied the socket; what comes later is a new event, but for the end that was
                // announced along with these bytes.
                client.readable = n == READ_BYTES || client.hung_up;
                if client.readable {
                    self.again.push(at);
                }
                if client.input.is_empty() {
                    self.intake.take(at, client, n);
                } else {
                    client.input.extend_from_slice(&room[..n]);
                    self.take_input(at, node);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => client.readable = false,
            Err(error) if error.kind() == ErrorKind::Interrupted => self.again.push(at),
            Err(_) => self.close(at, node),
        }
    }

    fn take_input(&mut self, at: usize, node: &mut Node) {
        let Some(Some(client)) = self.table.get_mut(at) else { return };
        if client.input.is_empty() {
            return;
        }
        let mut input = std::mem::take(&mut client.input);
        let used = self.intake.serve(client, &input, node);
        input.drain(..used);
        if input.is_empty() && input.capacity() > KEEP_BYTES_MAX {
            input = Vec::new();
        }
        client.input = input;
    }

    /// Writes what sessions have to say, and closes those that are done. Notes whose requests may be offered again,
    /// so that the next turn does not wait.
    pub fn write_dirty(&mut self, node: &mut Node, _poll: &Poll) {
        self.note_resumed(node);
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.append(&mut node.output().dirty);
        for id in dirty.drain(..) {
            if let Some(at) = self.place(id) {
                self.write(at, node);
            }
        }
        self.dirty = dirty;
    }

    fn write(&mut self, at: usize, node: &mut Node) {
        let Some(Some(client)) = self.table.get_mut(at) else { return };
        let Some((out, close)) = node.session_output(client.id) else {
            return self.close(at, node);
        };
        if out.len() > limits::OUTPUT_BYTES_MAX {
            tracing::warn!(bytes = out.len(), "a client does not read its replies and is closed");
            return self.close(at, node);
        }
        while !out.is_empty() && !client.blocked {
            match client.stream.write(out) {
                Ok(n) if n == out.len() => out.clear(),
                Ok(n) => {
                    out.drain(..n);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => client.blocked = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.close(at, node),
            }
        }
        if out.is_empty() && out.capacity() > KEEP_BYTES_MAX {
            *out = Vec::new();
        }
        let written = out.is_empty();
        if written && (close || (client.ended && node.session_idle(client.id) && !client.stalled)) {
            self.close(at, node);
        }
    }

    fn close(&mut self, at: usize, node: &mut Node) {
        if let Some(client) = self.table.get_mut(at).and_then(Option::take) {
            node.close_session(client.id);
            self.connected.fetch_sub(1, Ordering::Relaxed);
            self.free.push(at);
        }
    }

    /// Writes what can be written without waiting; before the process ends.
    pub fn flush_all(&mut self, node: &mut Node) {
        for at in 0..self.table.len() {
            self.write(at, node);
        }
    }
}
