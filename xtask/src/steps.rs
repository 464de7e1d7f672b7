//! A run of named steps: a heading and the time for each, a stop at the first failure with the command
//! that repeats just that step, and one line of totals at the end.

use crate::program::Tally;
use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// A run under way.
pub struct Steps {
    started: Instant,
    taken: Vec<(String, Duration)>,
    total: Tally,
}

impl Steps {
    /// Starts the clock.
    pub fn new() -> Self {
        Self { started: Instant::now(), taken: Vec::new(), total: Tally::default() }
    }

    /// Takes one step. `again` is the command that repeats it.
    pub fn take(
        &mut self,
        title: &str,
        again: &str,
        work: impl FnOnce() -> Result<Tally>,
    ) -> Result<()> {
        println!("\n=== {}. {title}", self.taken.len() + 1);
        let began = Instant::now();
        let result = work();
        let time = began.elapsed();
        self.taken.push((title.to_owned(), time));
        let tally = result.unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            Tally { failed: 1, ..Tally::default() }
        });
        self.total.add(tally);
        if tally.failed == 0 {
            println!("--- {title}: passed in {}", seconds(time));
            return Ok(());
        }
        println!("--- {title}: FAILED after {}", seconds(time));
        println!("    to repeat this step:  {again}");
        self.summary();
        bail!("{title} failed");
    }

    /// Prints the time of each step and, as the last line, what passed and failed.
    pub fn summary(&self) {
        println!("\n=== {} in all", seconds(self.started.elapsed()));
        for (title, time) in &self.taken {
            println!("{:>8}  {title}", seconds(*time));
        }
        if self.total.skipped > 0 {
            println!("{} skipped", self.total.skipped);
        }
        println!("{} passed, {} failed", self.total.passed, self.total.failed);
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
