//! One node as the field treats it: bytes that are no requests, clients that leave or do not read, too many of them.

#![allow(clippy::unwrap_used)]

mod node;

use node::*;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn bad_bytes_are_answered_and_end_nobody_but_their_connection() {
    let node = Node::start(":");
    let mut bad = b"*3\r\n$3\r\nSET\r\n$1000000\r\n".to_vec();
    bad.extend(std::iter::repeat_n(b'x', 1_000_000));
    bad.extend_from_slice(b"\r\n#1\r\n");
    bad.extend(std::iter::repeat_n(b'y', 3_000_000));
    let answer = send_all(node.connect(), &bad);
    assert_eq!(answer, "-ERR Protocol error: expected '$', got '#'\r\n");

    // As `mset` of 130 MiB: more than one request may be.
    let mut large = b"*261\r\n$4\r\nMSET\r\n".to_vec();
    for n in 0..130 {
        large.extend_from_slice(format!("$3\r\n{n:03}\r\n$1048576\r\n").as_bytes());
        large.extend(std::iter::repeat_n(b'v', 1 << 20));
        large.extend_from_slice(b"\r\n");
    }
    let answer = send_all(node.connect(), &large);
    assert_eq!(answer, "-ERR Protocol error: request too large\r\n");

    let mut many = b"*600000\r\n".to_vec();
    many.extend(b"$1\r\na\r\n".repeat(500_000));
    many.extend_from_slice(b"!\r\n$1\r\na\r\n");
    many.extend(std::iter::repeat_n(b'y', 3_000_000));
    let answer = send_all(node.connect(), &many);
    assert_eq!(answer, "-ERR Protocol error: expected '$', got '!'\r\n");
    assert_eq!(node.ask(b"GET ready\r\n"), "$1\r\n1\r\n");
}

#[test]
fn a_web_page_writes_nothing_and_is_told_in_the_log() {
    let node = Node::start(":");
    let post = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nSET stolen 1\r\n";
    assert_eq!(send_all(node.connect(), post), "");
    assert_eq!(send_all(node.connect(), post), "");
    assert_eq!(node.ask(b"EXISTS stolen\r\n"), ":0\r\n");
    assert_eq!(node.log().matches("POST or Host:").count(), 1, "{}", node.log());
}

#[test]
fn a_write_that_was_held_back_goes_with_its_client() {
    let node = Node::start(":");
    let before = node.clients();
    assert_eq!(node.ask(b"CLIENT PAUSE 60000 WRITE\r\n"), "+OK\r\n");
    let mut writers: Vec<TcpStream> = (0..5).map(|_| node.connect()).collect();
    for writer in &mut writers {
        writer.write_all(b"SET left 1\r\n").unwrap();
    }
    let deadline = Instant::now() + PATIENCE;
    while node.clients() < before + 5 {
        assert!(Instant::now() < deadline, "they are not counted");
    }
    drop(writers);
    while node.clients() > before {
        assert!(Instant::now() < deadline, "they are still counted");
    }
    assert_eq!(node.ask(b"CLIENT UNPAUSE\r\n"), "+OK\r\n");
    assert_eq!(node.ask(b"SET other 1\r\n"), "+OK\r\n");
    assert_eq!(node.ask(b"EXISTS left\r\n"), ":0\r\n");
}

/// Nobody reads these keys again, so only the node's own looking can find that they are over.
#[test]
fn keys_that_are_over_go_though_nobody_asks_for_them() {
    const KEYS: usize = 100_000;
    let node = Node::start(":");
    let mut stream = node.connect();
    let mut replies = stream.try_clone().unwrap();
    let reading = std::thread::spawn(move || {
        let (mut got, mut chunk) = (0, vec![0; 64 << 10]);
        while got < KEYS * "+OK\r\n".len() {
            got += replies.read(&mut chunk).unwrap();
        }
    });
    for first in (0..KEYS).step_by(1000) {
        let sets: String =
            (first..first + 1000).map(|n| format!("SET over:{n} v PX 500\r\n")).collect();
        stream.write_all(sets.as_bytes()).unwrap();
    }
    reading.join().unwrap();
    // INFO counts what is held, as DBSIZE does: `ready` stays.
    let deadline = Instant::now() + PATIENCE;
    while node.ask(b"DBSIZE\r\n") != ":1\r\n" {
        assert!(Instant::now() < deadline, "{} are left", node.ask(b"DBSIZE\r\n"));
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut stream = node.connect();
    stream.write_all(b"INFO stats\r\n").unwrap();
    let mut text = String::new();
    let mut chunk = [0; 4096];
    while !text.contains("expired_keys") || !text.ends_with("\r\n") {
        let len = stream.read(&mut chunk).unwrap();
        text.push_str(&String::from_utf8_lossy(&chunk[..len]));
    }
    assert_eq!(Node::number(&text, "expired_keys:"), KEYS as u64, "{text}");
}

#[test]
fn a_client_that_does_not_read_costs_little_and_gets_everything_once_it_does() {
    const GETS: usize = 10_000;
    let node = Node::start(":");
    let mut set = b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$1048576\r\n".to_vec();
    set.extend(std::iter::repeat_n(b'v', 1 << 20));
    set.extend_from_slice(b"\r\n");
    assert_eq!(node.ask(&set), "+OK\r\n");
    let before = node.resident_kib();
    let mut reader = node.connect();
    let mut writer = reader.try_clone().unwrap();
    let gets = b"*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n".repeat(GETS);
    let sending = std::thread::spawn(move || writer.write_all(&gets).is_ok());
    for n in 0..200 {
        assert_eq!(node.ask(format!("SET other {n}\r\n").as_bytes()), "+OK\r\n");
    }
    let more = node.resident_kib().saturating_sub(before);
    assert!(more < 300 << 10, "{more} KiB");
    let whole = GETS * ((1 << 20) + "$1048576\r\n\r\n".len());
    let (mut got, mut chunk) = (0, vec![0; 1 << 20]);
    while got < whole / 10 {
        got += reader.read(&mut chunk).unwrap();
    }
    let more = node.resident_kib().saturating_sub(before);
    assert!(more < 300 << 10, "{more} KiB while it reads");
    drop(reader);
    let _cut_off = sending.join();
    assert_eq!(node.ask(b"GET ready\r\n"), "$1\r\n1\r\n");
}

#[test]
fn too_many_clients_are_told_so_and_served_when_others_leave() {
    let node = Node::start("ulimit -n 256");
    assert!(node.log().contains("maxclients="), "{}", node.log());
    let max = node.ask(b"CONFIG GET maxclients\r\n");
    let max: usize = max.lines().last().unwrap().parse().unwrap();
    assert!((32..256).contains(&max), "{max}");
    let refused = node.ask(format!("CONFIG SET maxclients {}\r\n", max + 1).as_bytes());
    assert!(refused.contains(&format!("try with {max}")), "{refused}");

    let mut clients: Vec<TcpStream> = (0..300).map(|_| node.connect()).collect();
    let mut served = 0;
    for client in &mut clients {
        match ask(client, b"PING\r\n").as_str() {
            "+PONG\r\n" => served += 1,
            other => assert_eq!(other, "-ERR max number of clients reached\r\n"),
        }
    }
    assert!(served >= max - 2 && served <= max, "{served} of {max}");
    drop(clients);
    let deadline = Instant::now() + PATIENCE;
    while node.ask(b"PING\r\n") != "+PONG\r\n" {
        assert!(Instant::now() < deadline, "nobody is served any more");
    }
    let raised = Node::start("ulimit -Sn 128 && ulimit -Hn 4096");
    let max = raised.ask(b"CONFIG GET maxclients\r\n");
    assert!(max.lines().last().unwrap().parse::<usize>().unwrap() > 3000, "{max}");
}

#[test]
fn many_connections_at_once_are_all_answered() {
    const CONNECTIONS: usize = 400;
    let node = Node::start(":");
    let mut clients: Vec<TcpStream> = (0..CONNECTIONS).map(|_| node.connect()).collect();
    for client in &mut clients {
        client.write_all(b"PING\r\n").unwrap();
    }
    let mut answer = [0; 16];
    for client in &mut clients {
        assert_eq!(client.read(&mut answer).unwrap(), "+PONG\r\n".len());
    }
}

/// While the node stands still they gather in the kernel, which then reports them with a single event: more of them than
/// the node lets in at once.
#[test]
fn connections_that_gathered_at_the_door_are_all_let_in() {
    const CONNECTIONS: usize = 700;
    let node = Node::start(":");
    let queue = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    assert!(queue.trim().parse::<usize>().unwrap() > CONNECTIONS, "the kernel queues too few");
    node.signal("STOP");
    let mut clients: Vec<TcpStream> = (0..CONNECTIONS).map(|_| node.connect()).collect();
    for client in &mut clients {
        client.write_all(b"PING\r\n").unwrap();
    }
    node.signal("CONT");
    let mut answer = [0; 16];
    for client in &mut clients {
        assert_eq!(client.read(&mut answer).unwrap(), "+PONG\r\n".len());
    }
}

#[test]
fn half_a_request_does_not_keep_a_connection_to_the_http_side() {
    let node = Node::start(":");
    let mut visitor = TcpStream::connect(("127.0.0.1", node.http)).unwrap();
    visitor.write_all(b"GET /status HT").unwrap();
    visitor.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = Vec::new();
    match visitor.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_ne!(error.kind(), ErrorKind::WouldBlock, "it is still open"),
    }
}

/// More half requests than there are seats at the HTTP side: whoever asks for the node's health still hears it.
#[test]
fn half_requests_without_number_do_not_keep_the_health_from_being_told() {
    let node = Node::start(":");
    let half = |_| {
        let mut visitor = TcpStream::connect(("127.0.0.1", node.http)).unwrap();
        visitor.write_all(b"GET /status HT").unwrap();
        visitor
    };
    let visitors: Vec<TcpStream> = (0..200).map(half).collect();
    let mut asks = TcpStream::connect(("127.0.0.1", node.http)).unwrap();
    // The seats of 200 visitors, ten seconds each, would be free after a minute.
    asks.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    asks.write_all(b"GET /health HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    asks.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.0 200");
    drop(visitors);
}

/// Memory that the process may not have is none: the ceiling for keys is below it.
#[test]
fn the_ceiling_that_nobody_set_fits_what_the_process_may_have() {
    let node = Node::start("ulimit -v 4000000");
    let told = node.ask(b"CONFIG GET maxmemory\r\n");
    let max: u64 = told.lines().last().unwrap().parse().unwrap();
    assert!(max > 0 && max <= 4_096_000_000 / 10 * 7, "{max}");
}

/// Ten times as much is written as there is space, over and over the same few keys: the log must leave room for the
/// snapshots that let it be cut, whatever it prepares ahead. Writers may be told to wait, and the error names the disk.
#[test]
fn a_small_disk_is_written_over_and_over_and_does_not_stand_still() {
    const VALUE: usize = 512 << 10;
    let mut node = Node::on_a_disk_of("100m");
    let value = vec![b'v'; VALUE];
    for n in 0..2000 {
        let mut set =
            format!("*3\r\n$3\r\nSET\r\n$2\r\n{:02}\r\n${VALUE}\r\n", n % 20).into_bytes();
        set.extend_from_slice(&value);
        set.extend_from_slice(b"\r\n");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = node.ask(&set);
            if answer == "+OK\r\n" {
                break;
            }
            assert!(answer.contains("The disk is full"), "{n}: {answer}");
            assert!(Instant::now() < deadline, "{n}: {answer}; {}", node.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    assert!(node.log().contains("snapshot taken"), "{}", node.log());
    node.signal("TERM");
    assert!(node.child.wait().unwrap().success(), "{}", node.log());
}

/// A process that keeps the disk of a node from going with it; ended with the test.
struct Keeper(Child);

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Somebody else fills the disk while the node is down. It serves what it has, refuses writes by the disk's name at the latest
/// when its log needs more, and takes them again once there is room.
#[test]
fn a_node_that_starts_on_a_full_disk_serves_what_it_has() {
    let mut node = Node::on_a_disk_of("60m");
    assert_eq!(node.ask(b"SET k v\r\n"), "+OK\r\n");
    let beside = |pid: u32, command: &str| {
        Command::new("nsenter")
            .args(["--target", &pid.to_string(), "--user", "--mount", "--preserve-credentials"])
            .args(["sh", "-c", &format!("exec {command}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("nsenter, of util-linux, enters where the disk is")
    };
    let keeper = Keeper(beside(node.child.id(), "sleep 600 2> /dev/null"));
    let disk = format!("/proc/{}/root{}/disk", keeper.0.id(), node.dir.path().display());
    // It has to be where the disk is before the node goes.
    let deadline = Instant::now() + PATIENCE;
    while !std::path::Path::new(&disk).join("data").exists() {
        assert!(Instant::now() < deadline, "the disk is not kept");
    }
    node.signal("TERM");
    assert!(node.child.wait().unwrap().success(), "{}", node.log());
    let other = format!("{disk}/other");
    let mut filler = std::fs::File::create(&other).unwrap();
    while filler.write_all(&[1; 4096]).is_ok() {}
    let again = node.serve.split_once("&& exec ").unwrap().1.to_owned();
    node.child = beside(keeper.0.id(), &again);
    let deadline = Instant::now() + PATIENCE;
    while node.try_ask(b"GET k\r\n") != "$1\r\nv\r\n" {
        assert!(Instant::now() < deadline, "{}", node.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut set = b"*3\r\n$3\r\nSET\r\n$1\r\nw\r\n$500000\r\n".to_vec();
    set.extend_from_slice(&[b'w'; 500_000]);
    set.extend_from_slice(b"\r\n");
    let answers: Vec<_> = (0..100).map(|_| node.ask(&set)).collect();
    let refused = answers.iter().find(|answer| *answer != "+OK\r\n").expect("a full disk");
    assert!(refused.contains("The disk is full"), "{refused}");
    std::fs::remove_file(other).unwrap();
    drop(filler);
    node.wait_ready();
    assert_eq!(node.ask(b"GET k\r\n"), "$1\r\nv\r\n");
    node.signal("TERM");
    assert!(node.child.wait().unwrap().success(), "{}", node.log());
}

/// Who flushes the log, and how it is written, is told by INFO; acknowledged writes are there whichever it is.
#[test]
fn each_way_to_write_the_log_keeps_what_was_acknowledged() {
    for (settings, told) in [
        ("SYNOD_LOG_FLUSH=loop", "synod_log_flush:loop"),
        ("SYNOD_LOG_FLUSH=thread", "synod_log_flush:thread"),
        ("SYNOD_LOG_FLUSH=loop SYNOD_LOG_WRITES=buffered", "synod_log_writes:buffered"),
        ("SYNOD_LOG_FLUSH=thread SYNOD_LOG_WRITES=buffered", "synod_log_writes:buffered"),
    ] {
        let mut node = Node::start(&format!("export {settings}"));
        let mut stream = node.connect();
        for n in 0..200 {
            let request = format!("SET key{n} {n}\r\n");
            assert_eq!(ask(&mut stream, request.as_bytes()), "+OK\r\n");
        }
        let large =
            [b"*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$700000\r\n", &[b'v'; 700_000][..], b"\r\n"];
        assert_eq!(ask(&mut stream, &large.concat()), "+OK\r\n");
        let info = node.info("persistence");
        assert!(info.contains(told), "{settings}: {info}");
        node.kill_and_start_again();
        for n in 0..200 {
            let expected = format!("${}\r\n{n}\r\n", n.to_string().len());
            assert_eq!(node.ask(format!("GET key{n}\r\n").as_bytes()), expected, "{settings}");
        }
        assert_eq!(node.ask(b"STRLEN large\r\n"), ":700000\r\n", "{settings}");
    }
}
