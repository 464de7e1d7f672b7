//! Two partitions become one while a client writes all the time and hears of no error.

use crate::grow::{Trial, is_at_rest};
use crate::world::World;
use synod_types::{NodeId, PartitionId, Slot};

const UPPER: PartitionId = PartitionId(2);

/// Whether a node knows of no merge that is not over, and holds so many partitions.
fn is_merged(world: &World, nodes: u64, partitions: usize) -> bool {
    (1..=nodes).all(|node| {
        let map = world.map(node);
        map.partitions().len() == partitions
            && map.merges().count() == 0
            && map.all_absorbed().count() == 0
            && is_at_rest(world, node)
            && !world.held(node).contains(&UPPER)
    })
}

#[test]
fn two_neighbours_become_one_and_nothing_is_lost() {
    let mut trial = Trial::new(3, 1, 4);
    trial.until(1, "some writes", |world| world.held(3).len() == 4);
    trial.until(2, "many writes", |_| false_for(40));
    trial.expect(1, "SET foo 1", "OK");
    trial.expect(1, "CLUSTER MERGE 2", "OK");
    trial.until(3, "merged", |world| is_merged(world, 3, 3));
    let map = trial.world.map(2);
    assert_eq!(map.slots_of(PartitionId(1)), Some(Slot(0)..=Slot(8_191)));
    assert_eq!(trial.world.held(1).len(), 3);
    trial.is_whole(&[1, 2, 3]);
    trial.expect(2, "CLUSTER SPLIT 1 4096", "OK");
    trial.until(1, "split", |world| {
        (1..=3).all(|node| world.map(node).partitions().len() == 4 && world.held(node).len() == 4)
    });
    assert!(trial.world.map(1).partition(PartitionId(5)).is_some(), "a number of its own");
    trial.is_whole(&[1, 2, 3]);
    trial.expect(2, "CLUSTER MERGE 5", "OK");
    trial.until(1, "merged again", |world| is_merged(world, 3, 3));
    trial.is_whole(&[1, 2, 3]);
}

/// The first so many times that it is asked, not.
fn false_for(times: u32) -> bool {
    thread_local!(static ASKED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
    ASKED.set(ASKED.get() + 1);
    ASKED.get() > times
}

#[test]
fn one_that_is_elsewhere_is_moved_first() {
    let mut trial = Trial::new(3, 1, 8);
    trial.until(2, "some writes", |world| world.held(1).len() == 8);
    trial.join(4, 1);
    trial.until(2, "a share of node 4", |world| {
        world.held(4).len() >= 5 && is_at_rest(world, 2) && is_at_rest(world, 4)
    });
    let map = trial.world.map(1);
    let held = |partition| {
        let mut nodes = map.partition(PartitionId(partition)).unwrap().replicas.clone();
        nodes.sort_unstable();
        nodes
    };
    let upper = (2..=8).find(|upper| held(*upper) != held(upper - 1)).unwrap();
    trial.world.pass(11_000);
    trial.expect(1, &format!("CLUSTER MERGE {upper}"), "OK");
    trial.until(3, "merged", |world| {
        (1..=4).all(|node| {
            let map = world.map(node);
            map.partitions().len() == 7
                && map.all_absorbed().count() == 0
                && is_at_rest(world, node)
        })
    });
    trial.is_whole(&[1, 2, 3, 4]);
}

#[test]
fn a_node_that_is_away_meanwhile_holds_the_rest_up_and_not_the_clients() {
    let mut trial = Trial::new(3, 1, 2);
    trial.until(1, "some writes", |world| world.held(3).len() == 2);
    trial.world.lost.push(NodeId(3));
    trial.world.pass(5_000);
    trial.expect(1, "CLUSTER MERGE 2", "OK");
    trial.world.pass(3_000);
    assert!(trial.world.map(1).merges().count() == 1, "all are needed for that");
    trial.world.lost.clear();
    trial.until(1, "given", |world| world.map(1).partitions().len() == 1);
    trial.until(1, "merged", |world| is_merged(world, 3, 1));
    trial.is_whole(&[1, 2, 3]);
}

#[test]
fn what_cannot_be_merged_is_refused() {
    let mut trial = Trial::new(3, 2, 4);
    for (words, why) in [
        ("CLUSTER MERGE 1", "has the lowest slots"),
        ("CLUSTER MERGE 9", "no partition 9"),
        ("CLUSTER MERGE x", "not an integer"),
        ("CLUSTER MERGE 2", "on different workers"),
    ] {
        trial.refused(1, words, why);
    }
    assert!(!trial.world.map(1).is_reshaped());
}

/// With snapshots the entry that absorbs is forgotten and it is sent a snapshot; without, it reads the entry, and has to
/// have what the upper one gave.
#[test]
fn a_replica_that_lags_behind_takes_the_same_in() {
    for snapshots in [true, false] {
        let mut trial = Trial::new(3, 1, 2);
        trial.until(1, "some writes", |world| world.held(3).len() == 2);
        trial.world.pass(5_000);
        let leaders = [0, 1, 2].map(|group| trial.world.leader(PartitionId(group)));
        let is_led = |node: &u64| leaders.contains(&Some(NodeId(*node)));
        let late = (1..=3).find(|node| !is_led(node)).expect("one that leads nothing");
        let through = (1..=3).find(is_led).expect("one that leads");
        trial.world.mute.push(NodeId(late));
        trial.world.snapshots = snapshots;
        trial.expect(through, "CLUSTER MERGE 2", "OK");
        trial.until(through, "one partition", |world| world.map(through).partitions().len() == 1);
        trial.world.pass(2_000);
        let map = trial.world.map(through);
        let absorbed = map.absorbed(UPPER).expect("it is needed");
        assert!(absorbed.needed_by.contains(&NodeId(late)));
        assert!(trial.world.held(through).contains(&UPPER));
        trial.world.mute.clear();
        trial.until(through, "all know", |world| world.map(late).partitions().len() == 1);
        trial.world.pass(2_000);
        trial.world.snapshots = true;
        trial.until(through, "merged", |world| is_merged(world, 3, 1));
        trial.is_whole(&[1, 2, 3]);
        trial.world.pass(1_000);
        let digests = trial.world.digests(PartitionId(1));
        assert!(digests.windows(2).all(|two| two[0] == two[1]), "{digests:?}");
    }
}

#[test]
fn a_split_without_a_slot_is_where_the_load_is() {
    let mut trial = Trial::new(3, 1, 2);
    trial.until(1, "some writes", |world| world.held(3).len() == 2);
    // foo lies in slot 12182, a in 15495.
    for (n, tag) in (0..300).flat_map(|n| [(n, "foo"), (n, "a")]) {
        trial.expect(1, &format!("SET {{{tag}}}{n} value"), "OK");
    }
    trial.refused(1, "CLUSTER SPLIT 2 BY weight", "syntax error");
    trial.refused(1, "CLUSTER SPLIT 9 BY keys", "no partition 9");
    trial.expect(2, "CLUSTER SPLIT 2 BY keys", "OK");
    trial.until(1, "split", |world| {
        (1..=3).all(|node| world.map(node).partitions().len() == 3 && world.held(node).len() == 3)
    });
    let slots = trial.world.map(1).slots_of(PartitionId(3)).unwrap();
    assert!((Slot(12_183)..=Slot(15_495)).contains(slots.start()), "{slots:?}");
    trial.is_whole(&[1, 2, 3]);
}

#[test]
fn what_is_little_becomes_one_by_itself_where_that_was_said() {
    let mut trial = Trial::new(3, 1, 8);
    trial.until(1, "some writes", |world| world.held(3).len() == 8);
    trial.world.pass(70_000);
    assert_eq!(trial.world.map(1).partitions().len(), 8, "it was not said");
    trial.refused(1, "CLUSTER RESIZING perhaps", "syntax error");
    trial.expect(1, "CLUSTER RESIZING YES", "OK");
    trial.world.pass(50_000);
    assert_eq!(trial.world.map(1).partitions().len(), 8, "it has not been so for long");
    trial.until(2, "fewer", |world| world.map(2).partitions().len() < 8);
    trial.expect(3, "CLUSTER RESIZING NO", "OK");
    trial.until(1, "at rest", |world| {
        (1..=3).all(|node| {
            let map = world.map(node);
            map.merges().count() == 0 && map.all_absorbed().count() == 0 && is_at_rest(world, node)
        })
    });
    assert!(trial.world.map(1).partitions().len() >= 3);
    trial.is_whole(&[1, 2, 3]);
}
