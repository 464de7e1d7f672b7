//! The three views of the cluster agree, on every worker of every node, with a node lost and without.

use crate::world::{Size, World};
use std::collections::BTreeMap;
use synod_types::{NodeId, SLOT_COUNT};
use synod_wire::resp::Value;

const SIZE: Size = Size { nodes: 4, workers: 2, partitions: 9 };

/// The owner's name by slot.
type Owners = BTreeMap<u16, String>;

fn call(world: &mut World, client: &str, request: &str) -> Value {
    world.send(client, [request.split(' ').map(|word| word.as_bytes().to_vec()).collect()]);
    let (bytes, _) = world.receive(client);
    Value::decode(&bytes).unwrap().unwrap().0
}

fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        other => panic!("no array: {other:?}"),
    }
}

fn number(value: &Value) -> u16 {
    match value {
        Value::Integer(n) => *n as u16,
        other => panic!("no number: {other:?}"),
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// What a map of RESP2 holds under a key.
fn field<'v>(map: &'v Value, key: &str) -> &'v Value {
    let pairs = elements(map).as_chunks::<2>().0;
    &pairs.iter().find(|pair| pair[0].as_str() == Some(key)).expect("such a field")[1]
}

fn own(owners: &mut Owners, first: u16, last: u16, name: &str) {
    for slot in first..=last {
        assert_eq!(owners.insert(slot, name.to_owned()), None, "slot {slot} is told twice");
    }
}

fn from_slots(reply: &Value) -> Owners {
    let mut owners = Owners::new();
    for range in elements(reply) {
        let range = elements(range);
        let name = text(&elements(&range[2])[2]);
        own(&mut owners, number(&range[0]), number(&range[1]), &name);
    }
    owners
}

fn from_shards(reply: &Value) -> Owners {
    let mut owners = Owners::new();
    for shard in elements(reply) {
        let nodes = elements(field(shard, "nodes"));
        let role = |node: &&Value| text(field(node, "role")) == "master";
        let masters: Vec<_> = nodes.iter().filter(role).collect();
        assert_eq!(masters.len(), 1);
        let name = text(field(masters[0], "id"));
        for range in elements(field(shard, "slots")).as_chunks::<2>().0 {
            own(&mut owners, number(&range[0]), number(&range[1]), &name);
        }
    }
    owners
}

fn from_nodes(reply: &Value) -> Owners {
    let mut owners = Owners::new();
    for line in text(reply).lines() {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[0].len(), 40);
        for range in &words[8..] {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            own(&mut owners, first.parse().unwrap(), last.parse().unwrap(), words[0]);
        }
    }
    owners
}

/// The view that all workers of these nodes share.
fn shared_view(world: &mut World, nodes: impl IntoIterator<Item = u64>) -> Owners {
    let mut shared: Option<Owners> = None;
    for (node, worker) in nodes.into_iter().flat_map(|n| (0..SIZE.workers).map(move |w| (n, w))) {
        let name = format!("{node}.{worker}");
        if !world.is_connected(&name) {
            world.connect(&name, node, worker);
        }
        let slots = from_slots(&call(world, &name, "CLUSTER SLOTS"));
        assert_eq!(slots, from_shards(&call(world, &name, "CLUSTER SHARDS")));
        assert_eq!(slots, from_nodes(&call(world, &name, "CLUSTER NODES")));
        let my_id = text(&call(world, &name, "CLUSTER MYID"));
        let nodes = text(&call(world, &name, "CLUSTER NODES"));
        let myself = nodes.lines().find(|line| line.contains(" myself,")).expect("this node");
        assert!(
            myself.starts_with(&my_id) && myself.contains(&format!("10.0.0.{node}:6379@16379"))
        );
        assert_eq!(*shared.get_or_insert_with(|| slots.clone()), slots, "worker {name}");
    }
    shared.expect("a node")
}

#[test]
fn the_views_agree_everywhere_and_cover_all_slots() {
    let mut world = World::new(SIZE);
    let owners = shared_view(&mut world, 1..=SIZE.nodes);
    assert_eq!(owners.len(), usize::from(SLOT_COUNT));
    let gone = owners[&0].clone();
    let nodes = text(&call(&mut world, "1.0", "CLUSTER NODES"));
    let line = nodes.lines().find(|line| line.starts_with(&gone)).expect("the owner of slot 0");
    let lost: u64 =
        (1..=SIZE.nodes).find(|n| line.contains(&format!("10.0.0.{n}:"))).expect("its address");

    world.lost = vec![NodeId(lost)];
    world.pass(10_000);
    let owners = shared_view(&mut world, (1..=SIZE.nodes).filter(|n| *n != lost));
    assert_eq!(owners.len(), usize::from(SLOT_COUNT));
    assert!(owners.values().all(|owner| *owner != gone), "what it led is led by others");
    let other = if lost == 1 { "2.0" } else { "1.0" };
    let nodes = text(&call(&mut world, other, "CLUSTER NODES"));
    let line = nodes.lines().find(|line| line.starts_with(&gone)).expect("it is still a member");
    assert!(line.contains(" slave,fail ") && line.contains(" disconnected"), "{line}");
    let slots = call(&mut world, other, "CLUSTER SLOTS");
    assert!(!format!("{slots:?}").contains(&gone), "clients are not sent to a lost node");
}
