//! What a partition remembers, in whatever order it is told.

use super::*;
use synod_types::NodeId;

fn txn(number: u64) -> TxnId {
    TxnId { node: NodeId(1), worker: 0, number }
}

fn intent(keys: &[&str]) -> Intent {
    let write = |key: &&str| (key.as_bytes().to_vec(), Some(b"image".to_vec()));
    Intent {
        home: PartitionId(1),
        deadline: Millis(50),
        reads: vec![b"read".to_vec()],
        writes: keys.iter().map(write).collect(),
    }
}

#[test]
fn a_key_is_held_by_one_intent_until_that_is_ended() {
    let mut records = Records::default();
    assert!(records.prepare(txn(1), intent(&["a", "b"])));
    let others = Intent { reads: Vec::new(), ..intent(&["c", "b"]) };
    assert!(!records.prepare(txn(2), others.clone()));
    assert_eq!(records.holder(b"c"), None, "nothing of what was refused is held");
    assert_eq!(records.holder(b"read"), Some(txn(1)));
    assert_eq!(records.take(txn(2)), None);
    assert_eq!(records.take(txn(1)), Some(intent(&["a", "b"])));
    assert!(!records.holds_some());
    assert!(records.prepare(txn(2), others));
}

#[test]
fn there_is_one_decision_in_whatever_order_it_is_asked_for() {
    let mut records = Records::default();
    assert!(records.may_commit(txn(1), Millis(50), Millis(10)));
    records.commit(txn(1), vec![PartitionId(2)]);
    assert_eq!(
        records.resolve(txn(1), Millis(50), Millis(99)),
        Some(Resolved::Committed),
        "however late"
    );
    assert_eq!(records.resolve(txn(2), Millis(200), Millis(100)), Some(Resolved::Aborted));
    assert!(!records.may_commit(txn(2), Millis(200), Millis(100)));
    // The stamps go back, as they may with another leader.
    assert!(!records.may_commit(txn(2), Millis(200), Millis(90)));
    assert_eq!(records.resolve(txn(3), Millis(400), Millis(300)), Some(Resolved::Aborted));
    assert_eq!(records.counts(), (0, 1, 1), "what no Decide can follow is not remembered");
    assert!(!records.may_commit(txn(2), Millis(200), Millis(100)), "it is too late for it");
    records.forget(txn(1));
    assert_eq!(records.counts(), (0, 0, 1));
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut records = Records::default();
    for n in 0..limits::TXN_UNDECIDED_MAX as u64 {
        assert_eq!(records.resolve(txn(n), Millis(9), Millis(1)), Some(Resolved::Aborted));
        let own = Intent { reads: Vec::new(), ..intent(&[&n.to_string()]) };
        assert!(records.prepare(txn(n), own));
    }
    assert_eq!(records.resolve(txn(1 << 40), Millis(9), Millis(1)), None);
    assert_eq!(records.resolve(txn(1), Millis(9), Millis(1)), Some(Resolved::Aborted), "again");
    assert!(!records.prepare(txn(1 << 40), intent(&["more"])));
}

#[test]
fn records_restore_to_the_same_and_garbage_is_refused() {
    let mut records = Records::default();
    assert_eq!(records.digest(7), 7);
    records.prepare(txn(1), intent(&["a", ""]));
    records.may_commit(txn(2), Millis(50), Millis(10));
    records.commit(txn(2), vec![PartitionId(2), PartitionId(300)]);
    records.resolve(txn(3), Millis(60), Millis(20));
    let mut restored = Records::default();
    for record in records.records() {
        for cut in 0..record.len() {
            let taken = Records::default().take_record(&record[..cut]);
            assert!(taken.is_none(), "{record:?} cut at {cut}");
        }
        assert_eq!(restored.take_record(&record), Some(()));
    }
    assert_eq!(restored.digest(7), records.digest(7));
    assert_eq!(restored.counts(), (1, 1, 1));
    assert_eq!(restored.holder(b"a"), Some(txn(1)));
    assert!(!restored.may_commit(txn(3), Millis(60), Millis(20)));
    assert_eq!(restored.take_record(&records.records()[0]), None, "twice");
}

fn rests() -> Rests {
    vec![(PartitionId(2), Millis(70)), (PartitionId(300), Millis(80))]
}

#[test]
fn what_is_staged_is_concluded_once_whoever_comes_first() {
    for commit in [true, false] {
        let mut records = Records::default();
        assert!(records.stage(txn(1), intent(&["a"]), rests(), Millis(10)));
        assert_eq!(records.resolve(txn(1), Millis(50), Millis(99)), Some(Resolved::Staged));
        assert_eq!(records.take(txn(1)), None, "it is not ended before it is concluded");
        assert_eq!(records.holder(b"a"), Some(txn(1)));
        assert_eq!(records.conclude(txn(1), commit), (commit, Some(intent(&["a"]))));
        assert!(!records.holds_some() && records.staged().next().is_none());
        assert_eq!(records.conclude(txn(1), !commit), (commit, None), "it is decided");
        let others = [PartitionId(2), PartitionId(300)];
        let expected = commit.then_some((txn(1), &others[..]));
        assert_eq!(records.committed().next(), expected);
        records.forget(txn(1));
        assert_eq!(records.conclude(txn(1), true), (false, None), "all have ended it");
        assert_eq!(records.resolve(txn(1), Millis(50), Millis(10)), Some(Resolved::Aborted));
    }
}

#[test]
fn a_prepare_that_was_missed_never_comes_after_it() {
    let mut records = Records::default();
    let prepare = |records: &mut Records, n: u64, until, now| {
        let own = Intent { reads: Vec::new(), ..intent(&[&n.to_string()]) };
        records.prepare_until(txn(n), own, Millis(until), Millis(now))
    };
    assert!(prepare(&mut records, 1, 70, 10));
    assert_eq!(records.inquire(txn(1), Millis(70), Millis(10)), Some(true));
    assert_eq!(records.inquire(txn(2), Millis(70), Millis(20)), Some(false));
    assert!(!prepare(&mut records, 2, 70, 10), "the stamps may go back");
    assert_eq!(records.inquire(txn(3), Millis(200), Millis(100)), Some(false));
    assert_eq!(records.counts(), (1, 0, 1), "what no Prepare can follow is not remembered");
    assert!(!prepare(&mut records, 2, 70, 30), "it is too late for it");
    assert_eq!(records.inquire(txn(1), Millis(70), Millis(100)), Some(true), "however late");
    assert!(prepare(&mut records, 4, 200, 100));
}

#[test]
fn a_stage_that_was_resolved_or_is_late_or_meets_another_is_refused() {
    let mut records = Records::default();
    assert_eq!(records.resolve(txn(1), Millis(50), Millis(10)), Some(Resolved::Aborted));
    assert!(!records.stage(txn(1), intent(&["a"]), rests(), Millis(10)));
    assert!(!records.stage(txn(2), intent(&["a"]), rests(), Millis(51)), "late");
    let mut records = Records::default();
    assert!(records.prepare(txn(3), intent(&["a"])));
    assert!(!records.stage(txn(4), intent(&["a"]), rests(), Millis(10)), "it is held");
    assert!(records.staged().next().is_none());
    assert!(!records.stage(txn(3), intent(&["b"]), rests(), Millis(10)), "it is prepared here");
    assert!(!records.is_staged(txn(3)));
    let mut records = Records::default();
    assert!(!records.stage(txn(5), intent(&["a"]), Vec::new(), Millis(10)), "it rests on nothing");
    assert!(records.stage(txn(5), intent(&["a"]), rests(), Millis(10)));
}

#[test]
fn stages_and_refusals_are_bounded_and_each_stage_finds_room_for_its_decision() {
    let mut records = Records::default();
    let most = limits::TXN_UNDECIDED_MAX as u64;
    let own = |n: u64| Intent { reads: Vec::new(), ..intent(&[&n.to_string()]) };
    for n in 0..most {
        assert_eq!(records.inquire(txn(n + most), Millis(9), Millis(1)), Some(false));
        assert!(records.stage(txn(n), own(n), rests(), Millis(1)));
    }
    assert_eq!(records.inquire(txn(1 << 40), Millis(9), Millis(1)), None);
    for n in 0..most {
        assert!(!records.may_commit(txn(1 << 40), Millis(9), Millis(1)));
        assert!(!records.stage(txn(1 << 40), own(1 << 40), rests(), Millis(1)));
        assert!(records.conclude(txn(n), true).0);
    }
}

#[test]
fn a_stage_is_restored_with_its_intent_and_not_without() {
    let mut records = Records::default();
    records.stage(txn(1), intent(&["a"]), rests(), Millis(10));
    let mut restored = Records::default();
    let told = records.records();
    assert_eq!(restored.take_record(&told[1]), None, "its intent comes first");
    for record in &told {
        for cut in 0..record.len() {
            let mut partly = Records::default();
            partly.take_record(&told[0]);
            assert!(partly.take_record(&record[..cut]).is_none(), "{record:?} cut at {cut}");
        }
        assert_eq!(restored.take_record(record), Some(()));
    }
    assert_eq!(restored.digest(7), records.digest(7));
    assert_eq!(restored.staged().next(), Some((txn(1), &rests()[..])));
    assert_eq!(restored.take_record(&told[1]), None, "twice");
}
