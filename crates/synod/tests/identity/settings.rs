//! Settings that contradict each other, or what a data directory holds, are refused with what is wrong.

use crate::cluster::{Node, free_ports, list};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const ACKED: &str = "$5\r\nacked\r\n";

/// Contradictions are refused with what is wrong and what to do.
#[test]
fn what_a_directory_holds_is_not_changed_by_options() {
    let dir = tempfile::tempdir().unwrap();
    let ports = free_ports();
    let mut node = Node::new(&dir, "one", 1, ports);
    node.start(&["--partitions", "3"]);
    node.expect("SET k acked", "+OK\r\n");
    let mut second = Node::new(&dir, "one", 1, free_ports());
    second.start(&[]);
    second.expect_log("in use by another synod process");
    node.kill();
    let other = list(&[(1, ports), (2, free_ports())]);
    for (options, reason) in [
        (["--partitions", "4"], "--partitions 4, but the cluster"),
        (["--initial-cluster", &other], "names the nodes 1,2, but"),
        (["--engine", "zab"], "of a cluster that runs raft"),
    ] {
        node.start(&options);
        node.expect_log(reason);
        node.kill();
    }
    node.id = 2;
    node.start(&[]);
    node.expect_log("this start says node=2");
    node.kill();
    node.id = 1;
    node.start(&["--partitions", "3"]);
    node.expect("GET k", ACKED);
    node.kill();
    std::fs::remove_dir_all(node.data.join("worker-0")).unwrap();
    node.start(&[]);
    node.expect_log("the log of worker 0 is gone");
    let mut strange = Node::new(&dir, "strange", 1, free_ports());
    std::fs::create_dir_all(&strange.data).unwrap();
    std::fs::write(strange.data.join("thesis.tex"), "no data of ours").unwrap();
    strange.start(&[]);
    strange.expect_log("it holds `thesis.tex`");
}

/// A name may be mistyped, or come to exist later: the node says so and tries again.
#[test]
fn a_peer_whose_name_has_no_address_is_named_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let ports = free_ports();
    let mut node = Node::new(&dir, "two", 2, ports);
    let members = format!("1=no-such-host.invalid:16379,2=127.0.0.1:{}", ports.peers);
    node.start(&["--initial-cluster", &members]);
    node.expect_log("the name of a peer has no address");
    assert!(node.log().contains("no-such-host.invalid:16379"), "{}", node.log());
    let lines = node.log().matches("has no address").count();
    assert_eq!(lines, 1, "{}", node.log());
}

fn status(port: u16) -> Output {
    let at = format!("127.0.0.1:{port}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
    command.env_remove("SYNOD_HTTP").args(["status", "--http", &at]).output().unwrap()
}

/// Whoever asks at the wrong port is told so, and soon.
#[test]
fn the_status_of_another_port_says_which_port_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = Node::new(&dir, "one", 1, free_ports());
    node.start(&[]);
    node.expect("SET k acked", "+OK\r\n");
    assert!(status(node.ports.http).status.success());
    for port in [node.ports.clients, node.ports.peers] {
        let asked = Instant::now();
        let output = status(port);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("--http"), "{port}: {said}");
        assert!(asked.elapsed() < Duration::from_secs(4), "it waited for {:?}", asked.elapsed());
    }
}
