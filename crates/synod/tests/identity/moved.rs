//! Members whose addresses change, and members that are late.

use crate::cluster::{Node, eventually, free_ports, list, three};

const ACKED: &str = "$5\r\nacked\r\n";

fn serves(node: &Node) -> bool {
    node.page("/health").is_some_and(|(line, _)| line.contains(" 200 "))
}

/// Every node comes back somewhere else, with a list that says so: what the metadata group remembers is no use then.
#[test]
fn a_cluster_that_moved_as_a_whole_finds_itself_by_the_new_list() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nodes, members) = three(&dir);
    let arguments = ["--initial-cluster", &members, "--partitions", "2"];
    nodes.iter_mut().for_each(|node| node.start(&arguments));
    nodes.iter().for_each(|node| node.expect("SET k acked", "+OK\r\n"));
    nodes.iter_mut().for_each(Node::kill);
    for node in &mut nodes {
        node.ports = free_ports();
    }
    let moved = list(&nodes.each_ref().map(|node| (node.id, node.ports)));
    nodes.iter_mut().for_each(|node| node.start(&["--initial-cluster", &moved]));
    nodes.iter().for_each(|node| node.expect("GET k", ACKED));
}

/// The others have the lower ids, or would have to dial it, and look for it where it was: it has to come to them.
#[test]
fn one_that_moved_alone_comes_to_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nodes, members) = three(&dir);
    let arguments = ["--initial-cluster", &members, "--partitions", "2"];
    nodes.iter_mut().for_each(|node| node.start(&arguments));
    nodes.iter().for_each(|node| node.expect("SET k acked", "+OK\r\n"));
    nodes[0].kill();
    nodes[0].ports = free_ports();
    let moved = list(&nodes.each_ref().map(|node| (node.id, node.ports)));
    nodes[0].start(&["--initial-cluster", &moved]);
    nodes[0].expect("GET k", ACKED);
    assert!(eventually(|| serves(&nodes[0])), "{}", nodes[0].log());
    // The others know by now where it is: without node 2 it makes a majority with node 3.
    let address = format!("127.0.0.1:{}", nodes[0].ports.peers);
    let known = |node: &Node| node.page("/status").is_some_and(|(_, body)| body.contains(&address));
    assert!(eventually(|| known(&nodes[2])), "{:?}", nodes[2].page("/status"));
    nodes[1].kill();
    nodes[2].expect("SET k again", "+OK\r\n");
}

/// Who waits for whom before a cluster is founded.
#[test]
fn members_of_a_new_cluster_say_whom_they_wait_for() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nodes, members) = three(&dir);
    let arguments = ["--initial-cluster", &members, "--partitions", "2"];
    nodes[..2].iter_mut().for_each(|node| node.start(&arguments));
    nodes[0].expect_log("it waits for these nodes");
    assert!(nodes[0].log().contains("nodes=[2, 3]"), "{}", nodes[0].log());
    let (line, why) = nodes[0].page("/health").unwrap();
    assert!(line.contains(" 503 ") && why.contains("all members of --initial-cluster"), "{why}");
    nodes[2].start(&arguments);
    nodes.iter().for_each(|node| node.expect("SET k acked", "+OK\r\n"));
}
