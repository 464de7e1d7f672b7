//! Connections to a node of its own: no sockets, no disk, nothing that could fail. What a client sends arrives in pieces
//! of any size, as from a kernel, and goes through the code that ships.

use std::collections::BTreeMap;
use synod_node::{Log, Node, NodeConfig, TICK_MS};
use synod_ring::NodeInfo;
use synod_types::{Millis, NodeId, Now};
use synod_worker::{Connections, READ_BYTES, Why};

/// More turns than this without coming to rest are a loop.
const TURNS_MAX: usize = 1_000_000;

/// A founded node of one partition, and its connections.
pub struct Trial {
    pub node: Node,
    pub connections: Connections,
    /// How many turns there were.
    pub turns: usize,
    now: Now,
    /// Connections with requests to be offered again.
    again: Vec<usize>,
}

/// One client: what it was answered.
pub struct Client {
    pub at: usize,
    pub received: Vec<u8>,
    /// Whether it reads what it is answered.
    pub reads: bool,
    /// The session is over: nothing more will be answered.
    pub closed: bool,
}

impl Trial {
    pub fn new() -> Self {
        let now = Now { wall: Millis(1_700_000_000_000), mono_us: 1_000_000 };
        let config = NodeConfig {
            id: NodeId(1),
            worker: 0,
            workers: 1,
            info: NodeInfo { workers: 1, ..NodeInfo::default() },
            initial_cluster: BTreeMap::from([(NodeId(1), String::new())]),
            joins: false,
            roster: BTreeMap::new(),
            process: 0,
            past: [0; 7],
            turn_length: synod_types::limits::TURN_LENGTH_BYTES,
            partitions: 1,
            replicas: 1,
            ack_early: false,
            lease_reads: false,
            engine: synod_node::Protocol::Raft,
            snapshot_bytes: usize::MAX,
            weight: None,
            zone: None,
            maxmemory: 0,
            memory: 0,
            password: None,
            secret: [7; 32],
            seed: 1,
        };
        let node = Node::new(config, Vec::new(), now);
        let mut trial =
            Self { node, connections: Connections::default(), turns: 0, now, again: Vec::new() };
        for _ in 0..200 {
            trial.pass();
        }
        let status = trial.node.status();
        assert!(status.leaders.len() == 2 && status.leaders.iter().all(|(_, l)| l.is_some()));
        trial
    }

    /// Time passes: one tick.
    pub fn pass(&mut self) {
        self.now.mono_us += TICK_MS * 1000;
        self.now.wall.0 += TICK_MS;
        self.node.begin_turn(self.now);
        self.node.tick();
        self.node.end_turn();
        self.settle();
    }

    pub fn connect(&mut self) -> Client {
        let id = self.node.open_session("10.0.0.9:1234".into());
        let at = self.connections.open(id);
        Client { at, received: Vec::new(), reads: true, closed: false }
    }

    /// The client goes.
    pub fn disconnect(&mut self, client: &Client) {
        if let Some(id) = self.connections.close(client.at) {
            self.node.close_session(id);
        }
    }

    /// The client sends bytes; they arrive in pieces of at most `piece`. What is not read stays in the kernel: says
    /// how much was taken.
    pub fn send(&mut self, client: &mut Client, mut bytes: &[u8], piece: usize) -> usize {
        let whole = bytes.len();
        for _ in 0..TURNS_MAX {
            self.turns += 1;
            self.node.begin_turn(self.now);
            self.connections.begin_turn(self.now.mono_us, &mut self.node);
            self.connections.go_on_with_yielded(&mut self.node);
            let took = self.arrive(client, bytes, piece);
            bytes = &bytes[took..];
            self.connections.execute(&mut self.node);
            self.offer_again();
            self.node.end_turn();
            self.settle();
            self.write(client);
            let can_go_on = !bytes.is_empty() && !client.closed && self.is_open(client.at);
            let rests = self.again.is_empty() && !self.connections.has_yielded();
            if took == 0 && rests && !can_go_on {
                return whole - bytes.len();
            }
        }
        panic!("it does not come to rest");
    }

    /// How much a client has not read, in the outbox and with its session.
    pub fn unread(&mut self, client: &Client) -> usize {
        let Some(connection) = self.connections.get(client.at) else { return 0 };
        let (id, out) = (connection.id(), connection.outbox.len());
        out + self.node.session_load(id).0
    }

    fn arrive(&mut self, client: &Client, bytes: &[u8], piece: usize) -> usize {
        if bytes.is_empty() || client.closed {
            return 0;
        }
        let Some(room) = self.connections.room(client.at, &mut self.node) else { return 0 };
        let n = bytes.len().min(piece).min(READ_BYTES);
        room[..n].copy_from_slice(&bytes[..n]);
        self.connections.received(client.at, n, &mut self.node);
        n
    }

    fn is_open(&mut self, at: usize) -> bool {
        self.connections.get(at).is_some_and(|connection| connection.wants_input())
    }

    fn offer_again(&mut self) {
        for at in std::mem::take(&mut self.again) {
            self.connections.offer_again(at, &mut self.node);
        }
        self.connections.execute(&mut self.node);
    }

    /// Everything handed to the log is durable at once.
    fn settle(&mut self) {
        loop {
            let log = std::mem::take(&mut self.node.output().log);
            let asides = std::mem::take(&mut self.node.output().asides);
            if log.is_empty() && asides.is_empty() {
                break;
            }
            for mut aside in asides {
                aside.run();
                self.node.come_back(*aside);
            }
            for record in log {
                if let Log::Append { group, token: Some(token), .. } = record {
                    self.node.persisted(group, token);
                }
            }
            self.node.end_turn();
        }
        let resumed = std::mem::take(&mut self.node.output().ready.resumed);
        self.again.extend(resumed.into_iter().filter_map(|id| self.connections.place(id)));
        self.node.output().frames.clear();
        self.node.output().files.clear();
        self.node.output().ready.dirty.clear();
    }

    fn write(&mut self, client: &mut Client) {
        let Some(connection) = self.connections.get(client.at) else { return };
        let id = connection.id();
        let (_, unanswered) = self.node.session_load(id);
        let killed = self.node.session_killed(id);
        let Some((out, close)) = self.node.session_output(id) else { return };
        // What the socket does not take stays with the session, which knows how much it may have.
        if connection.outbox.is_empty() {
            connection.take_output(out, unanswered);
        }
        let close = close && out.is_empty();
        if client.reads {
            client.received.extend_from_slice(connection.outbox.rest());
            let all = connection.outbox.len();
            connection.outbox.wrote(all);
        }
        if connection.can_resume(&mut self.node) {
            self.again.push(client.at);
        }
        let foreign = connection.given_up() == Some(Why::Foreign);
        if killed || (close && connection.outbox.is_empty()) || foreign {
            client.closed = true;
            self.node.close_session(id);
        }
    }
}
