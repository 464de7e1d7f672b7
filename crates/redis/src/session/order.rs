//! The order of a session's requests: what one has to wait for before it is looked at.

use super::{CAPTURED, Session};
use crate::mode::{Flow, ReplyMode, Waits};
use crate::replies::Kind;
use crate::sessions::Ready;
use synod_types::limits;

/// The order of its requests.
impl Session {
    /// What a request has to wait for before it is looked at, if anything.
    #[inline]
    #[must_use]
    pub fn obstacle(&self) -> Option<Waits> {
        if self.replies.barriers() > 0 {
            return Some(Waits::Barrier);
        }
        (self.replies.len() >= limits::INFLIGHT_MAX).then_some(Waits::Room)
    }

    /// Has the next request offered again when this is over.
    pub fn wait_for(&mut self, what: Waits) -> Flow {
        self.waits = Some(what);
        Flow::Stalled
    }

    /// What the next request waits for, if it was offered and not taken.
    #[must_use]
    pub fn waits(&self) -> Option<Waits> {
        self.waits
    }

    /// The next request is offered again, if it waits; whether it does.
    pub(crate) fn go_on(&mut self, ready: &mut Ready) {
        self.waits = None;
        ready.resumed.push(self.id);
    }

    /// Whether what the next request waits for is over.
    pub(crate) fn may_go_on(&self) -> bool {
        match self.waits {
            None | Some(Waits::Pause | Waits::NodeRoom) => false,
            Some(Waits::Barrier) => self.replies.barriers() == 0,
            Some(Waits::Room) => self.replies.len() < limits::INFLIGHT_MAX,
            Some(Waits::Writes) => self.replies.writes() == 0,
            Some(Waits::Idle) => self.is_idle(),
        }
    }

    /// Whether nothing is in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.replies.len() == 0
    }

    /// Whether a transaction runs a command of it. What comes behind it is not taken until that is over.
    #[must_use]
    pub fn is_inside_exec(&self) -> bool {
        self.reply_mode == ReplyMode::Captured
    }

    /// How many requests wait for their reply, or for that of one before them.
    #[inline]
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.replies.len()
    }

    /// How many reads and how many writes are under way.
    #[inline]
    #[must_use]
    pub fn under_way(&self) -> (usize, usize) {
        (self.replies.reads(), self.replies.writes())
    }

    /// Whether a write is under way.
    #[inline]
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.replies.writes() > 0 && self.reply_mode != ReplyMode::Captured
    }

    /// Whether a write came behind the request at this place.
    #[must_use]
    pub fn has_written_behind(&self, seq: u64) -> bool {
        self.replies.has_written_behind(seq)
    }

    /// Takes a place in the order of replies. What runs for a transaction has its own, [`CAPTURED`].
    #[inline]
    pub fn reserve(&mut self, kind: Kind) -> u64 {
        if self.reply_mode == ReplyMode::Captured {
            self.expects_captured = true;
            return CAPTURED;
        }
        let quiet = self.reply_mode != ReplyMode::On;
        self.replies.reserve(kind, self.called, self.active_us, quiet)
    }

    /// Takes a place in the order of replies, and lets everything behind it wait until it is filled.
    pub fn reserve_barrier(&mut self, kind: Kind) -> u64 {
        let seq = self.reserve(kind);
        if seq != CAPTURED {
            self.replies.close_behind();
        }
        seq
    }
}
