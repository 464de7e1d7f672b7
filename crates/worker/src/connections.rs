//! All connections of a worker, and what is received from them.

use crate::connection::{Connection, State, Why};
use crate::intake::Intake;
use crate::sums::{Counted, Sums};
use synod_node::{Node, Setting};
use synod_types::{ClientId, limits};
use synod_wire::resp::Limits;

/// What a client is told when the unfinished requests of all clients take too much memory.
const TOO_MUCH_INPUT: &[u8] =
    b"-ERR the unfinished requests of all clients are too large; this one was not executed\r\n";
/// How often what clients have not read is counted, in microseconds, where memory is limited; every turn while that is much.
const COUNT_EVERY_US: u64 = 5_000;
/// Up to this size an unfinished request is never given up for others'.
const SMALL_INPUT_BYTES: usize = 1 << 20;

/// The connections, by their places: numbers that are used again.
#[derive(Default)]
pub struct Connections {
    table: Vec<Option<Connection>>,
    free: Vec<usize>,
    /// By the session's place in the node's table: the connection.
    places: Vec<usize>,
    intake: Intake,
    /// Those that the turn before had no time for, in order.
    yielded: Vec<ClientId>,
    sums: Sums,
    /// What the clients here have not read.
    unread: Counted,
    limits: Limits,
    /// How many requests of a new connection may be under way.
    first_window: usize,
    /// When unread replies were counted last.
    counted_us: u64,
}

/// What one request may cost of a client that has logged in.
pub(crate) fn limits_of(node: &Node) -> Limits {
    let bulk = node.settings().get(Setting::ProtoMaxBulkLen);
    let bulk_bytes_max = usize::try_from(bulk).unwrap_or(limits::BULK_BYTES_MAX);
    Limits { bulk_bytes_max, ..Limits::default() }
}

impl Connections {
    /// None yet, of a worker whose node counts all unfinished requests and all unread replies together.
    #[must_use]
    pub fn counted_by(sums: Sums) -> Self {
        Self { unread: Counted::new(sums.unread.clone()), sums, ..Self::default() }
    }

    /// Takes in a connection with its session; its place.
    pub fn open(&mut self, id: ClientId) -> usize {
        let at = self.free.pop().unwrap_or_else(|| {
            self.table.push(None);
            self.table.len() - 1
        });
        let place = id.0 as u32 as usize;
        if place >= self.places.len() {
            self.places.resize(place + 1, usize::MAX);
        }
        self.places[place] = at;
        self.table[at] =
            Some(Connection::new(id, self.sums.input.clone(), self.first_window.max(1)));
        at
    }

    /// The connection at this place.
    #[must_use]
    pub fn get(&mut self, at: usize) -> Option<&mut Connection> {
        self.table.get_mut(at)?.as_mut()
    }

    /// Where the session's connection is.
    #[must_use]
    pub fn place(&self, id: ClientId) -> Option<usize> {
        let at = *self.places.get(id.0 as u32 as usize)?;
        let client = self.table.get(at)?.as_ref()?;
        (client.id == id).then_some(at)
    }

    /// How many places there have ever been.
    #[must_use]
    pub fn places(&self) -> usize {
        self.table.len()
    }

    /// Forgets the connection; its session is the caller's to close.
    pub fn close(&mut self, at: usize) -> Option<ClientId> {
        let client = self.table.get_mut(at)?.take()?;
        self.free.push(at);
        Some(client.id)
    }

    /// A turn begins: the node's settings may have changed, and so may what clients have not read.
    pub fn begin_turn(&mut self, now_us: u64, node: &mut Node) {
        self.yielded.extend(self.intake.begin_turn());
        self.limits = limits_of(node);
        self.first_window = node.first_window();
        let due = now_us >= self.counted_us + COUNT_EVERY_US || node.has_many_unread();
        if node.counts_unread() && due {
            self.counted_us = now_us;
            self.count_unread(node);
        }
    }

    /// Where all clients together leave too much unread, those that leave most are closed.
    fn count_unread(&mut self, node: &mut Node) {
        let outboxes: usize = self.table.iter().flatten().map(|client| client.outbox.len()).sum();
        self.unread.set(outboxes + node.unread_bytes());
        let mut excess = node.weigh_unread(self.unread.all());
        if excess == 0 {
            return;
        }
        let unread =
            |client: &Connection| (client.outbox.len() + node.session_load(client.id).0, client.id);
        let mut clients: Vec<_> = self.table.iter().flatten().map(unread).collect();
        clients.sort_unstable_by(|one, other| other.cmp(one));
        for (bytes, id) in clients {
            if excess == 0 || bytes == 0 {
                break;
            }
            // Those of the turn before may not be closed yet.
            if node.session_killed(id) || node.evict_client(id) {
                excess = excess.saturating_sub(bytes);
            }
        }
    }

    /// Whether there are requests for which the turn had no time.
    #[must_use]
    pub fn has_yielded(&self) -> bool {
        !self.yielded.is_empty() || self.intake.has_yielded()
    }

    /// Goes on with the connections that the turn before had no time for, before others are looked at: whoever asks for
    /// much stands in line again behind them. Says where, for there may be more to read.
    pub fn go_on_with_yielded(&mut self, node: &mut Node) -> Vec<usize> {
        let mut places = Vec::new();
        for id in std::mem::take(&mut self.yielded) {
            let Some(at) = self.place(id) else { continue };
            self.offer_again(at, node);
            places.push(at);
        }
        places
    }

    /// Where bytes of this connection may be put: 64 KiB; `None` when it is not to be read now.
    pub fn room(&mut self, at: usize, node: &mut Node) -> Option<&mut [u8]> {
        if self.intake.must_execute_before(at) {
            self.execute(node);
        }
        let client = self.table.get(at)?.as_ref()?;
        client.wants_input().then(|| self.intake.room())
    }

    /// The first `n` bytes of the room, given out last and for this connection, are filled.
    pub fn received(&mut self, at: usize, n: usize, node: &mut Node) {
        node.count_traffic(n, 0);
        let Some(Some(client)) = self.table.get_mut(at) else { return };
        client.decoder.set_limits(match node.is_stranger(client.id) {
            true => Limits::unauthenticated(),
            false => self.limits,
        });
        if client.input.is_empty() {
            return self.intake.take(at, client, n);
        }
        client.keep(self.intake.arrived(n));
        self.take_input(at, node);
        self.bound_input(at, node);
    }

    /// Executes the requests that were received.
    pub fn execute(&mut self, node: &mut Node) {
        self.intake.execute(&mut self.table, node);
    }

    /// Offers a request again that was not taken.
    pub fn offer_again(&mut self, at: usize, node: &mut Node) {
        let Some(Some(client)) = self.table.get_mut(at) else { return };
        if client.is_stalled() {
            client.state = State::Open;
        }
        self.take_input(at, node);
    }

    /// Nothing that the client sent and was not begun will be.
    pub fn give_up(&mut self, at: usize) {
        if let Some(Some(client)) = self.table.get_mut(at) {
            client.give_up(Why::Closing);
        }
    }

    fn take_input(&mut self, at: usize, node: &mut Node) {
        let Some(Some(client)) = self.table.get_mut(at) else { return };
        if client.input.is_empty() {
            return;
        }
        let input = std::mem::take(&mut client.input);
        let used = self.intake.serve(client, &input, node);
        if client.given_up().is_none() {
            client.input = input;
            client.consume(used);
        }
    }

    /// A client that asks for more memory when all unfinished requests take too much is given up.
    fn bound_input(&mut self, at: usize, node: &mut Node) {
        if self.sums.input.bytes() <= node.input_bytes_max() {
            return;
        }
        let Some(Some(client)) = self.table.get_mut(at) else { return };
        if client.input.len() > SMALL_INPUT_BYTES && client.wants_input() {
            node.protocol_error(client.id, TOO_MUCH_INPUT);
            self.give_up(at);
        }
    }
}
