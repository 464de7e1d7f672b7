//! What the coordinator of this node has done since it was started.

use std::sync::atomic::{AtomicU64, Ordering};
use synod_coordinator::{Phase, Record};

/// Counts, for `/metrics`.
#[derive(Debug, Default)]
pub struct Counters {
    begun: AtomicU64,
    committed: AtomicU64,
    aborted: AtomicU64,
    ended: AtomicU64,
    taken_over: AtomicU64,
    resolved: AtomicU64,
    called: AtomicU64,
    called_again: AtomicU64,
    called_in_vain: AtomicU64,
    preparing: AtomicU64,
}

fn add(to: &AtomicU64) {
    to.fetch_add(1, Ordering::Relaxed);
}

/// A participant that is being prepared.
pub struct Preparing<'a>(&'a Counters);

impl Drop for Preparing<'_> {
    fn drop(&mut self) {
        self.0.preparing.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counters {
    /// A transaction was begun here.
    pub fn begun(&self) {
        add(&self.begun);
    }

    /// An operator has said that a participant's part is over.
    pub fn resolved(&self) {
        add(&self.resolved);
    }

    /// A step was stored from here: what it made of the record.
    pub fn stepped(&self, before: &Record, after: &Record) {
        if before.phase != after.phase {
            match after.phase {
                Phase::Committed => add(&self.committed),
                Phase::Aborted => add(&self.aborted),
                Phase::Open | Phase::Preparing | Phase::PreCommitted => {}
            }
        }
        if before.ended_ms.is_none() && after.ended_ms.is_some() {
            add(&self.ended);
        }
        // Whoever stops driving says so; a driver that another one follows was lost.
        if before.driver != 0 && after.token > before.token {
            add(&self.taken_over);
        }
    }

    /// A participant is asked to prepare.
    pub fn preparing(&self) -> Preparing<'_> {
        add(&self.preparing);
        Preparing(self)
    }

    /// A participant was asked or told something, for the first time or once more.
    pub fn called(&self, again: bool, answered: bool) {
        add(&self.called);
        if again {
            add(&self.called_again);
        }
        if !answered {
            add(&self.called_in_vain);
        }
    }

    /// The names of the metrics, what they are, and their values.
    pub fn told(&self) -> [(&'static str, &'static str, u64); 10] {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("synod_tx_begun_total", "Transactions of /v1/tx begun at this node.", of(&self.begun)),
            ("synod_tx_committed_total", "Those that this node committed.", of(&self.committed)),
            ("synod_tx_aborted_total", "Those that this node aborted.", of(&self.aborted)),
            (
                "synod_tx_ended_total",
                "Those of which this node heard the last acknowledgement.",
                of(&self.ended),
            ),
            (
                "synod_tx_taken_over_total",
                "Those that this node took over from a driver that was lost.",
                of(&self.taken_over),
            ),
            (
                "synod_tx_resolved_total",
                "Participants that operators said were over.",
                of(&self.resolved),
            ),
            (
                "synod_tx_calls_total",
                "Callbacks of services and steps in databases.",
                of(&self.called),
            ),
            (
                "synod_tx_calls_retried_total",
                "Those of them that were tried before.",
                of(&self.called_again),
            ),
            (
                "synod_tx_calls_failed_total",
                "Those of them without an acknowledgement.",
                of(&self.called_in_vain),
            ),
            ("synod_tx_preparing", "Participants that are being prepared.", of(&self.preparing)),
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use synod_coordinator::{Kind, Participant, Protocol};

    #[test]
    fn each_step_counts_once() {
        let counters = Counters::default();
        let mut record = Record::begin("a".into(), "u".into(), Protocol::TwoPhase, 0, 1_000);
        let http = Kind::Http { url: "http://a/".into(), data: serde_json::Value::Null };
        record.enlist(Participant::new("one".into(), http)).unwrap();
        let mut step = |change: &dyn Fn(&mut Record)| {
            let before = record.clone();
            change(&mut record);
            counters.stepped(&before, &record);
        };
        step(&|record| _ = record.ask_commit().unwrap());
        step(&|record| record.claim(1, 0).unwrap());
        step(&|record| record.claim(2, 10_000).unwrap());
        step(&|record| record.renew(10_001));
        step(&|record| record.told(&[(0, Err("no".into()))], 10_002));
        step(&|record| record.told(&[(0, Ok(()))], 10_003));
        drop(counters.preparing());
        counters.called(true, false);
        let told: Vec<u64> = counters.told().iter().map(|(.., value)| *value).collect();
        // Aborted, since its driver was lost; ended; taken over; called, once more, in vain.
        assert_eq!(told, [0, 0, 1, 1, 1, 0, 1, 1, 1, 0]);
    }
}
