//! A member of a set that was acknowledged, or seen once, is in every later read.
//!
//! Weaker than linearizability, linear in the number of reads for each member, and it names the member that was
//! lost. Source: Jepsen's `checker/set-full` ("lost" and "stale" elements; none may be "never-read" and acknowledged
//! at the end).

use std::collections::BTreeMap;

use crate::{Input, Operation, Outcome, Output, Value};

/// A read that lacks what it must hold, or holds what it cannot.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// The member was certainly there, and the read lacks it.
    #[error(
        "key {key}: {value} was there by {since_us} us, and the read called at {call_us} us lacks it"
    )]
    Missing {
        /// Which set.
        key: String,
        /// Which member.
        value: Value,
        /// By when it was certainly there.
        since_us: u64,
        /// Which read.
        call_us: u64,
    },
    /// The read holds what nobody had asked to add when it returned, or what was refused.
    #[error("key {key}: {value} is in the read called at {call_us} us, and nobody had added it")]
    FromNowhere {
        /// Which set.
        key: String,
        /// Which member.
        value: Value,
        /// Which read.
        call_us: u64,
    },
}

/// Checks every set of `history`; members are never removed.
///
/// # Errors
/// The first read that is wrong, by key and time of call.
pub fn check(history: &[Operation]) -> Result<(), Wrong> {
    let mut by_key: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for op in history {
        if matches!(op.input, Input::Add(_) | Input::Members) {
            by_key.entry(&op.key).or_default().push(op);
        }
    }
    by_key.into_iter().try_for_each(|(key, ops)| check_key(key, &ops))
}

fn check_key(key: &str, ops: &[&Operation]) -> Result<(), Wrong> {
    let mut called = BTreeMap::new();
    let mut there = BTreeMap::new();
    let mut certain = |value: Value, at_us: u64| {
        let first = there.entry(value).or_insert(at_us);
        *first = at_us.min(*first);
    };
    let mut reads = Vec::new();
    for op in ops.iter().filter(|op| op.outcome != Outcome::Refused) {
        match (&op.input, &op.outcome) {
            (Input::Add(value), outcome) => {
                called.insert(*value, op.call_us);
                if let Outcome::Returned { return_us, .. } = outcome {
                    certain(*value, *return_us);
                }
            }
            (_, Outcome::Returned { return_us, output: Output::Set(seen) }) => {
                seen.iter().for_each(|value| certain(*value, *return_us));
                reads.push((op.call_us, *return_us, seen));
            }
            _ => {}
        }
    }
    reads.sort_by_key(|(call_us, ..)| *call_us);
    for (call_us, return_us, seen) in reads {
        let key = || key.to_owned();
        let missing =
            |(value, since_us): &(&Value, &u64)| **since_us < call_us && !seen.contains(value);
        if let Some((value, since_us)) = there.iter().find(missing) {
            return Err(Wrong::Missing { key: key(), value: *value, since_us: *since_us, call_us });
        }
        let asked = |value: &Value| called.get(value).is_some_and(|at_us| *at_us <= return_us);
        if let Some(value) = seen.iter().find(|value| !asked(value)) {
            return Err(Wrong::FromNowhere { key: key(), value: *value, call_us });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(input: Input, call_us: u64, return_us: Option<u64>, output: Output) -> Operation {
        let outcome = match return_us {
            Some(return_us) => Outcome::Returned { return_us, output },
            None => Outcome::Unknown,
        };
        Operation { client: 1, key: "s".into(), input, call_us, outcome }
    }

    fn add(value: Value, call_us: u64, return_us: Option<u64>) -> Operation {
        op(Input::Add(value), call_us, return_us, Output::Done)
    }

    fn read(call_us: u64, return_us: u64, members: &[Value]) -> Operation {
        let seen = Output::Set(members.iter().copied().collect());
        op(Input::Members, call_us, Some(return_us), seen)
    }

    #[test]
    fn what_was_acknowledged_or_seen_stays() {
        let adds = [add(1, 0, Some(5)), add(2, 0, None)];
        let judge = |reads: &[Operation]| check(&[&adds[..], reads].concat());
        assert_eq!(judge(&[read(3, 9, &[]), read(6, 9, &[1]), read(10, 11, &[1, 2])]), Ok(()));
        assert!(matches!(judge(&[read(6, 9, &[])]), Err(Wrong::Missing { value: 1, .. })));
        let seen_and_gone = [read(6, 9, &[1, 2]), read(10, 11, &[1])];
        assert!(matches!(judge(&seen_and_gone), Err(Wrong::Missing { value: 2, .. })));
        let at_once = [read(6, 9, &[1, 2]), read(8, 11, &[1])];
        assert_eq!(judge(&at_once), Ok(()), "reads that overlap may differ");
    }

    #[test]
    fn what_nobody_added_is_not_there() {
        let early = [read(0, 1, &[1]), add(1, 2, Some(3))];
        assert!(matches!(check(&early), Err(Wrong::FromNowhere { value: 1, .. })));
        let mut refused = add(1, 0, None);
        refused.outcome = Outcome::Refused;
        assert!(matches!(check(&[refused, read(5, 6, &[1])]), Err(Wrong::FromNowhere { .. })));
    }
}
