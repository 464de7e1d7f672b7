//! What a map makes of members that come and go.

use super::*;
use crate::cluster_map::MetaCommand;
use synod_types::Incarnation;

const CLUSTER: ClusterId = ClusterId(7);

fn info(n: u64) -> NodeInfo {
    NodeInfo { incarnation: Incarnation(n), ..NodeInfo::default() }
}

fn founded(nodes: u64, replicas: u32) -> ClusterMap {
    let nodes = (1..=nodes).map(|n| (NodeId(n), info(n))).collect();
    let mut map = ClusterMap::default();
    let found =
        MetaCommand::Found { cluster: CLUSTER, partitions: 3, replicas, nodes, engine: None };
    assert_eq!(map.apply(found), Ok(Applied::Founded));
    map
}

fn apply(map: &mut ClusterMap, command: Reshape) -> Result<Applied, Rejected> {
    let (before, epoch) = (map.clone(), map.epoch);
    let applied = map.apply(MetaCommand::Reshape(command));
    match applied {
        Ok(Applied::Changed) => assert_eq!(map.epoch, epoch + 1),
        _ => assert_eq!(*map, before, "nothing changed"),
    }
    let mut bytes = Vec::new();
    map.encode(&mut bytes);
    assert_eq!(ClusterMap::decode(&bytes).as_ref(), Some(&*map), "its snapshot is the same");
    applied
}

fn admit(n: u64, incarnation: u64) -> Reshape {
    Reshape::Admit { cluster: CLUSTER, node: NodeId(n), info: info(incarnation) }
}

fn ids(ids: &[u64]) -> Vec<NodeId> {
    ids.iter().copied().map(NodeId).collect()
}

const PARTITION: PartitionId = PartitionId(2);

fn go(to: &[u64]) -> Reshape {
    Reshape::Move { partition: PARTITION, to: ids(to) }
}

fn done(to: &[u64]) -> Reshape {
    Reshape::Moved { partition: PARTITION, to: ids(to) }
}

#[test]
fn only_a_new_id_of_this_cluster_is_admitted() {
    let mut map = founded(3, 3);
    assert_eq!(
        ClusterMap::default().apply(MetaCommand::Reshape(admit(4, 4))),
        Err(Rejected::NotFounded)
    );
    let other = Reshape::Admit { cluster: ClusterId(8), node: NodeId(4), info: info(4) };
    assert_eq!(apply(&mut map, other), Err(Rejected::OtherCluster(CLUSTER)));
    assert_eq!(apply(&mut map, admit(0, 4)), Err(Rejected::OutOfBounds));
    assert_eq!(apply(&mut map, admit(4, 0)), Err(Rejected::OutOfBounds));
    assert!(!map.is_reshaped());
    assert_eq!(apply(&mut map, admit(4, 4)), Ok(Applied::Changed));
    assert!(map.is_reshaped() && !map.is_founder(NodeId(4)) && map.is_founder(NodeId(3)));
    assert_eq!(apply(&mut map, admit(4, 4)), Ok(Applied::Unchanged), "it asks again");
    assert_eq!(apply(&mut map, admit(4, 5)), Err(Rejected::MemberExists(NodeId(4))));
    assert_eq!(apply(&mut map, admit(2, 9)), Err(Rejected::MemberExists(NodeId(2))));
    assert_eq!((map.founders().len(), map.nodes.len(), map.copies()), (3, 4, 3));
}

#[test]
fn a_move_keeps_all_who_may_be_members_until_the_group_has_settled() {
    let mut map = founded(3, 3);
    assert_eq!(apply(&mut map, admit(4, 4)), Ok(Applied::Changed));
    assert_eq!(apply(&mut map, admit(5, 5)), Ok(Applied::Changed));
    for (bad, why) in [
        (go(&[]), Rejected::OutOfBounds),
        (go(&[1, 1]), Rejected::OutOfBounds),
        (go(&[1, 9]), Rejected::UnknownNode(NodeId(9))),
    ] {
        assert_eq!(apply(&mut map, bad), Err(why));
    }
    let of = |map: &ClusterMap| map.partition(PARTITION).unwrap().clone();
    let before = of(&map).replicas;
    assert_eq!(apply(&mut map, go(&[4, 2, 3])), Ok(Applied::Changed));
    assert_eq!((of(&map).replicas, of(&map).learners), (before.clone(), ids(&[4])));
    assert_eq!(apply(&mut map, go(&[4, 2, 3])), Ok(Applied::Unchanged));
    assert_eq!(map.holders(PARTITION), Some(&ids(&[4, 2, 3])[..]));
    // Another plan, while 4 may have become a voter.
    assert_eq!(apply(&mut map, go(&[5, 2, 3])), Ok(Applied::Changed));
    assert_eq!(of(&map).learners, ids(&[4, 5]));
    assert_eq!(apply(&mut map, done(&[4, 2, 3])), Ok(Applied::Unchanged), "of the plan before");
    assert!(map.is_as_founded(PARTITION));
    assert_eq!(apply(&mut map, done(&[5, 2, 3])), Ok(Applied::Changed));
    assert_eq!((of(&map).replicas, of(&map).learners), (ids(&[5, 2, 3]), Vec::new()));
    assert!(!map.is_as_founded(PARTITION));
    let left: Vec<_> = map.vacating().map(|(_, node, process)| (node.0, process)).collect();
    assert_eq!(left, [(1, 0), (4, 0)]);
}

#[test]
fn a_partition_comes_back_only_to_who_has_dropped_it() {
    let mut map = founded(3, 3);
    assert_eq!(apply(&mut map, go(&[2, 3])), Ok(Applied::Changed));
    assert_eq!(apply(&mut map, done(&[2, 3])), Ok(Applied::Changed));
    let (partition, node) = (PARTITION, NodeId(1));
    assert_eq!(apply(&mut map, go(&[2, 3, 1])), Err(Rejected::StillThere(node)));
    let vacate = |node, process| Reshape::Vacate { partition, node: NodeId(node), process };
    assert_eq!(apply(&mut map, vacate(2, 9)), Ok(Applied::Unchanged), "it holds the partition");
    assert_eq!(apply(&mut map, vacate(1, 9)), Ok(Applied::Changed));
    assert_eq!(map.vacating().next(), Some((partition, node, 9)));
    assert_eq!(apply(&mut map, vacate(1, 10)), Ok(Applied::Changed), "it was restarted");
    assert_eq!(apply(&mut map, Reshape::Vacated { partition, node }), Ok(Applied::Changed));
    assert_eq!(apply(&mut map, vacate(1, 11)), Ok(Applied::Unchanged));
    assert_eq!(apply(&mut map, go(&[2, 3, 1])), Ok(Applied::Changed));
}

#[test]
fn only_the_order_may_change_at_once() {
    let mut map = founded(3, 3);
    let mut order = map.partition(PARTITION).unwrap().replicas.clone();
    order.rotate_left(1);
    let turned = Reshape::Move { partition: PARTITION, to: order.clone() };
    assert_eq!(apply(&mut map, turned), Ok(Applied::Changed));
    assert_eq!(map.moves().count(), 0);
    assert_eq!(map.partition(PARTITION).unwrap().replicas, order);
    assert!(map.is_as_founded(PARTITION));
}

#[test]
fn a_node_goes_when_it_holds_nothing_and_votes_nowhere() {
    let mut map = founded(2, 1);
    let node = NodeId(2);
    assert_eq!(apply(&mut map, Reshape::Drain(NodeId(9))), Err(Rejected::UnknownNode(NodeId(9))));
    assert_eq!(apply(&mut map, Reshape::Remove(node)), Err(Rejected::NotDrained(node)));
    assert_eq!(apply(&mut map, Reshape::Drain(node)), Ok(Applied::Changed));
    assert_eq!(apply(&mut map, Reshape::Drain(node)), Ok(Applied::Unchanged));
    assert_eq!(apply(&mut map, Reshape::Drain(NodeId(1))), Err(Rejected::LastNode(NodeId(1))));
    assert_eq!(apply(&mut map, Reshape::Retired(node)), Ok(Applied::Changed));
    assert_eq!(
        apply(&mut map, Reshape::Remove(node)),
        Err(Rejected::NotDrained(node)),
        "it holds some"
    );
    let held: Vec<_> = map.partitions_on(node).collect();
    assert!(!held.is_empty());
    for partition in held {
        let to = ids(&[1]);
        assert_eq!(
            apply(&mut map, Reshape::Move { partition, to: to.clone() }),
            Ok(Applied::Changed)
        );
        assert_eq!(apply(&mut map, Reshape::Moved { partition, to }), Ok(Applied::Changed));
    }
    assert!(!map.is_drained(node), "it has not dropped what it held");
    assert_eq!(apply(&mut map, Reshape::Remove(node)), Ok(Applied::Changed), "it may be dead");
    assert_eq!((map.nodes.len(), map.vacating().count()), (1, 0));
    assert_eq!(apply(&mut map, admit(2, 20)), Ok(Applied::Changed), "the id is free again");
    assert_eq!(apply(&mut map, Reshape::Restore(NodeId(1))), Ok(Applied::Unchanged));
}

#[test]
fn a_drain_can_be_taken_back() {
    let mut map = founded(3, 3);
    assert_eq!(apply(&mut map, Reshape::Drain(NodeId(3))), Ok(Applied::Changed));
    assert!(map.is_draining(NodeId(3)));
    assert_eq!(apply(&mut map, Reshape::Restore(NodeId(3))), Ok(Applied::Changed));
    assert!(!map.is_draining(NodeId(3)));
    assert_eq!(apply(&mut map, Reshape::Copies(0)), Err(Rejected::OutOfBounds));
    assert_eq!(apply(&mut map, Reshape::Copies(2)), Ok(Applied::Changed));
    assert_eq!(map.copies(), 2);
}

#[test]
fn a_place_is_remembered_until_it_is_as_all_others_or_its_node_is_gone() {
    let mut map = founded(3, 1);
    let place = |weight, zone: &str| Place { weight, zone: zone.to_owned() };
    let set = |node, place: &Place| Reshape::Place(NodeId(node), place.clone());
    for wrong in [place(0, "a"), place(65, "a"), place(1, "a b"), place(1, &"z".repeat(65))] {
        assert_eq!(apply(&mut map, set(1, &wrong)), Err(Rejected::OutOfBounds), "{wrong:?}");
    }
    assert_eq!(apply(&mut map, set(9, &place(2, "a"))), Err(Rejected::UnknownNode(NodeId(9))));
    assert_eq!(apply(&mut map, set(1, &Place::default())), Ok(Applied::Unchanged));
    assert_eq!(apply(&mut map, set(1, &place(2, "a"))), Ok(Applied::Changed));
    assert_eq!(apply(&mut map, set(1, &place(2, "a"))), Ok(Applied::Unchanged));
    assert_eq!(apply(&mut map, set(3, &place(1, "b"))), Ok(Applied::Changed));
    let mut bytes = Vec::new();
    map.encode(&mut bytes);
    assert_eq!(ClusterMap::decode(&bytes).as_ref(), Some(&map));
    let places = [1, 2, 3].map(|node| map.place_of(NodeId(node)));
    assert_eq!(places, [place(2, "a"), Place::default(), place(1, "b")]);
    for step in [Reshape::Drain(NodeId(3)), Reshape::Retired(NodeId(3))] {
        assert_eq!(apply(&mut map, step), Ok(Applied::Changed));
    }
    assert_eq!(apply(&mut map, set(1, &Place::default())), Ok(Applied::Changed));
    assert_eq!(map.place_of(NodeId(1)), Place::default());
}
