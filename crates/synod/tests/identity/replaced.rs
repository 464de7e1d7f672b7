//! A member that lost its directory comes back at another address when an operator says so, and what an operator must not
//! get: the seat of a node that is up, or a group without those who hold it.

use crate::cluster::{Node, eventually, free_ports, list, three};
use std::process::Command;

const ACKED: &str = "$5\r\nacked\r\n";

/// `synod node replace`, asked of this node: whether it succeeded, and what it said.
fn replace(asked: &Node, id: u64) -> (bool, String) {
    let http = format!("127.0.0.1:{}", asked.ports.http);
    let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
    command.env_remove("SYNOD_HTTP").args(["node", "replace", &id.to_string(), "--http", &http]);
    let output = command.args(["--timeout", "90"]).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn has_status(node: &Node, word: &str) -> bool {
    node.page("/status").is_some_and(|(_, body)| body.contains(word))
}

#[test]
fn one_that_lost_its_directory_and_its_address_comes_back_at_an_operators_word() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nodes, members) = three(&dir);
    let arguments = ["--initial-cluster", &members, "--partitions", "2"];
    nodes.iter_mut().for_each(|node| node.start(&arguments));
    nodes.iter().for_each(|node| node.expect("SET k acked", "+OK\r\n"));
    let (done, said) = replace(&nodes[0], 2);
    assert!(!done && said.contains("node 2 is up"), "{said}");
    let (done, said) = replace(&nodes[0], 9);
    assert!(!done && said.contains("node 9 is not a member"), "{said}");

    nodes[1].kill();
    nodes[1].empty();
    assert!(eventually(|| has_status(&nodes[0], "\"up\": false")), "it is still up");
    let (done, said) = replace(&nodes[0], 2);
    assert!(!done && said.contains("no new data directory"), "{said}");

    nodes[1].ports = free_ports();
    let moved = list(&nodes.each_ref().map(|node| (node.id, node.ports)));
    nodes[1].start(&["--initial-cluster", &moved]);
    assert!(eventually(|| has_status(&nodes[2], "\"elsewhere\": true")), "{}", nodes[2].log());
    nodes[0].expect_log("`synod node replace 2`");
    assert!(nodes[1].ask("GET k").is_none_or(|answer| answer.starts_with('-')));
    let (done, said) = replace(&nodes[2], 2);
    assert!(done && said.contains("node 2 is a member again"), "{said}; {}", nodes[1].log());
    nodes[1].expect("GET k", ACKED);
    // It votes: with it, one of the others is a majority.
    nodes[0].kill();
    nodes[1].expect("GET k", ACKED);
    nodes[2].expect("SET k again", "+OK\r\n");
}

/// Two nodes with one copy of each partition, or with two: a majority without the lost one there is in neither case.
#[test]
fn a_group_that_cannot_go_on_without_a_member_is_named_and_nothing_is_changed() {
    for (replicas, why) in [("1", "the metadata group cannot go on"), ("2", "cannot go on")] {
        let dir = tempfile::tempdir().unwrap();
        let (nodes, _) = three(&dir);
        let [mut one, mut two, _] = nodes;
        let members = list(&[(1, one.ports), (2, two.ports)]);
        let arguments =
            ["--initial-cluster", &members, "--partitions", "2", "--replicas", replicas];
        one.start(&arguments);
        two.start(&arguments);
        one.expect("SET k acked", "+OK\r\n");
        two.kill();
        two.empty();
        two.start(&arguments);
        assert!(eventually(|| has_status(&one, "\"elsewhere\": false")), "{}", one.log());
        let (done, said) = replace(&one, 2);
        assert!(!done && said.contains(why) && said.contains("Nothing was changed"), "{said}");
        assert!(has_status(&one, "\"replacing\": []"), "{:?}", one.page("/status"));
    }
}

/// Of three nodes with one copy of each partition, one is lost: the others are told what is gone with it.
#[test]
fn who_held_the_only_copy_is_not_replaced_and_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nodes, members) = three(&dir);
    let arguments = ["--initial-cluster", &members, "--partitions", "6", "--replicas", "1"];
    nodes.iter_mut().for_each(|node| node.start(&arguments));
    nodes.iter().for_each(|node| node.expect("SET k acked", "+OK\r\n"));
    nodes[1].kill();
    nodes[1].empty();
    assert!(eventually(|| has_status(&nodes[0], "\"up\": false")), "it is still up");
    let (done, said) = replace(&nodes[0], 2);
    assert!(!done && said.contains("node 2 held the only copy of partition"), "{said}");
}
