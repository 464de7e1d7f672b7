//! A node that is about to stop gives its leaderships away under load too, when nobody ever has the whole log.

use crate::world::{Size, World};
use synod_types::{NodeId, PartitionId};

const GROUP: PartitionId = PartitionId(1);
/// Long enough for a node to look where leaders should be, and too short for an election.
const LOOK_MS: u64 = 500;

/// A leader that is about to stop, with so many entries that no other member has on its disk.
fn retiring_with(entries: usize) -> (World, NodeId) {
    let mut world = World::new(Size { nodes: 3, workers: 1, partitions: 1 });
    let leader = world.leader(GROUP).expect("a leader");
    world.connect("a", leader.0, 0);
    world.held = true;
    for nth in 0..entries {
        let set = [&b"SET"[..], b"k", nth.to_string().as_bytes()].map(<[u8]>::to_vec);
        world.send("a", [set.to_vec()]);
    }
    assert_eq!(world.receive("a").0, b"", "nothing is on a disk yet");
    assert!(!world.retire(leader), "the entries are under way");
    world.pass(LOOK_MS);
    (world, leader)
}

#[test]
fn an_heir_may_lack_entries_that_are_under_way() {
    let (mut world, leader) = retiring_with(3);
    assert_eq!(world.leader(GROUP), Some(leader));
    // From here on no time passes: what happens had been begun.
    world.release();
    assert_eq!(world.receive("a").0, b"+OK\r\n".repeat(3));
    let heir = world.leader(GROUP).expect("a leader");
    assert_ne!(heir, leader);
    assert!(world.retire(leader));
}

#[test]
fn an_heir_that_lacks_much_is_not_waited_for() {
    let (mut world, leader) = retiring_with(1_001);
    world.release();
    assert_eq!(world.leader(GROUP), Some(leader), "nobody was near enough to be chosen");
    world.pass(LOOK_MS);
    assert_ne!(world.leader(GROUP), Some(leader), "now that all have everything, somebody is");
}
