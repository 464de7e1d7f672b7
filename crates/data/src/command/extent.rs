//! How much of its values a command looks at, so that what takes long is known before it is begun.

use crate::{Args, Keyspace};

/// What the time of a command grows with.
#[derive(Clone, Copy, Debug)]
pub enum Extent {
    /// Its arguments alone, or so few elements that it does not matter.
    Little,
    /// All bytes of the values at its keys.
    Whole,
    /// The elements between two indices, the first of which is this argument.
    Span(u8),
    /// So many elements.
    Elements(fn(&Keyspace, &Args<'_>) -> usize),
    /// The product of two values' lengths.
    Product,
    /// What its script does.
    Script,
}

impl Extent {
    /// Whether it takes no time worth counting.
    #[inline]
    #[must_use]
    pub const fn is_little(self) -> bool {
        matches!(self, Self::Little)
    }
}
