//! Whatever is accepted can be kept: every limit at its edge, through a log, a snapshot, a restart, and a member that
//! begins with nothing and is sent it all.

#![allow(clippy::unwrap_used)]

#[path = "../identity/cluster.rs"]
#[allow(dead_code)]
mod cluster;
mod slow_link;

use cluster::{Node, eventually, free_ports, three};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use synod_types::limits::{BULK_BYTES_MAX, REQUEST_BYTES_MAX};

/// A command as clients send it, its arguments in pieces so that nothing large is copied.
struct Client {
    stream: TcpStream,
}

impl Client {
    fn of(node: &Node) -> Self {
        let mut stream = None;
        let open = eventually(|| {
            stream = TcpStream::connect(("127.0.0.1", node.ports.clients)).ok();
            stream.is_some()
        });
        assert!(open, "node {} cannot be reached; log:\n{}", node.id, node.log());
        let stream = stream.unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { stream }
    }

    /// The first line of the answer; empty when the connection ended.
    fn ask(&mut self, args: &[&[u8]]) -> String {
        let mut sent = write!(self.stream, "*{}\r\n", args.len());
        for arg in args {
            sent = sent.and_then(|()| write!(self.stream, "${}\r\n", arg.len()));
            sent = sent.and_then(|()| self.stream.write_all(arg));
            sent = sent.and_then(|()| self.stream.write_all(b"\r\n"));
        }
        let _it_may_be_refused_while_it_is_sent = sent;
        self.line()
    }

    fn line(&mut self) -> String {
        let (mut line, mut byte) = (Vec::new(), [0]);
        while !line.ends_with(b"\r\n") && self.stream.read(&mut byte).is_ok_and(|n| n == 1) {
            line.push(byte[0]);
        }
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }
}

/// The answer, once it is not that the leader was changing: large entries may cost a leader its followers' patience.
fn ask(node: &Node, args: &[&[u8]]) -> String {
    let mut answer = String::new();
    let passing = ["-TRYAGAIN", "-UNKNOWN", "-CLUSTERDOWN"];
    let settled = eventually(|| {
        answer = Client::of(node).ask(args);
        !passing.iter().any(|word| answer.starts_with(word))
    });
    assert!(settled, "{answer}; log:\n{}", node.log());
    answer
}

/// Steps that are not the same when they are done twice are begun again as a whole.
fn succeed(what: &str, mut step: impl FnMut() -> bool) {
    assert!(eventually(&mut step), "{what}");
}

/// Values and keys that are as long as is just allowed, and the refusal of longer ones, by every command that makes them.
fn fill(node: &Node, limit: usize) {
    let most = vec![b'v'; limit];
    let more = vec![b'v'; limit + 1];
    assert_eq!(ask(node, &[b"SET", b"value", &most]), "+OK");
    assert!(ask(node, &[b"SET", b"value", &more]).contains("invalid bulk length"));
    assert_eq!(ask(node, &[b"SET", &most, b"v"]), "+OK");
    succeed("a long key by RENAME", || {
        ask(node, &[b"SET", b"short", b"v"]) == "+OK"
            && ask(node, &[b"RENAME", b"short", &most]) == "+OK"
    });
    succeed("COPY", || ask(node, &[b"COPY", b"value", b"copy", b"REPLACE"]) == ":1");
    // How long a value may grow does not depend on what one node takes in one piece.
    if limit == BULK_BYTES_MAX {
        let refused = ask(node, &[b"APPEND", b"copy", b"x"]);
        assert!(refused.contains("exceeds maximum allowed size"), "{refused}");
        let refused = ask(node, &[b"SETRANGE", b"copy", &limit.to_string().into_bytes(), b"x"]);
        assert!(refused.contains("exceeds maximum allowed size"), "{refused}");
    }
    let last = (limit - 1).to_string().into_bytes();
    assert_eq!(ask(node, &[b"SETRANGE", b"range", &last, b"x"]), format!(":{limit}"));
    succeed("a list of long elements", || {
        ask(node, &[b"DEL", b"list"]).starts_with(':')
            && (1..=3).all(|n| ask(node, &[b"RPUSH", b"list", &most]) == format!(":{n}"))
    });
}

/// Whether all of that is there, as far as this node can tell.
fn is_whole(node: &Node, limit: usize) -> bool {
    let full = format!(":{limit}");
    let is_full = |key: &[u8]| ask(node, &[b"STRLEN", key]) == full;
    [&b"value"[..], b"copy", b"range"].into_iter().all(is_full)
        && ask(node, &[b"STRLEN", &vec![b'v'; limit]]) == ":1"
        && ask(node, &[b"LLEN", b"list"]) == ":3"
}

/// A request, and a transaction, may be so long and no longer.
fn fill_requests(node: &Node) {
    let half = &vec![b'h'; REQUEST_BYTES_MAX / 2 - 64];
    assert_eq!(ask(node, &[b"RPUSH", b"halves", half, half]), ":2");
    let refused = ask(node, &[b"RPUSH", b"halves", half, half, half]);
    assert!(refused.is_empty() || refused.contains("request too large"), "{refused}");
    let mut client = Client::of(node);
    assert_eq!(client.ask(&[b"MULTI"]), "+OK");
    assert_eq!(client.ask(&[b"SET", b"in", half]), "+QUEUED");
    assert_eq!(client.ask(&[b"RPUSH", b"halves", half]), "+QUEUED");
    let refused = client.ask(&[b"SET", b"over", half]);
    assert!(refused.starts_with('-'), "{refused}");
    assert!(client.ask(&[b"EXEC"]).starts_with("-EXECABORT"));
    assert_eq!(client.ask(&[b"MULTI"]), "+OK");
    assert_eq!(client.ask(&[b"SET", b"in", half]), "+QUEUED");
    assert_eq!(client.ask(&[b"EXEC"]), "*1");
    assert_eq!(client.line(), "+OK");
}

/// More than half a gigabyte of what is just allowed. The log of that is longer than it may become without snapshots, so
/// they are taken on the way, and the node that is killed starts from both.
#[test]
fn what_is_accepted_at_the_edge_of_a_limit_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = Node::new(&dir, "one", 1, free_ports());
    node.start(&["--partitions", "1", "--maxmemory", "0"]);
    node.expect("PING", "+PONG\r\n");
    fill(&node, BULK_BYTES_MAX);
    fill_requests(&node);
    for _ in 0..2 {
        assert!(is_whole(&node, BULK_BYTES_MAX), "{}", node.log());
        assert_eq!(ask(&node, &[b"LLEN", b"halves"]), ":2");
        assert_eq!(ask(&node, &[b"STRLEN", b"in"]), format!(":{}", REQUEST_BYTES_MAX / 2 - 64));
        assert_eq!(ask(&node, &[b"DBSIZE"]), ":7");
        node.kill();
        node.start(&["--maxmemory", "0"]);
    }
    node.expect_log("snapshot taken");
}

/// The same among three with a lower limit: then one of them loses its directory and is sent everything by the others,
/// without one of whom it has to serve it.
#[test]
fn what_is_accepted_at_the_edge_of_a_limit_reaches_a_member_that_begins_with_nothing() {
    const LIMIT: usize = 2 << 20;
    let dir = tempfile::tempdir().unwrap();
    let (mut nodes, members) = three(&dir);
    let arguments = ["--initial-cluster", &members, "--partitions", "1", "--maxmemory", "0"];
    nodes.iter_mut().for_each(|node| node.start(&arguments));
    assert!(eventually(|| ask(&nodes[0], &[b"DBSIZE"]) == ":0"), "{}", nodes[0].log());
    let limit = LIMIT.to_string().into_bytes();
    nodes.iter().for_each(|node| {
        assert_eq!(ask(node, &[b"CONFIG", b"SET", b"proto-max-bulk-len", &limit]), "+OK");
    });
    fill(&nodes[0], LIMIT);
    nodes.iter().for_each(|node| assert!(eventually(|| is_whole(node, LIMIT)), "{}", node.log()));
    nodes[2].kill();
    nodes[2].empty();
    nodes[2].start(&arguments);
    let has_joined =
        |body: &str| body.contains("\"replacing\": []") && body.contains("\"serving\": true");
    let back = || nodes[2].page("/status").is_some_and(|(_, body)| has_joined(&body));
    assert!(eventually(back), "{}", nodes[2].log());
    nodes[0].kill();
    assert!(eventually(|| is_whole(&nodes[2], LIMIT)), "{}", nodes[2].log());
    assert_eq!(ask(&nodes[2], &[b"SET", b"value", b"v"]), "+OK");
}
