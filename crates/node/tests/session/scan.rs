//! A SCAN through all partitions meets every key that stays, however many it is asked to look at.

use crate::world::{Size, World};
use std::collections::BTreeSet;
use synod_wire::resp::Value;

fn request(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn scan(world: &mut World, client: &str, words: &[&str]) -> BTreeSet<String> {
    let mut met = BTreeSet::new();
    let mut cursor = "0".to_owned();
    loop {
        world.send(client, [request(&[&["SCAN", &cursor], words].concat())]);
        let (bytes, _) = world.receive(client);
        let Some((Value::Array(parts), _)) = Value::decode(&bytes).unwrap() else {
            panic!("no array")
        };
        let [next, Value::Array(keys)] = &parts[..] else { panic!("not a cursor and keys") };
        met.extend(keys.iter().map(|key| key.as_str().unwrap().to_owned()));
        cursor = next.as_str().unwrap().to_owned();
        if cursor == "0" {
            return met;
        }
    }
}

#[test]
fn every_key_is_met_from_every_node() {
    let mut world = World::new(Size { nodes: 2, workers: 2, partitions: 7 });
    let keys: BTreeSet<String> = (0..500).map(|i| format!("key:{i}")).collect();
    world.connect("1", 1, 0);
    world.connect("2", 2, 1);
    world.send("1", keys.iter().map(|key| request(&["SET", key, "v"])));
    world.send("1", [request(&["LPUSH", "list", "v"])]);
    world.receive("1");
    for client in ["1", "2"] {
        for count in ["1", "10", "1000"] {
            let met = scan(&mut world, client, &["COUNT", count, "TYPE", "string"]);
            assert_eq!(met, keys);
        }
        assert_eq!(scan(&mut world, client, &["MATCH", "key:4?"]).len(), 10);
        assert_eq!(scan(&mut world, client, &["TYPE", "list"]).len(), 1);
        assert_eq!(scan(&mut world, client, &["TYPE", "nosuch"]).len(), 0);
    }
}
