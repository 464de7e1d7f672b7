//! A cluster grows, is moved to other nodes and shrinks, while a client writes all the time and hears of no error.

use crate::world::{Size, World};
use std::collections::BTreeMap;
use synod_types::NodeId;
use synod_wire::resp::Value;

/// How long the cluster may take to come to rest.
const REST_MS_MAX: u64 = 120_000;

/// A cluster and one client of each node, and what was written to it.
pub struct Trial {
    pub world: World,
    written: BTreeMap<String, u64>,
    writes: u64,
}

impl Trial {
    pub fn new(nodes: u64, workers: u16, partitions: u32) -> Self {
        let mut world = World::new(Size { nodes, workers, partitions });
        world.snapshots = true;
        (1..=nodes).for_each(|node| world.connect(&format!("of-{node}"), node, 0));
        Self { world, written: BTreeMap::new(), writes: 0 }
    }

    fn ask(&mut self, node: u64, request: &str) -> Value {
        let client = format!("of-{node}");
        let words = request.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        self.world.send(&client, [words]);
        for _ in 0..200 {
            let (bytes, closed) = self.world.receive(&client);
            assert!(!closed, "{request}");
            if let Some((value, _)) = Value::decode(&bytes).unwrap() {
                return value;
            }
            self.world.pass(50);
        }
        panic!("{request}: no answer");
    }

    pub fn expect(&mut self, node: u64, request: &str, answer: &str) {
        let said = self.ask(node, request);
        assert_eq!(said.as_str(), Some(answer), "{request}: {said:?}");
    }

    pub fn refused(&mut self, node: u64, request: &str, why: &str) {
        let said = format!("{:?}", self.ask(node, request));
        assert!(said.contains(why), "{request}: {said}");
    }

    /// Writes through a node, until the cluster is as wanted.
    pub fn until(&mut self, through: u64, what: &str, mut is_so: impl FnMut(&World) -> bool) {
        for _ in (0..REST_MS_MAX).step_by(100) {
            if is_so(&self.world) {
                return;
            }
            let key = format!("key-{}", self.writes % 97);
            self.writes += 1;
            self.expect(through, &format!("SET {key} {}", self.writes), "OK");
            self.written.insert(key, self.writes);
            self.world.pass(100);
        }
        panic!("{what}:\n{}", self.world.tell());
    }

    /// Everything that was written is there, whoever is asked.
    pub fn is_whole(&mut self, nodes: &[u64]) {
        for (key, value) in self.written.clone() {
            for node in nodes {
                self.expect(*node, &format!("GET {key}"), &value.to_string());
            }
        }
    }

    pub fn join(&mut self, id: u64, through: u64) {
        let words = self.world.add_node(id);
        assert!(!self.world.greet(id, through), "nobody lets it in before it is a member");
        self.expect(through, &words, "OK");
        self.expect(through, &words, "OK");
        self.until(through, "known", |world| {
            (1..=3).all(|node| world.map(node).nodes.contains_key(&NodeId(id)))
        });
        assert!(self.world.greet(id, through));
        self.world.connect(&format!("of-{id}"), id, 0);
    }
}

pub fn is_at_rest(world: &World, node: u64) -> bool {
    let map = world.map(node);
    map.moves().count() == 0 && map.vacating().count() == 0
}

#[test]
fn a_fourth_node_takes_its_share_and_one_that_is_drained_leaves_nothing_behind() {
    let mut trial = Trial::new(3, 2, 8);
    trial.until(2, "some writes", |world| world.held(1).len() == 8);
    trial.join(4, 1);
    // 8 partitions of three copies on four nodes are six for each.
    trial.until(2, "a share of node 4", |world| {
        world.held(4).len() >= 5 && is_at_rest(world, 2) && is_at_rest(world, 4)
    });
    for node in 1..=3 {
        let held = trial.world.held(node).len();
        assert!((5..=7).contains(&held), "node {node} holds {held}");
    }
    trial.is_whole(&[1, 4]);
    let copies = |world: &World| (1..=4).map(|node| world.held(node).len()).sum::<usize>();
    assert_eq!(copies(&trial.world), 24, "no copy too many, none too few");

    trial.refused(2, "CLUSTER REMOVE 1", "is not drained");
    trial.refused(2, "CLUSTER DRAIN 9", "not a member");
    trial.expect(2, "CLUSTER DRAIN 1", "OK");
    trial.until(2, "node 1 drained", |world| {
        world.map(2).is_drained(NodeId(1)) && is_at_rest(world, 2)
    });
    assert_eq!(trial.world.held(1), []);
    assert_eq!(copies(&trial.world), 24);
    trial.is_whole(&[1, 2, 3, 4]);
    trial.expect(2, "CLUSTER REMOVE 1", "OK");
    trial.world.pass(1_000);
    assert!(!trial.world.greet(1, 2), "it is no member any more");
    trial.world.end_node(1);
    trial.until(2, "writes without node 1", |world| world.map(2).nodes.len() == 3);
    trial.until(3, "leaders without node 1", |world| world.map(4).nodes.len() == 3);
    trial.is_whole(&[2, 3, 4]);
}

#[test]
fn who_left_comes_back_to_what_it_held() {
    let mut trial = Trial::new(3, 1, 4);
    trial.until(1, "some writes", |world| world.held(3).len() == 4);
    trial.expect(1, "CLUSTER DRAIN 3", "OK");
    trial.until(1, "node 3 drained", |world| world.map(1).is_drained(NodeId(3)));
    assert_eq!(trial.world.held(3), []);
    trial.expect(1, "CLUSTER RESTORE 3", "OK");
    trial.until(1, "node 3 back", |world| world.held(3).len() == 4 && is_at_rest(world, 1));
    trial.world.pass(2_000);
    trial.is_whole(&[1, 2, 3]);
    // It counts again: a majority with it is enough.
    trial.world.lost.push(NodeId(2));
    trial.world.pass(5_000);
    trial.is_whole(&[1, 3]);
}

#[test]
fn a_cluster_of_three_shrinks_to_one() {
    let mut trial = Trial::new(3, 1, 3);
    trial.until(1, "some writes", |world| world.held(3).len() == 3);
    for node in [3, 2] {
        trial.expect(1, &format!("CLUSTER DRAIN {node}"), "OK");
        trial.until(1, "drained", |world| world.map(1).is_drained(NodeId(node)));
        trial.expect(1, &format!("CLUSTER REMOVE {node}"), "OK");
        trial.world.pass(2_000);
        trial.world.end_node(node);
    }
    trial.refused(1, "CLUSTER DRAIN 1", "somebody has to hold the data");
    trial.until(1, "writes of one", |world| world.held(1).len() == 3);
    trial.world.pass(2_000);
    trial.is_whole(&[1]);
}

#[test]
fn what_would_cost_a_quorum_is_refused() {
    let mut trial = Trial::new(3, 1, 2);
    trial.world.lost.push(NodeId(3));
    trial.world.pass(5_000);
    trial.refused(1, "CLUSTER DRAIN 2", "would have no quorum: node 3");
    trial.refused(1, "CLUSTER DRAIN x", "named by its number");
    trial.refused(1, "CLUSTER JOIN 1 2 3", "wrong number of arguments");
    let cluster = trial.world.map(1).cluster.0;
    for (words, why) in [
        (format!("CLUSTER JOIN {cluster:x} 3 99 10.0.0.9:1 a b c 1 1 9"), "is a member already"),
        (
            format!("CLUSTER JOIN {:x} 4 99 10.0.0.9:1 a b c 1 1 9", cluster ^ 1),
            "to join another one",
        ),
        (format!("CLUSTER JOIN {cluster:x} 4 0 10.0.0.9:1 a b c 1 1 9"), "out of bounds"),
        (format!("CLUSTER JOIN {cluster:x} four 9 10.0.0.9:1 a b c 1 1 9"), "not what a node says"),
    ] {
        trial.refused(1, &words, why);
    }
    assert!(!trial.world.map(1).is_reshaped());
    // A node that is down can be drained where the others have a quorum.
    trial.expect(1, "CLUSTER DRAIN 3", "OK");
    trial.until(1, "the lost one drained", |world| {
        world.map(1).partitions_on(NodeId(3)).next().is_none() && world.map(1).is_retired(NodeId(3))
    });
    trial.expect(1, "CLUSTER REMOVE 3", "OK");
}

/// Keys of a node that has no map are keys of nobody: not of the metadata group either.
#[test]
fn who_is_no_member_yet_refuses_whatever_has_keys() {
    let mut trial = Trial::new(3, 1, 4);
    trial.world.add_node(4);
    trial.world.connect("of-4", 4, 0);
    for request in [
        "GET k",
        "SET k v",
        "MGET k l",
        "MSET k v l w",
        "WATCH k",
        "EVAL return 1 1 k",
        "BLPOP k 0",
        "EXISTS k l",
        "OBJECT ENCODING k",
        "SORT k",
        "XREAD STREAMS k 0",
        "SCAN 0",
        "KEYS *",
        "DBSIZE",
        "FLUSHALL",
        "RANDOMKEY",
        "LOCK LIST",
    ] {
        trial.refused(4, request, "CLUSTERDOWN");
    }
    trial.expect(4, "MULTI", "OK");
    trial.expect(4, "SET k v", "QUEUED");
    trial.refused(4, "EXEC", "CLUSTERDOWN");
}

/// A node that does not know the cluster yet knows no password either: who came in then is nobody once it does.
#[test]
fn who_came_before_the_users_were_known_has_to_log_in() {
    let mut trial = Trial::new(3, 1, 4);
    let join = trial.world.add_node(4);
    trial.world.connect("of-4", 4, 0);
    trial.refused(4, "GET k", "CLUSTERDOWN");
    trial.expect(1, "CONFIG SET requirepass secret", "OK");
    trial.expect(1, &join, "OK");
    trial.until(1, "known", |world| {
        (1..=3).all(|node| world.map(node).nodes.contains_key(&NodeId(4)))
    });
    assert!(trial.world.greet(4, 1));
    trial.world.pass(5_000);
    trial.refused(4, "GET k", "NOAUTH");
    trial.expect(4, "AUTH secret", "OK");
    let said = trial.ask(4, "GET k");
    assert!(!format!("{said:?}").contains("Error"), "{said:?}");
}
