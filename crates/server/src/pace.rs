//! Whether the worker flushes its log itself, or a thread beside it does.
//!
//! Waking another thread costs more than a short flush, so while flushes are short the worker flushes at the end of its
//! turn. A long flush would hold up everything else the worker does, heartbeats among them; so when flushes turn long
//! the thread takes over, and gives back only after a run of short ones. The two bounds lie apart: a disk in between
//! stays where it is.
//!
//! ```text
//!            average above SLOW_US, or one flush above STALL_US
//!   Loop ------------------------------------------------------> Thread
//!        <------------------------------------------------------
//!            CALM_FLUSHES in a row below FAST_US
//! ```

use crate::tuning::LogFlush;

/// With a flush that takes longer than this on average, the thread takes over.
const SLOW_US: u64 = 2_000;
/// One flush of this length is enough: a disk that hesitates once will do so again.
const STALL_US: u64 = 50_000;
/// Flushes below this length are short,
const FAST_US: u64 = 1_000;
/// and after so many in a row the worker takes over.
const CALM_FLUSHES: u32 = 64;
/// Over about how many flushes the average goes.
const AVERAGE_OVER: u64 = 8;

/// Who flushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The worker, in its loop.
    Loop,
    /// The thread beside it.
    Thread,
}

/// Follows how long flushes take.
#[derive(Debug)]
pub struct Pace {
    choice: LogFlush,
    place: Place,
    average_us: u64,
    calm: u32,
}

impl Pace {
    /// Nothing flushed yet.
    pub fn new(choice: LogFlush) -> Self {
        let place = if choice == LogFlush::Thread { Place::Thread } else { Place::Loop };
        Self { choice, place, average_us: 0, calm: 0 }
    }

    /// Who flushes next.
    pub fn place(&self) -> Place {
        self.place
    }

    /// A flush took this long.
    pub fn record(&mut self, us: u64) {
        if self.choice != LogFlush::Auto {
            return;
        }
        self.average_us = (self.average_us * (AVERAGE_OVER - 1) + us) / AVERAGE_OVER;
        match self.place {
            Place::Loop if us >= STALL_US || self.average_us > SLOW_US => {
                (self.place, self.calm) = (Place::Thread, 0);
            }
            Place::Loop => {}
            Place::Thread => {
                self.calm = if us < FAST_US { self.calm + 1 } else { 0 };
                if self.calm >= CALM_FLUSHES {
                    (self.place, self.average_us) = (Place::Loop, us);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where flushes of these lengths leave it, each given as length and how many of them.
    fn after(choice: LogFlush, flushes: &[(u64, u32)]) -> Place {
        let mut pace = Pace::new(choice);
        for (us, times) in flushes {
            (0..*times).for_each(|_| pace.record(*us));
        }
        pace.place()
    }

    #[test]
    fn short_flushes_stay_in_the_loop_and_long_ones_leave_it() {
        let cases: [(&[(u64, u32)], Place); 8] = [
            (&[], Place::Loop),
            (&[(200, 1000)], Place::Loop),
            (&[(200, 100), (9_000, 1)], Place::Loop),
            (&[(200, 100), (60_000, 1)], Place::Thread),
            (&[(1_000_000, 1)], Place::Thread),
            (&[(200, 100), (3_000, 16)], Place::Thread),
            (&[(1_900, 1000)], Place::Loop),
            (&[(2_100, 1000)], Place::Thread),
        ];
        for (flushes, place) in cases {
            assert_eq!(after(LogFlush::Auto, flushes), place, "{flushes:?}");
        }
    }

    #[test]
    fn it_comes_back_after_a_run_of_short_ones_and_not_in_between() {
        let cases: [(&[(u64, u32)], Place); 5] = [
            (&[(9_000, 20), (200, CALM_FLUSHES - 1)], Place::Thread),
            (&[(9_000, 20), (200, CALM_FLUSHES)], Place::Loop),
            (&[(9_000, 20), (200, 60), (1_500, 1), (200, 60)], Place::Thread),
            (&[(9_000, 20), (1_500, 1000)], Place::Thread),
            (&[(9_000, 20), (200, CALM_FLUSHES), (1_500, 1000)], Place::Loop),
        ];
        for (flushes, place) in cases {
            assert_eq!(after(LogFlush::Auto, flushes), place, "{flushes:?}");
        }
    }

    #[test]
    fn a_choice_is_kept_whatever_the_disk_does() {
        assert_eq!(after(LogFlush::Loop, &[(1_000_000, 100)]), Place::Loop);
        assert_eq!(after(LogFlush::Thread, &[(10, 1000)]), Place::Thread);
    }
}
