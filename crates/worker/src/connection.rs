//! One client's connection without its socket: what it sent and was not executed, and what it is still to be told.

use crate::outbox::Outbox;
use crate::sums::{Counted, Sum};
use synod_node::Node;
use synod_types::plant::planted;
use synod_types::{ClientId, limits};
use synod_wire::resp::{Decoder, Limits};

/// An empty input buffer larger than this is given back.
const KEEP_BYTES_MAX: usize = 64 << 10;
/// A larger one grows by half, not to the double: what it grows from is there until it is copied.
const SLOW_GROWTH_BYTES: usize = 1 << 20;

/// Why a connection was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its session closes: it asked for that, sent what is no request, or was closed by another.
    Closing,
    /// It sent a web browser's request: nothing is answered.
    Foreign,
}

/// Whether what it sends is looked at. See the crate's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Stalled,
    Held,
    Loaded,
    Yielded,
    GivenUp(Why),
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    pub(crate) id: ClientId,
    pub(crate) decoder: Decoder,
    /// Received and not consumed yet. Empty once the connection is given up.
    pub(crate) input: Vec<u8>,
    /// How much memory that takes.
    counted: Counted,
    pub(crate) state: State,
    /// Bytes of large values that the requests under way have to look at.
    pub(crate) work_bytes: usize,
    /// How many requests may be under way; `1 <= window <= limits::INFLIGHT_MAX`.
    pub(crate) window: usize,
    /// How many requests were taken, and how many of them were answered when output was taken last.
    pub(crate) begun: u64,
    answered: u64,
    /// How long the replies have been: as long as the longest lately, or their average where they get shorter, in bytes.
    reply_bytes: usize,
    /// What is to be written to the socket.
    pub outbox: Outbox,
}

impl Connection {
    pub(crate) fn new(id: ClientId, all: Sum, window: usize) -> Self {
        Self {
            id,
            decoder: Decoder::new(Limits::default()),
            input: Vec::new(),
            counted: Counted::new(all),
            state: State::Open,
            work_bytes: 0,
            window,
            begun: 0,
            answered: 0,
            reply_bytes: 0,
            outbox: Outbox::default(),
        }
    }

    /// Its session.
    #[must_use]
    pub fn id(&self) -> ClientId {
        self.id
    }

    /// Whether its socket may be read.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.state == State::Open
    }

    /// Whether nothing that it sends will be looked at again, and why.
    #[must_use]
    pub fn given_up(&self) -> Option<Why> {
        match self.state {
            State::GivenUp(why) => Some(why),
            _ => None,
        }
    }

    /// Whether a request that was received has yet to be offered to the node again.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        matches!(self.state, State::Stalled | State::Held | State::Loaded | State::Yielded)
    }

    /// Whether it waits for its client to read what it was told.
    #[must_use]
    pub fn waits_for_reader(&self) -> bool {
        self.state == State::Held
    }

    /// Whether it waits for its client to read or for replies, and enough of that has come to pass that it can go on.
    #[must_use]
    pub fn can_resume(&self, node: &mut Node) -> bool {
        let (unsent, unanswered) = node.session_load(self.id);
        let unread = self.outbox.len() + unsent;
        match self.state {
            State::Held if planted("held-for-ever") => false,
            State::Held if node.has_many_unread() => unread == 0,
            State::Held => unread <= limits::OUTPUT_MARK_BYTES / 2,
            State::Loaded if self.work_bytes > limits::INFLIGHT_WORK_BYTES => unanswered == 0,
            State::Loaded => {
                let few = self.expected_bytes(node, unanswered + 1) <= node.output_mark();
                unanswered == 0 || (few && unanswered <= self.window / 2)
            }
            _ => false,
        }
    }

    /// Takes over what the session has to say while so many requests have no reply yet. How much that is at a time tells how
    /// many requests may be under way: the size of their replies is known only when they are there.
    pub fn take_output(&mut self, out: &mut Vec<u8>, unanswered: usize) {
        if !out.is_empty() {
            self.learn(out.len(), unanswered);
        }
        self.outbox.take(out);
    }

    fn learn(&mut self, bytes: usize, unanswered: usize) {
        self.window = match bytes > limits::OUTPUT_MARK_BYTES {
            true => (self.window / 2).max(1),
            false => (self.window * 2).min(limits::INFLIGHT_MAX),
        };
        let answered = self.begun.saturating_sub(unanswered as u64);
        let replies = answered.saturating_sub(self.answered);
        if replies > 0 {
            let each = bytes / replies as usize;
            let less = self.reply_bytes.saturating_sub(each);
            self.reply_bytes = each.max(self.reply_bytes - less.div_ceil(8));
            self.answered = answered;
        }
    }

    /// How many bytes the replies to so many requests are expected to take, by what there is here and by what this client
    /// was answered lately.
    fn expected_bytes(&self, node: &Node, requests: usize) -> usize {
        node.expected_bytes(requests).max(requests.saturating_mul(self.reply_bytes))
    }

    /// Why its next request has to wait, if it has to.
    pub(crate) fn hindrance(&self, node: &mut Node) -> Option<State> {
        let (unsent, unanswered) = node.session_load(self.id);
        let unread = self.outbox.len() + unsent;
        if unread > node.output_mark() || (unread > 0 && node.has_many_unread()) {
            return Some(State::Held);
        }
        if unanswered == 0 {
            return None;
        }
        let much = self.work_bytes > limits::INFLIGHT_WORK_BYTES
            || unanswered >= self.window.min(node.window_max())
            || unread + self.expected_bytes(node, unanswered + 1) > node.output_mark();
        much.then_some(State::Loaded)
    }

    /// Nothing that it sent or sends will be looked at again.
    pub(crate) fn give_up(&mut self, why: Why) {
        self.state = State::GivenUp(why);
        self.input = Vec::new();
        self.counted.set(0);
    }

    /// Keeps bytes until the request that they belong to is whole. A declared length is not believed: memory at most
    /// doubles, and where the end of the request is in sight it grows to that.
    pub(crate) fn keep(&mut self, bytes: &[u8]) {
        let (held, missing) = (self.input.len(), self.decoder.missing());
        let full = self.input.capacity() - held < bytes.len();
        if full && missing >= bytes.len() && (held / 4..held).contains(&missing) {
            self.input.reserve_exact(missing);
        } else if full && held >= SLOW_GROWTH_BYTES {
            self.input.reserve_exact(bytes.len().max(held / 2));
        }
        self.input.extend_from_slice(bytes);
        self.counted.set(self.input.capacity());
    }

    /// The first `used` bytes of the input are done with.
    pub(crate) fn consume(&mut self, used: usize) {
        self.input.drain(..used.min(self.input.len()));
        if self.input.is_empty() && self.input.capacity() > KEEP_BYTES_MAX {
            self.input = Vec::new();
        }
        self.counted.set(self.input.capacity());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(connection: &mut Connection, bytes: usize) {
        connection.begun += 1;
        connection.take_output(&mut vec![0; bytes], 0);
        let all = connection.outbox.len();
        connection.outbox.wrote(all);
    }

    /// Replies of 256 KiB that came one at a time widened the window as small ones do, and then came all at once.
    #[test]
    fn how_long_replies_are_is_learned_at_once_and_forgotten_slowly() {
        let mut connection = Connection::new(ClientId(1), Sum::default(), 8);
        answered(&mut connection, 100);
        assert_eq!(connection.reply_bytes, 100);
        answered(&mut connection, 256 << 10);
        assert_eq!(connection.reply_bytes, 256 << 10);
        answered(&mut connection, 5);
        assert!(connection.reply_bytes > 200 << 10, "{}", connection.reply_bytes);
        for _ in 0..200 {
            answered(&mut connection, 5);
        }
        assert_eq!(connection.reply_bytes, 5);
        // What a subscriber is told answers nothing.
        connection.take_output(&mut vec![0; 1 << 10], 0);
        assert_eq!(connection.reply_bytes, 5);
    }
}
