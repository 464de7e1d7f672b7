//! Linearizability of a history, key by key.
//!
//! A history is linearizable when every operation can be given one moment between its call and its return
//! such that a single server, doing them in that order, gives the same answers. Keys are independent, so
//! each is judged alone (Herlihy and Wing, "Linearizability: A Correctness Condition for Concurrent
//! Objects", TOPLAS 1990, theorem 1: locality).
//!
//! ```text
//! history -> by key -> settle (unknown outcomes) -> search (Wing, Gong, Lowe) -> explain (if it fails)
//! ```
//!
//! Lists of different items need no search: [`append`] sees their order.
//!
//! The search may take forever in theory, so it counts its steps. Running out of them is a failure: a
//! history that nobody could judge proves nothing.

mod append;
mod explain;
mod search;
mod settle;

use std::collections::BTreeMap;
use std::fmt;

pub use explain::Violation;

use crate::model::{Counter, List, Model, Register, Set};
use crate::{Kind, Operation, Outcome};
use search::{Span, Verdict};

/// A budget that ordinary histories never come near: some seconds of one core for one key.
pub const STEPS_MAX: u64 = 20_000_000;

/// What the check found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many keys were judged.
    pub keys: usize,
    /// How many operations they held, refused ones left out.
    pub operations: usize,
    /// How many steps the search took in all.
    pub steps: u64,
    /// What is wrong, one per key at most; empty when the history is linearizable.
    pub failures: Vec<Failure>,
}

impl Report {
    /// Whether every key was judged and found linearizable.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// Why a key did not pass.
#[derive(Debug)]
pub enum Failure {
    /// No order explains the answers.
    Violation(Box<Violation>),
    /// The budget was used up before an answer was found.
    OutOfSteps {
        /// The key.
        key: String,
        /// How many operations it has.
        operations: usize,
    },
    /// The key is used as two kinds at once; such a history is not one.
    MixedKinds {
        /// The key.
        key: String,
    },
}

impl Failure {
    /// The key that did not pass.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Violation(violation) => &violation.key,
            Self::OutOfSteps { key, .. } | Self::MixedKinds { key } => key,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violation(violation) => violation.fmt(f),
            Self::OutOfSteps { key, operations } => {
                write!(f, "key {key}: out of steps on {operations} operations, so nothing is known")
            }
            Self::MixedKinds { key } => write!(f, "key {key}: used as more than one kind"),
        }
    }
}

/// Judges every key of `history`, each with at most `steps_max` steps of search.
#[must_use]
pub fn check(history: &[Operation], steps_max: u64) -> Report {
    by_key(history, |key, ops, steps| {
        let kind = ops[0].input.kind();
        if ops.iter().any(|op| op.input.kind() != kind) {
            return Some(Failure::MixedKinds { key: key.to_owned() });
        }
        check_kind(kind, key, ops, steps_max, steps)
    })
}

/// Judges every key of `history` by one model, which need not be one of [`crate::model`]: histories that
/// others have published are of kinds that no workload of ours has.
///
/// `M` has to keep the promises that the treatment of unknown outcomes relies on: `Items`, `Members` and
/// `Read` name every value they see, and nothing else but `Append` and `Swap` sees any.
#[must_use]
pub fn check_model<M: Model>(history: &[Operation], steps_max: u64) -> Report {
    by_key(history, |key, ops, steps| check_key::<M>(key, ops, steps_max, steps))
}

fn by_key(
    history: &[Operation],
    mut judge: impl FnMut(&str, &[&Operation], &mut u64) -> Option<Failure>,
) -> Report {
    let mut by_key: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for op in history.iter().filter(|op| op.outcome != Outcome::Refused) {
        by_key.entry(&op.key).or_default().push(op);
    }
    let mut report = Report { keys: by_key.len(), ..Report::default() };
    for (key, ops) in by_key {
        report.operations += ops.len();
        report.failures.extend(judge(key, &ops, &mut report.steps));
    }
    report
}

fn check_kind(
    kind: Kind,
    key: &str,
    ops: &[&Operation],
    steps_max: u64,
    steps: &mut u64,
) -> Option<Failure> {
    match kind {
        Kind::Register => check_key::<Register>(key, ops, steps_max, steps),
        Kind::Counter => check_key::<Counter>(key, ops, steps_max, steps),
        Kind::Set => check_key::<Set>(key, ops, steps_max, steps),
        Kind::List => check_key::<List>(key, ops, steps_max, steps),
    }
}

fn check_key<M: Model>(
    key: &str,
    ops: &[&Operation],
    steps_max: u64,
    steps: &mut u64,
) -> Option<Failure> {
    match judge::<M>(spans(ops), steps_max, steps) {
        Verdict::Linearizable => None,
        Verdict::OutOfSteps => {
            Some(Failure::OutOfSteps { key: key.to_owned(), operations: ops.len() })
        }
        Verdict::Illegal => {
            Some(Failure::Violation(Box::new(explain::explain::<M>(key, ops, steps_max))))
        }
    }
}

fn spans<'a>(ops: &[&'a Operation]) -> Vec<Span<'a>> {
    ops.iter()
        .map(|op| Span {
            input: &op.input,
            output: op.output(),
            call_us: op.call_us,
            return_us: op.return_us(),
        })
        .collect()
}

fn judge<M: Model>(mut spans: Vec<Span<'_>>, steps_max: u64, steps: &mut u64) -> Verdict {
    if let Some(verdict) = append::judge(&spans) {
        *steps += spans.len() as u64;
        return verdict;
    }
    settle::settle(&mut spans);
    search::search::<M>(&spans, steps_max, steps)
}
