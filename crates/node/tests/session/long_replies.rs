//! A reply of any length reaches a client through every node and worker.

use crate::world::{Size, World};
use synod_types::limits;

const VALUE_BYTES: usize = 3 * limits::REPLY_PART_BYTES + 5;

fn get(world: &mut World, client: &str, requests: &[&[&str]]) -> Vec<u8> {
    let words = |request: &&[&str]| request.iter().map(|word| word.as_bytes().to_vec()).collect();
    world.send(client, requests.iter().map(words));
    let (bytes, closed) = world.receive(client);
    assert!(!closed);
    bytes
}

#[test]
fn long_replies_arrive_whole_and_in_order_through_other_nodes_and_workers() {
    let mut world = World::new(Size { nodes: 3, workers: 2, partitions: 4 });
    let value: Vec<u8> = (0..VALUE_BYTES).map(|at| b'a' + (at % 23) as u8).collect();
    for (name, node, worker) in [("a", 1, 0), ("b", 1, 1), ("c", 2, 0), ("d", 3, 1)] {
        world.connect(name, node, worker);
    }
    for key in ["k1", "k2", "k3", "k4", "k5"] {
        world.send("a", [vec![b"SET".to_vec(), key.into(), value.clone()]]);
        assert_eq!(world.receive("a").0, b"+OK\r\n");
        let bulk = [format!("${VALUE_BYTES}\r\n").as_bytes(), &value, b"\r\n"].concat();
        for client in ["a", "b", "c", "d"] {
            let got = get(&mut world, client, &[&["GET", key], &["STRLEN", key], &["GET", key]]);
            let strlen = format!(":{VALUE_BYTES}\r\n");
            assert!(got == [&bulk, strlen.as_bytes(), &bulk].concat(), "{client} {key}");
        }
        let got = get(&mut world, "c", &[&["GETDEL", key], &["EXISTS", key]]);
        assert!(got == [&bulk, &b":0\r\n"[..]].concat(), "{key}");
    }
    // Parts of a command over partitions, and what is waited for.
    for key in ["x1", "x2"] {
        world.send("a", [vec![b"SET".to_vec(), key.into(), value.clone()]]);
        assert_eq!(world.receive("a").0, b"+OK\r\n");
    }
    let both = get(&mut world, "d", &[&["MGET", "x1", "x2"]]);
    assert_eq!(both.len(), 4 + 2 * (VALUE_BYTES + b"$3145733\r\n\r\n".len()));
    world.send("d", [["BLPOP", "l", "0"].map(|word| word.as_bytes().to_vec()).to_vec()]);
    world.send("a", [vec![b"RPUSH".to_vec(), b"l".to_vec(), value.clone()]]);
    assert_eq!(world.receive("a").0, b":1\r\n");
    world.release();
    let popped = world.receive("d").0;
    assert!(popped.windows(64).any(|w| w == &value[..64]) && popped.len() > VALUE_BYTES);
    assert_eq!(get(&mut world, "d", &[&["LLEN", "l"]]), b":0\r\n");
}
