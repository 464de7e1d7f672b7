//! A real cluster grows by a node, is emptied of another, and loses it, while clients write and hear of no error.

#![allow(clippy::unwrap_used)]

#[path = "../identity/cluster.rs"]
#[allow(dead_code)]
mod cluster;

use cluster::{Node, eventually, free_ports, three};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

fn synod(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_synod")).args(args).env_remove("SYNOD_HTTP").output().unwrap()
}

fn http(node: &Node) -> String {
    format!("127.0.0.1:{}", node.ports.http)
}

/// An order of `synod node`, asked of this node.
fn node(at: &Node, words: &[&str]) -> (bool, String) {
    let output = synod(&[&["node"], words, &["--http", &http(at)]].concat());
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Writes through one node, one key after the other, until it is told to stop; how many were acknowledged.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<u64, String>>,
}

impl Writer {
    fn start(name: &'static str, at: &Node) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, port) = (stop.clone(), at.ports.clients);
        let write = move || {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|e| e.to_string())?;
            stream.set_read_timeout(Some(Duration::from_secs(30))).map_err(|e| e.to_string())?;
            let mut replies = BufReader::new(stream.try_clone().map_err(|e| e.to_string())?);
            let mut written = 0;
            while !told.load(Ordering::Relaxed) {
                let request = format!("SET {name}-{written} {written}\r\n");
                stream.write_all(request.as_bytes()).map_err(|e| e.to_string())?;
                let mut reply = String::new();
                replies.read_line(&mut reply).map_err(|e| e.to_string())?;
                if reply != "+OK\r\n" {
                    return Err(format!("{name}-{written}: {reply}"));
                }
                written += 1;
                thread::sleep(Duration::from_millis(2));
            }
            Ok(written)
        };
        Self { stop, thread: thread::spawn(write) }
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap().unwrap()
    }
}

/// Everything that was acknowledged is there, whoever is asked.
fn is_whole(at: &Node, name: &str, written: u64) {
    let mut stream = TcpStream::connect(("127.0.0.1", at.ports.clients)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut replies = BufReader::new(stream.try_clone().unwrap());
    for n in 0..written {
        stream.write_all(format!("GET {name}-{n}\r\n").as_bytes()).unwrap();
        let mut value = String::new();
        replies.read_line(&mut value).unwrap();
        assert!(value.starts_with('$') && value != "$-1\r\n", "{name}-{n}: {value}");
        value.clear();
        replies.read_line(&mut value).unwrap();
        assert_eq!(value.trim_end(), n.to_string(), "{name}-{n}");
    }
}

/// How many groups a node holds, as another one sees it.
fn held(seen_by: &Node, id: u64) -> Option<usize> {
    let (_, body) = seen_by.page("/status")?;
    let status: serde_json::Value = serde_json::from_str(&body).ok()?;
    let groups = status["partitions"].as_array()?;
    let holds = |group: &&serde_json::Value| {
        group["slots"].is_array()
            && group["replicas"].as_array().is_some_and(|all| all.contains(&id.into()))
    };
    Some(groups.iter().filter(holds).count())
}

#[test]
fn four_nodes_of_three_and_three_of_four_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nodes, members) = three(&dir);
    let founding = ["--initial-cluster", &members, "--partitions", "4"];
    nodes.iter_mut().for_each(|node| node.start(&founding));
    nodes.iter().for_each(|node| node.expect("SET k v", "+OK\r\n"));
    let writers = [Writer::start("two", &nodes[1]), Writer::start("one", &nodes[0])];

    let mut fourth = Node::new(&dir, "node-4", 4, free_ports());
    let seed = http(&nodes[2]);
    fourth.start(&["--join", &seed]);
    // Its share are three of twelve; it takes nine tenths of that, rounded down.
    let has_share = || held(&nodes[1], 4).is_some_and(|held| held >= 2);
    assert!(eventually(has_share), "{:?}\n{}", held(&nodes[1], 4), fourth.log());
    fourth.expect("GET k", "$1\r\nv\r\n");
    let copies = || (1..=4).map(|id| held(&nodes[1], id).unwrap_or(0)).sum::<usize>();
    assert!(eventually(|| copies() == 12), "{}", copies());

    let (done, said) = node(&nodes[1], &["remove", "1"]);
    assert!(!done && said.contains("is not drained"), "{said}");
    let [two, one] = writers;
    let (done, said) = node(&nodes[1], &["drain", "1", "--timeout", "120"]);
    assert!(done && said.contains("node 1 is drained"), "{said}\n{}", nodes[0].log());
    let (_, table) = node(&nodes[1], &["list"]);
    assert!(table.contains("drained") && table.contains("nothing moves"), "{table}");
    // It holds nothing, not even files, and still answers for everything.
    nodes[0].expect("GET k", "$1\r\nv\r\n");
    let one = one.stop();
    let (done, said) = node(&nodes[1], &["remove", "1"]);
    assert!(done, "{said}");
    nodes[0].kill();
    thread::sleep(Duration::from_secs(1));
    let two = two.stop();
    assert!(one > 100 && two > 100, "{one} {two}");
    for node in [&nodes[1], &nodes[2], &fourth] {
        is_whole(node, "one", one);
        is_whole(node, "two", two);
    }

    // All come back, the founders with the list that they were founded with, and go on as three.
    fourth.kill();
    nodes.iter_mut().for_each(Node::kill);
    fourth.start(&[]);
    nodes[1..].iter_mut().for_each(|node| node.start(&founding));
    fourth.expect("GET k", "$1\r\nv\r\n");
    is_whole(&fourth, "two", two);
    nodes[2].kill();
    fourth.expect("SET k again", "+OK\r\n");
    nodes[1].expect("GET k", "$5\r\nagain\r\n");
}

#[test]
fn a_node_joins_once_and_only_where_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Node::new(&dir, "node-1", 1, free_ports());
    first.start(&["--partitions", "2"]);
    first.expect("SET k v", "+OK\r\n");
    let seed = http(&first);
    let mut second = Node::new(&dir, "node-2", 2, free_ports());
    second.start(&["--join", &seed]);
    second.expect("GET k", "$1\r\nv\r\n");
    // Another directory with the same id.
    let mut twin = Node::new(&dir, "twin", 2, free_ports());
    twin.start(&["--join", &seed]);
    twin.expect_log("node 2 is a member already");
    // The address of its peers is none that tells of the cluster.
    let mut lost = Node::new(&dir, "lost", 3, free_ports());
    lost.start(&["--join", &format!("127.0.0.1:{}", first.ports.peers)]);
    lost.expect_log("--join 127.0.0.1:");
    assert!(!lost.data.exists(), "nothing was made");
    // One that has joined needs no word of it again, and does not mind.
    second.kill();
    second.start(&["--join", &seed]);
    second.expect("GET k", "$1\r\nv\r\n");
    // Everything that one node founded goes to two.
    let (done, said) = node(&first, &["copies", "2"]);
    assert!(done, "{said}");
    assert!(
        eventually(|| held(&first, 2) == Some(2) && held(&first, 1) == Some(2)),
        "{}",
        first.log()
    );
    let (done, said) = node(&second, &["drain", "1", "--timeout", "120"]);
    assert!(done, "{said}\n{}", first.log());
    let (done, said) = node(&second, &["drain", "2"]);
    assert!(!done && said.contains("somebody has to hold the data"), "{said}");
    let (done, said) = node(&second, &["remove", "1"]);
    assert!(done, "{said}");
    first.kill();
    second.expect("SET k two", "+OK\r\n");
    second.expect("GET k", "$3\r\ntwo\r\n");
}
