//! The coordinator against answers in every order and of every kind.

use super::*;
use synod_types::NodeId;
use synod_types::PartitionId;

const TEXT: &str = "CLUSTERDOWN nobody leads";

fn coordinator(parts: u32, reads_only: bool) -> Coordinator {
    let part = |n| Part {
        partition: PartitionId(n),
        keys: vec![n.to_string().into_bytes()],
        locks: Vec::new(),
    };
    let mut coordinator = Coordinator::new((1..=parts).rev().map(part).collect(), reads_only, 0);
    let first = coordinator.begin(txn(1));
    assert!(!first.is_empty());
    coordinator
}

fn txn(number: u64) -> TxnId {
    TxnId { node: NodeId(1), worker: 0, number }
}

fn fetched(now: u64) -> Answer {
    Answer::Fetched(Fetched { now: Millis(now), items: vec![(4, None)], ..Fetched::default() })
}

fn writes(parts: &[usize], of: usize) -> Ran {
    let one = |at| (format!("{}", at + 1).into_bytes(), Some(b"image".to_vec()));
    (0..of).map(|at| if parts.contains(&at) { vec![one(at)] } else { Vec::new() }).collect()
}

fn sends(parts: impl IntoIterator<Item = usize>, ask: Ask) -> Vec<Action> {
    parts.into_iter().map(|at| Action::Send(at, ask)).collect()
}

/// One that has fetched and run, writing to parts 1 and 2 of 0 to 2.
fn preparing() -> Coordinator {
    let mut c = coordinator(3, false);
    assert!(c.answered(2, fetched(30), 1).is_empty());
    assert!(c.answered(0, fetched(10), 1).is_empty());
    assert_eq!(c.answered(1, fetched(20), 1), [Action::Run]);
    assert_eq!(c.ran(writes(&[1, 2], 3)), sends([0, 2], Ask::Prepare));
    c
}

#[test]
fn all_that_is_prepared_is_decided_and_then_ended_and_forgotten() {
    let mut c = preparing();
    let deadline = Millis(20 + limits::TXN_DECIDE_MS_MAX);
    let step = c.step(0, Ask::Prepare);
    let home = PartitionId(2);
    let reads = vec![(&b"1"[..], 4)];
    let (guards, writes) = (Vec::new(), Vec::new());
    let until = None;
    assert_eq!(step, Step::Prepare { txn: txn(1), home, deadline, until, reads, guards, writes });
    assert!(c.answered(0, Answer::Yes, 1).is_empty());
    assert_eq!(c.answered(2, Answer::Yes, 1), sends([1], Ask::Decide));
    let Step::Decide { others, writes, .. } = c.step(1, Ask::Decide) else { panic!() };
    assert_eq!(others, [PartitionId(1), PartitionId(3)]);
    assert_eq!(writes, [(&b"2"[..], Some(&b"image"[..]))]);
    let mut told = vec![Action::Answer(Outcome::Done)];
    told.extend(sends([0, 2], Ask::Finish(true)));
    assert_eq!(c.answered(1, Answer::Yes, 1), told);
    assert!(c.answered(2, Answer::Yes, 1).is_empty());
    assert_eq!(c.answered(0, Answer::Yes, 1), [Action::Send(1, Ask::Forget), Action::End]);
}

#[test]
fn home_forgets_only_when_every_other_part_said_that_it_ended_it() {
    for answer in [Answer::Unknown, Answer::Refused(TEXT.to_owned())] {
        let mut c = preparing();
        for part in [0, 2, 1, 0] {
            c.answered(part, Answer::Yes, 1);
        }
        assert_eq!(c.answered(2, answer, 1), [Action::End]);
    }
}

#[test]
fn nothing_is_decided_unless_every_part_is_prepared() {
    let mut let_go = sends([0, 2], Ask::Finish(false));
    let_go.extend(sends(0..3, Ask::Release));
    for (answer, then) in [
        (Answer::No, vec![Action::Again]),
        (Answer::Unknown, vec![Action::Again]),
        (
            Answer::Refused(TEXT.to_owned()),
            vec![Action::Answer(Outcome::Refused(TEXT.to_owned())), Action::End],
        ),
    ] {
        let mut c = preparing();
        assert!(c.answered(0, answer, 1).is_empty(), "the other answer is awaited");
        assert_eq!(c.answered(2, Answer::Yes, 1), [let_go.clone(), then].concat());
    }
}

#[test]
fn a_decision_that_is_not_known_is_told_as_such_and_nothing_is_undone() {
    let mut c = preparing();
    c.answered(0, Answer::Yes, 1);
    c.answered(2, Answer::Yes, 1);
    let expected = [Action::Answer(Outcome::Unknown), Action::End];
    assert_eq!(c.answered(1, Answer::Unknown, 1), expected);
}

#[test]
fn an_abort_by_home_begins_again_under_another_name_with_locks_in_order() {
    let mut c = preparing();
    c.answered(0, Answer::Yes, 1);
    c.answered(2, Answer::Yes, 1);
    let mut expected = sends([0, 2], Ask::Finish(false));
    expected.extend(sends(0..3, Ask::Release));
    expected.push(Action::Again);
    assert_eq!(c.answered(1, Answer::No, 1), expected);
    let in_line = Ask::Fetch(Locking::Wait);
    assert_eq!(c.begin(txn(2)), sends([0], in_line));
    assert_eq!(c.step(0, in_line).txn(), txn(2));
    assert_eq!(c.answered(0, fetched(40), 1), sends([1], in_line));
    assert_eq!(c.answered(1, fetched(40), 1), sends([2], in_line));
    assert_eq!(c.answered(2, fetched(40), 1), [Action::Run]);
}

#[test]
fn a_lock_that_is_taken_has_all_given_back_before_any_is_waited_for() {
    let mut c = coordinator(2, false);
    assert!(c.answered(1, Answer::Busy, 1).is_empty());
    let expected = [sends(0..2, Ask::Release), vec![Action::Again]].concat();
    assert_eq!(c.answered(0, fetched(1), 1), expected);
}

#[test]
fn attempts_and_time_are_bounded() {
    let refused = Action::Answer(Outcome::Refused(OVERTAKEN.to_owned()));
    let mut c = coordinator(2, false);
    c.answered(0, Answer::Busy, 1);
    assert!(c.answered(1, Answer::Busy, limits::TXN_MS_MAX * 1000).contains(&refused));
    let mut c = coordinator(2, false);
    c.answered(0, Answer::Busy, 1);
    let mut actions = c.answered(1, Answer::Busy, 1);
    for n in 2.. {
        if actions.contains(&refused) {
            assert_eq!(n, u64::from(limits::TXN_ATTEMPTS_MAX) + 1);
            break;
        }
        assert_eq!(actions.last(), Some(&Action::Again));
        c.begin(txn(n));
        actions = c.answered(0, Answer::Busy, 1);
    }
}

#[test]
fn who_only_reads_collects_versions_twice_and_locks_when_that_fails() {
    let mut c = coordinator(2, true);
    for attempt in 1..=UNLOCKED_ATTEMPTS {
        c.answered(0, fetched(1), 1);
        assert_eq!(c.answered(1, fetched(1), 1), [Action::Run]);
        assert_eq!(c.ran(writes(&[], 2)), sends(0..2, Ask::Verify));
        assert!(c.answered(0, Answer::No, 1).is_empty());
        assert_eq!(c.answered(1, Answer::Yes, 1), [Action::Again], "attempt {attempt}");
        let locking = if attempt < UNLOCKED_ATTEMPTS { Locking::None } else { Locking::Wait };
        let first = c.begin(txn(u64::from(attempt) + 1));
        assert_eq!(first[0], Action::Send(0, Ask::Fetch(locking)));
    }
    c.answered(0, fetched(1), 1);
    c.answered(1, fetched(1), 1);
    c.ran(writes(&[], 2));
    c.answered(0, Answer::Yes, 1);
    let mut expected = sends(0..2, Ask::Release);
    expected.extend([Action::Answer(Outcome::Done), Action::End]);
    assert_eq!(c.answered(1, Answer::Yes, 1), expected);
}

#[test]
fn it_knows_how_much_it_keeps() {
    let mut c = coordinator(2, false);
    let items = vec![(4, Some(vec![0; 100]))];
    c.answered(0, Answer::Fetched(Fetched { now: Millis(1), items, ..Fetched::default() }), 1);
    assert_eq!(c.bytes(), 100);
    c.answered(1, fetched(1), 1);
    c.ran(writes(&[0], 2));
    assert_eq!(c.bytes(), 5, "what was fetched is given back when the commands have run");
    c.answered(1, Answer::No, 1);
    c.begin(txn(2));
    assert_eq!(c.bytes(), 0);
}

#[test]
fn where_a_lock_of_the_tree_lies_is_home_whatever_is_written_there() {
    let part = |n: u32, lock: &str| Part {
        partition: PartitionId(n),
        keys: vec![n.to_string().into_bytes()],
        locks: if lock.is_empty() { Vec::new() } else { vec![lock.as_bytes().to_vec()] },
    };
    for (lock, home) in [("{zookeeper}/l", 1), ("{l}", 0)] {
        let mut c = Coordinator::new(vec![part(1, ""), part(2, lock)], false, 0);
        c.begin(txn(1));
        for at in 0..2 {
            let tokens = if at == 1 { vec![(4, 4)] } else { Vec::new() };
            let items = vec![(4, None)];
            c.answered(
                at,
                Answer::Fetched(Fetched { now: Millis(1), items, tokens, ..Fetched::default() }),
                1,
            );
        }
        let writes = vec![vec![(b"1".to_vec(), Some(b"x".to_vec()))], Vec::new()];
        assert_eq!(c.ran(writes), [Action::Send(1 - home, Ask::Prepare)]);
        assert_eq!(c.answered(1 - home, Answer::Yes, 2), [Action::Send(home, Ask::Decide)]);
    }
}

/// As [`preparing`], of a parallel commit.
fn staging() -> Coordinator {
    let mut c = coordinator(3, false).with_parallel_commit(true);
    for part in 0..3 {
        c.answered(part, fetched(10 * (part as u64 + 1)), 1);
    }
    let mut all = sends([0, 2], Ask::Prepare);
    all.push(Action::Send(1, Ask::Stage));
    assert_eq!(c.ran(writes(&[1, 2], 3)), all);
    c
}

#[test]
fn a_parallel_commit_is_answered_when_all_is_kept_and_ended_when_that_is_recorded() {
    for order in [[0, 1, 2], [1, 2, 0], [2, 0, 1]] {
        let mut c = staging();
        let until = |now| Millis(now + limits::TXN_DECIDE_MS_MAX);
        let Step::Prepare { home, deadline, until: own, .. } = c.step(2, Ask::Prepare) else {
            panic!()
        };
        assert_eq!((home, deadline, own), (PartitionId(2), until(20), Some(until(30))));
        let Step::Stage { home, deadline, others, writes, .. } = c.step(1, Ask::Stage) else {
            panic!()
        };
        assert_eq!((home, deadline), (PartitionId(2), until(20)));
        assert_eq!(others, [(PartitionId(1), until(10)), (PartitionId(3), until(30))]);
        assert_eq!(writes, [(&b"2"[..], Some(&b"image"[..]))]);
        assert!(c.answered(order[0], Answer::Yes, 1).is_empty());
        assert!(c.answered(order[1], Answer::Yes, 1).is_empty(), "not before all have it");
        let told = [Action::Answer(Outcome::Done), Action::Send(1, Ask::Conclude(true))];
        assert_eq!(c.answered(order[2], Answer::Yes, 1), told);
        assert_eq!(c.step(1, Ask::Conclude(true)), Step::Conclude { txn: txn(1), commit: true });
        assert_eq!(c.answered(1, Answer::Yes, 1), sends([0, 2], Ask::Finish(true)));
        assert!(c.answered(2, Answer::Yes, 1).is_empty());
        assert_eq!(c.answered(0, Answer::Yes, 1), [Action::Send(1, Ask::Forget), Action::End]);
    }
}

#[test]
fn what_one_part_did_not_keep_is_let_go_everywhere_whatever_else_is_not_known() {
    let mut let_go = sends([1], Ask::Conclude(false));
    let_go.extend(sends([0, 2], Ask::Finish(false)));
    let_go.extend(sends(0..3, Ask::Release));
    let refused = Answer::Refused(TEXT.to_owned());
    let told = vec![Action::Answer(Outcome::Refused(TEXT.to_owned())), Action::End];
    for (answer, then) in [(Answer::No, vec![Action::Again]), (refused, told)] {
        for of in 0..3 {
            for other in [Answer::Yes, Answer::Unknown] {
                let mut c = staging();
                assert!(c.answered(of, answer.clone(), 1).is_empty());
                assert!(c.answered((of + 1) % 3, other.clone(), 1).is_empty());
                let all = [let_go.clone(), then.clone()].concat();
                assert_eq!(c.answered((of + 2) % 3, Answer::Yes, 1), all);
            }
        }
    }
}

#[test]
fn what_may_be_kept_everywhere_is_neither_tried_again_nor_undone() {
    for of in 0..3 {
        let mut c = staging();
        c.answered(of, Answer::Unknown, 1);
        c.answered((of + 1) % 3, Answer::Yes, 1);
        let told = [Action::Answer(Outcome::Unknown), Action::End];
        assert_eq!(c.answered((of + 2) % 3, Answer::Yes, 1), told);
    }
}

#[test]
fn nothing_is_ended_unless_the_decision_is_known_to_be_recorded() {
    for answer in [Answer::Unknown, Answer::Refused(TEXT.to_owned()), Answer::No] {
        let mut c = staging();
        (0..3).for_each(|part| _ = c.answered(part, Answer::Yes, 1));
        assert_eq!(c.answered(1, answer, 1), [Action::End]);
    }
}

#[test]
fn who_has_one_part_or_a_lock_of_the_tree_decides_as_ever() {
    let mut c = coordinator(1, false).with_parallel_commit(true);
    assert_eq!(c.answered(0, fetched(1), 1), [Action::Run]);
    assert_eq!(c.ran(writes(&[0], 1)), sends([0], Ask::Decide), "one round is one round");
    let part = |n: u32, lock: &[&[u8]]| Part {
        partition: PartitionId(n),
        keys: vec![n.to_string().into_bytes()],
        locks: lock.iter().map(|name| name.to_vec()).collect(),
    };
    let parts = vec![part(1, &[]), part(2, &[b"{zookeeper}/l"])];
    let mut c = Coordinator::new(parts, false, 0).with_parallel_commit(true);
    c.begin(txn(1));
    c.answered(0, fetched(1), 1);
    let (items, tokens) = (vec![(4, None)], vec![(4, 4)]);
    let answer = Fetched { now: Millis(1), items, tokens, ..Fetched::default() };
    c.answered(1, Answer::Fetched(answer), 1);
    assert_eq!(c.ran(writes(&[0], 2)), sends([0], Ask::Prepare));
    let Step::Prepare { until, .. } = c.step(0, Ask::Prepare) else { panic!() };
    assert_eq!(until, None, "home decides, and nobody inquires");
    assert_eq!(c.answered(0, Answer::Yes, 1), sends([1], Ask::Decide));
}
