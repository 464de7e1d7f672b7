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

#[cfg(test)]
mod tests {
    use super::*;

    const DOCS: &str = include_str!("../../../../docs/transactions.md");

    #[test]
    fn the_table_in_the_docs_is_what_is_measured() {
        let mut rows = Vec::new();
        for protocol in CommitProtocol::ALL {
            for participants in [2, 3, 5] {
                let costs = costs(protocol, participants);
                rows.push(format!("| `{protocol}` | {participants} | {costs} |"));
            }
        }
        let told: Vec<&str> = DOCS.lines().filter(|line| is_row(line)).collect();
        assert_eq!(told, rows, "docs/transactions.md has to say:\n{}", rows.join("\n"));
    }

    fn is_row(line: &str) -> bool {
        CommitProtocol::ALL.iter().any(|protocol| line.starts_with(&format!("| `{protocol}` |")))
    }

    #[test]
    fn the_runs_in_the_docs_end_as_they_say() {
        let mut runs = 0;
        for line in DOCS.lines().filter(|line| line.starts_with("synod sim --commit-protocol")) {
            let (command, verdict) = line.split_once("# ").expect("a verdict behind the command");
            let words: Vec<&str> = command.split_whitespace().collect();
            let after = |name| words.iter().position(|word| *word == name).map(|at| words[at + 1]);
            let protocol = after("--commit-protocol").and_then(|word| word.parse().ok());
            let participants = after("--participants").map_or(Ok(2), str::parse);
            let mut told = Run::new(protocol.expect("a protocol"), participants.expect("a number"));
            let strikes = after("--strikes").expect("strikes").split(',');
            told.strikes = strikes.map(|word| word.parse().expect("a strike")).collect();
            assert_eq!(run(&told).verdict(), verdict, "{command}");
            runs += 1;
        }
        assert!(runs > 10, "{runs} runs");
    }
}
