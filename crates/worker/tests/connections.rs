//! What clients may send, whole and in pieces, and what becomes of the connection.

#![allow(clippy::unwrap_used)]

mod trial;

use synod_types::{NodeId, PartitionId, limits};
use synod_wire::peer::{Frame, FrameKind};
use synod_wire::resp::write_request;
use trial::Trial;

fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_request(&mut bytes, args);
    bytes
}

/// What a new client is answered to these bytes, and whether its connection is over then.
fn answers(trial: &mut Trial, bytes: &[u8], piece: usize) -> (Vec<u8>, bool) {
    let mut client = trial.connect();
    trial.send(&mut client, bytes, piece);
    trial.disconnect(&client);
    (client.received, client.closed)
}

/// Who has not logged in may send what that takes, and what it sends together with it is read as of somebody who has.
#[test]
fn little_is_taken_from_who_has_not_logged_in() {
    let mut trial = Trial::new();
    let mut admin = trial.connect();
    let password = request(&[b"CONFIG", b"SET", b"requirepass", b"pw"]);
    trial.send(&mut admin, &password, 1 << 20);
    trial.pass();
    trial.send(&mut admin, &request(&[b"PING"]), 1 << 20);
    assert_eq!(admin.received, b"+OK\r\n+PONG\r\n", "it is who it was");
    let many = request(&[&b"DEL"[..]; 11]);
    let long = request(&[b"SET", b"k", &[b'x'; 20_000]]);
    let in_time = [request(&[b"AUTH", b"pw"]), long.clone(), many.clone()].concat();
    let cases: [(&[u8], &str); 4] = [
        (&request(&[b"GET", b"k"]), "-NOAUTH Authentication required.\r\n"),
        (&many, "-ERR Protocol error: unauthenticated multibulk length\r\n"),
        (&long, "-ERR Protocol error: unauthenticated bulk length\r\n"),
        (&in_time, "+OK\r\n+OK\r\n:0\r\n"),
    ];
    for (bytes, expected) in cases {
        for piece in [1 << 20, 997, 1] {
            let (received, _) = answers(&mut trial, bytes, piece);
            assert_eq!(String::from_utf8_lossy(&received), expected, "{piece}");
        }
    }
}

/// A connection that sent something wrong is told so, once, and nothing behind that is looked at: it used to be shown
/// to a decoder that was in the middle of the bad request, and the process ended.
#[test]
fn behind_what_is_no_request_nothing_is_read() {
    let mega = vec![b'x'; 1_000_000];
    let three_more = vec![b'y'; 3_000_000];
    let mut set_then_bad = b"*3\r\n$3\r\nSET\r\n$1000000\r\n".to_vec();
    set_then_bad.extend_from_slice(&mega);
    set_then_bad.extend_from_slice(b"\r\n#1\r\n");
    let mut many_then_bad = format!("*{}\r\n", 600_000).into_bytes();
    many_then_bad.extend(b"$1\r\na\r\n".repeat(500_000));
    many_then_bad.push(b'!');
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("a bad argument behind a large one", set_then_bad, "expected '$', got '#'"),
        ("a bad byte behind 500,000 arguments", many_then_bad, "expected '$', got '!'"),
        ("a count beyond the limit", b"*1048577\r\n".to_vec(), "invalid multibulk length"),
        (
            "a length beyond the limit",
            b"*2\r\n$4\r\nPING\r\n$67108865\r\n".to_vec(),
            "invalid bulk length",
        ),
        ("a long line", vec![b'z'; limits::INLINE_BYTES_MAX + 1], "too big inline request"),
        ("open quotes", b"SET k \"abc\r\n".to_vec(), "unbalanced quotes"),
        ("a negative length", b"*1\r\n$-1\r\n".to_vec(), "invalid bulk length"),
    ];
    let mut trial = Trial::new();
    for (what, bad, reason) in cases {
        for piece in [1 << 20, 64 << 10, 4093] {
            let bytes = [b"*1\r\n$4\r\nPING\r\n", &bad[..], b"\r\nPING\r\n", &three_more].concat();
            let (received, closed) = answers(&mut trial, &bytes, piece);
            let text = String::from_utf8_lossy(&received);
            let expected = format!("+PONG\r\n-ERR Protocol error: {reason}");
            assert!(text.starts_with(&expected), "{what}, {piece}: {text}");
            assert_eq!(text.lines().count(), 2, "{what}, {piece}: {text}");
            assert!(closed, "{what}, {piece}");
        }
    }
    assert_eq!(answers(&mut trial, b"PING\r\n", 9), (b"+PONG\r\n".to_vec(), false));
}

/// 140 arguments of 1 MB are more than one request may be. The bound is known before the rest has arrived.
#[test]
fn a_request_that_the_log_cannot_carry_is_refused_when_it_arrives() {
    let mega = vec![b'v'; 1_000_000];
    let mut mset: Vec<&[u8]> = vec![b"MSET"];
    let keys: Vec<Vec<u8>> = (0..140).map(|n| format!("key:{n}").into_bytes()).collect();
    keys.iter().for_each(|key| mset.extend([&key[..], &mega]));
    let mut trial = Trial::new();
    let (received, closed) = answers(&mut trial, &request(&mset), 64 << 10);
    assert_eq!(received, b"-ERR Protocol error: request too large\r\n");
    assert!(closed);
    let (received, _) = answers(&mut trial, b"EXISTS key:0\r\n", 64);
    assert_eq!(received, b":0\r\n", "no part of it was executed");
    mset.truncate(1 + 2 * 60);
    let (received, closed) = answers(&mut trial, &request(&mset), 64 << 10);
    assert_eq!((received, closed), (b"+OK\r\n".to_vec(), false));
}

#[test]
fn a_web_page_cannot_write() {
    let post = b"POST / HTTP/1.1\r\nHost: localhost:6379\r\n\r\nSET stolen 1\r\n";
    let get = b"GET / HTTP/1.1\r\nHost: localhost:6379\r\n\r\nSET stolen 1\r\n";
    let mut trial = Trial::new();
    for piece in [1, 7, 4096] {
        assert_eq!(answers(&mut trial, post, piece), (Vec::new(), true));
        let (received, closed) = answers(&mut trial, get, piece);
        assert!(closed && received.len() <= 60, "{}", String::from_utf8_lossy(&received));
    }
    let as_arguments =
        [&request(&[b"pOsT", b"/"])[..], &request(&[b"SET", b"stolen", b"1"])].concat();
    assert_eq!(answers(&mut trial, &as_arguments, 4096), (Vec::new(), true));
    assert_eq!(answers(&mut trial, b"EXISTS stolen\r\n", 64).0, b":0\r\n");
}

/// Requests, whole or cut anywhere, get the same answers; what is large goes another way through the buffers than what
/// is small, and both must agree.
#[test]
fn cut_anywhere_the_answers_are_the_same() {
    let long = vec![b'l'; 150_000];
    let mut bytes = Vec::new();
    for n in 0..40 {
        let key = format!("key:{n}").into_bytes();
        bytes.extend(request(&[b"SET", &key, &long[..n * 3000]]));
        bytes.extend(request(&[b"STRLEN", &key]));
        bytes.extend_from_slice(b"PING\r\n\r\n*0\r\n");
    }
    bytes.extend(request(&[b"ECHO", &long]));
    bytes.extend_from_slice(b"QUIT\r\nPING\r\n");
    let mut trial = Trial::new();
    let whole = answers(&mut trial, &bytes, usize::MAX);
    let end = String::from_utf8_lossy(&whole.0[whole.0.len().saturating_sub(80)..]).into_owned();
    assert!(whole.1 && end.ends_with("+OK\r\n"), "{} {end}", whole.1);
    for piece in [65_535, 65_536, 10_007, 997, 64] {
        assert!(answers(&mut trial, &bytes, piece) == whole, "cut into {piece}");
    }
}

/// A client that asks and does not read holds up itself, not the node's memory; when it reads, it gets everything.
#[test]
fn a_client_that_does_not_read_is_not_served_on() {
    const GETS: usize = 1000;
    let value = vec![b'v'; 1 << 20];
    let mut trial = Trial::new();
    assert_eq!(answers(&mut trial, &request(&[b"SET", b"big", &value]), 64 << 10).0, b"+OK\r\n");
    let mut client = trial.connect();
    client.reads = false;
    let gets = request(&[b"GET", b"big"]).repeat(GETS);
    let mut sent = trial.send(&mut client, &gets, 64 << 10);
    let held = trial.unread(&client);
    assert!(held > limits::OUTPUT_MARK_BYTES && held < 3 * limits::OUTPUT_MARK_BYTES, "{held}");
    client.reads = true;
    let mut got = 0;
    for _ in 0..2 * GETS {
        sent += trial.send(&mut client, &gets[sent..], 64 << 10);
        got += std::mem::take(&mut client.received).len();
    }
    assert_eq!((sent, got), (gets.len(), GETS * (value.len() + "$1048576\r\n\r\n".len())));
}

/// CLIENT PAUSE holds a write back; its client leaves; the pause ends: the write was not begun and is not.
#[test]
fn what_was_not_begun_when_a_client_leaves_is_not_begun() {
    let mut trial = Trial::new();
    assert_eq!(answers(&mut trial, b"CLIENT PAUSE 10000 WRITE\r\n", 64).0, b"+OK\r\n");
    let mut writer = trial.connect();
    trial.send(&mut writer, b"SET left 1\r\n", 64);
    assert!(writer.received.is_empty());
    let connection = trial.connections.get(writer.at).unwrap();
    let id = connection.id();
    assert!(connection.is_stalled() && trial.node.session_held_back(id));
    trial.connections.give_up(writer.at);
    trial.node.client_left(id);
    assert_eq!(answers(&mut trial, b"CLIENT UNPAUSE\r\n", 64).0, b"+OK\r\n");
    trial.pass();
    trial.send(&mut writer, b"", 64);
    assert_eq!(answers(&mut trial, b"EXISTS left\r\n", 64).0, b":0\r\n");
}

/// Whoever asks for much does not keep the node from its heartbeats, nor others from their answers: a turn ends when it
/// has done so much work, and the rest goes on in the next.
#[test]
fn large_commands_do_not_run_in_one_turn() {
    const ASKED: usize = 40;
    let members: Vec<Vec<u8>> =
        (0..100_000).map(|n| format!("member:{n:09}").into_bytes()).collect();
    let mut trial = Trial::new();
    for key in [&b"{s}1"[..], b"{s}2"] {
        let mut sadd: Vec<&[u8]> = vec![b"SADD", key];
        sadd.extend(members.iter().map(Vec::as_slice));
        assert_eq!(answers(&mut trial, &request(&sadd), 64 << 10).0, b":100000\r\n");
    }
    let mut hog = trial.connect();
    let before = trial.turns;
    trial.send(
        &mut hog,
        &request(&[b"SINTERCARD", b"2", b"{s}1", b"{s}2"]).repeat(ASKED),
        64 << 10,
    );
    assert_eq!(hog.received, b":100000\r\n".repeat(ASKED));
    assert!(trial.turns - before >= ASKED, "{} turns", trial.turns - before);
    let before = trial.turns;
    trial.send(&mut hog, &b"SCARD {s}1\r\n".repeat(ASKED), 64 << 10);
    assert!(trial.turns - before < 5, "commands of constant time are not held up");
}

/// A peer's frame of a request that waits may hold anything. One without a single word ended the process.
#[test]
fn a_forwarded_wait_that_holds_no_command_that_waits_is_dropped() {
    const WAITS: u8 = 8;
    let mut trial = Trial::new();
    let command = |args: &[&[u8]]| {
        let mut op = Vec::new();
        synod_data::op::put_command(&mut op, args);
        op
    };
    let ops = [
        command(&[]),
        command(&[b"BLPOP"]),
        command(&[b"BLPOP", b"l"]),
        command(&[b"GET", b"k"]),
        command(&[b"no such command"]),
        Vec::new(),
    ];
    for (request, since) in [(1_u64, 0_u64), (100, 1), (200, u64::MAX)] {
        for (request, op) in (request..).zip(&ops) {
            let head = [&request.to_le_bytes()[..], &[0, 0, WAITS], &7_u64.to_le_bytes()];
            let wait = [&1_u64.to_le_bytes()[..], &since.to_le_bytes()];
            let body = [&head.concat(), &wait.concat(), op].map(|part| &part[..]).concat().into();
            let frame = Frame { kind: FrameKind::Forward, group: PartitionId(1), body };
            trial.node.frame(NodeId(2), frame);
            trial.pass();
        }
    }
    let (reply, closed) = answers(&mut trial, &request(&[b"PING"]), 64);
    assert!(reply == b"+PONG\r\n" && !closed);
}

/// Where memory is little, unfinished requests have little of it: who asks for more is told so, who asks for little is served.
#[test]
fn unfinished_requests_have_their_part_of_little_memory() {
    const PART: usize = 6 << 20;
    let mut trial = Trial::new();
    let ceiling = request(&[b"CONFIG", b"SET", b"maxmemory", b"100mb"]);
    assert_eq!(answers(&mut trial, &ceiling, 64 << 10).0, b"+OK\r\n");
    trial.pass();
    assert_eq!(trial.node.input_bytes_max(), 16 << 20);
    let unfinished = [b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$60000000\r\n".as_slice(), &vec![b'v'; PART]];
    let mut clients = [(); 3].map(|()| trial.connect());
    for client in &mut clients {
        trial.send(client, &unfinished.concat(), 64 << 10);
    }
    let told = clients.each_ref().map(|client| String::from_utf8_lossy(&client.received));
    assert_eq!((&*told[0], &*told[1]), ("", ""));
    assert!(told[2].contains("unfinished requests of all clients are too large"), "{}", told[2]);
    assert_eq!(answers(&mut trial, &request(&[b"SET", b"k", b"v"]), 64 << 10).0, b"+OK\r\n");
    // Who is gone leaves its part to others.
    clients.iter().for_each(|client| trial.disconnect(client));
    let whole = request(&[b"SET", b"k", &vec![b'v'; 10_000_000]]);
    assert_eq!(answers(&mut trial, &whole, 64 << 10).0, b"+OK\r\n");
}

/// 20 clients ask for 16 values of 1 MiB each and read none, where memory is little.
#[test]
fn those_that_leave_most_unread_are_closed_unless_they_are_to_be_kept() {
    let mut trial = Trial::new();
    let mut first = trial.connect();
    let value = vec![b'x'; 1 << 20];
    let mut setup = request(&[b"CONFIG", b"SET", b"maxmemory", b"64mb"]);
    setup.extend(request(&[b"SET", b"k", &value]));
    trial.send(&mut first, &setup, 64 << 10);
    trial.pass();
    let mut kept = trial.connect();
    trial.send(&mut kept, &request(&[b"CLIENT", b"NO-EVICT", b"on"]), 64 << 10);
    let mut clients: Vec<_> = (0..40).map(|_| trial.connect()).collect();
    let gets = request(&[b"GET", b"k"]).repeat(16);
    kept.reads = false;
    trial.send(&mut kept, &gets, 64 << 10);
    for client in &mut clients {
        client.reads = false;
        trial.send(client, &gets, 64 << 10);
        trial.pass();
    }
    let mut gone = |client: &trial::Client| {
        let id = trial.connections.get(client.at).unwrap().id();
        trial.node.session_killed(id)
    };
    let closed = clients.iter().filter(|client| gone(client)).count();
    assert!(!gone(&kept));
    assert!((1..40).contains(&closed), "{closed}");
    assert_eq!(trial.node.status().counters.clients_evicted, closed as u64);
}

/// A client that waits for a list and goes on sending is read up to a bound, and is answered in order once the list is filled.
/// Others are served in the meantime.
#[test]
fn a_blocked_client_that_floods_holds_up_itself_alone() {
    const SETS: usize = 100_000;
    let mut trial = Trial::new();
    let mut flood = trial.connect();
    trial.send(&mut flood, &request(&[b"BLPOP", b"l", b"0"]), 64 << 10);
    let sets = request(&[b"SET", b"flood", &[b'v'; 1000]]).repeat(SETS);
    let mut sent = trial.send(&mut flood, &sets, 64 << 10);
    assert!(flood.received.is_empty() && !flood.closed);
    assert!(sent < 4 << 20, "{sent} bytes of a blocked client were read");
    assert_eq!(answers(&mut trial, b"EXISTS flood\r\nRPUSH l x\r\n", 64).0, b":0\r\n:1\r\n");
    for _ in 0..SETS {
        if sent == sets.len() {
            break;
        }
        sent += trial.send(&mut flood, &sets[sent..], 64 << 10);
    }
    let expected = [&b"*2\r\n$1\r\nl\r\n$1\r\nx\r\n"[..], &b"+OK\r\n".repeat(SETS)].concat();
    assert!(sent == sets.len() && flood.received == expected, "{} bytes", flood.received.len());
}

/// A subscriber that does not read is closed when it has too much unread; those who read get every message.
#[test]
fn a_subscriber_that_never_reads_is_closed_and_the_others_hear_everything() {
    const MESSAGES: usize = 64;
    let mut trial = Trial::new();
    let mut subscribers = [(); 2].map(|()| trial.connect());
    for subscriber in &mut subscribers {
        trial.send(subscriber, &request(&[b"SUBSCRIBE", b"news"]), 64 << 10);
    }
    let [reader, sleeper] = &mut subscribers;
    let begun = reader.received.len();
    assert_eq!(begun, sleeper.received.len());
    sleeper.reads = false;
    let message = vec![b'm'; 1 << 20];
    for n in 0..MESSAGES {
        let heard = request(&[b"PUBLISH", b"news", &message]);
        let (reply, _) = answers(&mut trial, &heard, 64 << 10);
        assert!(reply == b":2\r\n" || reply == b":1\r\n", "{n}");
        trial.send(reader, b"", 64);
        trial.send(sleeper, b"", 64);
        if !sleeper.closed {
            let unread = trial.unread(sleeper);
            assert!(unread <= limits::PUBSUB_OUTPUT_BYTES_MAX + 3 * message.len(), "{unread}");
        }
    }
    assert!(sleeper.closed && !reader.closed);
    assert!(reader.received.len() - begun > MESSAGES * message.len());
    let (reply, _) = answers(&mut trial, &request(&[b"PUBSUB", b"NUMSUB", b"news"]), 64);
    assert_eq!(reply, b"*2\r\n$4\r\nnews\r\n:1\r\n");
}

/// A pattern of a megabyte is refused with a clear error wherever all names would be compared with it.
#[test]
fn a_pattern_of_a_megabyte_is_refused() {
    let mut trial = Trial::new();
    let pattern = vec![b'['; 1 << 20];
    let asked: [&[&[u8]]; 5] = [
        &[b"KEYS", &pattern],
        &[b"SCAN", b"0", b"COUNT", b"1000", b"MATCH", &pattern],
        &[b"PUBSUB", b"CHANNELS", &pattern],
        &[b"PSUBSCRIBE", &pattern],
        &[b"SUBSCRIBE", &pattern],
    ];
    for args in asked {
        let (reply, closed) = answers(&mut trial, &request(args), 64 << 10);
        let text = String::from_utf8_lossy(&reply);
        assert!(text.starts_with("-ERR ") && text.contains("too long") && !closed, "{text}");
    }
    // Up to the bound each is taken.
    let pattern = vec![b'a'; limits::PATTERN_BYTES_MAX];
    let (reply, _) = answers(&mut trial, &request(&[b"KEYS", &pattern]), 64 << 10);
    assert_eq!(reply, b"*0\r\n");
    let mut subscriber = trial.connect();
    for n in 0..limits::SUBSCRIPTIONS_BYTES_MAX / limits::CHANNEL_BYTES_MAX + 1 {
        let mut name = vec![b'n'; limits::CHANNEL_BYTES_MAX];
        name[..8].copy_from_slice(format!("{n:08}").as_bytes());
        subscriber.received.clear();
        trial.send(&mut subscriber, &request(&[b"PSUBSCRIBE", &name]), 64 << 10);
    }
    assert!(subscriber.received.starts_with(b"-ERR too many subscriptions"));
}

/// The same key under WATCH a million times is one key; many keys, or long ones, are refused with a clear error, and EXEC
/// does what it does with those that are watched.
#[test]
fn a_watch_set_a_million_times_is_one_watch() {
    const TIMES: usize = 1_000_000;
    let mut trial = Trial::new();
    let mut client = trial.connect();
    let watch: Vec<&[u8]> = [&b"WATCH"[..]].into_iter().chain([&b"k"[..]; 1000]).collect();
    for _ in 0..TIMES / 1000 {
        client.received.clear();
        trial.send(&mut client, &request(&watch), 64 << 10);
        assert_eq!(client.received, b"+OK\r\n");
    }
    let long = vec![b'k'; limits::WATCH_BYTES_MAX];
    client.received.clear();
    trial.send(&mut client, &request(&[b"WATCH", &long]), 64 << 10);
    assert!(client.received.starts_with(b"-ERR too many watched keys"));
    client.received.clear();
    trial.send(&mut client, b"MULTI\r\nSET k mine\r\nEXEC\r\n", 64);
    assert_eq!(client.received, b"+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    trial.send(&mut client, b"WATCH k\r\n", 64);
    assert_eq!(answers(&mut trial, b"SET k other\r\n", 64).0, b"+OK\r\n");
    client.received.clear();
    trial.send(&mut client, b"WATCH k\r\nMULTI\r\nSET k mine\r\nEXEC\r\n", 64);
    assert_eq!(client.received, b"+OK\r\n+OK\r\n+QUEUED\r\n*-1\r\n", "the first version counts");
}
