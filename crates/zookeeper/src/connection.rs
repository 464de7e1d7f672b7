//! One client's connection: where it stands, and what it waits for.
//!
//! ```text
//! Greeting --Connect--> Connecting --Session--> Connected --Close, expiry, failure--> Closing
//!     |                     +------------ session expired --------------------------> Closing
//!     +---- a four-letter word ------------------------------------------------------> Closing
//! ```

use crate::auth::Identities;
use crate::pending::Pending;
use crate::watches::Watches;
use std::collections::VecDeque;
use std::net::IpAddr;
use synod_tree::{Answer, Reply};

/// A connection of this gate. No other connection, of any gate, ever has the same number: it is the owner of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// The most requests of one connection that wait for their replies; then no more is read from it.
const WAITING_MAX: usize = 1_000;
/// The most bytes of replies that wait to be read by the client; then no more is read from it.
const OUTPUT_BYTES_MAX: usize = 16 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Greeting,
    Connecting,
    Connected,
    /// Nothing more is taken; it is closed once its output is written.
    Closing,
}

/// One request whose reply has not left.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub xid: i32,
    pub pending: Pending,
    pub state: State,
    /// When it came.
    pub since_us: u64,
}

impl Waiting {
    pub fn new(xid: i32, pending: Pending, state: State) -> Self {
        Self { xid, pending, state, since_us: 0 }
    }
}

/// How far it is.
#[derive(Debug)]
pub(crate) enum State {
    /// Not on its way yet: the operation, and whether it reads.
    Held(Vec<u8>, bool),
    /// On its way.
    Sent(bool),
    /// Answered.
    Answered(Reply),
}

impl State {
    /// Of a request that the gate answers itself.
    pub fn local() -> Self {
        Self::Answered(Reply { zxid: 0, answer: Answer::Done })
    }
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub phase: Phase,
    pub session: i64,
    pub timeout_us: u64,
    pub ids: Identities,
    pub watches: Watches,
    /// The change by which the session came to this connection.
    pub since: i64,
    /// The newest change that the client was shown.
    pub shown: i64,
    /// Whether its client takes what a replica without a leader has, and whether it is served that.
    pub takes_read_only: bool,
    pub read_only: bool,
    /// Whether the client was heard from since the leader was told so last.
    pub heard: bool,
    /// Until when the leader has certainly not let the session expire, less the timeout.
    pub confirmed_us: u64,
    pub input: Vec<u8>,
    pub output: Vec<u8>,
    queue: VecDeque<Waiting>,
    /// The place of the first in the queue.
    first: u64,
}

impl Connection {
    pub fn new(address: IpAddr) -> Self {
        Self {
            phase: Phase::Greeting,
            session: 0,
            timeout_us: 0,
            ids: Identities::new(address),
            watches: Watches::default(),
            since: 0,
            shown: 0,
            takes_read_only: false,
            read_only: false,
            heard: false,
            confirmed_us: 0,
            input: Vec::new(),
            output: Vec::new(),
            queue: VecDeque::new(),
            first: 0,
        }
    }

    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Whether more of its bytes should be read.
    pub fn wants_input(&self) -> bool {
        !matches!(self.phase, Phase::Connecting | Phase::Closing)
            && self.queue.len() < WAITING_MAX
            && self.output.len() < OUTPUT_BYTES_MAX
    }

    pub fn push(&mut self, waiting: Waiting, now_us: u64) {
        self.queue.push_back(Waiting { since_us: now_us, ..waiting });
    }

    /// The next operation that may set out, with its place: reads and writes are not on their way together.
    pub fn next_to_send(&mut self) -> Option<(u64, Vec<u8>, bool)> {
        let mut under_way = None;
        for (at, waiting) in self.queue.iter_mut().enumerate() {
            match &mut waiting.state {
                State::Answered(_) => {}
                State::Sent(read) => under_way = Some(*read),
                State::Held(_, read) if under_way.is_some_and(|kind| kind != *read) => return None,
                State::Held(op, read) => {
                    let (op, read) = (std::mem::take(op), *read);
                    waiting.state = State::Sent(read);
                    return Some((self.first + at as u64, op, read));
                }
            }
        }
        None
    }

    /// An answer has come.
    pub fn answer(&mut self, place: u64, reply: Reply) {
        let at = place.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        if let Some(waiting) = at.and_then(|at| self.queue.get_mut(at)) {
            waiting.state = State::Answered(reply);
        }
    }

    /// A request was refused; it was not executed.
    pub fn refuse(&mut self, place: u64, code: i32) {
        let at = place.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        if let Some(waiting) = at.and_then(|at| self.queue.get_mut(at)) {
            waiting.pending = Pending::Local(Err(code));
            waiting.state = State::local();
        }
    }

    /// The zxid of the oldest request's answer, if it has come.
    pub fn front_zxid(&self) -> Option<i64> {
        match &self.queue.front()?.state {
            State::Answered(reply) => Some(reply.zxid),
            _ => None,
        }
    }

    /// Whether a watch may come with the oldest request.
    pub fn front_watches(&self) -> bool {
        self.queue.front().is_some_and(|waiting| waiting.pending.watches())
    }

    /// Takes the oldest request out, which is answered.
    pub fn pop(&mut self) -> Option<(Waiting, Reply)> {
        let mut waiting = self.queue.pop_front()?;
        self.first += 1;
        match std::mem::replace(&mut waiting.state, State::Sent(true)) {
            State::Answered(reply) => Some((waiting, reply)),
            _ => None,
        }
    }

    /// Whether its client has asked for its end.
    pub fn is_leaving(&self) -> bool {
        self.queue.iter().any(|waiting| waiting.pending == Pending::Close)
    }

    /// Whether it is no session, but somebody who sent a word.
    pub fn asks_for_word(&self) -> bool {
        self.queue.front().is_some_and(|waiting| matches!(waiting.pending, Pending::Word(_)))
    }

    /// Nothing more is taken and nothing more is answered.
    pub fn close(&mut self) {
        self.phase = Phase::Closing;
        self.first += self.queue.len() as u64;
        self.queue.clear();
        self.input = Vec::new();
    }
}
