//! Whether transactions are strictly serializable: the verdict of adya, which looks for cycles among them, and
//! that of porcupine-rs, which looks for an order (all lists together are one object then).

use crate::transactions::{Ended, Step, Transaction};
use adya::{History, Opts, Valid, Workload};
use porcupine_rs::{CheckResult, Model};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a search may take. The slowest of the tests needs a small part of a second; the rest is for a machine
/// that has other things to do, so that the verdict does not depend on it.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// What adya finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing that a strictly serializable store could not have answered.
    Fine,
    /// These anomalies, and an explanation of the first.
    Wrong(Vec<String>, String),
    /// The history says nothing, or the search took too long.
    Unknown(Vec<String>),
}

/// The verdict of adya.
///
/// # Panics
/// When adya does not understand the history, which would be a mistake of the translation.
#[must_use]
pub fn cycles(history: &[Transaction]) -> Verdict {
    let opts = Opts { timeout: PATIENCE, ..Opts::default() };
    ask(&to_jepsen(history), Workload::ListAppend, &opts)
}

/// What adya says of a history in Jepsen's words.
///
/// # Panics
/// When adya does not understand the history, which would be a mistake of the translation.
pub(crate) fn ask(text: &str, workload: Workload, opts: &Opts) -> Verdict {
    let history = History::from_json(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let report = adya::check(&history, workload, opts);
    match report.valid {
        Valid::True => Verdict::Fine,
        Valid::Unknown => Verdict::Unknown(report.anomaly_types),
        Valid::False => {
            let first = report.anomalies.values().flatten().next();
            let why = first.map(|anomaly| anomaly.explanation.clone()).unwrap_or_default();
            Verdict::Wrong(report.anomaly_types, why)
        }
    }
}

/// The history in Jepsen's words, one event per line.
#[must_use]
pub fn to_jepsen(history: &[Transaction]) -> String {
    let spoken = |transaction: &Transaction| {
        let steps = |answered| transaction.steps.iter().map(|step| micro(step, answered)).collect();
        Spoken {
            call_us: transaction.call_us,
            ended: transaction.ended,
            asked: steps(false),
            answered: steps(true),
        }
    };
    lines(history.iter().map(spoken))
}

/// A transaction whose steps are in Jepsen's words.
pub(crate) struct Spoken {
    /// When it was asked for.
    pub call_us: u64,
    /// How it ended.
    pub ended: Ended,
    /// What was asked.
    pub asked: Vec<Json>,
    /// The same with the answers.
    pub answered: Vec<Json>,
}

/// One event per line. Each transaction is a process of its own, since nothing is asked of one process's order that
/// real time does not ask as well.
pub(crate) fn lines(transactions: impl Iterator<Item = Spoken>) -> String {
    let mut events: Vec<(u64, bool, usize, Json)> = Vec::new();
    for (process, transaction) in transactions.enumerate() {
        let Spoken { call_us, ended, asked, answered } = transaction;
        let event = |kind: &str, value: &[Json]| json!({ "type": kind, "f": "txn", "process": process, "value": value });
        events.push((call_us, false, process, event("invoke", &asked)));
        events.push(match ended {
            Ended::Committed(at_us) => (at_us, true, process, event("ok", &answered)),
            Ended::Aborted => (call_us, true, process, event("fail", &asked)),
            Ended::Unknown => (u64::MAX, true, process, event("info", &asked)),
        });
    }
    // At the same moment calls come first: neither is known to be the earlier one.
    events.sort_by_key(|(at_us, is_end, process, _)| (*at_us, *is_end, *process));
    events.into_iter().map(|(.., event)| format!("{event}\n")).collect()
}

fn micro(step: &Step, answered: bool) -> Json {
    match step {
        Step::Append(key, value) => json!(["append", key, value]),
        Step::Read(key, seen) if answered => json!(["r", key, seen]),
        Step::Read(key, _) => json!(["r", key, Json::Null]),
    }
}

/// The verdict of porcupine-rs; `None` when it ran out of time.
#[must_use]
pub fn orders(history: &[Transaction]) -> Option<bool> {
    let ops: Vec<porcupine_rs::Operation<Lists>> = history
        .iter()
        .filter(|transaction| transaction.ended != Ended::Aborted)
        .map(|transaction| porcupine_rs::Operation {
            client_id: None,
            call_time: transaction.call_us as i64,
            return_time: match transaction.ended {
                Ended::Committed(at_us) => at_us as i64,
                Ended::Aborted | Ended::Unknown => i64::MAX,
            },
            op: transaction.steps.clone(),
            metadata: None,
        })
        .collect();
    match porcupine_rs::check_operations_timeout(&ops, PATIENCE) {
        CheckResult::Ok => Some(true),
        CheckResult::Illegal => Some(false),
        CheckResult::Unknown => None,
    }
}

/// All lists as one object, and a transaction as one operation on it.
#[derive(Clone, Debug)]
struct Lists;

impl Model for Lists {
    type State = BTreeMap<String, Vec<u64>>;
    type Op = Vec<Step>;
    type Metadata = ();

    fn init() -> Self::State {
        BTreeMap::new()
    }

    fn step(state: &Self::State, steps: &Vec<Step>) -> (bool, Self::State) {
        let mut lists = state.clone();
        for step in steps {
            match step {
                Step::Append(key, value) => lists.entry(key.clone()).or_default().push(*value),
                Step::Read(_, None) => {}
                Step::Read(key, Some(seen)) => {
                    if lists.get(key).is_none_or(Vec::is_empty) != seen.is_empty()
                        || lists.get(key).is_some_and(|list| list != seen)
                    {
                        return (false, lists);
                    }
                }
            }
        }
        (true, lists)
    }
}
