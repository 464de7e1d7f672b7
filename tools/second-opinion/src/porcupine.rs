//! The verdict of porcupine-rs on a history of `crates/checker`.
//!
//! The models are written anew, not shared: a mistake in ours must not be made twice. An operation of
//! unknown outcome returns at the end of time with any answer, which is the same as "never" for an
//! operation that is always possible, as all of ours are when nobody saw the answer.

use crate::isolation::PATIENCE;
use porcupine_rs::{CheckResult, Model};
use std::collections::{BTreeMap, BTreeSet};
use synod_checker::{Input, Operation, Outcome, Output};

/// Whether porcupine-rs finds every key linearizable; `None` when it ran out of time.
#[must_use]
pub fn is_linearizable(history: &[Operation]) -> Option<bool> {
    judge::<Keys>(history)
}

/// The same of keys that hold text: `Write` replaces it, `Append` adds to it and is told nothing.
#[must_use]
pub fn is_linearizable_text(history: &[Operation]) -> Option<bool> {
    judge::<Texts>(history)
}

type Op = porcupine_rs::Operation<Keys>;

fn judge<M>(history: &[Operation]) -> Option<bool>
where
    M: Model<Op = Asked, Metadata = ()>,
{
    let ops: Vec<porcupine_rs::Operation<M>> = history.iter().filter_map(translate).collect();
    match porcupine_rs::check_operations_timeout(&ops, PATIENCE) {
        CheckResult::Ok => Some(true),
        CheckResult::Illegal => Some(false),
        CheckResult::Unknown => None,
    }
}

/// One operation in porcupine's words; `None` for one that never took place, and for a read whose answer nobody saw.
fn translate<M>(op: &Operation) -> Option<porcupine_rs::Operation<M>>
where
    M: Model<Op = Asked, Metadata = ()>,
{
    let (return_time, output) = match &op.outcome {
        Outcome::Refused => return None,
        Outcome::Unknown if op.input.is_read() => return None,
        Outcome::Unknown => (i64::MAX, None),
        Outcome::Returned { return_us, output } => (*return_us as i64, Some(output.clone())),
    };
    Some(porcupine_rs::Operation {
        client_id: None,
        call_time: op.call_us as i64,
        return_time,
        op: Asked { key: op.key.clone(), input: op.input.clone(), output },
        metadata: None,
    })
}

/// What was asked of a key, and the answer if one was seen.
#[derive(Clone, Debug)]
pub struct Asked {
    key: String,
    input: Input,
    output: Option<Output>,
}

fn partition<M>(history: &[porcupine_rs::Operation<M>]) -> Vec<Vec<porcupine_rs::Operation<M>>>
where
    M: Model<Op = Asked>,
{
    let mut keys: BTreeMap<&str, Vec<porcupine_rs::Operation<M>>> = BTreeMap::new();
    for op in history {
        keys.entry(&op.op.key).or_default().push(op.clone());
    }
    keys.into_values().collect()
}

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Held {
    /// Nothing was done to it yet, or a register holds nothing.
    Nothing,
    /// A register's value.
    One(u64),
    /// A counter's sum.
    Sum(i64),
    /// A set's members.
    Members(BTreeSet<u64>),
    /// A list's items, or the pieces of a text.
    Items(Vec<u64>),
}

impl Held {
    fn value(&self) -> Option<u64> {
        if let Self::One(value) = self { Some(*value) } else { None }
    }

    fn sum(&self) -> i64 {
        if let Self::Sum(sum) = self { *sum } else { 0 }
    }

    fn members(&self) -> BTreeSet<u64> {
        if let Self::Members(members) = self { members.clone() } else { BTreeSet::new() }
    }

    fn items(&self) -> Vec<u64> {
        if let Self::Items(items) = self { items.clone() } else { Vec::new() }
    }

    /// What a correct server answers, and what the key holds afterwards.
    fn after(&self, input: &Input) -> (Output, Self) {
        match *input {
            Input::Read => (Output::Value(self.value()), self.clone()),
            Input::Write(value) => (Output::Done, Self::One(value)),
            Input::Swap { from, to } if self.value() == from => {
                (Output::Swapped(true), Self::One(to))
            }
            Input::Swap { .. } => (Output::Swapped(false), self.clone()),
            Input::Count => (Output::Number(self.sum()), self.clone()),
            Input::Increment(by) => (Output::Number(self.sum() + by), Self::Sum(self.sum() + by)),
            Input::Members => (Output::Set(self.members()), self.clone()),
            Input::Add(value) => {
                let mut members = self.members();
                members.insert(value);
                (Output::Done, Self::Members(members))
            }
            Input::Items => (Output::List(self.items()), self.clone()),
            Input::Append(value) => {
                let mut items = self.items();
                items.push(value);
                (Output::Number(items.len() as i64), Self::Items(items))
            }
        }
    }
}

/// Registers, counters, sets and lists, as the workloads use them.
#[derive(Clone, Debug)]
pub struct Keys;

impl Model for Keys {
    type State = Held;
    type Op = Asked;
    type Metadata = ();

    fn partition_operations(history: &[Op]) -> Vec<Vec<Op>> {
        partition(history)
    }

    fn init() -> Held {
        Held::Nothing
    }

    fn step(held: &Held, op: &Asked) -> (bool, Held) {
        let (answer, after) = held.after(&op.input);
        (op.output.as_ref().is_none_or(|seen| *seen == answer), after)
    }
}

/// Texts, as Porcupine's published samples have them.
#[derive(Clone, Debug)]
pub struct Texts;

impl Model for Texts {
    type State = Held;
    type Op = Asked;
    type Metadata = ();

    fn partition_operations(
        history: &[porcupine_rs::Operation<Self>],
    ) -> Vec<Vec<porcupine_rs::Operation<Self>>> {
        partition(history)
    }

    fn init() -> Held {
        Held::Nothing
    }

    fn step(held: &Held, op: &Asked) -> (bool, Held) {
        let (answer, after) = match op.input {
            Input::Write(value) => (Output::Done, Held::Items(vec![value])),
            Input::Append(_) => (Output::Done, held.after(&op.input).1),
            _ => held.after(&op.input),
        };
        (op.output.as_ref().is_none_or(|seen| *seen == answer), after)
    }
}
