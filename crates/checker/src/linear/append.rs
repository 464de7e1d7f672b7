//! A list whose items are all different is judged without a search.
//!
//! Every answer names a place: an append that returned tells the length after it, a read tells the item at every
//! place up to the length that it saw. So the order of the appends is known, and reads of length `k` stand between
//! append `k` and append `k + 1`:
//!
//! ```text
//! append 1 < reads of length 1 < append 2 < reads of length 2 < ...
//! ```
//!
//! One order is left, and each operation takes the earliest moment that it allows. The history is linearizable
//! exactly if nobody's moment is after its return. A place that a later append proves and that nothing names was
//! taken by an append of unknown outcome that nobody saw. Those have no return, so the one that was called first may
//! as well have taken the first such place: exchanging two of them makes no moment later.
//!
//! Source: items that are written once make the order recoverable (Kingsbury and Alvaro, "Elle: Inferring Isolation
//! Anomalies from Experimental Observations", VLDB 2020, section 4.2).

use std::collections::{BTreeMap, BTreeSet};

use super::search::{Span, Verdict};
use crate::{Input, Output, Value};

/// Judges a history of `Items` and `Append`; `None` when it is another kind, an item was appended twice or an
/// append was not told the length, and only a search can tell.
pub fn judge(spans: &[Span<'_>]) -> Option<Verdict> {
    let mut writers = BTreeMap::new();
    for span in spans {
        match span.input {
            Input::Items => {}
            Input::Append(value) => {
                let told = matches!(span.output, None | Some(Output::Number(_)));
                if !told || writers.insert(*value, span).is_some() {
                    return None;
                }
            }
            _ => return None,
        }
    }
    let fits = places(spans, &writers).and_then(|order| fit(spans, &order)).is_some();
    Some(if fits { Verdict::Linearizable } else { Verdict::Illegal })
}

/// The append at each place, first to last; `None` if two answers contradict each other.
fn places<'a>(
    spans: &'a [Span<'a>],
    writers: &BTreeMap<Value, &'a Span<'a>>,
) -> Option<Vec<&'a Span<'a>>> {
    let mut named: BTreeMap<usize, Value> = BTreeMap::new();
    let mut name = |place, value| *named.entry(place).or_insert(value) == value;
    for span in spans {
        let agrees = match (span.input, span.output) {
            (Input::Items, Some(Output::List(seen))) => {
                seen.iter().enumerate().all(|(place, value)| name(place, *value))
            }
            (Input::Append(value), Some(Output::Number(len))) => {
                let place = usize::try_from(*len).ok()?.checked_sub(1)?;
                name(place, *value)
            }
            (_, None) => true,
            _ => false,
        };
        if !agrees {
            return None;
        }
    }
    if named.values().collect::<BTreeSet<_>>().len() < named.len() {
        return None; // an item at two places
    }
    fill(&named, writers)
}

/// Gives every place that is not named an append that nobody saw.
fn fill<'a>(
    named: &BTreeMap<usize, Value>,
    writers: &BTreeMap<Value, &'a Span<'a>>,
) -> Option<Vec<&'a Span<'a>>> {
    let mut unseen = writers.clone();
    unseen.retain(|value, _| !named.values().any(|named| named == value));
    let mut unseen: Vec<_> = unseen.into_values().collect();
    unseen.sort_by_key(|span| span.call_us);
    let mut unseen = unseen.into_iter();
    let len = named.last_key_value().map_or(0, |(place, _)| place + 1);
    let writer = |place: usize| match named.get(&place) {
        Some(value) => writers.get(value).copied(),
        None => unseen.next(),
    };
    // At the first place that nobody can have taken the history is wrong, however long it claims to be.
    (0..len).map(writer).collect()
}

/// Walks the order with everybody at the earliest moment; `None` when one of them is after its return.
fn fit(spans: &[Span<'_>], order: &[&Span<'_>]) -> Option<()> {
    let mut reads: BTreeMap<usize, Vec<&Span<'_>>> = BTreeMap::new();
    for span in spans {
        if let Some(Output::List(seen)) = span.output {
            reads.entry(seen.len()).or_default().push(span);
        }
    }
    let mut now_us = 0;
    for len in 0..=order.len() {
        if let Some(append) = len.checked_sub(1).map(|place| order[place]) {
            now_us = moment(append, now_us)?;
        }
        // Reads of one length do not wait for each other.
        let since_us = now_us;
        for read in reads.get(&len).into_iter().flatten() {
            now_us = now_us.max(moment(read, since_us)?);
        }
    }
    Some(())
}

/// The earliest moment of this operation that is not before `since_us`, if it has not returned by then.
fn moment(span: &Span<'_>, since_us: u64) -> Option<u64> {
    let at_us = since_us.max(span.call_us);
    span.return_us.is_none_or(|return_us| at_us <= return_us).then_some(at_us)
}
