//! Who is who, on real processes: directories that were emptied, strangers, and two nodes with one id.

#![allow(clippy::unwrap_used)]

mod cluster;
mod moved;
mod replaced;
mod settings;

use cluster::{Node, eventually, free_ports, list, three};
use std::time::{Duration, Instant};

const ACKED: &str = "$5\r\nacked\r\n";

/// Three nodes, 3 dead, a write acknowledged by 1 and 2; then 2 loses its directory while 1 is dead. Nodes 2 and 3 are a
/// majority of the ids, and must not act as one.
#[test]
fn a_voter_that_lost_its_directory_does_not_vote() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nodes, list) = three(&dir);
    let arguments = ["--initial-cluster", &list, "--partitions", "2"];
    nodes.iter_mut().for_each(|node| node.start(&arguments));
    nodes.iter().for_each(|node| node.expect("SET warm up", "+OK\r\n"));
    nodes[2].kill();
    nodes[0].expect("SET k acked", "+OK\r\n");
    nodes[0].kill();
    nodes[1].kill();
    nodes[1].empty();
    nodes[1].start(&arguments);
    nodes[2].start(&arguments);
    nodes[1].expect_log("It neither votes nor acknowledges");
    nodes[2].expect_log("has another data directory");
    // Two nodes that were taken for a majority would elect a leader within a second or two.
    let deadline = Instant::now() + Duration::from_secs(6);
    while Instant::now() < deadline {
        for node in &nodes[1..] {
            let answer = node.ask("GET k");
            assert!(
                answer.as_deref().is_none_or(|a| a.starts_with('-') || a == ACKED),
                "{answer:?}"
            );
        }
    }
    nodes[0].start(&arguments);
    nodes[0].expect("GET k", ACKED);
    nodes[2].expect("GET k", ACKED);
    // With a quorum of the others it comes back by itself, as a new member: then it may count again.
    let back = || {
        let knows = nodes[1].page("/status").is_some_and(|(_, body)| is_whole(&body));
        knows && nodes[0].page("/status").is_some_and(|(_, body)| is_whole(&body))
    };
    assert!(eventually(back), "{}", nodes[1].log());
    nodes[0].kill();
    nodes[2].expect("GET k", ACKED);
    nodes[1].expect("SET k again", "+OK\r\n");
}

/// Whether a status tells of a cluster in which nobody is being replaced.
fn is_whole(status: &str) -> bool {
    status.contains("\"replacing\": []") && !status.contains("\"epoch\": 0,")
}

/// Whoever lacks a quorum says so, at every door in the same way.
#[test]
fn a_leader_without_followers_does_not_serve_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nodes, list) = three(&dir);
    let arguments = ["--initial-cluster", &list, "--partitions", "2"];
    nodes.iter_mut().for_each(|node| node.start(&arguments));
    nodes.iter().for_each(|node| node.expect("SET k acked", "+OK\r\n"));
    assert!(eventually(|| says(&nodes[0], true)), "{:?}", nodes[0].ask("CLUSTER INFO"));
    // Idle groups sleep; that must not hide it.
    std::thread::sleep(Duration::from_secs(3));
    nodes[1].kill();
    nodes[2].kill();
    assert!(eventually(|| says(&nodes[0], false)), "{:?}", nodes[0].ask("CLUSTER INFO"));
    nodes[1].start(&arguments);
    let ok = || nodes[0].ask("CLUSTER INFO").is_some_and(|info| info.contains("cluster_state:ok"));
    assert!(eventually(ok), "{:?}", nodes[0].ask("CLUSTER INFO"));
}

/// Whether every door of the node says that it serves, or that it does not.
fn says(node: &Node, serving: bool) -> bool {
    let (code, state) = if serving { (" 200 ", "ok") } else { (" 503 ", "fail") };
    let page = |path: &str, word: &str| {
        node.page(path).is_some_and(|(line, body)| line.contains(code) && body.contains(word))
    };
    let sample = format!("synod_serving{{node=\"1\"}} {}", u8::from(serving));
    let state = format!("cluster_state:{state}");
    node.ask("CLUSTER INFO").is_some_and(|info| info.contains(&state))
        && page("/health", "")
        && page("/status", &format!("\"serving\": {serving}"))
        && node.page("/metrics").is_some_and(|(_, body)| body.contains(&sample))
        && status_succeeds(node) == serving
}

fn status_succeeds(node: &Node) -> bool {
    let http = format!("127.0.0.1:{}", node.ports.http);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_synod"));
    let asked = command.env_remove("SYNOD_HTTP").args(["status", "--http", &http]).output();
    asked.unwrap().status.success()
}

/// A store of one node, and two new nodes whose list names it: they are no members of its cluster.
#[test]
fn a_store_with_data_is_not_taken_over_by_new_nodes() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nodes, list) = three(&dir);
    nodes[0].start(&[]);
    nodes[0].expect("SET k acked", "+OK\r\n");
    for node in &mut nodes[1..] {
        node.start(&["--initial-cluster", &list]);
    }
    nodes[0].expect_log("is not a member of cluster");
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        assert_eq!(nodes[0].ask("GET k").as_deref(), Some(ACKED));
        std::thread::sleep(Duration::from_millis(100));
    }
    nodes[0].kill();
    nodes[0].start(&[]);
    nodes[0].expect("GET k", ACKED);
    // Those who were refused hold nothing that could be taken for an answer.
    assert!(nodes[1].ask("GET k").is_none_or(|answer| answer.starts_with('-')));
}

/// A second node with an id that another one has is refused, and the log says so once.
#[test]
fn of_two_nodes_with_one_id_the_second_is_refused_with_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nodes, members) = three(&dir);
    let arguments = ["--initial-cluster", &members, "--partitions", "2"];
    nodes.iter_mut().for_each(|node| node.start(&arguments));
    nodes.iter().for_each(|node| node.expect("SET k acked", "+OK\r\n"));
    let ports = free_ports();
    let mut double = Node::new(&dir, "double", 3, ports);
    let others = [(1, nodes[0].ports), (2, nodes[1].ports), (3, ports)];
    double.start(&["--initial-cluster", &list(&others)]);
    nodes[0].expect_log("two nodes were given the id 3");
    std::thread::sleep(Duration::from_secs(5));
    let lines = nodes[0].log().lines().filter(|line| line.contains("refused")).count();
    assert!((1..=2).contains(&lines), "{lines} lines:\n{}", nodes[0].log());
    assert!(double.ask("GET k").is_none_or(|answer| answer.starts_with('-')));
    assert!(eventually(|| nodes[2].ask("GET k").as_deref() == Some(ACKED)), "the first one serves");
}
