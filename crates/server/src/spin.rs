//! Whether a worker looks for more to do for a moment before it sleeps.
//!
//! To be woken on another core costs some 50 us, and the waker a part of that; when the next request comes sooner, looking
//! is cheaper for both. But it takes a core that somebody else may want, and is in vain when nothing comes. Both are
//! measured over each period, and the next is spent accordingly.

use std::fs;
use std::time::{Duration, Instant};

/// How long a judgement holds.
const PERIOD: Duration = Duration::from_secs(1);
/// With more of these in a period somebody else wants the core: the kernel took it from the worker.
const TAKEN_MAX: u64 = 50;
/// Of so many looks at least one has to find something.
const LOOKS_PER_FIND: u32 = 2;
/// Fewer looks in a period say nothing.
const LOOKS_MIN: u32 = 64;

/// Decides for one worker, on its own thread.
#[derive(Debug)]
pub struct Spin {
    length: Duration,
    on: bool,
    looks: u32,
    finds: u32,
    judged: Instant,
    taken: u64,
}

impl Spin {
    /// For a worker that is one of `workers` on `cores`: with no core to spare it never looks.
    pub fn new(us: u32, workers: usize, cores: usize) -> Self {
        let on = us > 0 && workers < cores;
        let length = if on { Duration::from_micros(us.into()) } else { Duration::ZERO };
        Self { length, on, looks: 0, finds: 0, judged: Instant::now(), taken: 0 }
    }

    /// How long to look now; nothing: sleep.
    pub fn length(&mut self) -> Option<Duration> {
        if self.length.is_zero() {
            return None;
        }
        if self.judged.elapsed() >= PERIOD {
            self.judged = Instant::now();
            self.judge(times_the_core_was_taken());
        }
        self.on.then_some(self.length)
    }

    /// A look is over.
    pub fn looked(&mut self, found: bool) {
        self.looks += 1;
        self.finds += u32::from(found);
    }

    fn judge(&mut self, taken: u64) {
        let wanted_by_others = taken.saturating_sub(self.taken) > TAKEN_MAX;
        let in_vain = self.looks >= LOOKS_MIN && self.finds * LOOKS_PER_FIND < self.looks;
        // A period without looks has shown nothing, and the next may try.
        self.on = !wanted_by_others && !in_vain;
        (self.taken, self.looks, self.finds) = (taken, 0, 0);
    }
}

/// How often the kernel has taken the core from this thread while it had more to do.
fn times_the_core_was_taken() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(looks: u32, finds: u32, taken: u64) -> bool {
        let mut spin = Spin::new(40, 1, 2);
        (0..looks).for_each(|n| spin.looked(n < finds));
        spin.judge(taken);
        spin.length().is_some()
    }

    #[test]
    fn it_looks_while_that_finds_something_and_nobody_wants_the_core() {
        for (looks, finds, taken, on) in [
            (0, 0, 0, true),
            (10, 0, 0, true),
            (1000, 900, 10, true),
            (1000, 100, 10, false),
            (1000, 900, 1000, false),
            (0, 0, 1000, false),
        ] {
            assert_eq!(judged(looks, finds, taken), on, "{looks} {finds} {taken}");
        }
    }

    #[test]
    fn it_tries_again_after_a_period() {
        let mut spin = Spin::new(40, 1, 2);
        (0..1000).for_each(|_| spin.looked(false));
        spin.judge(0);
        assert!(spin.length().is_none());
        spin.judge(0);
        assert!(spin.length().is_some());
    }

    #[test]
    fn it_never_looks_without_a_core_to_spare_or_when_told_not_to() {
        assert!(Spin::new(40, 2, 2).length().is_none());
        assert!(Spin::new(40, 1, 1).length().is_none());
        assert!(Spin::new(0, 1, 8).length().is_none());
        assert!(Spin::new(40, 1, 2).length().is_some());
    }
}
