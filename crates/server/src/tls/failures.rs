//! Failed connections, told in the log now and then: whoever can connect could fill it otherwise.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A door tells of one failure in this time.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// The failures of one door.
#[derive(Debug, Default)]
pub struct Failures(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    last: Option<Instant>,
    untold: u64,
}

impl Failures {
    /// One more: how many were not told before it, if this one is to be.
    pub fn tell(&self) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.last.is_some_and(|last| last.elapsed() < TOLD_EVERY) {
            told.untold += 1;
            return None;
        }
        told.last = Some(Instant::now());
        Some(std::mem::take(&mut told.untold))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flood_one_line_is_told() {
        let failures = Failures::default();
        assert_eq!(failures.tell(), Some(0));
        assert!((0..1000).all(|_| failures.tell().is_none()));
        failures.0.lock().unwrap().last = None;
        assert_eq!(failures.tell(), Some(1000));
        assert_eq!(failures.tell(), None);
    }
}
