//! Commands that pick at random pick anew each time, in one turn as in many.

use crate::world::{Size, World};
use std::collections::BTreeMap;
use synod_wire::resp::Value;

const DRAWS: usize = 400;

fn request(text: &str) -> Vec<Vec<u8>> {
    text.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// How often each element was drawn, when the draws come `pipelined` at once.
fn draws(world: &mut World, text: &str, pipelined: usize) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for _ in 0..DRAWS / pipelined {
        world.send("a", std::iter::repeat_n(request(text), pipelined));
        let (bytes, _) = world.receive("a");
        let mut rest = &bytes[..];
        while let Some((value, len)) = Value::decode(rest).unwrap() {
            *times.entry(value.as_str().unwrap().to_owned()).or_default() += 1;
            rest = &rest[len..];
        }
    }
    times
}

#[test]
fn every_element_is_drawn_about_equally_often() {
    for nodes in [1, 3] {
        let mut world = World::new(Size { nodes, workers: 1, partitions: 1 });
        world.connect("a", nodes, 0);
        let writes = ["SADD s a b c d", "HSET h a 1 b 2 c 3 d 4", "ZADD z 1 a 2 b 3 c 4 d"];
        world.send("a", writes.map(request));
        world.receive("a");
        for text in ["SRANDMEMBER s", "HRANDFIELD h", "ZRANDMEMBER z", "RANDOMKEY"] {
            for pipelined in [1, 20] {
                let times = draws(&mut world, text, pipelined);
                let kinds = if text == "RANDOMKEY" { 3 } else { 4 };
                let (low, high) = (DRAWS / kinds * 2 / 3, DRAWS / kinds * 4 / 3);
                assert_eq!(times.len(), kinds, "{text}, {pipelined} at once: {times:?}");
                assert!(times.values().all(|n| (low..high).contains(n)), "{text}: {times:?}");
            }
        }
    }
}
