//! Replies that clients have not read: where memory is limited they count together, for whoever sends requests and reads
//! nothing would otherwise be answered until there is none left.
//!
//! Above an eighth of what the ceiling leaves, nobody is answered ahead of what it reads. Above five sixteenths those
//! that leave most are closed, as Redis does by `maxmemory-clients`: there may be so many that one reply each is too much. One
//! reply alone, which is no longer than a quarter, never is.

use crate::node::Node;
use synod_types::{ClientId, limits};

/// The share of what the ceiling leaves that is much, and the one that is too much: buffers take a quarter more than what is in
/// them, and some more is begun before it is looked at again.
const MUCH_SHARE: usize = 8;
const TOO_MUCH_HALVES: usize = 5;

impl Node {
    /// Whether it matters how much clients have not read.
    #[must_use]
    pub fn counts_unread(&self) -> bool {
        self.memory.spare.is_some()
    }

    /// How many bytes of replies the sessions of this worker have that the world has not taken.
    #[must_use]
    pub fn unread_bytes(&self) -> usize {
        self.clients.sessions().iter().map(|session| session.out().len()).sum()
    }

    /// The clients of all workers have left so many bytes unread: how many of them are too many.
    pub fn weigh_unread(&mut self, all: usize) -> usize {
        let much = self.memory.part(MUCH_SHARE, limits::HELD_BYTES_MIN, usize::MAX);
        self.memory.many_unread = all > much;
        all.saturating_sub((much / 2).saturating_mul(TOO_MUCH_HALVES))
    }

    /// Closes a client because of what it has not read; `false` if it is to be left alone, by `CLIENT NO-EVICT`, or is gone.
    pub fn evict_client(&mut self, client: ClientId) -> bool {
        let Some(session) = self.clients.session(client) else { return false };
        if session.is_kept() || session.is_killed() {
            return false;
        }
        session.kill(&mut self.output.ready);
        self.counted.counters_mut().clients_evicted += 1;
        true
    }

    /// Whether clients have left so much unread that whoever has not read all of its replies gets no further ones.
    #[inline]
    #[must_use]
    pub fn has_many_unread(&self) -> bool {
        self.memory.many_unread
    }

    /// A connection begins no request while so many bytes of replies are unread or expected.
    #[inline]
    #[must_use]
    pub fn output_mark(&self) -> usize {
        match self.memory.many_unread {
            true => limits::OUTPUT_MARK_SCARCE_BYTES,
            false => limits::OUTPUT_MARK_BYTES,
        }
    }
}
