//! Time as a value. Nothing in a pure crate asks a clock.

use std::fmt;

/// Unix time in milliseconds. A leader stamps it into each entry and never lets it go backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the world's clocks say: `wall` for expiry and people, `mono_us` for durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Unix time; may jump either way.
    pub wall: Millis,
    /// Microseconds since some moment before the process began; never goes backwards.
    pub mono_us: u64,
}
