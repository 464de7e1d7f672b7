//! What a worker holds for requests under way is bounded: further ones wait in their sockets, and none is forgotten.

use crate::world::{Size, World};
use synod_types::{NodeId, limits};

const VALUE_BYTES: usize = 1 << 20;
const REQUESTS: usize = 300;
const REFUSED: &[u8] = b"-CLUSTERDOWN";

fn waiting(world: &mut World) -> usize {
    world.send("b", [vec![b"INFO".to_vec(), b"clients".to_vec()]]);
    let (bytes, _) = world.receive("b");
    let text = String::from_utf8(bytes).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("synod_requests_waiting:"));
    line.expect("such a line").parse().unwrap()
}

fn refused(world: &mut World) -> usize {
    let (bytes, closed) = world.receive("a");
    assert!(!closed);
    bytes.windows(REFUSED.len()).filter(|window| *window == REFUSED).count()
}

#[test]
fn requests_that_wait_for_a_leader_take_so_much_memory_and_no_more() {
    let mut world = World::new(Size { nodes: 3, workers: 1, partitions: 1 });
    world.connect("a", 1, 0);
    world.connect("b", 1, 0);
    world.lost = (1..=3).map(NodeId).collect();
    // A leader that is asked something notices that it reaches nobody.
    let set = || vec![b"SET".to_vec(), b"k".to_vec(), vec![b'x'; VALUE_BYTES]];
    world.send("b", [set()]);
    world.pass(6_000);
    world.receive("b");
    world.send("a", (0..REQUESTS).map(|_| set()));
    let room = limits::HELD_BYTES_MAX / VALUE_BYTES;
    let held = waiting(&mut world);
    assert!(held <= room && held > room - 3, "{held} of {room} are held");
    let mut answered = 0;
    for _ in 0..4 {
        world.pass(6_000);
        answered += refused(&mut world);
    }
    assert_eq!(answered, REQUESTS);
    assert_eq!(waiting(&mut world), 0);
}
