//! Turns "not linearizable" into something that a person can read.
//!
//! The shortest stretch of the history that is already wrong ends with the return of one operation: its
//! answer is the one that nothing explains. What was in flight or had just happened around it is shown
//! with it.

use std::fmt;

use super::search::{Span, Verdict};
use super::{judge, spans};
use crate::Operation;
use crate::model::Model;

/// How many operations of the stretch are shown.
const SHOWN_MAX: usize = 24;
/// How many steps one look at a cut history may take. What was in flight at the cut has an unknown outcome there, so
/// that with many clients a cut can be far harder than the whole; one that is not judged in time counts as not wrong
/// yet, and the stretch that is shown is longer.
const STEPS_MAX: u64 = 20_000;

/// A key whose answers no single server could have given.
#[derive(Debug)]
pub struct Violation {
    /// The key.
    pub key: String,
    /// The operation whose answer cannot be explained by what came before it.
    pub culprit: Operation,
    /// Everything that was called before the culprit returned, in order of call; the culprit too.
    pub stretch: Vec<Operation>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "key {}: not linearizable; no order explains the answer marked >", self.key)?;
        let skipped = self.stretch.len().saturating_sub(SHOWN_MAX);
        if skipped > 0 {
            writeln!(f, "  ({skipped} earlier operations)")?;
        }
        for op in &self.stretch[skipped..] {
            let mark = if *op == self.culprit { '>' } else { ' ' };
            let returned =
                op.return_us().map_or("        open".to_owned(), |us| format!("{us:>12}"));
            write!(f, "{mark} {:>12}..{returned} client {:<4}", op.call_us, op.client)?;
            match op.output() {
                Some(output) => writeln!(f, " {:?} -> {output:?}", op.input)?,
                None => writeln!(f, " {:?} -> unknown", op.input)?,
            }
        }
        Ok(())
    }
}

/// Finds the culprit in a history that was judged illegal: linearizability is closed under prefixes, so
/// the first return at which the history goes wrong is found by bisection; within the bounds of [`STEPS_MAX`] it is the
/// first that was seen to be wrong.
pub fn explain<M: Model>(key: &str, ops: &[&Operation], steps_max: u64) -> Violation {
    let mut by_return: Vec<&Operation> =
        ops.iter().copied().filter(|op| op.return_us().is_some()).collect();
    by_return.sort_by_key(|op| op.return_us());
    let wrong_at = |i: usize| {
        let until_us = by_return[i].return_us().unwrap_or(u64::MAX);
        let cut = cut(ops, until_us);
        judge::<M>(cut, steps_max.min(STEPS_MAX), &mut 0) == Verdict::Illegal
    };
    // Invariant: the history is wrong at `high` (it is as a whole), and not at any place below `low`.
    let (mut low, mut high) = (0, by_return.len() - 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if wrong_at(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    let culprit = by_return[high].clone();
    let until_us = culprit.return_us().unwrap_or(u64::MAX);
    let mut stretch: Vec<Operation> =
        ops.iter().filter(|op| op.call_us <= until_us).map(|op| (*op).clone()).collect();
    stretch.sort_by_key(|op| (op.call_us, op.return_us()));
    Violation { key: key.to_owned(), culprit, stretch }
}

/// The history as it stood at a moment: later calls are not in it, later answers not known yet.
fn cut<'a>(ops: &[&'a Operation], until_us: u64) -> Vec<Span<'a>> {
    let mut cut = spans(ops);
    cut.retain(|span| span.call_us <= until_us);
    for span in &mut cut {
        if span.return_us.is_some_and(|at_us| at_us > until_us) {
            span.return_us = None;
            span.output = None;
        }
    }
    cut
}
