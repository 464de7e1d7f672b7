//! What clients of the simulator saw, as transactions over all keys at once, which adya judges: to the checkers of
//! single keys, keys are independent of each other.
//!
//! A list's operation is a transaction of one step. A register's is one of a read, a write, or both (a swap, which is
//! WATCH, GET, MULTI, SET, EXEC); a register whose name begins with `m` is kept in three keys, which MSET writes and
//! MGET reads. Registers hide what they held before, so adya works out an order of their values from real time.

use crate::isolation::{PATIENCE, Spoken, Verdict, ask, lines};
use crate::transactions::{Ended, Step, Transaction};
use adya::{Opts, Workload};
use serde_json::{Value as Json, json};
use synod_checker::{Input, Operation, Outcome, Output};

/// How many keys a register of several keys has.
pub const TOGETHER: usize = 3;

/// Reads and writes of registers, as one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The keys that it is about.
    pub keys: Vec<String>,
    /// What each of them held, if it was read and the answer was seen.
    pub seen: Option<Vec<Option<u64>>>,
    /// What is written to all of them.
    pub written: Option<u64>,
    /// When it was asked for, in microseconds.
    pub call_us: u64,
    /// How it ended.
    pub ended: Ended,
}

fn ended(op: &Operation) -> Ended {
    match op.outcome {
        Outcome::Refused => Ended::Aborted,
        Outcome::Unknown => Ended::Unknown,
        Outcome::Returned { return_us, .. } => Ended::Committed(return_us),
    }
}

/// The operations on lists.
#[must_use]
pub fn lists(history: &[Operation]) -> Vec<Transaction> {
    let transaction = |op: &Operation| {
        let step = match (&op.input, op.output()) {
            (Input::Append(value), _) => Step::Append(op.key.clone(), *value),
            (Input::Items, Some(Output::List(seen))) => {
                Step::Read(op.key.clone(), Some(seen.clone()))
            }
            (Input::Items, _) => Step::Read(op.key.clone(), None),
            _ => return None,
        };
        Some(Transaction { steps: vec![step], call_us: op.call_us, ended: ended(op) })
    };
    history.iter().filter_map(transaction).collect()
}

/// The operations on registers.
#[must_use]
pub fn registers(history: &[Operation]) -> Vec<Access> {
    let access = |op: &Operation| {
        let (seen, written) = match (&op.input, op.output()) {
            (Input::Read, Some(Output::Value(value))) => (Some(*value), None),
            (Input::Read, _) => (None, None),
            (Input::Write(value), _) => (None, Some(*value)),
            // A swap that found something else has written nothing, and was not told what it found.
            (Input::Swap { .. }, Some(Output::Swapped(false))) => return None,
            (Input::Swap { from, to }, _) => (Some(*from), Some(*to)),
            _ => return None,
        };
        let keys = keys_of(&op.key);
        let seen = seen.map(|value| vec![value; keys.len()]);
        Some(Access { keys, seen, written, call_us: op.call_us, ended: ended(op) })
    };
    history.iter().filter_map(access).collect()
}

fn keys_of(register: &str) -> Vec<String> {
    if register.starts_with('m') {
        return (0..TOGETHER).map(|n| format!("{{{register}}}{n}")).collect();
    }
    vec![register.to_owned()]
}

/// The verdict of adya on registers.
///
/// # Panics
/// When adya does not understand the history, which would be a mistake of the translation.
#[must_use]
pub fn cycles_of_registers(history: &[Access]) -> Verdict {
    let opts =
        Opts { timeout: PATIENCE, linearizable_keys: true, wfr_keys: true, ..Opts::default() };
    ask(&to_jepsen(history), Workload::RwRegister, &opts)
}

/// Operations on registers in Jepsen's words.
#[must_use]
pub fn to_jepsen(history: &[Access]) -> String {
    lines(history.iter().map(|access| Spoken {
        call_us: access.call_us,
        ended: access.ended,
        asked: steps(access, false),
        answered: steps(access, true),
    }))
}

fn steps(access: &Access, answered: bool) -> Vec<Json> {
    let Access { keys, seen, written, .. } = access;
    let reads = written.is_none() || seen.is_some();
    let read = |at: usize| seen.as_ref().filter(|_| answered).and_then(|values| values[at]);
    let reads =
        keys.iter().enumerate().filter(|_| reads).map(|(at, key)| json!(["r", key, read(at)]));
    let writes =
        written.iter().flat_map(|value| keys.iter().map(move |key| json!(["w", key, value])));
    reads.chain(writes).collect()
}
