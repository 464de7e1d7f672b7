//! How the worker's loop goes about its work where more than one way is right and the machine decides which is cheap.

use crate::config::ConfigError;
use std::str::FromStr;

/// How the log's batches reach the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogWrites {
    /// Past the page cache where the file system takes that, through it elsewhere.
    Auto,
    /// Through the page cache, with an `fdatasync`.
    #[default]
    Buffered,
}

/// Which thread writes and syncs the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFlush {
    /// The worker itself while flushes are short, a thread beside it while they are not.
    Auto,
    /// Always the worker, at the end of its turn; what is large or rare excepted.
    Loop,
    /// Always the thread beside it.
    #[default]
    Thread,
}

/// What an operator may choose; the defaults suit every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// How batches reach the disk.
    pub log_writes: LogWrites,
    /// Who brings them there.
    pub log_flush: LogFlush,
    /// How long a worker looks for more to do before it sleeps, in microseconds; 0: it sleeps at once. No longer than
    /// [`SPIN_US_MAX`].
    pub spin_us: u32,
}

/// How long a worker looks for more to do when nobody says otherwise: not at all, until it is measured on an idle machine
/// that it pays.
pub const SPIN_US_DEFAULT: u32 = 0;
/// The longest it may be told to.
pub const SPIN_US_MAX: u32 = 10_000;

impl Default for Tuning {
    fn default() -> Self {
        Self {
            log_writes: LogWrites::default(),
            log_flush: LogFlush::default(),
            spin_us: SPIN_US_DEFAULT,
        }
    }
}

impl LogWrites {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Auto, Self::Buffered];

    /// As flags, files and `CONFIG GET` spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Buffered => "buffered",
        }
    }
}

impl FromStr for LogWrites {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let known = Self::ALL.into_iter().find(|choice| choice.as_str() == text);
        known.ok_or_else(|| ConfigError(format!("`{text}` is none of auto, buffered")))
    }
}

impl LogFlush {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Loop, Self::Thread];

    /// As flags, files and `CONFIG GET` spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Loop => "loop",
            Self::Thread => "thread",
        }
    }
}

impl FromStr for LogFlush {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let known = Self::ALL.into_iter().find(|choice| choice.as_str() == text);
        known.ok_or_else(|| ConfigError(format!("`{text}` is none of auto, loop, thread")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn choices_read_back_as_they_are_spelled() {
        for choice in LogWrites::ALL {
            assert_eq!(choice.as_str().parse(), Ok(choice));
        }
        for choice in LogFlush::ALL {
            assert_eq!(choice.as_str().parse(), Ok(choice));
        }
        let error = "side".parse::<LogFlush>().unwrap_err();
        assert_eq!(error.to_string(), "`side` is none of auto, loop, thread");
    }
}
