//! A counter that only grows never appears to shrink.
//!
//! Weaker than linearizability and cheap on any length of history: whatever was told before an operation
//! began is a lower bound for what that operation tells. Source: the monotonic workload of Jepsen.

use crate::{Input, Operation, Output};

/// Two answers that contradict each other.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "key {key}: {later} was told at {later_us} us, after {earlier} had been told by {earlier_us} us"
)]
pub struct Shrunk {
    /// The counter.
    pub key: String,
    /// The larger number, told first.
    pub earlier: i64,
    /// When it had been told.
    pub earlier_us: u64,
    /// The smaller number, told afterwards.
    pub later: i64,
    /// When the operation that told it was called.
    pub later_us: u64,
}

/// Checks the counters of `history` to which nothing negative was added; other keys are passed over.
///
/// # Errors
/// The first counter that shrank, by time.
pub fn check(history: &[Operation]) -> Result<(), Shrunk> {
    let mut keys: Vec<&str> = history.iter().filter(|op| told(op).is_some()).map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let of_key: Vec<&Operation> = history.iter().filter(|op| op.key == key).collect();
        let grows = of_key.iter().all(|op| !matches!(op.input, Input::Increment(by) if by < 0));
        if grows {
            check_key(key, &of_key)?;
        }
    }
    Ok(())
}

fn key(op: &Operation) -> &str {
    &op.key
}

fn told(op: &Operation) -> Option<i64> {
    match (&op.input, op.output()) {
        (Input::Count | Input::Increment(_), Some(Output::Number(n))) => Some(*n),
        _ => None,
    }
}

fn check_key(key: &str, ops: &[&Operation]) -> Result<(), Shrunk> {
    let mut returns: Vec<(u64, i64)> =
        ops.iter().filter_map(|op| Some((op.return_us()?, told(op)?))).collect();
    returns.sort_unstable();
    let mut calls: Vec<(u64, i64)> =
        ops.iter().filter_map(|op| Some((op.call_us, told(op)?))).collect();
    calls.sort_unstable();
    let mut highest: Option<(i64, u64)> = None;
    let mut returns = returns.into_iter().peekable();
    for (call_us, later) in calls {
        while let Some((at_us, n)) = returns.next_if(|(at_us, _)| *at_us < call_us) {
            if highest.is_none_or(|(high, _)| n > high) {
                highest = Some((n, at_us));
            }
        }
        if let Some((earlier, earlier_us)) = highest.filter(|(high, _)| *high > later) {
            let key = key.to_owned();
            return Err(Shrunk { key, earlier, earlier_us, later, later_us: call_us });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    fn count(call_us: u64, return_us: u64, n: i64) -> Operation {
        let outcome = Outcome::Returned { return_us, output: Output::Number(n) };
        Operation { client: 1, key: "c".into(), input: Input::Count, call_us, outcome }
    }

    #[test]
    fn concurrent_answers_may_cross_and_later_ones_may_not() {
        assert_eq!(check(&[count(0, 10, 5), count(5, 15, 4), count(11, 12, 5)]), Ok(()));
        let shrunk = check(&[count(0, 10, 5), count(5, 15, 6), count(16, 17, 5)]).unwrap_err();
        assert_eq!((shrunk.earlier, shrunk.later, shrunk.later_us), (6, 5, 16));
    }

    #[test]
    fn a_counter_that_is_also_decreased_is_passed_over() {
        let mut down = count(11, 12, 3);
        down.input = Input::Increment(-2);
        assert_eq!(check(&[count(0, 10, 5), down]), Ok(()));
    }
}
