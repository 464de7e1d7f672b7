//! What clients saw in the simulator, under its trouble, is right to other people's judges as well: to porcupine-rs
//! key by key, and to adya over all lists and over all registers at once. One answer altered, and it is wrong.

#![allow(clippy::unwrap_used)] // a test may panic

use std::collections::BTreeMap;
use std::sync::OnceLock;
use synod_checker::linear::{self, STEPS_MAX};
use synod_checker::{Input, Kind, Operation, Outcome, Output, format};
use synod_second_opinion::isolation::{Verdict, cycles, to_jepsen};
use synod_second_opinion::porcupine;
use synod_second_opinion::translation::{self, cycles_of_registers, lists, registers};
use synod_sim::{Params, run};

const SEEDS: std::ops::Range<u64> = 5_001..5_025;
/// Nobody ever wrote this, and no sum comes near it.
const NEVER: u64 = 1_000_000_000;

/// What clients saw in these seeds; it is simulated once for all tests.
fn histories() -> &'static [(u64, Vec<Operation>)] {
    static HISTORIES: OnceLock<Vec<(u64, Vec<Operation>)>> = OnceLock::new();
    HISTORIES.get_or_init(|| SEEDS.map(|seed| (seed, simulate(seed))).collect())
}

fn simulate(seed: u64) -> Vec<Operation> {
    let params = Params { seed, nodes: 3, partitions: 2, seconds: 10, ..Params::default() };
    let outcome = run(&params);
    assert_eq!(outcome.failure, None, "again: {}", params.replay());
    outcome.history
}

fn by_key(history: &[Operation]) -> BTreeMap<&str, Vec<Operation>> {
    let mut keys: BTreeMap<&str, Vec<Operation>> = BTreeMap::new();
    for op in history {
        keys.entry(&op.key).or_default().push(op.clone());
    }
    keys
}

/// The verdict of both judges on one key, which must be this.
fn expect(history: &[Operation], right: bool, seed: u64) {
    let ours = linear::check(history, STEPS_MAX).passed();
    let theirs = porcupine::is_linearizable(history);
    let shown = || format!("seed {seed}: ours, theirs\n{}", format::encode(history));
    assert_eq!((ours, theirs), (right, Some(right)), "{}", shown());
}

/// Makes the last answer to a read say what cannot be; `false` if no read was answered or its answer is empty.
fn alter(history: &mut [Operation]) -> bool {
    let answer = history.iter_mut().rev().find_map(|op| match &mut op.outcome {
        Outcome::Returned { output, .. } if op.input.is_read() => Some(output),
        _ => None,
    });
    match answer {
        Some(Output::Value(value)) => *value = Some(NEVER),
        Some(Output::Number(sum)) => *sum += NEVER as i64,
        Some(Output::Set(members)) => {
            return members.pop_first().is_some() && members.insert(NEVER);
        }
        Some(Output::List(items)) if !items.is_empty() => items[0] = NEVER,
        _ => return false,
    }
    true
}

#[test]
fn every_key_is_right_to_both_judges() {
    let mut judged: BTreeMap<Kind, (usize, usize)> = BTreeMap::new();
    for (seed, history) in histories() {
        for ops in by_key(history).into_values() {
            expect(&ops, true, *seed);
            let (answered, unknown) = judged.entry(ops[0].input.kind()).or_default();
            *answered += ops.iter().filter(|op| op.output().is_some()).count();
            *unknown += ops.iter().filter(|op| op.outcome == Outcome::Unknown).count();
        }
    }
    println!("answered and unknown operations: {judged:?}");
    assert_eq!(judged.len(), 4, "a kind of key is missing");
    let enough = |(answered, unknown): &(usize, usize)| *answered > 500 && *unknown >= 5;
    assert!(judged.values().all(enough), "too little was judged: {judged:?}");
}

#[test]
fn one_altered_answer_is_found_by_both_judges() {
    let mut altered: BTreeMap<Kind, usize> = BTreeMap::new();
    for (seed, history) in histories() {
        for mut ops in by_key(history).into_values() {
            if alter(&mut ops) {
                expect(&ops, false, *seed);
                *altered.entry(ops[0].input.kind()).or_default() += 1;
            }
        }
    }
    println!("altered keys: {altered:?}");
    assert!(altered.len() == 4 && altered.values().all(|n| *n >= 10), "{altered:?}");
}

/// An acknowledged write that the last read does not know of.
#[test]
fn one_forgotten_write_is_found_by_both_judges() {
    let mut forgotten = 0;
    for (seed, history) in histories() {
        for mut ops in by_key(history).into_values() {
            if forget(&mut ops) {
                expect(&ops, false, *seed);
                forgotten += 1;
            }
        }
    }
    println!("{forgotten} sets and lists of which something was forgotten");
    assert!(forgotten >= 20, "{forgotten}");
}

/// Takes the value of the first acknowledged write out of the last read of a set or a list, which came after it.
fn forget(history: &mut [Operation]) -> bool {
    let acknowledged = history.iter().find_map(|op| match op.input {
        Input::Add(value) | Input::Append(value) => op.return_us().map(|at_us| (value, at_us)),
        _ => None,
    });
    let Some((value, at_us)) = acknowledged else { return false };
    let last = history.iter_mut().rev().find(|op| op.input.is_read() && op.call_us > at_us);
    match last.map(|op| &mut op.outcome) {
        Some(Outcome::Returned { output: Output::Set(members), .. }) => members.remove(&value),
        Some(Outcome::Returned { output: Output::List(items), .. }) => {
            let before = items.len();
            items.retain(|item| *item != value);
            items.len() < before
        }
        _ => false,
    }
}

#[test]
fn all_lists_together_are_right_and_a_swapped_pair_is_not() {
    let mut wrong = 0;
    for (seed, history) in histories() {
        let mut transactions = lists(history);
        let verdict = cycles(&transactions);
        assert_eq!(verdict, Verdict::Fine, "seed {seed}\n{}", to_jepsen(&transactions));
        if swap_pair(&mut transactions) {
            let verdict = cycles(&transactions);
            assert!(matches!(verdict, Verdict::Wrong(..)), "seed {seed}: {verdict:?}");
            wrong += 1;
        }
    }
    println!("{wrong} histories of lists with a swapped pair");
    assert!(wrong >= 10, "{wrong}");
}

/// Exchanges the first two items in the last read of a list that was read with both of them before.
fn swap_pair(history: &mut [synod_second_opinion::transactions::Transaction]) -> bool {
    use synod_second_opinion::transactions::Step;
    let mut reads: BTreeMap<String, usize> = BTreeMap::new();
    for transaction in history {
        for step in &mut transaction.steps {
            let Step::Read(key, Some(seen)) = step else { continue };
            if seen.len() < 2 {
                continue;
            }
            let times = reads.entry(key.clone()).or_default();
            *times += 1;
            if *times == 2 {
                seen.swap(0, 1);
                return true;
            }
        }
    }
    false
}

#[test]
fn all_registers_together_are_right_and_a_torn_read_is_not() {
    let mut wrong = 0;
    for (seed, history) in histories() {
        let mut accesses = registers(history);
        let verdict = cycles_of_registers(&accesses);
        let shown = translation::to_jepsen(&accesses);
        assert_eq!(verdict, Verdict::Fine, "seed {seed}\n{shown}");
        let torn = accesses.iter_mut().rev().find_map(|access| match &mut access.seen {
            Some(seen) if seen.len() > 1 && seen[0].is_some() => Some(seen),
            _ => None,
        });
        let Some(seen) = torn else { continue };
        seen[0] = None;
        let verdict = cycles_of_registers(&accesses);
        assert!(matches!(verdict, Verdict::Wrong(..)), "seed {seed}: {verdict:?}");
        wrong += 1;
    }
    println!("{wrong} histories of registers with a torn read");
    assert!(wrong >= 10, "{wrong}");
}
