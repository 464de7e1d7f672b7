//! From bytes to requests.
//!
//! The sockets that are ready in a turn are read first, and what they hold is decoded; then the keys of all these
//! requests are fetched side by side; only then are the requests executed, connection by connection.

use super::clients::Client;
use std::ops::Range;
use synod_node::{Flow, Node};
use synod_types::ClientId;
use synod_wire::resp::{Ahead, Args, Lookahead};

/// How much is read from one client before the others get their turn.
pub(super) const READ_BYTES: usize = 64 << 10;
/// How many connections are read before their requests are executed.
const PARTS_MAX: usize = super::EVENTS_MAX;
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
pub(super) struct Intake {
    /// Connection behind connection. `used` bytes of it are of this turn.
    bytes: Vec<u8>,
    used: usize,
    ahead: Lookahead,
    parts: Vec<Part>,
    /// What a connection has beyond the first requests.
    more: Lookahead,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            bytes: vec![0; PARTS_MAX * READ_BYTES],
            used: 0,
            ahead: Lookahead::default(),
            parts: Vec::with_capacity(PARTS_MAX),
            more: Lookahead::default(),
        }
    }
}

impl Intake {
    /// Whether the connection cannot be read before what is here was executed.
    pub fn must_execute_before(&self, at: usize) -> bool {
        self.parts.len() == PARTS_MAX || self.parts.iter().any(|part| part.at == at)
    }

    /// Where the next connection's bytes go.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.used..self.used + READ_BYTES]
    }

    /// Takes in the first `n` bytes of the room, which begin with a request or go on with one that the decoder
    /// has in part.
    pub fn take(&mut self, at: usize, client: &mut Client, n: usize) {
        let bytes = self.used..self.used + n;
        self.used += n;
        let first = self.ahead.len();
        let buf = &self.bytes[bytes.clone()];
        let (until, stop) = self.ahead.decode(&mut client.decoder, buf, 0, AHEAD_MAX);
        let requests = first..self.ahead.len();
        self.parts.push(Part { at, id: client.id, bytes, requests, until, stop });
    }

    /// Executes everything. What a connection sent and was not taken goes to its `input`.
    pub fn execute(&mut self, clients: &mut [Option<Client>], node: &mut Node) {
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
            let used = match offer(client, buf, &self.ahead, part.requests, node) {
                Some(used) => used,
                None => go_on(client, buf, (part.until, part.stop), &mut self.more, node),
            };
            client.input.extend_from_slice(&buf[used..]);
        }
        self.ahead.clear();
        self.used = 0;
    }

    /// Executes what stands at the start of `buf`; how many bytes of it were taken.
    pub fn serve(&mut self, client: &mut Client, buf: &[u8], node: &mut Node) -> usize {
        go_on(client, buf, (0, Ahead::Full), &mut self.more, node)
    }
}

/// Decodes and executes what stands in `buf` behind the place where decoding stopped; how many bytes were taken.
fn go_on(
    client: &mut Client,
    buf: &[u8],
    (mut at, mut stop): (usize, Ahead),
    ahead: &mut Lookahead,
    node: &mut Node,
) -> usize {
    loop {
        match stop {
            Ahead::Full => {}
            Ahead::Incomplete => return at,
            Ahead::Inline { consumed } => {
                let flow = request(client.id, client.decoder.args(&buf[at..]), node);
                if flow != Flow::Next {
                    return halt(client, flow, at, buf);
                }
                at += consumed;
            }
            Ahead::Failed(error) => {
                let mut reply = Vec::new();
                error.write_reply(&mut reply);
                node.protocol_error(client.id, &reply);
                return buf.len();
            }
        }
        ahead.clear();
        (at, stop) = ahead.decode(&mut client.decoder, buf, at, AHEAD_MAX);
        if ahead.len() > 1 {
            node.warm((0..ahead.len()).filter_map(|n| ahead.get(n, buf).1.get(1)));
        }
        if let Some(used) = offer(client, buf, ahead, 0..ahead.len(), node) {
            return used;
        }
    }
}

/// Offers decoded requests to the node. If it does not take them all, how many bytes were taken.
fn offer(
    client: &mut Client,
    buf: &[u8],
    ahead: &Lookahead,
    requests: Range<usize>,
    node: &mut Node,
) -> Option<usize> {
    for n in requests {
        let (place, args) = ahead.get(n, buf);
        let flow = request(client.id, args, node);
        if flow != Flow::Next {
            return Some(halt(client, flow, place.start, buf));
        }
    }
    None
}

fn request(client: ClientId, args: Args<'_>, node: &mut Node) -> Flow {
    let mut words: smallvec::SmallVec<[&[u8]; 8]> = smallvec::SmallVec::new();
    args.append_to(&mut words);
    node.request(client, &words)
}

/// The request at `at` was not taken; how many bytes are done with.
fn halt(client: &mut Client, flow: Flow, at: usize, buf: &[u8]) -> usize {
    if flow == Flow::Closing {
        return buf.len();
    }
    client.stalled = true;
    client.decoder.restart(); // it has seen what stands behind
    at
}
