//! Takes the guesswork out of unknown outcomes before the search, without changing the verdict.
//!
//! An operation of unknown outcome may have happened at any time after its call, or never: each doubles
//! the search. Most of them can be settled from what others saw, if values are written once:
//!
//! - nobody ever saw the value: the write may as well never have happened, so it is left out;
//! - somebody saw it: it had happened when the first of them returned, so it ends there.
//!
//! Leaving out is exact for a register (the state that the write left behind was asked for by nobody
//! before the next write) unless a swap was answered "not swapped", which sees a value without naming
//! it; and for a set. A list tells its length with every append, which sees every item without naming
//! it: there an unseen append stays open.

use std::collections::BTreeMap;

use super::search::Span;
use crate::{Input, Output, Value};

/// The sight of an operation that did not return bounds nothing.
const NEVER: u64 = u64::MAX;

/// Drops and closes what can be told about operations of unknown outcome.
pub fn settle(spans: &mut Vec<Span<'_>>) {
    spans.retain(|span| span.output.is_some() || !span.input.is_read());
    if spans.iter().all(|span| span.output.is_some()) {
        return;
    }
    let seen = first_seen(spans);
    let writers = writers(spans);
    let unnamed_sight = spans.iter().any(|span| {
        matches!(span.output, Some(Output::Swapped(false)))
            || matches!(span.input, Input::Append(_))
    });
    spans.retain_mut(|span| {
        let (None, Some(value)) = (span.output, written(span.input)) else { return true };
        match seen.get(&value) {
            None => unnamed_sight,
            Some(seen_us) => {
                if *seen_us != NEVER && writers.get(&value) == Some(&1) {
                    // A sight before the call is impossible; the search finds that out by itself.
                    span.return_us = Some((*seen_us).max(span.call_us));
                }
                true
            }
        }
    });
}

fn written(input: &Input) -> Option<Value> {
    match input {
        Input::Write(value) | Input::Add(value) | Input::Append(value) => Some(*value),
        Input::Swap { to, .. } => Some(*to),
        Input::Read | Input::Count | Input::Increment(_) | Input::Members | Input::Items => None,
    }
}

fn writers(spans: &[Span<'_>]) -> BTreeMap<Value, usize> {
    let mut writers = BTreeMap::new();
    for value in spans.iter().filter_map(|span| written(span.input)) {
        *writers.entry(value).or_default() += 1;
    }
    writers
}

/// When each value had certainly been seen: the earliest return of an operation that names it.
///
/// A swap of unknown outcome that expects a value may have seen it too, so the value is listed, but
/// never as a bound.
fn first_seen(spans: &[Span<'_>]) -> BTreeMap<Value, u64> {
    let mut seen = BTreeMap::new();
    let mut note = |value: Value, at_us: u64| {
        let first = seen.entry(value).or_insert(at_us);
        *first = at_us.min(*first);
    };
    for span in spans {
        let at_us = span.return_us.unwrap_or(NEVER);
        match (span.input, span.output) {
            (_, Some(Output::Value(Some(value)))) => note(*value, at_us),
            (_, Some(Output::Set(values))) => values.iter().for_each(|value| note(*value, at_us)),
            (_, Some(Output::List(values))) => values.iter().for_each(|value| note(*value, at_us)),
            (Input::Swap { from: Some(value), .. }, None | Some(Output::Swapped(true))) => {
                note(*value, at_us);
            }
            _ => {}
        }
    }
    seen
}
