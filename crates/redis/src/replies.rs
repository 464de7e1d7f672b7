//! The replies of one session, in the order of its requests.

use crate::calls::Called;
use crate::errors::ErrorCounts;
use smallvec::SmallVec;
use std::collections::VecDeque;
use synod_wire::resp::{Proto, RespWriter};

/// What a request does, as far as the order of requests on one connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It changes nothing.
    Read,
    /// It goes into the log.
    Write,
}

/// Replies up to this length wait for their turn without an allocation; most replies to writes do.
const REPLY_INLINE_BYTES: usize = 24;

/// A place in the order of replies.
#[derive(Debug)]
struct Place {
    /// `None` for a reply that was ready at once and only waits for its turn.
    kind: Option<Kind>,
    /// What was called.
    called: Called,
    /// When the request came.
    since_us: u64,
    /// CLIENT REPLY had it dropped when the request came, whatever was asked for since.
    quiet: bool,
    /// Whatever comes behind it waits until it is answered.
    barrier: bool,
    reply: Option<SmallVec<[u8; REPLY_INLINE_BYTES]>>,
}

/// A request whose place was filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Of what kind it was.
    pub kind: Kind,
    /// What was called.
    pub called: Called,
    /// When it came.
    pub since_us: u64,
    /// Whether it was answered an error.
    pub failed: bool,
}

/// Replies that are ready, and the places of those that are not.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    /// Ready to be written to the socket.
    pub out: Vec<u8>,
    /// In order; the first belongs to request `head`.
    places: VecDeque<Place>,
    head: u64,
    /// The place of the last write.
    last_write: Option<u64>,
    reads: usize,
    writes: usize,
    /// Requests without an answer that everything behind them waits for: a WATCH, since a read that overtook it could
    /// miss a change that it then does not see either; an EXEC that runs commands of this session once its partition
    /// has answered; calls of the workers of this node.
    barriers: usize,
}

impl Replies {
    /// How many requests wait for their reply, or for that of one before them.
    #[inline]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    #[inline]
    pub fn writes(&self) -> usize {
        self.writes
    }

    #[inline]
    pub fn reads(&self) -> usize {
        self.reads
    }

    #[inline]
    pub fn barriers(&self) -> usize {
        self.barriers
    }

    /// The place of the next reply.
    #[inline]
    pub fn next(&self) -> u64 {
        self.head + self.places.len() as u64
    }

    /// Whether the reply at this place has left, or will never be.
    pub fn has_left(&self, seq: u64) -> bool {
        seq < self.head || self.places.is_empty()
    }

    pub fn has_written_behind(&self, seq: u64) -> bool {
        self.last_write.is_some_and(|last| last > seq)
    }

    /// Takes a place in the order.
    pub fn reserve(&mut self, kind: Kind, called: Called, since_us: u64, quiet: bool) -> u64 {
        let seq = self.head + self.places.len() as u64;
        match kind {
            Kind::Read => self.reads += 1,
            Kind::Write => {
                self.writes += 1;
                self.last_write = Some(seq);
            }
        }
        let kind = Some(kind);
        let (barrier, reply) = (false, None);
        self.places.push_back(Place { kind, called, since_us, quiet, barrier, reply });
        seq
    }

    /// Lets everything behind the place reserved last wait until it is filled.
    pub fn close_behind(&mut self) {
        if let Some(place) = self.places.back_mut() {
            place.barrier = true;
            self.barriers += 1;
        }
    }

    /// Writes a reply at once, behind those still awaited.
    #[inline]
    pub fn write(
        &mut self,
        proto: Proto,
        since_us: u64,
        errors: &mut ErrorCounts,
        write: impl FnOnce(&mut RespWriter<'_>),
    ) {
        let start = self.out.len();
        write(&mut RespWriter::new(&mut self.out, proto));
        errors.note(&self.out[start..]);
        if self.places.is_empty() {
            self.head += 1;
        } else {
            let reply = Some(SmallVec::from_slice(&self.out[start..]));
            self.out.truncate(start);
            let (kind, quiet, barrier) = (None, false, false);
            let called = Called::NONE;
            self.places.push_back(Place { kind, called, since_us, quiet, barrier, reply });
        }
    }

    /// Fills a place reserved before, and says whose it was. A place that is unknown is passed over. `mute`: nothing is written to this client any more.
    pub fn fill(
        &mut self,
        seq: u64,
        proto: Proto,
        mute: bool,
        errors: &mut ErrorCounts,
        write: &mut dyn FnMut(&mut RespWriter<'_>),
    ) -> Option<Filled> {
        let at = seq.checked_sub(self.head)? as usize;
        let place = self.places.get_mut(at)?;
        let (kind, called, since_us) = (place.kind?, place.called, place.since_us);
        if std::mem::take(&mut place.barrier) {
            self.barriers -= 1;
        }
        let quiet = place.quiet || mute;
        let start = self.out.len();
        write(&mut RespWriter::new(&mut self.out, proto));
        errors.note(&self.out[start..]);
        let failed = self.out.get(start) == Some(&b'-');
        if quiet {
            self.out.truncate(start);
        }
        if at == 0 {
            self.pop();
            while let Some(reply) = self.places.front_mut().and_then(|p| p.reply.take()) {
                self.out.extend_from_slice(&reply);
                self.pop();
            }
        } else if let Some(place) = self.places.get_mut(at) {
            place.reply = Some(SmallVec::from_slice(&self.out[start..]));
            self.out.truncate(start);
        }
        Some(Filled { kind, called, since_us, failed })
    }

    fn pop(&mut self) {
        self.head += 1;
        match self.places.pop_front().and_then(|p| p.kind) {
            Some(Kind::Read) => self.reads -= 1,
            Some(Kind::Write) => self.writes -= 1,
            None => {}
        }
    }
}
