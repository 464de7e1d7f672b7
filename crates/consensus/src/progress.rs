//! What a leader knows of one peer, and how fast it may feed it.
//!
//! ```text
//!            acknowledged                needs what left the window
//!   Probe ----------------> Replicate        (from Probe)
//!     ^  <----------------      |         Probe --------> Snapshot
//!     |   rejected, silent      |                            |
//!     +-------------------------+   <------ acknowledged ----+ (to Replicate)
//! ```

use std::collections::VecDeque;
use synod_types::Index;

/// How a peer is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It has not joined the reign: it is greeted, and not fed.
    Absent,
    /// Its log is not known: one append at a time, then wait.
    Probe {
        /// An append is out; the next one waits for an answer.
        waiting: bool,
    },
    /// Its log is known to match: appends are pipelined, `next` runs ahead of the answers.
    Replicate,
    /// It needs entries that left the window, and takes in a snapshot.
    Snapshot {
        /// The snapshot is to be offered (again).
        due: bool,
    },
}

/// One peer of a leader.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The last entry it is known to hold durably. `matched < next`. It falls when the peer turns out to have lost
    /// what it held.
    pub matched: Index,
    /// The next entry to send.
    pub next: Index,
    /// The highest commit it said it knows.
    pub commit: Index,
    /// The last read round it answered.
    pub round: u64,
    /// The tick at which it was last heard.
    pub heard: u64,
    /// The tick at which it last took something, or at which something was sent after a quiet time.
    pub moved: u64,
    /// Ask whether it has everything up to `next - 1`, because it has said nothing for long.
    pub nudge: bool,
    /// How it is fed.
    pub flow: Flow,
    inflight: Inflight,
}

impl Progress {
    /// A peer of which nothing is known but that it is worth asking from `next` on.
    #[must_use]
    pub fn new(next: Index, now: u64) -> Self {
        Self {
            matched: Index(0),
            next,
            commit: Index(0),
            round: 0,
            heard: now,
            moved: now,
            nudge: false,
            flow: Flow::Probe { waiting: false },
            inflight: Inflight::default(),
        }
    }

    /// It has joined the reign, and is worth asking from `next` on.
    pub fn join(&mut self, next: Index, now: u64) {
        self.heard = now;
        if self.flow == Flow::Absent {
            self.flow = Flow::Probe { waiting: false };
            self.next = next.max(self.matched.next());
        }
    }

    /// Is to be asked from `next` on first, unless it has answered already.
    pub fn aim(&mut self, next: Index) {
        if self.matched == Index(0) && self.flow == (Flow::Probe { waiting: false }) {
            self.next = next.max(Index(1));
        }
    }

    /// Starts over from what is known for sure.
    pub fn probe(&mut self) {
        self.next = self.matched.next();
        self.flow = Flow::Probe { waiting: false };
        self.nudge = false;
        self.inflight.clear();
    }

    /// Pipelines from what is known for sure.
    pub fn replicate(&mut self) {
        self.next = self.matched.next();
        self.flow = Flow::Replicate;
        self.inflight.clear();
    }

    /// Waits for a snapshot.
    pub fn snapshot(&mut self) {
        self.next = self.matched.next();
        self.flow = Flow::Snapshot { due: true };
        self.nudge = false;
        self.inflight.clear();
    }

    /// It was heard, so a probe may be tried again.
    pub fn resume(&mut self) {
        if let Flow::Probe { waiting } = &mut self.flow {
            *waiting = false;
        }
    }

    /// Whether a pipelining peer may be sent more.
    #[must_use]
    pub fn has_room(&self, inflight_bytes_max: usize) -> bool {
        self.inflight.bytes < inflight_bytes_max
    }

    /// Whether something was sent that is not answered.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.inflight.queue.is_empty()
    }

    /// Entries up to `last`, of `bytes`, were sent in the pipeline.
    pub fn sent(&mut self, last: Index, bytes: usize, now: u64) {
        if !self.is_waiting() {
            self.moved = now;
        }
        self.next = last.next();
        self.inflight.add(last, bytes);
    }

    /// It holds everything up to `matched`. Tells whether that is news.
    pub fn acknowledged(&mut self, matched: Index, now: u64) -> bool {
        let news = matched > self.matched;
        if news {
            self.matched = matched;
            self.next = self.next.max(matched.next());
            self.moved = now;
            self.nudge = false;
        }
        self.inflight.free(matched);
        news
    }

    /// It has no entry at `prev` that matches; its best guess is that `hint` does. Answers to appends that no longer
    /// matter change nothing. `first` is the first entry of the leader's reign.
    ///
    /// Whoever lacks what it has acknowledged has a disk that lied. A rejection alone does not prove that: it may be
    /// older than the acknowledgement, and overtaken by it. So the peer is asked once more, and what it says then is
    /// taken: nothing of this reign counts as held by it before it acknowledges it anew. A rejection that was old
    /// after all costs one append more. What was committed on the strength of its word stays committed.
    pub fn rejected(&mut self, prev: Index, hint: Index, first: Index) {
        if prev < self.matched || prev == Index(0) {
            return;
        }
        match self.flow {
            Flow::Replicate => self.probe(),
            Flow::Probe { .. } if prev == self.next.prev() => {
                self.next = hint.next().min(prev);
                if prev == self.matched {
                    self.matched = self.next.prev().min(first.prev());
                }
                self.next = self.next.max(self.matched.next());
                self.flow = Flow::Probe { waiting: false };
            }
            Flow::Probe { .. } | Flow::Snapshot { .. } | Flow::Absent => {}
        }
    }
}

/// The appends that are under way, oldest first.
#[derive(Clone, Debug, Default)]
struct Inflight {
    queue: VecDeque<(Index, usize)>,
    /// The sum of the queue.
    bytes: usize,
}

impl Inflight {
    fn add(&mut self, last: Index, bytes: usize) {
        self.queue.push_back((last, bytes));
        self.bytes += bytes;
    }

    fn free(&mut self, matched: Index) {
        while let Some((last, bytes)) = self.queue.front() {
            if *last > matched {
                break;
            }
            self.bytes -= bytes;
            self.queue.pop_front();
        }
    }

    fn clear(&mut self) {
        self.queue.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer of a reign that began with entry 5, at `matched`, in `flow`.
    fn peer(matched: u64, flow: Flow) -> Progress {
        let mut peer = Progress::new(Index(matched + 1), 0);
        peer.acknowledged(Index(matched), 0);
        peer.flow = flow;
        peer
    }

    fn after(matched: u64, flow: Flow, prev: u64, hint: u64) -> (u64, u64, bool) {
        let mut peer = peer(matched, flow);
        peer.rejected(Index(prev), Index(hint), Index(5));
        assert!(peer.matched < peer.next);
        (peer.matched.0, peer.next.0, matches!(peer.flow, Flow::Probe { waiting: false }))
    }

    #[test]
    fn what_was_acknowledged_is_in_doubt_only_when_it_was_asked_for_again() {
        let asked = Flow::Probe { waiting: true };
        assert_eq!(after(9, Flow::Replicate, 8, 3), (9, 10, false), "older than what came since");
        assert_eq!(after(9, Flow::Replicate, 9, 3), (9, 10, true), "it is asked again");
        assert_eq!(after(9, asked, 8, 3), (9, 10, false));
        assert_eq!(after(9, asked, 9, 3), (3, 4, true), "it has forgotten");
        assert_eq!(after(9, asked, 9, 8), (4, 9, true), "and nothing of this reign counts");
        assert_eq!(after(9, asked, 9, 9), (4, 9, true), "whatever it guesses");
        assert_eq!(after(1, asked, 1, 0), (0, 1, true));
        assert_eq!(after(0, asked, 0, 0), (0, 1, false), "the beginning is everybody's");
        assert_eq!(after(9, Flow::Snapshot { due: false }, 9, 3), (9, 10, false));
    }
}
