//! What each protocol costs when nothing goes wrong, measured in runs.

use super::{CommitProtocol, DELAY_US, Run, Spent, run};
use std::fmt;

/// What one transaction costs. Latencies are in message delays, and in flushes that follow one another, since those of several
/// disks at the same time take as long as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Up to the answer.
    pub answered: Spent,
    /// Up to the moment in which every participant has ended it.
    pub ended: Spent,
    /// In all, with what is done for forgetting it.
    pub whole: Spent,
}

/// Measures it, with flushes so short that they can be told from messages.
///
/// # Panics
/// [`Run::check`] refuses so many participants.
#[must_use]
pub fn costs(protocol: CommitProtocol, participants: usize) -> Costs {
    let outcome = run(&Run { flush_us: 1, ..Run::new(protocol, participants) });
    let answered = outcome.answer.map_or_else(Spent::default, |(_, spent)| spent);
    Costs { answered, ended: outcome.all_ended.unwrap_or_default(), whole: outcome.spent }
}

impl Costs {
    /// Message delays and flushes one after the other.
    #[must_use]
    pub const fn latency(spent: Spent) -> (u64, u64) {
        (spent.us / DELAY_US, spent.us % DELAY_US)
    }
}

impl fmt::Display for Costs {
    /// As cells of a table: messages, flushes, latency up to the answer; messages, flushes, latency up to the end; messages and
    /// flushes in all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for spent in [self.answered, self.ended] {
            let (delays, flushes) = Self::latency(spent);
            write!(f, "{} | {} | {delays} + {flushes} | ", spent.messages, spent.flushes)?;
        }
        write!(f, "{} | {}", self.whole.messages, self.whole.flushes)
    }
}
