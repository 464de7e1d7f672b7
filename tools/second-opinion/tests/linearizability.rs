//! Our search and porcupine-rs give the same verdict on thousands of random histories, and both kinds of
//! verdict are common among them.

#![allow(clippy::unwrap_used)] // a test may panic

use fastrand::Rng;
use synod_checker::linear::{self, STEPS_MAX};
use synod_checker::{Kind, Operation, format};
use synod_second_opinion::execution::{Shape, draw};
use synod_second_opinion::porcupine;
use synod_second_opinion::tampering::tamper;

const KINDS: [Kind; 4] = [Kind::Register, Kind::Counter, Kind::Set, Kind::List];

/// Both verdicts, which must be one; a difference is shown with the history that brings it about.
fn verdict(history: &[Operation], seed: u64) -> bool {
    let ours = linear::check(history, STEPS_MAX).passed();
    let theirs = porcupine::is_linearizable(history);
    assert_eq!(Some(ours), theirs, "seed {seed}: ours, theirs\n{}", format::encode(history));
    ours
}

/// How many of the histories of these seeds are right, and how many wrong.
fn compare(
    seeds: std::ops::Range<u64>,
    shape: fn(Kind, &mut Rng) -> Shape,
    lies_max: usize,
) -> (usize, usize) {
    let (mut right, mut wrong) = (0, 0);
    for seed in seeds {
        let mut random = Rng::with_seed(seed);
        let shape = shape(KINDS[seed as usize % KINDS.len()], &mut random);
        let mut history = draw(&shape, &mut random);
        for _ in 0..random.usize(..=lies_max) {
            tamper(&mut history, &mut random);
        }
        if verdict(&history, seed) {
            right += 1;
        } else {
            wrong += 1;
        }
    }
    println!("{right} right, {wrong} wrong");
    (right, wrong)
}

#[test]
fn what_a_real_server_answered_is_right() {
    assert_eq!(compare(0..1_000, Shape::small, 0), (1_000, 0));
    assert_eq!(compare(1_000..1_400, Shape::medium, 0), (400, 0));
}

#[test]
fn small_histories_with_lies_in_them() {
    let (right, wrong) = compare(10_000..18_000, Shape::small, 3);
    assert!(right > 1_000 && wrong > 1_000, "one verdict is rare: {right} right, {wrong} wrong");
}

#[test]
fn longer_histories_with_lies_in_them() {
    let (right, wrong) = compare(20_000..21_200, Shape::medium, 2);
    assert!(right > 150 && wrong > 150, "one verdict is rare: {right} right, {wrong} wrong");
}

#[test]
fn several_keys_are_judged_each_for_itself() {
    for seed in 30_000..30_200 {
        let mut random = Rng::with_seed(seed);
        let mut history = Vec::new();
        for kind in KINDS {
            let shape = Shape::small(kind, &mut random);
            let mut one = draw(&shape, &mut random);
            if random.u32(..6) == 0 {
                tamper(&mut one, &mut random);
            }
            history.extend(one.into_iter().map(|op| Operation { key: format!("{kind:?}"), ..op }));
        }
        verdict(&history, seed);
    }
}
