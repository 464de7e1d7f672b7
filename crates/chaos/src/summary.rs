//! What a run tells people, and what it leaves behind when something was found.

use std::fmt;
use std::time::Duration;

use synod_checker::{Outcome, format};

use crate::failover;
use crate::nemesis::{Deeds, Kind};
use crate::net::Carried;
use crate::verdict::Verdict;
use crate::workload::Record;

/// One run.
#[derive(Debug)]
pub struct Summary {
    /// The seed of its choices.
    pub seed: u64,
    /// How long the trouble lasted.
    pub seconds: u64,
    /// What the clients saw.
    pub record: Record,
    /// What was done to the nodes.
    pub deeds: Deeds,
    /// How long the cluster took to heal after the last deed.
    pub healed: Duration,
    /// How long the whole cluster took to start again, from a kill of all its nodes.
    pub restarted: Duration,
    /// How long the checkers took.
    pub judging: Duration,
    /// What they say.
    pub verdict: Verdict,
}

impl Summary {
    /// Whether the run ended as it should.
    pub fn is_well(&self, expect_loss: bool, failover_p99_ms: Option<u64>) -> bool {
        if expect_loss {
            return self.verdict.lost > 0;
        }
        self.verdict.passed() && self.slow(failover_p99_ms).is_none()
    }

    /// What took too long to find a new leader, with nothing else wrong.
    pub fn slow(&self, failover_p99_ms: Option<u64>) -> Option<String> {
        let limit = failover_p99_ms.map_or(Duration::MAX, Duration::from_millis);
        let all = &self.deeds.failovers;
        let never = all.iter().any(Option::is_none);
        let late = percentile(all, 99).is_some_and(|took| took > limit);
        (never || late).then(|| format!("writes failed for too long: {}", failovers(all)))
    }

    /// The history with a heading; of the keys that the checkers found fault with if there are such.
    pub fn history_file(&self) -> String {
        let suspects = &self.verdict.keys;
        let of_interest = |key: &String| suspects.is_empty() || suspects.contains(key);
        let history: Vec<_> =
            self.record.history.iter().filter(|op| of_interest(&op.key)).cloned().collect();
        let mut text = format!("# seed {}\n", self.seed);
        for line in self.deeds.diary.iter().chain(&self.verdict.findings) {
            for line in line.lines() {
                text.push_str("# ");
                text.push_str(line);
                text.push('\n');
            }
        }
        text + &format::encode(&history)
    }

    fn count(&self, wanted: fn(&Outcome) -> bool) -> usize {
        self.record.history.iter().filter(|op| wanted(&op.outcome)).count()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let acknowledged = self.count(|outcome| matches!(outcome, Outcome::Returned { .. }));
        let unknown = self.count(|outcome| *outcome == Outcome::Unknown);
        let refused = self.count(|outcome| *outcome == Outcome::Refused);
        let deeds = &self.deeds;
        writeln!(
            f,
            "operations  {} in {} s: {acknowledged} answered, {unknown} unknown, {refused} refused",
            self.record.history.len(),
            self.seconds
        )?;
        writeln!(f, "trouble     {}", troubles(deeds))?;
        if !deeds.kill_gaps.is_empty() {
            writeln!(f, "kill gaps   {}", times(deeds.kill_gaps.iter().copied()))?;
        }
        if deeds.carried.packets > 0 {
            writeln!(f, "packets     {}", packets(&deeds.carried))?;
        }
        writeln!(f, "failover    {}", failovers(&deeds.failovers))?;
        if !deeds.failovers_amid.is_empty() {
            let limit = failover::LIMIT_AMID.as_secs();
            let told = failovers(&deeds.failovers_amid);
            writeln!(f, "  amid      {told} (amid other trouble, within {limit} s)")?;
        }
        if !deeds.convergences.is_empty() {
            writeln!(f, "converged   {}", times(deeds.convergences.iter().copied()))?;
        }
        writeln!(f, "healed      after {} ms", self.healed.as_millis())?;
        writeln!(f, "restarted   after {} ms", self.restarted.as_millis())?;
        let verdict = &self.verdict;
        writeln!(
            f,
            "judged      {} keys, {} statements of the bank, {} steps, {} ms",
            verdict.keys_judged,
            self.record.statements.len(),
            verdict.steps,
            self.judging.as_millis()
        )?;
        if verdict.passed() {
            return writeln!(f, "verdict     every acknowledged write is there; linearizable");
        }
        writeln!(f, "verdict     {} acknowledged writes lost, and:", verdict.lost)?;
        verdict.findings.iter().try_for_each(|finding| writeln!(f, "  {finding}"))
    }
}

/// How often each kind was done.
fn troubles(deeds: &Deeds) -> String {
    let told = deeds.done.iter().map(|(kind, times)| match kind {
        Kind::Damage => format!("{times} {} ({} refused)", kind.name(), deeds.damage_refused),
        _ => format!("{times} {}", kind.name()),
    });
    told.collect::<Vec<_>>().join(", ")
}

fn packets(carried: &Carried) -> String {
    format!(
        "{} between nodes: {} delayed, {} overtaken, {} corrupted (and {} past TCP's checksum), {} dropped",
        carried.packets,
        carried.delayed,
        carried.late,
        carried.corrupted,
        carried.corrupted_hidden,
        carried.dropped
    )
}

/// The same of times that all came to an end.
fn times(all: impl Iterator<Item = Duration>) -> String {
    failovers(&all.map(Some).collect::<Vec<_>>())
}

/// Median, 99th percentile and longest.
fn failovers(all: &[Option<Duration>]) -> String {
    let Some(longest) = percentile(all, 100) else {
        return format!("none of {} measured", all.len());
    };
    let at = |percent| percentile(all, percent).unwrap_or(longest).as_millis();
    let never = all.iter().filter(|took| took.is_none()).count();
    let never = if never > 0 { format!(", {never} never") } else { String::new() };
    format!(
        "{} measured: median {} ms, p99 {} ms, longest {} ms{never}",
        all.len(),
        at(50),
        at(99),
        longest.as_millis()
    )
}

/// The time that `percent` of those that came to an end stayed within; `None` if none did.
fn percentile(all: &[Option<Duration>], percent: usize) -> Option<Duration> {
    let mut took: Vec<Duration> = all.iter().flatten().copied().collect();
    took.sort_unstable();
    took.get((took.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failovers_are_summed_up() {
        assert_eq!(failovers(&[]), "none of 0 measured");
        assert_eq!(failovers(&[None]), "none of 1 measured");
        let mut all: Vec<_> = (1..=100).map(|ms| Some(Duration::from_millis(ms))).collect();
        all.push(None);
        let told = failovers(&all);
        assert_eq!(told, "101 measured: median 50 ms, p99 99 ms, longest 100 ms, 1 never");
        assert_eq!(percentile(&all[..7], 99), Some(Duration::from_millis(7)));
    }
}
