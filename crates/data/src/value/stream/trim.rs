//! How much of a stream stays when it is trimmed.

use super::StreamId;
use super::node::Node;

/// How much of a stream stays.
#[derive(Clone, Copy, Debug)]
pub struct Trim {
    /// What is kept.
    pub keep: Keep,
    /// Remove whole nodes only, perhaps keeping a few more entries than asked for.
    pub approximate: bool,
    /// Remove at most so many; 0: no limit.
    pub limit: usize,
}

/// Which entries stay.
#[derive(Clone, Copy, Debug)]
pub enum Keep {
    /// The newest so many.
    Newest(usize),
    /// Those at or above this id.
    From(StreamId),
}

impl Trim {
    /// How many of the first entries of the oldest node are to go from a stream of `len`.
    pub(super) fn surplus(&self, len: usize, oldest: &Node) -> usize {
        match self.keep {
            Keep::Newest(keep) => len.saturating_sub(keep).min(oldest.count()),
            Keep::From(id) if oldest.last() < id => oldest.count(),
            Keep::From(id) => oldest.entries().take_while(|entry| entry.id < id).count(),
        }
    }
}
