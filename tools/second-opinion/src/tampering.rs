//! Lies put into a history: what a server that lost, forgot, repeated or reordered something would have
//! answered. Not every lie shows, so a tampered history may still be right; the judges have to agree on it.

use fastrand::Rng;
use synod_checker::{Input, Operation, Outcome, Output};

/// How far an operation is moved at most, in microseconds.
const MOVE_US_MAX: u64 = 800;

/// Tells one lie.
pub fn tamper(history: &mut [Operation], random: &mut Rng) {
    let at = random.usize(..history.len());
    match random.u32(..5) {
        0 => misquote(history, at, random),
        1 => exchange(history, at, random.usize(..history.len())),
        2 => postpone(&mut history[at], random.u64(1..MOVE_US_MAX)),
        3 => hasten(&mut history[at], random.u64(1..MOVE_US_MAX)),
        _ => disown(&mut history[at]),
    }
}

/// The answer is another than the one that was given.
fn misquote(history: &mut [Operation], at: usize, random: &mut Rng) {
    let written = written(history);
    let Outcome::Returned { output, .. } = &mut history[at].outcome else { return };
    let other = random.choice(&written).copied();
    match output {
        Output::Value(value) => *value = other,
        Output::Swapped(done) => *done = !*done,
        Output::Number(number) => *number += if random.bool() { 1 } else { -1 },
        Output::Set(members) => {
            if let Some(other) = other
                && !members.remove(&other)
            {
                members.insert(other);
            }
        }
        Output::List(items) if items.len() > 1 && random.bool() => {
            let last = items.len() - 1;
            items.swap(last - 1, last);
        }
        Output::List(items) => {
            if items.pop().is_none() {
                items.extend(other);
            }
        }
        Output::Done => {}
    }
}

fn written(history: &[Operation]) -> Vec<u64> {
    let value = |op: &Operation| match op.input {
        Input::Write(value) | Input::Add(value) | Input::Append(value) => Some(value),
        Input::Swap { to, .. } => Some(to),
        _ => None,
    };
    history.iter().filter_map(value).collect()
}

/// Two operations of a kind get each other's answers.
fn exchange(history: &mut [Operation], at: usize, other: usize) {
    let like = |a: &Input, b: &Input| std::mem::discriminant(a) == std::mem::discriminant(b);
    let (Some(a), Some(b)) = (history[at].output().cloned(), history[other].output().cloned())
    else {
        return;
    };
    if like(&history[at].input, &history[other].input) {
        answer(&mut history[at], b);
        answer(&mut history[other], a);
    }
}

fn answer(op: &mut Operation, with: Output) {
    if let Outcome::Returned { output, .. } = &mut op.outcome {
        *output = with;
    }
}

/// It took place later than it did: a read becomes stale.
fn postpone(op: &mut Operation, by_us: u64) {
    op.call_us += by_us;
    if let Outcome::Returned { return_us, .. } = &mut op.outcome {
        *return_us += by_us;
    }
}

/// It was over earlier than it was: a read sees the future.
fn hasten(op: &mut Operation, by_us: u64) {
    op.call_us = op.call_us.saturating_sub(by_us);
    if let Outcome::Returned { return_us, .. } = &mut op.outcome {
        *return_us = return_us.saturating_sub(by_us).max(op.call_us);
    }
}

/// What was done is said not to have been done.
fn disown(op: &mut Operation) {
    op.outcome = Outcome::Refused;
}
