//! From bytes to requests.
//!
//! The sockets that are ready in a turn are read first, and what they hold is decoded; then the keys of all these
//! requests are fetched side by side; only then are the requests executed, connection by connection.

use crate::connection::{Connection, State, Why};
use crate::connections::limits_of;
use std::ops::Range;
use synod_node::{Flow, Node};
use synod_types::{ClientId, limits};
use synod_wire::resp::{Ahead, Args, Lookahead};

/// How much is read from one client before the others get their turn.
pub const READ_BYTES: usize = 64 << 10;
/// How many connections are read before their requests are executed.
const PARTS_MAX: usize = 16;
/// How many requests of one connection are decoded before they are executed.
const AHEAD_MAX: usize = 64;

/// What one connection sent.
struct Part {
    at: usize,
    id: ClientId,
    bytes: Range<usize>,
    requests: Range<usize>,
    /// Where decoding stopped, and why.
    until: usize,
    stop: Ahead,
}

/// What was received and not executed yet.
pub(crate) struct Intake {
    /// Connection behind connection. `used` bytes of it are of this turn.
    bytes: Vec<u8>,
    used: usize,
    ahead: Lookahead,
    parts: Vec<Part>,
    /// What a connection has beyond the first requests.
    more: Lookahead,
    /// Bytes of large values that the commands of this turn have to look at.
    work_bytes: usize,
    /// Those that go on in the next turn, in the order in which they were stopped.
    yielded: Vec<ClientId>,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            bytes: vec![0; PARTS_MAX * READ_BYTES],
            used: 0,
            ahead: Lookahead::default(),
            parts: Vec::with_capacity(PARTS_MAX),
            more: Lookahead::default(),
            work_bytes: 0,
            yielded: Vec::new(),
        }
    }
}

impl Intake {
    /// A turn begins; gives those that were stopped in the turn before.
    pub fn begin_turn(&mut self) -> Vec<ClientId> {
        self.work_bytes = 0;
        std::mem::take(&mut self.yielded)
    }

    /// Whether some wait for the next turn.
    pub fn has_yielded(&self) -> bool {
        !self.yielded.is_empty()
    }

    /// Whether the connection cannot be read before what is here was executed.
    pub fn must_execute_before(&self, at: usize) -> bool {
        self.parts.len() == PARTS_MAX || self.parts.iter().any(|part| part.at == at)
    }

    /// Where the next connection's bytes go.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.used..self.used + READ_BYTES]
    }

    /// The first `n` bytes of the room, which stay unused.
    pub fn arrived(&self, n: usize) -> &[u8] {
        &self.bytes[self.used..self.used + n]
    }

    /// Takes in the first `n` bytes of the room, which begin with a request or go on with one that the decoder
    /// has in part.
    pub fn take(&mut self, at: usize, client: &mut Connection, n: usize) {
        let bytes = self.used..self.used + n;
        self.used += n;
        let first = self.ahead.len();
        let buf = &self.bytes[bytes.clone()];
        let (until, stop) = self.ahead.decode(&mut client.decoder, buf, 0, AHEAD_MAX);
        let requests = first..self.ahead.len();
        self.parts.push(Part { at, id: client.id, bytes, requests, until, stop });
    }

    /// Executes everything. What a connection sent and was not taken goes to its `input`.
    pub fn execute(&mut self, clients: &mut [Option<Connection>], node: &mut Node) {
        if self.ahead.len() > 1 {
            let parts = self.parts.iter();
            node.warm(parts.flat_map(|p| {
                let buf = &self.bytes[p.bytes.clone()];
                p.requests.clone().filter_map(|n| self.ahead.get(n, buf).1.get(1))
            }));
        }
        for part in self.parts.drain(..) {
            let client = clients.get_mut(part.at).and_then(Option::as_mut);
            let Some(client) = client.filter(|client| client.id == part.id) else { continue };
            let buf = &self.bytes[part.bytes];
            let mut turn =
                Turn { work_bytes: &mut self.work_bytes, yielded: &mut self.yielded, node };
            let used = match turn.offer(client, buf, &self.ahead, part.requests) {
                Some(used) => used,
                None => turn.go_on(client, buf, (part.until, part.stop), &mut self.more),
            };
            client.keep(&buf[used..]);
        }
        self.ahead.clear();
        self.used = 0;
    }

    /// Executes what stands at the start of `buf`; how many bytes of it were taken.
    pub fn serve(&mut self, client: &mut Connection, buf: &[u8], node: &mut Node) -> usize {
        let mut turn = Turn { work_bytes: &mut self.work_bytes, yielded: &mut self.yielded, node };
        turn.go_on(client, buf, (0, Ahead::Full), &mut self.more)
    }
}

/// The node, and what this turn may still ask of it.
struct Turn<'a> {
    work_bytes: &'a mut usize,
    yielded: &'a mut Vec<ClientId>,
    node: &'a mut Node,
}

impl Turn<'_> {
    /// Decodes and executes what stands in `buf` behind the place where decoding stopped; how many bytes were taken.
    fn go_on(
        &mut self,
        client: &mut Connection,
        buf: &[u8],
        (mut at, mut stop): (usize, Ahead),
        ahead: &mut Lookahead,
    ) -> usize {
        loop {
            match stop {
                Ahead::Full => {}
                Ahead::Incomplete => return at,
                Ahead::Inline { consumed } => {
                    // The words lie in the decoder, which the connection owns.
                    let decoder = std::mem::take(&mut client.decoder);
                    let step = self.request(client, decoder.args(&buf[at..]));
                    client.decoder = decoder;
                    if step != Step::Next {
                        return self.halt(client, step, at, buf);
                    }
                    at += consumed;
                }
                // It was decoded before the request that logs in was executed.
                Ahead::Failed(error)
                    if error.is_of_strangers() && !self.node.is_stranger(client.id) =>
                {
                    client.decoder.restart();
                    client.decoder.set_limits(limits_of(self.node));
                }
                Ahead::Failed(error) => {
                    let mut reply = Vec::new();
                    error.write_reply(&mut reply);
                    self.node.protocol_error(client.id, &reply);
                    return self.halt(client, Step::GiveUp(Why::Closing), at, buf);
                }
            }
            ahead.clear();
            (at, stop) = ahead.decode(&mut client.decoder, buf, at, AHEAD_MAX);
            if ahead.len() > 1 {
                self.node.warm((0..ahead.len()).filter_map(|n| ahead.get(n, buf).1.get(1)));
            }
            if let Some(used) = self.offer(client, buf, ahead, 0..ahead.len()) {
                return used;
            }
        }
    }

    /// Offers decoded requests to the node. If it does not take them all, how many bytes were taken.
    fn offer(
        &mut self,
        client: &mut Connection,
        buf: &[u8],
        ahead: &Lookahead,
        requests: Range<usize>,
    ) -> Option<usize> {
        for n in requests {
            let (place, args) = ahead.get(n, buf);
            let step = self.request(client, args);
            if step != Step::Next {
                return Some(self.halt(client, step, place.start, buf));
            }
        }
        None
    }

    fn request(&mut self, client: &mut Connection, args: Args<'_>) -> Step {
        let (_, unanswered) = self.node.session_load(client.id);
        if let Some(state) = client.hindrance(self.node) {
            return Step::Wait(state);
        }
        if *self.work_bytes > limits::TURN_WORK_BYTES {
            return Step::Wait(State::Yielded);
        }
        let mut words: smallvec::SmallVec<[&[u8]; 8]> = smallvec::SmallVec::new();
        args.append_to(&mut words);
        if words.first().is_some_and(|name| is_of_a_browser(name)) {
            // It is told nothing, but whoever writes to the sockets has to hear of it.
            self.node.protocol_error(client.id, b"");
            return Step::GiveUp(Why::Foreign);
        }
        match self.node.request(client.id, &words) {
            Flow::Next => {
                client.begun += 1;
                let work = self.node.take_work();
                client.work_bytes = if unanswered == 0 { work } else { client.work_bytes + work };
                *self.work_bytes += work;
                Step::Next
            }
            Flow::Stalled => Step::Wait(State::Stalled),
            Flow::Closing => Step::GiveUp(Why::Closing),
        }
    }

    /// The request at `at` was not taken; how many bytes are done with.
    fn halt(&mut self, client: &mut Connection, step: Step, at: usize, buf: &[u8]) -> usize {
        match step {
            Step::Next => at,
            Step::Wait(state) => {
                client.state = state;
                if state == State::Yielded {
                    self.yielded.push(client.id);
                }
                client.decoder.restart(); // it has seen what stands behind
                at
            }
            Step::GiveUp(why) => {
                client.give_up(why);
                buf.len()
            }
        }
    }
}

/// What became of one request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Next,
    /// Not taken; to be offered again.
    Wait(State),
    GiveUp(Why),
}

/// Whether a request begins as a line of HTTP that no command can be. A page in a browser can have one sent to any
/// port of the reader's machine, and what the page put into the body would be executed as commands.
fn is_of_a_browser(name: &[u8]) -> bool {
    match name.len() {
        4 => name.eq_ignore_ascii_case(b"post"),
        5 => name.eq_ignore_ascii_case(b"host:"),
        _ => false,
    }
}
