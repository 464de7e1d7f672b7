//! A gate with a tree behind it, and its clients.

use std::net::{IpAddr, Ipv4Addr};
use synod_machine::{Context, Machine, Operation};
use synod_tree::{Call, Request, Tree};
use synod_types::{Millis, ReplySink};
use synod_zookeeper::{ConnectionId, Gate, Outcome, Submit};

pub(crate) const CREATE: i32 = 1;
pub(crate) const EXISTS: i32 = 3;
pub(crate) const GET_DATA: i32 = 4;
pub(crate) const SET_DATA: i32 = 5;
pub(crate) const GET_CHILDREN: i32 = 8;
pub(crate) const PING: i32 = 11;
pub(crate) const AUTH: i32 = 100;
pub(crate) const SET_WATCHES: i32 = 101;
pub(crate) const SASL: i32 = 102;
pub(crate) const ADD_WATCH: i32 = 106;
pub(crate) const WHO_AM_I: i32 = 107;
pub(crate) const CLOSE: i32 = -11;

pub(crate) struct Taken(pub(crate) Vec<u8>);

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
pub(crate) enum Got {
    Connected(i64, [u8; 16]),
    Expired,
    Reply(i32, i32),
    Event(i32, String),
}

#[derive(Default)]
pub(crate) struct Client {
    pub(crate) connected: bool,
    pub(crate) unread: Vec<u8>,
}

pub(crate) struct World {
    pub(crate) gate: Gate,
    pub(crate) tree: Tree,
    /// Executed, and not told yet.
    pub(crate) replies: Vec<(u64, Vec<u8>)>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { gate: Gate::new(7), tree: Tree::default(), replies: Vec::new() }
    }

    /// Executes what the gate asks for, and keeps the replies back.
    pub(crate) fn execute(&mut self) {
        for Submit { ticket, op, .. } in self.gate.take_submits() {
            let operation = Operation::take(&mut &op[..]).unwrap();
            let mut taken = Taken(Vec::new());
            let ctx = Context { now: Millis(1_000), seed: ticket };
            self.tree.apply(operation.body, &ctx, &mut taken);
            self.replies.push((ticket, taken.0));
        }
    }

    /// The leader answers a question of the gate.
    pub(crate) fn ask_again(&mut self, question: &Submit) {
        let operation = Operation::take(&mut &question.op[..]).unwrap();
        let mut taken = Taken(Vec::new());
        self.tree.read(operation.body, &Context::default(), &mut taken);
        self.gate.outcome(question.ticket, Outcome::Done(&taken.0));
    }

    pub(crate) fn tell_replies(&mut self) {
        for (ticket, bytes) in std::mem::take(&mut self.replies) {
            self.gate.outcome(ticket, Outcome::Done(&bytes));
        }
    }

    pub(crate) fn tell_news(&mut self) {
        if let Some(seen) = self.gate.follows() {
            let events: Vec<_> = self.tree.events_since(seen).unwrap().cloned().collect();
            self.gate.news(self.tree.zxid(), events);
        }
    }

    /// Until nothing is left to do.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10 {
            self.execute();
            self.tell_news();
            self.tell_replies();
        }
    }

    pub(crate) fn connect(&mut self, session: i64, password: [u8; 16]) -> (ConnectionId, Client) {
        self.connect_as(session, password, false)
    }

    pub(crate) fn connect_as(
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

    pub(crate) fn session(&mut self) -> (ConnectionId, Client, i64, [u8; 16]) {
        let (id, mut client) = self.connect(0, [0; 16]);
        self.settle();
        match self.read(id, &mut client).as_slice() {
            [Got::Connected(session, password)] => (id, client, *session, *password),
            other => panic!("{other:?}"),
        }
    }

    /// The session goes on at a connection of another gate.
    pub(crate) fn move_elsewhere(&mut self, session: i64, password: [u8; 16]) {
        let request = Request::Attach { password, timeout_ms: 10_000 };
        let mut body = Vec::new();
        Call { session, owner: 99, ids: Vec::new(), request }.encode(&mut body);
        self.tree.apply(&body, &Context::default(), &mut Taken(Vec::new()));
    }

    pub(crate) fn frame(&mut self, id: ConnectionId, payload: &[u8]) {
        let mut bytes = (payload.len() as i32).to_be_bytes().to_vec();
        bytes.extend_from_slice(payload);
        // In two pieces: any split of the bytes means the same.
        let (head, tail) = bytes.split_at(bytes.len() / 2);
        self.gate.input(id, head);
        self.gate.input(id, tail);
    }

    pub(crate) fn send(&mut self, id: ConnectionId, xid: i32, number: i32, fields: &[u8]) {
        let payload = [&xid.to_be_bytes()[..], &number.to_be_bytes(), fields].concat();
        self.frame(id, &payload);
    }

    pub(crate) fn read(&mut self, id: ConnectionId, client: &mut Client) -> Vec<Got> {
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

    pub(crate) fn is_closed(&mut self, id: ConnectionId) -> bool {
        self.gate.output(id).is_none_or(|(_, close)| close)
    }
}

pub(crate) fn int(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub(crate) fn understand(frame: &[u8], connected: bool) -> Got {
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

pub(crate) fn string(text: &str) -> Vec<u8> {
    [&(text.len() as i32).to_be_bytes()[..], text.as_bytes()].concat()
}

pub(crate) fn watching(path: &str) -> Vec<u8> {
    [string(path), vec![1]].concat()
}

pub(crate) fn create(path: &str, flags: i32) -> Vec<u8> {
    let acl = [&1i32.to_be_bytes()[..], &31i32.to_be_bytes(), &string("world"), &string("anyone")];
    [string(path), string("data"), acl.concat(), flags.to_be_bytes().to_vec()].concat()
}

pub(crate) fn set(path: &str) -> Vec<u8> {
    [string(path), string("new"), (-1i32).to_be_bytes().to_vec()].concat()
}

pub(crate) fn event(kind: i32, path: &str) -> Got {
    Got::Event(kind, path.to_owned())
}
