//! A gate, a tree behind it, and clients: what leaves when, whatever the order in which outcomes and news come in.

#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};
use synod_machine::{Context, Machine, Operation};
use synod_tree::{Reply, Tree};
use synod_types::{Millis, ReplySink};
use synod_zookeeper::{ConnectionId, Gate, Hearing, Mode, Outcome, Submit, Surroundings};

const CREATE: i32 = 1;
const EXISTS: i32 = 3;
const GET_DATA: i32 = 4;
const SET_DATA: i32 = 5;
const GET_CHILDREN: i32 = 8;
const PING: i32 = 11;
const AUTH: i32 = 100;
const SET_WATCHES: i32 = 101;
const SASL: i32 = 102;
const ADD_WATCH: i32 = 106;
const WHO_AM_I: i32 = 107;
const CLOSE: i32 = -11;

struct Taken(Vec<u8>);

impl ReplySink for Taken {
    fn bulk(&mut self, bytes: &[u8]) {
        self.0 = bytes.to_vec();
    }
    fn simple(&mut self, _: &str) {}
    fn error(&mut self, text: &str) {
        panic!("{text}");
    }
    fn integer(&mut self, _: i64) {}
    fn null(&mut self) {}
    fn null_array(&mut self) {}
    fn array(&mut self, _: usize) {}
    fn map(&mut self, _: usize) {}
    fn set(&mut self, _: usize) {}
    fn double(&mut self, _: f64) {}
    fn boolean(&mut self, _: bool) {}
    fn verbatim(&mut self, _: &str) {}
    fn is_resp3(&self) -> bool {
        false
    }
}

/// What a client was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Got {
    Connected(i64, [u8; 16]),
    Expired,
    Reply(i32, i32),
    Event(i32, String),
}

#[derive(Default)]
struct Client {
    connected: bool,
    unread: Vec<u8>,
}

struct World {
    gate: Gate,
    tree: Tree,
    /// Executed, and not told yet.
    replies: Vec<(u64, Vec<u8>)>,
}

impl World {
    fn new() -> Self {
        Self { gate: Gate::new(7), tree: Tree::default(), replies: Vec::new() }
    }

    /// Executes what the gate asks for, and keeps the replies back.
    fn execute(&mut self) {
        for Submit { ticket, op, .. } in self.gate.take_submits() {
            let operation = Operation::take(&mut &op[..]).unwrap();
            let mut taken = Taken(Vec::new());
            let ctx = Context { now: Millis(1_000), seed: ticket };
            self.tree.apply(operation.body, &ctx, &mut taken);
            self.replies.push((ticket, taken.0));
        }
    }

    /// The leader answers a question of the gate.
    fn ask_again(&mut self, question: &Submit) {
        let operation = Operation::take(&mut &question.op[..]).unwrap();
        let mut taken = Taken(Vec::new());
        self.tree.read(operation.body, &Context::default(), &mut taken);
        self.gate.outcome(question.ticket, Outcome::Done(&taken.0));
    }

    fn tell_replies(&mut self) {
        for (ticket, bytes) in std::mem::take(&mut self.replies) {
            self.gate.outcome(ticket, Outcome::Done(&bytes));
        }
    }

    fn tell_news(&mut self) {
        if let Some(seen) = self.gate.follows() {
            let events: Vec<_> = self.tree.events_since(seen).unwrap().cloned().collect();
            self.gate.news(self.tree.zxid(), events);
        }
    }

    /// Until nothing is left to do.
    fn settle(&mut self) {
        for _ in 0..10 {
            self.execute();
            self.tell_news();
            self.tell_replies();
        }
    }

    fn connect(&mut self, session: i64, password: [u8; 16]) -> (ConnectionId, Client) {
        self.connect_as(session, password, false)
    }

    fn connect_as(
        &mut self,
        session: i64,
        password: [u8; 16],
        takes_read_only: bool,
    ) -> (ConnectionId, Client) {
        let id = self.gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let mut payload = Vec::new();
        payload.extend_from_slice(&[0; 12]);
        payload.extend_from_slice(&10_000i32.to_be_bytes());
        payload.extend_from_slice(&session.to_be_bytes());
        payload.extend_from_slice(&16i32.to_be_bytes());
        payload.extend_from_slice(&password);
        payload.push(takes_read_only.into());
        self.frame(id, &payload);
        (id, Client::default())
    }

    fn session(&mut self) -> (ConnectionId, Client, i64, [u8; 16]) {
        let (id, mut client) = self.connect(0, [0; 16]);
        self.settle();
        match self.read(id, &mut client).as_slice() {
            [Got::Connected(session, password)] => (id, client, *session, *password),
            other => panic!("{other:?}"),
        }
    }

    fn frame(&mut self, id: ConnectionId, payload: &[u8]) {
        let mut bytes = (payload.len() as i32).to_be_bytes().to_vec();
        bytes.extend_from_slice(payload);
        // In two pieces: any split of the bytes means the same.
        let (head, tail) = bytes.split_at(bytes.len() / 2);
        self.gate.input(id, head);
        self.gate.input(id, tail);
    }

    fn send(&mut self, id: ConnectionId, xid: i32, number: i32, fields: &[u8]) {
        let payload = [&xid.to_be_bytes()[..], &number.to_be_bytes(), fields].concat();
        self.frame(id, &payload);
    }

    fn read(&mut self, id: ConnectionId, client: &mut Client) -> Vec<Got> {
        if let Some((output, _)) = self.gate.output(id) {
            client.unread.append(output);
        }
        let mut got = Vec::new();
        while let Some((len, rest)) = client.unread.split_first_chunk::<4>() {
            let len = i32::from_be_bytes(*len) as usize;
            got.push(understand(&rest[..len], client.connected));
            client.connected = true;
            client.unread.drain(..4 + len);
        }
        got
    }

    fn is_closed(&mut self, id: ConnectionId) -> bool {
        self.gate.output(id).is_none_or(|(_, close)| close)
    }
}

fn int(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn understand(frame: &[u8], connected: bool) -> Got {
    if !connected {
        let session = i64::from_be_bytes(frame[8..16].try_into().unwrap());
        return match session {
            0 => Got::Expired,
            session => Got::Connected(session, frame[20..36].try_into().unwrap()),
        };
    }
    match int(frame, 0) {
        -1 => Got::Event(int(frame, 16), String::from_utf8(frame[28..].to_vec()).unwrap()),
        xid => Got::Reply(xid, int(frame, 12)),
    }
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as i32).to_be_bytes()[..], text.as_bytes()].concat()
}

fn watching(path: &str) -> Vec<u8> {
    [string(path), vec![1]].concat()
}

fn create(path: &str, flags: i32) -> Vec<u8> {
    let acl = [&1i32.to_be_bytes()[..], &31i32.to_be_bytes(), &string("world"), &string("anyone")];
    [string(path), string("data"), acl.concat(), flags.to_be_bytes().to_vec()].concat()
}

fn set(path: &str) -> Vec<u8> {
    [string(path), string("new"), (-1i32).to_be_bytes().to_vec()].concat()
}

fn event(kind: i32, path: &str) -> Got {
    Got::Event(kind, path.to_owned())
}

#[test]
fn a_watch_is_told_before_the_reply_that_shows_its_cause_even_if_the_reply_comes_first() {
    let mut world = World::new();
    let (a, mut reads, ..) = world.session();
    let (b, mut writes, ..) = world.session();
    world.send(b, 1, CREATE, &create("/x", 0));
    world.settle();
    world.send(a, 1, GET_DATA, &watching("/x"));
    world.settle();
    assert_eq!(world.read(a, &mut reads), [Got::Reply(1, 0)]);
    assert_eq!(world.read(b, &mut writes), [Got::Reply(1, 0)]);

    world.send(b, 2, SET_DATA, &set("/x"));
    world.execute();
    world.send(a, 2, EXISTS, &[string("/x"), vec![0]].concat());
    world.execute();
    world.tell_replies();
    assert_eq!(world.read(b, &mut writes), [Got::Reply(2, 0)], "it watches nothing");
    assert_eq!(world.read(a, &mut reads), [], "the reply shows what the watch has not told");
    world.settle();
    assert_eq!(world.read(a, &mut reads), [event(3, "/x"), Got::Reply(2, 0)]);
}

#[test]
fn a_watch_whose_read_is_answered_late_is_told_what_happened_in_between() {
    let mut world = World::new();
    let (a, mut reads, ..) = world.session();
    let (b, ..) = world.session();
    world.send(a, 1, EXISTS, &watching("/x"));
    world.send(a, 2, GET_CHILDREN, &watching("/"));
    world.execute();
    let late = std::mem::take(&mut world.replies);
    world.send(b, 1, CREATE, &create("/x", 0));
    world.settle();
    assert_eq!(world.read(a, &mut reads), []);
    world.replies = late;
    world.tell_replies();
    let expected = [Got::Reply(1, -101), event(1, "/x"), Got::Reply(2, 0), event(4, "/")];
    assert_eq!(world.read(a, &mut reads), expected);
}

#[test]
fn who_hears_late_keeps_a_question_at_the_leader_while_somebody_watches() {
    for hearing in [Hearing::AtOnce, Hearing::Late, Hearing::Never] {
        let mut world = World::new();
        let (a, mut reads, ..) = world.session();
        let (b, ..) = world.session();
        world.send(b, 1, CREATE, &create("/x", 0));
        world.settle();
        world.gate.tick(1_000, hearing);
        let asks = hearing != Hearing::AtOnce;
        let unwatched = world.gate.take_submits();
        assert_eq!(unwatched.len(), usize::from(hearing == Hearing::Never), "{hearing:?}");
        unwatched.iter().for_each(|asked| world.gate.outcome(asked.ticket, Outcome::Lost));

        world.send(a, 1, GET_DATA, &watching("/x"));
        world.execute();
        world.tell_replies();
        assert_eq!(world.read(a, &mut reads), [Got::Reply(1, 0)]);
        let mut questions = world.gate.take_submits();
        assert_eq!(questions.len(), usize::from(asks), "{hearing:?}");
        let Some(question) = questions.pop() else { continue };
        world.gate.tick(60_000, hearing);
        assert_eq!(world.gate.take_submits(), [], "it is on its way");

        // The replica here has not heard of the change when the leader tells it.
        world.send(b, 2, SET_DATA, &set("/x"));
        world.execute();
        world.ask_again(&question);
        assert_eq!(world.read(a, &mut reads), [event(3, "/x")], "{hearing:?}");
        assert_eq!(world.gate.take_submits(), [], "nobody watches any more");
    }
}

#[test]
fn a_question_that_found_no_place_to_wait_is_not_asked_again_before_the_next_tick() {
    let mut world = World::new();
    let (a, ..) = world.session();
    world.gate.tick(1_000, Hearing::Late);
    world.send(a, 1, EXISTS, &watching("/x"));
    world.execute();
    world.tell_replies();
    for (at_us, again) in [(1_000, 0), (51_000, 0), (160_000, 1)] {
        let mut questions = world.gate.take_submits();
        if questions.is_empty() {
            world.gate.tick(51_000, Hearing::Late);
            questions = world.gate.take_submits();
        }
        world.gate.pass_time(at_us);
        world.ask_again(&questions[0]);
        let asked = world.gate.take_submits();
        assert_eq!(asked.len(), again, "{at_us}");
    }
}

#[test]
fn replies_leave_in_order_and_a_read_waits_for_the_write_before_it() {
    let mut world = World::new();
    let (a, mut client, ..) = world.session();
    world.send(a, 1, CREATE, &create("/x", 0));
    world.send(a, 2, GET_DATA, &[string("/x"), vec![0]].concat());
    world.send(a, -2, PING, &[]);
    world.send(a, 3, 999, b"whatever");
    world.send(a, 4, SET_DATA, &set("/x"));
    let reads: Vec<bool> = world.gate.take_submits().iter().map(|submit| submit.read).collect();
    assert_eq!(reads, [false], "the read is not on its way, and the write behind it not either");
    // Sent again, for this test took them.
    let mut world = World::new();
    let (a, mut again, ..) = world.session();
    world.send(a, 1, CREATE, &create("/x", 0));
    world.send(a, 2, GET_DATA, &[string("/x"), vec![0]].concat());
    world.send(a, -2, PING, &[]);
    world.send(a, 3, 999, b"whatever");
    world.send(a, 4, SET_DATA, &set("/x"));
    world.settle();
    let order = [(1, 0), (2, 0), (-2, 0), (3, -6), (4, 0)].map(|(xid, code)| Got::Reply(xid, code));
    assert_eq!(world.read(a, &mut again), order);
    assert_eq!(world.read(a, &mut client), []);
}

#[test]
fn a_session_goes_on_at_another_connection_and_the_old_one_is_closed() {
    let mut world = World::new();
    let (a, _, session, password) = world.session();
    world.send(a, 1, CREATE, &create("/e", 1));
    world.settle();
    let (b, mut client) = world.connect(session, password);
    world.settle();
    assert_eq!(world.read(b, &mut client), [Got::Connected(session, password)]);
    assert!(world.is_closed(a) && !world.is_closed(b));
    // The client says what it watches and what it has seen; some of it has changed since.
    let paths = |all: &[&str]| {
        let strings: Vec<u8> = all.iter().flat_map(|path| string(path)).collect();
        [(all.len() as i32).to_be_bytes().to_vec(), strings].concat()
    };
    let seen = 0i64.to_be_bytes().to_vec();
    let fields = [seen, paths(&["/e", "/gone"]), paths(&["/later"]), paths(&[])].concat();
    world.send(b, -8, SET_WATCHES, &fields);
    world.settle();
    let told = [event(3, "/e"), event(2, "/gone"), Got::Reply(-8, 0)];
    assert_eq!(world.read(b, &mut client), told);
    world.send(b, 2, CREATE, &create("/later", 0));
    world.settle();
    assert_eq!(world.read(b, &mut client), [event(1, "/later"), Got::Reply(2, 0)]);
    // With a wrong password there is no session to go on with.
    let (c, mut client) = world.connect(session, [1; 16]);
    world.settle();
    assert_eq!(world.read(c, &mut client), [Got::Expired]);
    assert!(world.is_closed(c) && !world.is_closed(b));
}

#[test]
fn the_end_of_a_session_is_answered_and_closes_its_connection() {
    let mut world = World::new();
    let (a, mut leaving, ..) = world.session();
    let (b, mut watches, ..) = world.session();
    world.send(a, 1, CREATE, &create("/e", 1));
    world.settle();
    world.send(b, 1, EXISTS, &watching("/e"));
    world.settle();
    world.read(a, &mut leaving);
    world.send(a, 2, CLOSE, &[]);
    world.settle();
    assert_eq!(world.read(a, &mut leaving), [Got::Reply(2, 0)]);
    assert!(world.is_closed(a));
    assert_eq!(world.read(b, &mut watches), [Got::Reply(1, 0), event(2, "/e")]);
    assert!(!world.is_closed(b));
}

#[test]
fn a_fate_that_is_not_known_and_a_message_that_is_none_close_the_connection_alone() {
    let mut world = World::new();
    let (a, ..) = world.session();
    let (b, ..) = world.session();
    let (c, ..) = world.session();
    world.send(a, 1, CREATE, &create("/x", 0));
    for submit in world.gate.take_submits() {
        world.gate.outcome(submit.ticket, Outcome::Lost);
    }
    world.gate.input(b, &i32::MAX.to_be_bytes());
    world.send(c, 1, CREATE, b"no path");
    assert!(world.is_closed(a) && world.is_closed(b) && world.is_closed(c));
    let (d, mut client, ..) = world.session();
    world.send(d, 1, CREATE, &create("/y", 0));
    for submit in world.gate.take_submits() {
        world.gate.outcome(submit.ticket, Outcome::DiskFull);
    }
    assert_eq!(world.read(d, &mut client), [Got::Reply(1, -1)]);
    assert!(!world.is_closed(d));
}

#[test]
fn a_session_that_the_leader_does_not_confirm_is_let_go() {
    let mut world = World::new();
    let (a, ..) = world.session();
    let (b, ..) = world.session();
    for second in 1..=9u64 {
        world.send(a, -2, PING, &[]);
        world.gate.tick(second * 1_000_000, Hearing::AtOnce);
        world.settle();
    }
    assert!(!world.is_closed(a) && !world.is_closed(b));
    world.gate.tick(11_500_000, Hearing::AtOnce);
    assert!(!world.is_closed(a), "it was heard from and confirmed");
    assert!(world.is_closed(b), "it was silent");
    world.send(a, -2, PING, &[]);
    world.gate.tick(12_000_000, Hearing::AtOnce);
    world.gate.tick(20_000_000, Hearing::AtOnce);
    assert!(world.is_closed(a), "nobody confirmed it");
}

#[test]
fn words_are_answered_instead_of_a_session() {
    let mut world = World::new();
    for (word, answer) in [(b"ruok", "imok"), (b"isro", "rw"), (b"envi", "zookeeper.version=3.8.0")]
    {
        let id = world.gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
        world.gate.input(id, word);
        let (output, close) = world.gate.output(id).unwrap();
        assert!(String::from_utf8_lossy(output).contains(answer) && close);
    }
}

#[test]
fn words_tell_how_it_is_around_the_gate_and_those_that_are_not_served_are_refused() {
    let mut world = World::new();
    world.gate.surround(Surroundings { mode: Mode::Follower, ..Surroundings::default() });
    let (a, ..) = world.session();
    world.send(a, 1, CREATE, &create("/e", 1));
    world.settle();
    for (word, answer) in [
        (b"srvr", "Mode: follower\nNode count: 5\n"),
        (b"mntr", "zk_server_state\tfollower\n"),
        (b"mntr", "zk_ephemerals_count\t1\n"),
        (b"stat", "Clients:\n /127.0.0.1"),
        (b"dirs", "dirs is not executed"),
    ] {
        let id = world.gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
        world.gate.input(id, word);
        world.settle();
        let (output, close) = world.gate.output(id).unwrap();
        let text = String::from_utf8_lossy(output);
        assert!(text.contains(answer) && close, "{text}");
        world.gate.close(id);
    }
}

#[test]
fn without_a_leader_the_words_say_so_and_the_gate_looks_for_one() {
    let mut world = World::new();
    let answer = |world: &mut World, word: &[u8]| {
        let id = world.gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
        world.gate.input(id, word);
        for Submit { ticket, .. } in world.gate.take_submits() {
            world.gate.outcome(ticket, Outcome::Lost);
        }
        let (output, close) = world.gate.output(id).unwrap();
        assert!(close);
        String::from_utf8_lossy(output).into_owned()
    };
    assert_eq!(answer(&mut world, b"isro"), "rw");
    for word in [b"srvr", b"stat", b"mntr", b"dump"] {
        assert!(answer(&mut world, word).contains("not currently serving requests"));
    }
    assert_eq!(answer(&mut world, b"isro"), "null");
    world.gate.tick(1_000_000, Hearing::AtOnce);
    world.gate.tick(2_000_000, Hearing::AtOnce);
    let asked = world.gate.take_submits();
    assert_eq!(asked.len(), 1, "one question at a time");
    world.gate.outcome(asked[0].ticket, Outcome::Lost);
    assert_eq!(answer(&mut world, b"isro"), "null");
    world.gate.tick(3_000_000, Hearing::AtOnce);
    world.settle();
    assert_eq!(answer(&mut world, b"isro"), "rw");
}

/// The tree has no leader; what the replica here has is there all the same.
fn lose_the_leader(world: &mut World) {
    for _ in 0..5 {
        for Submit { ticket, op, local, .. } in world.gate.take_submits() {
            if !local {
                world.gate.outcome(ticket, Outcome::Lost);
                continue;
            }
            let operation = Operation::take(&mut &op[..]).unwrap();
            let mut taken = Taken(Vec::new());
            world.tree.read(operation.body, &Context::default(), &mut taken);
            world.gate.outcome(ticket, Outcome::Done(&taken.0));
        }
        world.tell_news();
    }
}

#[test]
fn without_a_leader_those_who_take_it_are_served_what_the_replica_here_has() {
    let mut world = World::new();
    let (id, mut client, session, password) = world.session();
    world.send(id, 1, CREATE, &create("/a", 0));
    world.settle();
    assert_eq!(world.read(id, &mut client), [Got::Reply(1, 0)]);
    let (other, mut takes_it) = world.connect_as(0, [0; 16], true);
    world.settle();
    assert!(matches!(world.read(other, &mut takes_it)[..], [Got::Connected(..)]));
    for now_us in (1_000_000..3_600_000).step_by(500_000) {
        assert!(!world.is_closed(other), "it may be over in a moment");
        world.gate.tick(now_us, Hearing::AtOnce);
        lose_the_leader(&mut world);
    }
    world.gate.tick(3_600_000, Hearing::AtOnce);
    assert!(world.is_closed(other), "it comes again and is served what there is");
    assert!(!world.is_closed(id), "this one waits");
    let word = world.gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
    world.gate.input(word, b"isro");
    assert_eq!(world.gate.output(word).unwrap().0, b"ro");

    let (id, mut client) = world.connect_as(0, [0; 16], true);
    lose_the_leader(&mut world);
    let got = world.read(id, &mut client);
    assert!(matches!(got[..], [Got::Connected(fresh, _)] if fresh != session), "{got:?}");
    world.send(id, 1, GET_DATA, &watching("/a"));
    world.send(id, 2, SET_DATA, &set("/a"));
    world.send(id, 3, CREATE, &create("/b", 0));
    world.send(id, -2, PING, &[]);
    lose_the_leader(&mut world);
    let all = [Got::Reply(1, 0), Got::Reply(2, -119), Got::Reply(3, -119), Got::Reply(-2, 0)];
    assert_eq!(world.read(id, &mut client), all);
    for (password, expected) in [(password, true), ([9; 16], false)] {
        let (id, mut client) = world.connect_as(session, password, true);
        lose_the_leader(&mut world);
        let got = world.read(id, &mut client);
        assert_eq!(!got.is_empty(), expected, "{got:?}");
        assert_eq!(world.is_closed(id), !expected, "it is not told that its session is over");
    }
    let (leaves, mut leaving) = world.connect_as(0, [0; 16], true);
    lose_the_leader(&mut world);
    world.send(leaves, 9, CLOSE, &[]);
    assert!(matches!(world.read(leaves, &mut leaving)[..], [Got::Connected(..), Got::Reply(9, 0)]));

    world.gate.tick(4_600_000, Hearing::AtOnce);
    world.settle();
    world.gate.tick(5_200_000, Hearing::AtOnce);
    assert!(world.is_closed(id), "there is a leader, and where it may write it can come again");
    assert!(world.tree.sessions().count() == 2, "what was only read left nothing in the tree");
}

#[test]
fn how_long_requests_took_is_told_until_it_is_told_to_begin_anew() {
    let mut world = World::new();
    let (id, ..) = world.session();
    for took_us in [0, 3_000, 9_000] {
        world.gate.pass_time(1_000_000);
        world.send(id, 1, GET_DATA, &watching("/"));
        world.gate.pass_time(1_000_000 + took_us);
        world.settle();
    }
    let ask = |world: &mut World, word: &[u8]| {
        let id = world.gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
        world.gate.input(id, word);
        world.settle();
        String::from_utf8_lossy(world.gate.output(id).unwrap().0).into_owned()
    };
    let told = ask(&mut world, b"srvr");
    assert!(told.contains("Latency min/avg/max: 0/2.400/9\n"), "{told}");
    let told = ask(&mut world, b"mntr");
    assert!(told.contains("zk_min_latency\t0\n") && told.contains("zk_max_latency\t9\n"), "{told}");
    ask(&mut world, b"srst");
    let told = ask(&mut world, b"srvr");
    assert!(told.contains("Latency min/avg/max: 0/0.000/0\n"), "{told}");
}

#[test]
fn the_list_of_members_is_what_the_process_says_and_its_watchers_are_told_of_another_one() {
    let mut world = World::new();
    let (a, mut client, ..) = world.session();
    let config =
        |config: &str| Surroundings { config: config.to_owned(), ..Surroundings::default() };
    world.gate.surround(config("server.1=a:1:1:participant\nversion=1"));
    world.send(a, 1, GET_DATA, &watching("/zookeeper/config"));
    world.settle();
    let (output, _) = world.gate.output(a).unwrap();
    assert!(String::from_utf8_lossy(output).contains("server.1=a:1:1:participant\nversion=1"));
    assert_eq!(world.read(a, &mut client), [Got::Reply(1, 0)]);
    world.gate.surround(config("server.1=a:1:1:participant\nversion=1"));
    assert_eq!(world.read(a, &mut client), []);
    world.gate.surround(config("version=2"));
    assert_eq!(world.read(a, &mut client), [event(3, "/zookeeper/config")]);
    world.gate.surround(config("version=3"));
    assert_eq!(world.read(a, &mut client), [], "a watch is told once");
}

fn auth(text: &str) -> Vec<u8> {
    [vec![0; 4], string("digest"), string(text)].concat()
}

#[test]
fn who_proves_to_be_the_superuser_may_do_everything() {
    let mut world = World::new();
    // The digest of super:test.
    let gate = Gate::new(7).with_superuser(Some("super:D/InIHSb7yEEbrWz8b9l71RjZJU=".to_owned()));
    world.gate = gate;
    for (user, code) in [("super:wrong", -102), ("other:test", -102), ("super:test", 0)] {
        let (a, mut client, ..) = world.session();
        world.send(a, -4, AUTH, &auth(user));
        world.send(a, 1, SET_DATA, &set("/zookeeper/config"));
        world.settle();
        assert_eq!(world.read(a, &mut client), [Got::Reply(-4, 0), Got::Reply(1, code)], "{user}");
    }
}

fn add_watch(path: &str, mode: i32) -> Vec<u8> {
    [string(path), mode.to_be_bytes().to_vec()].concat()
}

#[test]
fn watches_that_stay_are_told_in_order_and_from_the_change_on_at_which_they_were_added() {
    let mut world = World::new();
    let (a, mut watches, ..) = world.session();
    let (b, ..) = world.session();
    world.send(b, 1, CREATE, &create("/x", 0));
    world.execute();
    world.send(a, 1, ADD_WATCH, &add_watch("/", 1));
    world.send(a, 2, ADD_WATCH, &add_watch("/x", 0));
    world.execute();
    // The answers come before the news of what was there already.
    world.tell_replies();
    world.settle();
    assert_eq!(world.read(a, &mut watches), [Got::Reply(1, 0), Got::Reply(2, 0)]);
    world.send(b, 2, CREATE, &create("/x/y", 0));
    world.send(b, 3, SET_DATA, &set("/x/y"));
    world.send(b, 4, SET_DATA, &set("/x"));
    world.settle();
    let expected = [event(1, "/x/y"), event(4, "/x"), event(3, "/x/y"), event(3, "/x")];
    assert_eq!(world.read(a, &mut watches), expected);
    world.gate.close(a);
    world.send(b, 5, SET_DATA, &set("/x"));
    world.settle();
}

#[test]
fn a_connection_is_told_who_it_is_and_sasl_is_refused() {
    let mut world = World::new();
    let (a, mut client, ..) = world.session();
    world.send(a, 1, WHO_AM_I, &[]);
    world.send(a, 2, SASL, &string("token"));
    world.settle();
    assert_eq!(world.read(a, &mut client), [Got::Reply(1, 0), Got::Reply(2, -115)]);
    assert!(world.is_closed(a));
}

#[test]
fn words_list_sessions_connections_and_watches() {
    let mut world = World::new();
    let (a, _, session, _) = world.session();
    world.send(a, 1, CREATE, &create("/e", 1));
    world.send(a, 2, GET_DATA, &watching("/e"));
    world.settle();
    let session = format!("{session:#x}");
    for (word, parts) in [
        (b"dump", ["Sessions with Ephemerals (1)", &session, "\t/e"]),
        (b"cons", [" /127.0.0.1[1](", &session, "watches=1"]),
        (b"wchp", ["/e", "\t", &session]),
        (b"wchc", ["\t", "/e", &session]),
        (b"conf", ["tickTime=2000", "minSessionTimeout=4000", "jute.maxbuffer=1048575"]),
    ] {
        let id = world.gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
        world.gate.input(id, word);
        world.settle();
        let (output, close) = world.gate.output(id).unwrap();
        let text = String::from_utf8_lossy(output).into_owned();
        assert!(close && parts.iter().all(|part| text.contains(part)), "{text}");
        world.gate.close(id);
    }
}

#[test]
fn no_reply_shows_less_than_the_one_before_it() {
    let mut world = World::new();
    let (a, mut client, ..) = world.session();
    world.send(a, 1, GET_DATA, &[string("/"), vec![0]].concat());
    world.send(a, 2, GET_DATA, &[string("/"), vec![0]].concat());
    world.execute();
    // The first one was lost with its leader and executed again later than the second.
    let (_, first) = &mut world.replies[0];
    let mut later = Reply::decode(first).unwrap();
    later.zxid += 1;
    first.clear();
    later.encode(first);
    world.tell_replies();
    assert_eq!(world.read(a, &mut client), [Got::Reply(1, 0)]);
    assert!(world.is_closed(a));
}

#[test]
fn nothing_is_told_behind_the_end_of_a_session() {
    let mut world = World::new();
    let (a, mut client, ..) = world.session();
    let (b, ..) = world.session();
    world.send(b, 1, CREATE, &create("/x", 0));
    world.settle();
    world.send(a, 1, GET_DATA, &watching("/x"));
    world.send(a, 2, CLOSE, &[]);
    world.settle();
    world.send(b, 2, SET_DATA, &set("/x"));
    world.settle();
    assert_eq!(world.read(a, &mut client), [Got::Reply(1, 0), Got::Reply(2, 0)]);
}
