//! The search agrees with the plainest possible checker: try every order and every choice of the unknown
//! operations that happened.

#![allow(clippy::unwrap_used)] // a test may panic

use proptest::prelude::*;
use synod_checker::linear::{STEPS_MAX, check};
use synod_checker::model::{Counter, List, Model, Register, Set};
use synod_checker::{Input, Operation, Outcome, Output};

/// Whether some order of all returned operations and some of the others is right.
fn brute<M: Model>(history: &[Operation]) -> bool {
    fn go<M: Model>(left: &[&Operation], state: &M::State) -> bool {
        if left.iter().all(|op| op.return_us().is_none()) {
            return true;
        }
        let first_return = left.iter().filter_map(|op| op.return_us()).min().unwrap();
        left.iter().enumerate().filter(|(_, op)| op.call_us <= first_return).any(|(i, op)| {
            M::step(state, &op.input, op.output()).is_some_and(|after| {
                let mut rest = left.to_vec();
                rest.remove(i);
                go::<M>(&rest, &after)
            })
        })
    }
    let possible: Vec<&Operation> =
        history.iter().filter(|op| op.outcome != Outcome::Refused).collect();
    go::<M>(&possible, &M::initial())
}

/// An operation of random times; the answer is drawn from few values, so that both verdicts are common.
fn operation(what: impl Strategy<Value = (Input, Output)>) -> impl Strategy<Value = Operation> {
    (what, 0..12u64, 0..6u64, 0..5u8).prop_map(|((input, output), call_us, took, fate)| {
        let outcome = match fate {
            0 => Outcome::Unknown,
            _ => Outcome::Returned { return_us: call_us + took, output },
        };
        Operation { client: 1, key: "k".into(), input, call_us, outcome }
    })
}

fn register() -> impl Strategy<Value = (Input, Output)> {
    let value = || prop_oneof![Just(None), (0..4u64).prop_map(Some)];
    prop_oneof![
        3 => value().prop_map(|v| (Input::Read, Output::Value(v))),
        3 => (0..4u64).prop_map(|v| (Input::Write(v), Output::Done)),
        1 => (value(), 0..4u64, any::<bool>())
            .prop_map(|(from, to, ok)| (Input::Swap { from, to }, Output::Swapped(ok))),
    ]
}

fn counter() -> impl Strategy<Value = (Input, Output)> {
    prop_oneof![
        (-1..5i64).prop_map(|n| (Input::Count, Output::Number(n))),
        (1..3i64, 0..6i64).prop_map(|(by, n)| (Input::Increment(by), Output::Number(n))),
    ]
}

fn set() -> impl Strategy<Value = (Input, Output)> {
    prop_oneof![
        proptest::collection::btree_set(0..3u64, 0..3)
            .prop_map(|s| (Input::Members, Output::Set(s))),
        (0..3u64).prop_map(|v| (Input::Add(v), Output::Done)),
    ]
}

fn list() -> impl Strategy<Value = (Input, Output)> {
    prop_oneof![
        proptest::collection::vec(0..3u64, 0..3).prop_map(|l| (Input::Items, Output::List(l))),
        (0..3u64, 1..4i64).prop_map(|(v, n)| (Input::Append(v), Output::Number(n))),
    ]
}

/// Appends of different items and reads that mostly agree on one order: what is judged without a search.
fn different_items() -> impl Strategy<Value = Vec<Operation>> {
    let order = Just((0..7u64).collect::<Vec<_>>()).prop_shuffle();
    let op = (any::<bool>(), 0..7usize, 0..12u64, 0..6u64, 0..5u8, 0..8u8);
    (order, proptest::collection::vec(op, 0..7)).prop_map(|(order, ops)| {
        let operation = |(i, (reads, len, call_us, took, fate, lie)): (usize, _)| {
            let (input, mut output) = if reads {
                (Input::Items, Output::List(order[..len].to_vec()))
            } else {
                let place = order.iter().position(|item| *item == i as u64).unwrap();
                (Input::Append(i as u64), Output::Number(place as i64 + 1))
            };
            if lie == 0 && !reads {
                output = Output::Number(len as i64);
            }
            let outcome = match fate {
                0 | 1 => Outcome::Unknown,
                _ => Outcome::Returned { return_us: call_us + took, output },
            };
            Operation { client: 1, key: "k".into(), input, call_us, outcome }
        };
        ops.into_iter().enumerate().map(operation).collect()
    })
}

fn history(what: impl Strategy<Value = (Input, Output)>) -> impl Strategy<Value = Vec<Operation>> {
    proptest::collection::vec(operation(what), 0..7)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn registers(history in history(register())) {
        prop_assert_eq!(check(&history, STEPS_MAX).passed(), brute::<Register>(&history));
    }

    #[test]
    fn counters(history in history(counter())) {
        prop_assert_eq!(check(&history, STEPS_MAX).passed(), brute::<Counter>(&history));
    }

    #[test]
    fn sets(history in history(set())) {
        prop_assert_eq!(check(&history, STEPS_MAX).passed(), brute::<Set>(&history));
    }

    #[test]
    fn lists(history in history(list())) {
        prop_assert_eq!(check(&history, STEPS_MAX).passed(), brute::<List>(&history));
    }

    #[test]
    fn lists_of_different_items(history in different_items()) {
        prop_assert_eq!(check(&history, STEPS_MAX).passed(), brute::<List>(&history));
    }

    /// A correct server's own answers always pass, however long the history and however many outcomes
    /// were lost.
    #[test]
    fn answers_of_a_real_register_pass(
        ops in proptest::collection::vec((register(), 1..40u64, 0..40u64, 0..6u8), 0..200)
    ) {
        let mut state = None;
        let mut history = Vec::new();
        for (i, ((input, _), before, after, fate)) in ops.into_iter().enumerate() {
            let at_us = 10 * i as u64 + 100;
            let output = match &input {
                Input::Swap { from, .. } => Output::Swapped(*from == state),
                Input::Write(_) => Output::Done,
                _ => Output::Value(state),
            };
            let executed = fate != 0;
            if executed {
                state = Register::step(&state, &input, Some(&output)).unwrap();
            }
            let outcome = match fate {
                0 | 1 => Outcome::Unknown,
                _ => Outcome::Returned { return_us: at_us + after, output },
            };
            history.push(Operation {
                client: i as u64, key: "k".into(), input, call_us: at_us - before, outcome,
            });
        }
        let report = check(&history, STEPS_MAX);
        prop_assert!(report.passed(), "{:?}", report.failures);
    }
}
