//! What happened, as a hash always and as a list when somebody wants to see it.

use std::collections::{BTreeMap, VecDeque};

/// The most messages, requests and log positions that are kept; the last ones tell why a run failed.
const FLOW_MAX: usize = 150_000;
/// The most of everything else.
const MARKS_MAX: usize = 50_000;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives at this moment, unless the connection breaks before.
    Arrives(u64),
    /// It vanishes.
    Lost,
    /// It waits until its direction speaks again, and is then sent anew or lost with the connection.
    Held,
}

/// One thing that happened, for people. Nodes and clients count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Frames went from one node to another.
    Message {
        /// The sender.
        from: usize,
        /// The receiver.
        to: usize,
        /// What becomes of it.
        fate: Fate,
        /// What they are.
        what: String,
    },
    /// A node came up.
    Up(usize),
    /// A node went down, and why.
    Down(usize, &'static str),
    /// A process stands still until this moment.
    Paused(usize, u64),
    /// The connection of two nodes stands, or breaks.
    Wire(usize, usize, bool),
    /// A direction falls silent, or speaks again.
    Silent(usize, usize, bool),
    /// A node became the leader of a group in a term.
    Leader(usize, u32, u64),
    /// Where a node's log of a group stands.
    Group {
        /// The node.
        node: usize,
        /// The group.
        group: u32,
        /// `L`eader, `C`andidate or `F`ollower.
        role: char,
        /// Its term.
        term: u64,
        /// Its last entry.
        last: u64,
        /// Its last entry known to be committed.
        commit: u64,
        /// Its last entry applied.
        applied: u64,
    },
    /// A client asks.
    Asked {
        /// Counts the requests of a run.
        request: u64,
        /// The client.
        client: usize,
        /// The node that it is connected to.
        node: usize,
        /// What it asks.
        what: String,
    },
    /// A client learns what became of a request.
    Answered {
        /// Which one.
        request: u64,
        /// What became of it.
        outcome: String,
    },
    /// All trouble ended.
    Healed,
    /// Where a node stands from now on, in words.
    Note(usize, String),
}

/// The events of a run; of a long one the last.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    marks: VecDeque<(u64, Item)>,
    flow: VecDeque<(u64, Item)>,
    /// The last position of each log, so that only changes are kept.
    positions: BTreeMap<(usize, u32), Item>,
    /// The positions that were dropped last: what is kept builds on them.
    dropped_positions: BTreeMap<(usize, u32), Item>,
    dropped: u64,
}

impl Trace {
    /// When, in microseconds, and what. In order of time, but messages apart from the rest.
    pub fn items(&self) -> impl Iterator<Item = &(u64, Item)> {
        self.marks.iter().chain(&self.flow)
    }

    /// Where the logs stood before the first item of those that were kept.
    pub fn dropped_positions(&self) -> impl Iterator<Item = &Item> {
        self.dropped_positions.values()
    }

    /// How many events were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// When the first event is that was kept.
    #[must_use]
    pub fn begin_us(&self) -> u64 {
        match self.dropped {
            0 => 0,
            _ => self.flow.front().map_or(0, |(at, _)| *at),
        }
    }

    fn push(&mut self, at_us: u64, item: Item) {
        let (kept, most) = match item {
            Item::Group { node, group, .. } => {
                let before = self.positions.insert((node, group), item.clone());
                if before.as_ref() == Some(&item) {
                    return;
                }
                (&mut self.flow, FLOW_MAX)
            }
            Item::Message { .. } | Item::Asked { .. } | Item::Answered { .. } => {
                (&mut self.flow, FLOW_MAX)
            }
            _ => (&mut self.marks, MARKS_MAX),
        };
        kept.push_back((at_us, item));
        if kept.len() > most
            && let Some((_, item)) = kept.pop_front()
        {
            self.dropped += 1;
            if let Item::Group { node, group, .. } = item {
                self.dropped_positions.insert((node, group), item);
            }
        }
    }
}

/// Hashes, and keeps if asked to.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    hash: u64,
    pub kept: Option<Trace>,
}

impl Recorder {
    pub fn new(keep: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, kept: keep.then(Trace::default) }
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn mix(&mut self, word: u64) {
        self.hash = (self.hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    }

    pub fn mix_bytes(&mut self, bytes: &[u8]) {
        self.mix(u64::from(crc32c::crc32c(bytes)) << 32 | bytes.len() as u64);
    }

    pub fn keep(&mut self, at_us: u64, item: impl FnOnce() -> Item) {
        if let Some(trace) = &mut self.kept {
            trace.push(at_us, item());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_its_end_and_says_so() {
        let mut trace = Trace::default();
        let position = |last| {
            let (node, group, role, term) = (0, 1, 'L', 1);
            Item::Group { node, group, role, term, last, commit: 0, applied: 0 }
        };
        trace.push(0, position(7));
        trace.push(1, position(7));
        for at in 0..FLOW_MAX as u64 {
            let (request, outcome) = (0, String::new());
            trace.push(2 + at, Item::Answered { request, outcome });
        }
        trace.push(9, Item::Healed);
        assert_eq!(trace.dropped(), 1);
        assert_eq!(trace.items().count(), FLOW_MAX + 1);
        assert_eq!(trace.begin_us(), 2);
        assert_eq!(trace.dropped_positions().collect::<Vec<_>>(), [&position(7)]);
    }
}
