//! Histories whose verdict is known from the literature, or plain to see, as pictures in text.
//!
//! A picture names each operation by `client kind(arguments)=answer` with its two times, one per line:
//! `A 0-4 write 1`. A time of `?` means that the outcome is unknown. The key is the same throughout.

#![allow(clippy::unwrap_used)] // a test may panic

use synod_checker::linear::{Failure, STEPS_MAX, check};
use synod_checker::{Input, Operation, Outcome, Output};

/// `(name, linearizable, picture)`.
const HISTORIES: &[(&str, bool, &str)] = &[
    ("the empty history", true, ""),
    ("a read of what was written", true, "A 0-1 write 1\nB 2-3 read 1"),
    ("a read of nothing after a write", false, "A 0-1 write 1\nB 2-3 read nil"),
    ("a read during a write may see either", true, "A 0-9 write 1\nB 1-2 read nil\nC 3-4 read 1"),
    // Herlihy and Wing 1990, figure 2 b: once seen, a write cannot be unseen.
    ("new then old during one write", false, "A 0-9 write 1\nB 1-2 read 1\nC 3-4 read nil"),
    // Herlihy and Wing 1990, section 1: two writes, both overlapping, reads agree on one order.
    (
        "reads agree on the order of two writes",
        true,
        "A 0-5 write 1\nB 0-5 write 2\nA 6-7 read 2\nB 8-9 read 2",
    ),
    (
        "reads disagree on the order of two writes",
        false,
        "A 0-5 write 1\nB 0-5 write 2\nA 6-7 read 2\nB 8-9 read 1",
    ),
    // Kleppmann, "Designing Data-Intensive Applications", figure 9-4.
    (
        "a value read before it was overwritten by a swap, as Kleppmann draws it",
        false,
        "A 0-1 write 0\nC 2-12 write 1\nD 13-14 write 2\nA 15-16 swap 2 4 yes\nB 17-18 read 2",
    ),
    ("two swaps from one value", false, "A 0-1 write 1\nA 2-3 swap 1 2 yes\nB 2-3 swap 1 3 yes"),
    ("one of two swaps", true, "A 0-1 write 1\nA 2-3 swap 1 2 yes\nB 2-3 swap 1 3 no"),
    ("a swap refused without a reason", false, "A 0-1 write 1\nB 2-3 swap 1 2 no"),
    ("a swap from nothing", true, "A 0-1 swap nil 7 yes\nB 2-3 read 7"),
    ("an unknown write that never was", true, "A 0-1 write 1\nB 2-? write 2\nC 3-4 read 1"),
    (
        "an unknown write that comes late",
        true,
        "A 0-1 write 1\nB 2-? write 2\nC 3-4 read 1\nC 5-6 read 2",
    ),
    (
        "an unknown write cannot come, go and come",
        false,
        "A 0-1 write 1\nB 2-? write 2\nC 3-4 read 2\nC 5-6 read 1",
    ),
    ("an unknown write before it was called", false, "C 0-1 read 2\nB 2-? write 2"),
    ("an unknown swap that happened", true, "A 0-1 write 1\nB 2-? swap 1 2\nC 3-4 read 2"),
    ("an unknown swap whose ground is gone", false, "A 0-1 write 1\nB 2-? swap 5 2\nC 3-4 read 2"),
    (
        "an unknown write that only a refused swap gives away",
        true,
        "A 0-1 write 1\nB 2-? write 2\nC 3-4 swap 1 3 no",
    ),
    (
        "an unknown write seen by an unknown swap only",
        true,
        "A 0-1 write 1\nB 2-? write 2\nC 3-? swap 2 3\nD 4-5 read 3",
    ),
    // Bug class B1 of a deposed leader: it answers from what it knew.
    (
        "a stale read from a deposed leader",
        false,
        "A 0-1 write 1\nB 2-3 write 2\nC 4-5 read 2\nD 6-7 read 1",
    ),
    ("increments tell their order", true, "A 0-5 incr 1=2\nB 0-5 incr 1=1\nC 6-7 count 2"),
    ("two increments tell the same sum", false, "A 0-5 incr 1=1\nB 0-5 incr 1=1"),
    ("a lost increment", false, "A 0-1 incr 1=1\nB 2-3 incr 1=1"),
    (
        "unknown increments fill the gap",
        true,
        "A 0-? incr 1\nB 0-? incr 1\nC 0-? incr 1\nD 2-3 incr 1=3\nD 4-5 count 4",
    ),
    ("more than the unknown can fill", false, "A 0-? incr 1\nD 2-3 incr 1=3"),
    // Bug class B15: an ambiguous request retried inside and applied twice.
    ("an increment applied twice", false, "A 0-1 incr 1=1\nB 2-3 count 2"),
    ("a set that grows", true, "A 0-1 add 1\nB 0-9 add 2\nC 2-3 members 1\nC 4-5 members 1,2"),
    ("a set that forgets", false, "A 0-1 add 1\nA 2-3 add 2\nC 4-5 members 2"),
    (
        "two reads of a set that cannot both be",
        false,
        "A 0-9 add 1\nB 0-9 add 2\nC 1-8 members 1\nD 1-8 members 2",
    ),
    ("an unknown member appears", true, "A 0-? add 1\nB 1-2 members \nB 3-4 members 1"),
    ("a list in one order", true, "A 0-5 append 1=2\nB 0-5 append 2=1\nC 6-7 items 2,1"),
    ("a list against its lengths", false, "A 0-5 append 1=1\nB 0-5 append 2=2\nC 6-7 items 2,1"),
    ("an item that only a length gives away", true, "A 0-? append 1\nB 1-2 append 2=2"),
    ("an item from nowhere", false, "B 1-2 append 2=2"),
    ("two appends at one place", false, "A 0-5 append 1=1\nB 0-5 append 2=1"),
    ("an item at two places", false, "A 0-1 append 1=1\nC 2-3 items 1,1"),
    ("a read that outruns its append", false, "C 0-1 items 1\nA 2-3 append 1=1"),
    (
        "a read of a length that is long gone",
        false,
        "A 0-1 append 1=1\nA 2-3 append 2=2\nC 4-5 items 1",
    ),
    ("two unseen items below a length", true, "A 0-? append 1\nA 0-? append 2\nB 1-2 append 3=3"),
    ("one unseen item is not two", false, "A 0-? append 1\nB 1-2 append 3=3"),
    ("an unseen item that was called too late", false, "B 1-2 append 3=2\nA 3-? append 1"),
    (
        "a read between an unseen item and the length that gives it away",
        true,
        "A 0-? append 1\nC 1-2 items \nB 3-4 append 2=2\nC 5-6 items 1,2",
    ),
    (
        "items that change places",
        false,
        "A 0-? append 1\nA 0-? append 2\nC 1-2 items 1,2\nC 3-4 items 2,1",
    ),
];

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

fn numbers(text: Option<&&str>) -> Vec<u64> {
    text.map(|text| text.split(',').filter_map(number).collect()).unwrap_or_default()
}

fn parse(line: &str) -> Operation {
    let words: Vec<&str> = line.split(' ').collect();
    let (call, ret) = words[1].split_once('-').unwrap();
    let (argument, told) = words.get(3).map_or(("", None), |word| match word.split_once('=') {
        Some((argument, told)) => (argument, told.parse().ok().map(Output::Number)),
        None => (*word, None),
    });
    let (input, output) = match words[2] {
        "read" => (Input::Read, Some(Output::Value(number(argument)))),
        "write" => (Input::Write(argument.parse().unwrap()), Some(Output::Done)),
        "swap" => (
            Input::Swap { from: number(argument), to: words[4].parse().unwrap() },
            words.get(5).map(|answer| Output::Swapped(*answer == "yes")),
        ),
        "incr" => (Input::Increment(argument.parse().unwrap()), told),
        "count" => (Input::Count, Some(Output::Number(argument.parse().unwrap()))),
        "add" => (Input::Add(argument.parse().unwrap()), Some(Output::Done)),
        "members" => {
            (Input::Members, Some(Output::Set(numbers(words.get(3)).into_iter().collect())))
        }
        "append" => (Input::Append(argument.parse().unwrap()), told),
        "items" => (Input::Items, Some(Output::List(numbers(words.get(3))))),
        other => panic!("{other}"),
    };
    let outcome = match (ret, output) {
        ("?", _) => Outcome::Unknown,
        (at, Some(output)) => Outcome::Returned { return_us: at.parse().unwrap(), output },
        _ => panic!("{line}: an answer is missing"),
    };
    let client = u64::from(words[0].as_bytes()[0]);
    Operation { client, key: "k".into(), input, call_us: call.parse().unwrap(), outcome }
}

#[test]
fn known_histories_get_their_known_verdicts() {
    for (name, linearizable, picture) in HISTORIES {
        let history: Vec<Operation> = picture.lines().map(parse).collect();
        let report = check(&history, STEPS_MAX);
        assert_eq!(report.passed(), *linearizable, "{name}: {:?}", report.failures);
    }
}

#[test]
fn the_culprit_is_the_first_answer_that_nothing_explains() {
    let picture = "A 0-1 write 1\nB 2-3 write 2\nC 4-5 read 2\nD 6-7 read 1\nE 8-9 read 1";
    let history: Vec<Operation> = picture.lines().map(parse).collect();
    let report = check(&history, STEPS_MAX);
    let [Failure::Violation(violation)] = &report.failures[..] else { panic!("{report:?}") };
    assert_eq!(violation.culprit, history[3]);
    assert_eq!(violation.stretch, history[..4]);
    let marked = violation.to_string();
    assert!(marked.lines().any(|line| line.starts_with('>') && line.contains("Value(Some(1))")));
}

#[test]
fn keys_are_independent_and_refused_operations_never_happened() {
    let mut history: Vec<Operation> =
        ["A 0-1 write 1", "A 2-3 read 1", "A 4-? write 2"].map(parse).to_vec();
    history[2].outcome = Outcome::Refused;
    let mut other = parse("B 0-1 incr 1=1");
    other.key = "other".into();
    history.push(other);
    let report = check(&history, STEPS_MAX);
    assert!(report.passed());
    assert_eq!((report.keys, report.operations), (2, 3));

    history.push(parse("C 5-6 read 2"));
    assert!(!check(&history, STEPS_MAX).passed(), "a refused write was seen");
}

#[test]
fn running_out_of_steps_is_a_failure() {
    // Items that were appended twice, all in flight at once, and all told the same length: no order, many tries.
    let mut history: Vec<Operation> =
        (0..18).map(|i| parse(&format!("A 0-100 append {}=19", i / 2))).collect();
    history.push(parse("B 0-100 append 99=19"));
    history.extend((100..118).map(|i| parse(&format!("A 0-? append {i}"))));
    let report = check(&history, 10_000);
    assert!(matches!(report.failures[..], [Failure::OutOfSteps { operations: 37, .. }]));
    assert_eq!(report.steps, 10_000);
}

#[test]
fn a_key_of_two_kinds_is_refused() {
    let history = ["A 0-1 write 1", "B 2-3 count 1"].map(parse);
    assert!(matches!(check(&history, STEPS_MAX).failures[..], [Failure::MixedKinds { .. }]));
}
