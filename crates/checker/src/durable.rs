//! Every acknowledged write is there when the trouble is over, and nothing that was refused.
//!
//! Says less than linearizability, but takes linear time and names what was lost. Source: the set
//! workload of Jepsen ("lost", "unexpected", "recovered" elements), carried over to the other kinds.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Input, Operation, Outcome, Output, Value};

/// One thing that should not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// A write was acknowledged and is gone.
    #[error("key {key}: {value} was acknowledged at {return_us} us and is lost")]
    Lost {
        /// Where.
        key: String,
        /// What.
        value: Value,
        /// When it was acknowledged.
        return_us: u64,
    },
    /// A value is there that was refused, or that nobody ever wrote.
    #[error("key {key}: {value} is there, but was {}", if *refused { "refused" } else { "never written" })]
    FromNowhere {
        /// Where.
        key: String,
        /// What.
        value: Value,
        /// Whether a client was told that it was not written.
        refused: bool,
    },
    /// An item was appended once and is there more than once.
    #[error("key {key}: {value} is there {times} times")]
    Repeated {
        /// Where.
        key: String,
        /// What.
        value: Value,
        /// How often.
        times: usize,
    },
    /// A counter holds less or more than what was added to it.
    #[error("key {key}: the counter is {found}, which is not between {least} and {most}")]
    Sum {
        /// Where.
        key: String,
        /// What it holds.
        found: i128,
        /// What was acknowledged.
        least: i128,
        /// What was acknowledged, and all that may have happened besides.
        most: i128,
    },
    /// Nobody read the key at the end, or the answer is not of its kind.
    #[error("key {key}: it was written, but its end is not known")]
    NotRead {
        /// Where.
        key: String,
    },
}

/// Compares a history with what was read of each key after everything had come to rest.
#[must_use]
pub fn check(history: &[Operation], finals: &BTreeMap<String, Output>) -> Vec<Finding> {
    let mut by_key: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for op in history.iter().filter(|op| !op.input.is_read()) {
        by_key.entry(&op.key).or_default().push(op);
    }
    let mut findings = Vec::new();
    for (key, writes) in by_key {
        let writes = Writes { key, ops: &writes };
        match (finals.get(key), &writes.ops[0].input) {
            (Some(Output::Value(found)), Input::Write(_) | Input::Swap { .. }) => {
                writes.register(*found, &mut findings);
            }
            (Some(Output::Number(found)), Input::Increment(_)) => {
                writes.counter(i128::from(*found), &mut findings);
            }
            (Some(Output::Set(found)), Input::Add(_)) => {
                writes.collection(found.iter().copied(), &mut findings);
            }
            (Some(Output::List(found)), Input::Append(_)) => {
                writes.collection(found.iter().copied(), &mut findings);
            }
            _ => findings.push(Finding::NotRead { key: key.to_owned() }),
        }
    }
    findings
}

/// All that was done to change one key; never empty.
struct Writes<'a> {
    key: &'a str,
    ops: &'a [&'a Operation],
}

impl Writes<'_> {
    fn key(&self) -> String {
        self.key.to_owned()
    }

    fn writer_of(&self, value: Value) -> Option<&Operation> {
        let writes = |op: &&&Operation| written(&op.input) == Some(value);
        let by_outcome = |refused| {
            self.ops.iter().find(|op| writes(op) && (op.outcome == Outcome::Refused) == refused)
        };
        by_outcome(false).or_else(|| by_outcome(true)).copied()
    }

    fn stray(&self, value: Value) -> Option<Finding> {
        let refused = match self.writer_of(value) {
            Some(writer) if writer.outcome != Outcome::Refused => return None,
            writer => writer.is_some(),
        };
        Some(Finding::FromNowhere { key: self.key(), value, refused })
    }

    fn register(&self, found: Option<Value>, findings: &mut Vec<Finding>) {
        findings.extend(found.and_then(|value| self.stray(value)));
        // What was found was certainly written before this moment, if that is known at all.
        let written_us = match found.map(|value| self.writer_of(value)) {
            None => Some(0),
            Some(writer) => writer.and_then(Operation::return_us),
        };
        let Some(written_us) = written_us else { return };
        let later = self.ops.iter().filter_map(|op| {
            let (value, return_us) = acknowledged(op)?;
            let overwrites = op.call_us > written_us || found.is_none();
            (overwrites && Some(value) != found).then_some((return_us, value))
        });
        findings.extend(later.max().map(|(return_us, value)| Finding::Lost {
            key: self.key(),
            value,
            return_us,
        }));
    }

    fn counter(&self, found: i128, findings: &mut Vec<Finding>) {
        let (mut least, mut most) = (0, 0);
        for op in self.ops {
            let Input::Increment(by) = op.input else { continue };
            let by = i128::from(by);
            match op.outcome {
                Outcome::Returned { .. } => {
                    least += by;
                    most += by;
                }
                Outcome::Unknown => {
                    least += by.min(0);
                    most += by.max(0);
                }
                Outcome::Refused => {}
            }
        }
        if !(least..=most).contains(&found) {
            findings.push(Finding::Sum { key: self.key(), found, least, most });
        }
    }

    fn collection(&self, found: impl Iterator<Item = Value>, findings: &mut Vec<Finding>) {
        let mut times: BTreeMap<Value, usize> = BTreeMap::new();
        found.for_each(|value| *times.entry(value).or_default() += 1);
        let mut allowed = BTreeSet::new();
        for op in self.ops {
            if let Some((value, return_us)) = acknowledged(op)
                && !times.contains_key(&value)
            {
                findings.push(Finding::Lost { key: self.key(), value, return_us });
            }
            if op.outcome != Outcome::Refused {
                allowed.extend(written(&op.input));
            }
        }
        for (value, times) in times {
            if !allowed.contains(&value) {
                findings.extend(self.stray(value));
            }
            if times > 1 {
                findings.push(Finding::Repeated { key: self.key(), value, times });
            }
        }
    }
}

fn written(input: &Input) -> Option<Value> {
    match input {
        Input::Write(value) | Input::Add(value) | Input::Append(value) => Some(*value),
        Input::Swap { to, .. } => Some(*to),
        _ => None,
    }
}

/// The value that a client was told is stored, and when it was told.
fn acknowledged(op: &Operation) -> Option<(Value, u64)> {
    match &op.outcome {
        Outcome::Returned { output: Output::Swapped(false), .. } => None,
        Outcome::Returned { return_us, .. } => Some((written(&op.input)?, *return_us)),
        Outcome::Unknown | Outcome::Refused => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(input: Input, call_us: u64, outcome: Outcome) -> Operation {
        Operation { client: 1, key: "k".into(), input, call_us, outcome }
    }

    fn acked(input: Input, call_us: u64, output: Output) -> Operation {
        op(input, call_us, Outcome::Returned { return_us: call_us + 5, output })
    }

    fn finds(history: &[Operation], end: Output) -> Vec<String> {
        let finals = BTreeMap::from([("k".to_owned(), end)]);
        check(history, &finals).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_register_keeps_its_last_acknowledged_write_or_a_later_unknown_one() {
        let history = [
            acked(Input::Write(1), 0, Output::Done),
            acked(Input::Write(2), 10, Output::Done),
            op(Input::Write(3), 20, Outcome::Unknown),
            op(Input::Write(4), 30, Outcome::Refused),
            acked(Input::Swap { from: Some(9), to: 5 }, 40, Output::Swapped(false)),
        ];
        let end = |value| finds(&history, Output::Value(value));
        assert!(end(Some(2)).is_empty());
        assert!(end(Some(3)).is_empty());
        assert_eq!(end(Some(1)), ["key k: 2 was acknowledged at 15 us and is lost"]);
        assert_eq!(end(None), ["key k: 2 was acknowledged at 15 us and is lost"]);
        assert_eq!(end(Some(4)), ["key k: 4 is there, but was refused"]);
        assert_eq!(end(Some(7)), ["key k: 7 is there, but was never written"]);
    }

    #[test]
    fn a_counter_holds_what_was_acknowledged_and_at_most_the_unknown_besides() {
        let history = [
            acked(Input::Increment(5), 0, Output::Number(5)),
            op(Input::Increment(2), 10, Outcome::Unknown),
            op(Input::Increment(-1), 10, Outcome::Unknown),
            op(Input::Increment(9), 10, Outcome::Refused),
        ];
        for (end, good) in [(3, false), (4, true), (5, true), (7, true), (8, false)] {
            assert_eq!(finds(&history, Output::Number(end)).is_empty(), good, "{end}");
        }
    }

    #[test]
    fn a_list_loses_nothing_and_repeats_nothing() {
        let history = [
            acked(Input::Append(1), 0, Output::Number(1)),
            op(Input::Append(2), 10, Outcome::Unknown),
            op(Input::Append(3), 10, Outcome::Refused),
        ];
        assert!(finds(&history, Output::List(vec![1])).is_empty());
        assert!(finds(&history, Output::List(vec![1, 2])).is_empty());
        assert_eq!(
            finds(&history, Output::List(vec![2, 2])),
            ["key k: 1 was acknowledged at 5 us and is lost", "key k: 2 is there 2 times"]
        );
        assert_eq!(
            finds(&history, Output::List(vec![1, 3])),
            ["key k: 3 is there, but was refused"]
        );
    }

    #[test]
    fn a_key_that_nobody_read_proves_nothing() {
        let history = [acked(Input::Add(1), 0, Output::Done)];
        assert!(matches!(check(&history, &BTreeMap::new())[..], [Finding::NotRead { .. }]));
        assert_eq!(
            finds(&history, Output::Number(1)),
            ["key k: it was written, but its end is not known"]
        );
    }
}
