//! A tiny world: nodes with their workers, clients, no disk and no network that could fail.
//!
//! Everything a turn brings forth is delivered in the next one. Time stands still but for [`World::pass`]. The log
//! can be held back, so that writes stay under way.

use crate::snapshots::Files;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use synod_consensus::Token;
use synod_node::{Destination, Facts, Flow, Log, Node, NodeConfig, TICK_MS};
use synod_replica::Aside;
use synod_ring::{ClusterMap, NodeInfo};
use synod_types::{ClientId, Incarnation, Millis, NodeId, Now, PartitionId};
use synod_wire::peer::{Frame, FrameDecoder, FrameKind, Purpose};

/// More turns than this without coming to rest are a loop.
const TURNS_MAX: usize = 10_000;
/// How long a cluster may take to be founded and to find its leaders.
const FOUNDING_MS_MAX: u64 = 20_000;

/// How large the world is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub nodes: u64,
    pub workers: u16,
    pub partitions: u32,
}

/// A client.
struct Connection {
    at: Destination,
    id: ClientId,
    /// Requests that the node has not taken yet.
    requests: VecDeque<Vec<Vec<u8>>>,
    stalled: bool,
    received: Vec<u8>,
    closed: bool,
}

pub struct World {
    size: Size,
    workers: BTreeMap<Destination, Node>,
    files: BTreeMap<Destination, Files>,
    /// Long operations, and whether they are held up.
    asides: Vec<(Destination, Box<Aside>)>,
    pub busy: bool,
    clients: BTreeMap<String, Connection>,
    now: Now,
    mail: Vec<(Destination, NodeId, Frame)>,
    flushed: Vec<(Destination, PartitionId, Token)>,
    /// Whether snapshots are written and sent.
    pub snapshots: bool,
    /// Whether the log is held back.
    pub held: bool,
    /// Nodes that reach nobody, and that nobody reaches.
    pub lost: Vec<NodeId>,
    /// Nodes whose consensus messages are lost, in both directions.
    pub mute: Vec<NodeId>,
    /// Nodes that consensus messages do not reach.
    pub deaf: Vec<NodeId>,
    /// From the one node to the other requests travel slowly: they arrive by [`World::arrive`].
    pub slow: Option<(NodeId, NodeId)>,
    late: VecDeque<(Destination, NodeId, Frame)>,
}

fn info(node: u64, workers: u16) -> NodeInfo {
    NodeInfo {
        client_addr: format!("10.0.0.{node}:6379"),
        peer_addr: format!("10.0.0.{node}:16379"),
        http_addr: String::new(),
        version: "0.0.0".into(),
        workers: workers.into(),
        incarnation: Incarnation(node),
        starts: 1,
        process: node,
    }
}

fn config(
    size: Size,
    id: u64,
    worker: u16,
    initial_cluster: &BTreeMap<NodeId, String>,
) -> NodeConfig {
    NodeConfig {
        id: NodeId(id),
        worker,
        workers: size.workers,
        info: info(id, size.workers),
        initial_cluster: initial_cluster.clone(),
        joins: false,
        roster: initial_cluster.keys().map(|id| (*id, Incarnation(id.0))).collect(),
        process: id,
        past: [0; 7],
        turn_length: synod_types::limits::TURN_LENGTH_BYTES,
        partitions: size.partitions,
        replicas: size.nodes as u32,
        ack_early: false,
        lease_reads: false,
        engine: synod_consensus::Protocol::Raft,
        snapshot_bytes: usize::MAX,
        weight: None,
        zone: None,
        maxmemory: 0,
        memory: 0,
        password: None,
        secret: [7; 32],
        seed: id * 1000 + u64::from(worker),
    }
}

fn facts() -> Facts {
    Facts {
        port: 6379,
        durability: "always",
        settings: [("port", "6379"), ("engine", "raft"), ("workers", "1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Facts::default()
    }
}

impl World {
    /// A founded cluster whose partitions all have leaders.
    pub fn new(size: Size) -> Self {
        Self::with_turns_of(size, synod_types::limits::TURN_LENGTH_BYTES)
    }

    /// The same, where longer operations than this are run beside the turns; with 0 all are.
    pub fn with_turns_of(size: Size, turn_length: usize) -> Self {
        let now = Now { wall: Millis(1_700_000_000_000), mono_us: 1_000_000 };
        let ids = 1..=size.nodes;
        let initial_cluster: BTreeMap<_, _> =
            ids.clone().map(|id| (NodeId(id), info(id, size.workers).peer_addr)).collect();
        let mut workers = BTreeMap::new();
        for (id, worker) in ids.clone().flat_map(|id| (0..size.workers).map(move |w| (id, w))) {
            let config = NodeConfig { turn_length, ..config(size, id, worker, &initial_cluster) };
            let mut node = Node::new(config, Vec::new(), now);
            node.set_facts(facts());
            workers.insert(Destination { node: NodeId(id), worker }, node);
        }
        let mut world = Self {
            size,
            workers,
            files: BTreeMap::new(),
            asides: Vec::new(),
            busy: false,
            clients: BTreeMap::new(),
            now,
            mail: Vec::new(),
            flushed: Vec::new(),
            snapshots: false,
            held: false,
            lost: Vec::new(),
            mute: Vec::new(),
            deaf: Vec::new(),
            slow: None,
            late: VecDeque::new(),
        };
        world.found();
        world
    }

    fn found(&mut self) {
        for waited in (0..FOUNDING_MS_MAX).step_by(TICK_MS as usize) {
            self.pass(TICK_MS);
            if waited > 2_000 && self.is_led() {
                return;
            }
        }
        panic!("no cluster came to be");
    }

    /// A further node, which is to join the cluster; the words with which it asks for that.
    pub fn add_node(&mut self, id: u64) -> String {
        let mut members: BTreeMap<_, _> =
            self.workers.keys().map(|at| (at.node, info(at.node.0, 1).peer_addr)).collect();
        members.insert(NodeId(id), info(id, 1).peer_addr);
        for worker in 0..self.size.workers {
            let mut config = config(self.size, id, worker, &members);
            config.joins = true;
            let mut node = Node::new(config, Vec::new(), self.now);
            node.set_facts(facts());
            self.workers.insert(Destination { node: NodeId(id), worker }, node);
        }
        let (cluster, info) = (self.map(1).cluster.0, info(id, self.size.workers));
        format!(
            "CLUSTER JOIN {cluster:016x} {id} {:016x} {} {} - {} {} 1 {id}",
            id, info.peer_addr, info.client_addr, info.version, info.workers
        )
    }

    /// Two nodes say hello to each other; whether both take the other for a member.
    pub fn greet(&mut self, one: u64, other: u64) -> bool {
        let at = |node| Destination { node: NodeId(node), worker: 0 };
        let [first, second] = [(one, other), (other, one)]
            .map(|(from, to)| self.workers[&at(from)].hello(NodeId(to), Purpose::Data));
        [(other, first), (one, second)].into_iter().all(|(to, hello)| {
            self.workers.get_mut(&at(to)).expect("such a node").admit(&hello).is_ok()
        })
    }

    /// A node ends.
    pub fn end_node(&mut self, id: u64) {
        self.workers.retain(|at, _| at.node.0 != id);
    }

    /// The cluster map as a node has it.
    pub fn map(&self, node: u64) -> Arc<ClusterMap> {
        Arc::clone(self.workers[&Destination { node: NodeId(node), worker: 0 }].map())
    }

    /// Who leads a partition, as the first node sees it.
    pub fn leader(&self, group: PartitionId) -> Option<NodeId> {
        let worker = self.workers.values().next().expect("a worker");
        let known = worker.status().leaders.into_iter().find(|(of, _)| *of == group);
        known.and_then(|(_, leader)| leader)
    }

    /// The leader of a partition seals it.
    pub fn seal(&mut self, partition: PartitionId) {
        let sealed = self.workers.values_mut().any(|worker| worker.seal(partition));
        assert!(sealed, "its leader takes requests");
        self.settle();
    }

    /// A node is about to stop; whether it leads nothing any more.
    pub fn retire(&mut self, node: NodeId) -> bool {
        self.workers.iter_mut().filter(|(at, _)| at.node == node).all(|(_, w)| w.retire())
    }

    /// What moves, and how every replica stands.
    pub fn tell(&self) -> String {
        let mut text = String::new();
        for (at, worker) in &self.workers {
            let moves: Vec<_> = worker.map().moves().collect();
            let _ = writeln!(text, "{at:?}: epoch {}, moves {moves:?}", worker.map().epoch);
            for group in worker.status().groups {
                let (id, members) = (group.group, worker.membership(group.group));
                let _ = writeln!(
                    text,
                    "  {id} {:?} commit {} of {}: {members:?}",
                    group.role, group.commit, group.last
                );
                let _ = writeln!(text, "    {:?}", group.followers);
            }
        }
        text
    }

    /// How far every replica of a partition has applied, and a hash of its state.
    pub fn digests(&self, group: PartitionId) -> Vec<(synod_types::Index, u64)> {
        self.workers.values().filter_map(|worker| worker.digest(group)).collect()
    }

    /// The partitions of which a node has a replica.
    pub fn held(&self, node: u64) -> Vec<PartitionId> {
        let of = self.workers.iter().filter(|(at, _)| at.node.0 == node);
        let groups = of.flat_map(|(_, worker)| worker.status().groups);
        groups.map(|group| group.group).filter(|group| *group != PartitionId::META).collect()
    }

    /// Whether every worker knows a leader of every partition and an address of every node.
    fn is_led(&self) -> bool {
        self.workers.values().all(|node| {
            let status = node.status();
            status.leaders.len() == 1 + self.size.partitions as usize
                && status.leaders.iter().all(|(_, leader)| leader.is_some())
                && status.map.nodes.values().all(|info| !info.client_addr.is_empty())
        })
    }

    /// Opens a connection.
    pub fn connect(&mut self, name: &str, node: u64, worker: u16) {
        let at = Destination { node: NodeId(node), worker };
        let serving = self.workers.get_mut(&at).expect("such a worker");
        let id = serving.open_session(format!("127.0.0.1:{}", 50_000 + self.clients.len()));
        let connection = Connection {
            at,
            id,
            requests: VecDeque::new(),
            stalled: false,
            received: Vec::new(),
            closed: false,
        };
        self.clients.insert(name.to_owned(), connection);
    }

    pub fn is_connected(&self, name: &str) -> bool {
        self.clients.contains_key(name)
    }

    /// Sends requests, all of which arrive in one turn.
    pub fn send(&mut self, name: &str, requests: impl IntoIterator<Item = Vec<Vec<u8>>>) {
        self.clients.get_mut(name).expect("such a client").requests.extend(requests);
        self.settle();
    }

    /// What a client has received since it was asked last, and whether its connection was closed.
    pub fn receive(&mut self, name: &str) -> (Vec<u8>, bool) {
        let client = self.clients.get_mut(name).expect("such a client");
        (std::mem::take(&mut client.received), client.closed)
    }

    /// Lets the log go on that was held back.
    pub fn release(&mut self) {
        self.held = false;
        self.settle();
    }

    /// Tells a node that its disk takes no more.
    pub fn fill_disk(&mut self, node: NodeId) {
        let workers = self.workers.iter_mut().filter(|(at, _)| at.node == node);
        workers.for_each(|(_, worker)| worker.disk_is_full());
        self.settle();
    }

    /// Lets the next of the slow requests arrive.
    pub fn arrive(&mut self) {
        let next = self.late.pop_front().expect("a request under way");
        self.mail.push(next);
        self.settle();
    }

    /// Lets time pass.
    pub fn pass(&mut self, ms: u64) {
        for _ in 0..ms.div_ceil(TICK_MS) {
            self.now.mono_us += TICK_MS * 1000;
            self.now.wall.0 += TICK_MS;
            for node in self.workers.values_mut() {
                node.begin_turn(self.now);
                node.tick();
                node.end_turn();
                node.turn_took(0);
            }
            self.settle();
        }
    }

    /// Takes turns until nothing is left to do.
    fn settle(&mut self) {
        for _ in 0..TURNS_MAX {
            for at in self.workers.keys().copied().collect::<Vec<_>>() {
                self.drain(at);
            }
            let flushed = !self.held && !self.flushed.is_empty();
            let offered = self.clients.values().any(Connection::may_send);
            let ran = !self.busy && !self.asides.is_empty();
            if self.mail.is_empty() && !flushed && !offered && !ran {
                return;
            }
            self.turn();
        }
        panic!("the world does not come to rest");
    }

    fn turn(&mut self) {
        let mail = std::mem::take(&mut self.mail);
        let flushed = match self.held {
            true => Vec::new(),
            false => std::mem::take(&mut self.flushed),
        };
        let ran = match self.busy {
            true => Vec::new(),
            false => std::mem::take(&mut self.asides),
        };
        for (at, node) in &mut self.workers {
            node.begin_turn(self.now);
            for (_, from, frame) in mail.iter().filter(|(to, ..)| to == at) {
                node.frame(*from, frame.clone());
            }
            for (_, group, token) in flushed.iter().filter(|(to, ..)| to == at) {
                node.persisted(*group, *token);
            }
            for client in self.clients.values_mut().filter(|client| client.at == *at) {
                client.offer(node);
            }
            node.end_turn();
            node.turn_took(0);
        }
        for (at, mut aside) in ran {
            aside.run();
            let Some(node) = self.workers.get_mut(&at) else { continue };
            node.come_back(*aside);
            node.end_turn();
        }
    }

    /// Does what a worker wants done.
    fn drain(&mut self, at: Destination) {
        let Some(node) = self.workers.get_mut(&at) else { return };
        let output = std::mem::take(node.output());
        for record in output.log {
            if let Log::Append { group, token: Some(token), .. } = record {
                self.flushed.push((at, group, token));
            } else if let Log::Remove { group, .. } = record {
                node.group_removed(group);
            } else if let Log::Snapshot { group, meta } = record {
                node.snapshot_is_marked(group, meta.index);
            }
        }
        self.asides.extend(output.asides.into_iter().map(|aside| (at, aside)));
        while self.snapshots && node.snapshot_step() {}
        let files = self.files.entry(at).or_default();
        let works = output.files.into_iter().chain(std::mem::take(&mut node.output().files));
        let sent: Vec<_> = works.filter_map(|work| files.work(node, work)).collect();
        for id in output.ready.dirty {
            let client = self.clients.values_mut().find(|c| c.at == at && c.id == id && !c.closed);
            if let Some(client) = client {
                client.write(node);
            }
        }
        for id in output.ready.resumed {
            let found = self.clients.values_mut().find(|c| c.at == at && c.id == id);
            found.into_iter().for_each(|client| client.stalled = false);
        }
        if let Some(map) = output.map {
            let colleagues =
                self.workers.iter_mut().filter(|(to, _)| to.node == at.node && **to != at);
            colleagues.for_each(|(_, node)| node.install_map(Arc::clone(&map)));
        }
        let frames = output.frames.into_iter().chain(sent);
        frames.for_each(|(to, bytes)| self.post(at, to, &bytes));
    }

    fn post(&mut self, from: Destination, to: Destination, bytes: &[u8]) {
        let is_lost = |node: NodeId| self.lost.contains(&node);
        if from.node != to.node && (is_lost(from.node) || is_lost(to.node)) {
            return;
        }
        let mut decoder = FrameDecoder::new();
        decoder.established();
        let mut bytes = bytes::BytesMut::from(bytes);
        while let Some(frame) = decoder.decode(&mut bytes).expect("frames of our own") {
            let is_mute = self.mute.contains(&from.node)
                || self.mute.contains(&to.node)
                || self.deaf.contains(&to.node);
            if is_mute && from.node != to.node && frame.kind == FrameKind::Consensus {
                continue;
            }
            let everyone = from.node != to.node
                && matches!(
                    frame.kind,
                    FrameKind::Heartbeat
                        | FrameKind::Publish
                        | FrameKind::Members
                        | FrameKind::Changed
                );
            let worker = match frame.kind {
                _ if from.node == to.node => to.worker,
                FrameKind::ForwardReply => Node::reply_worker(&frame.body).expect("a reply"),
                _ => (frame.group.0 % u32::from(self.size.workers)) as u16,
            };
            let one = worker..worker + 1;
            for worker in if everyone { 0..self.size.workers } else { one } {
                let to = Destination { node: to.node, worker };
                let is_slow = self.slow == Some((from.node, to.node));
                if is_slow && frame.kind == FrameKind::Forward {
                    self.late.push_back((to, from.node, frame.clone()));
                } else {
                    self.mail.push((to, from.node, frame.clone()));
                }
            }
        }
    }
}

impl Connection {
    fn may_send(&self) -> bool {
        !self.stalled && !self.closed && !self.requests.is_empty()
    }

    fn offer(&mut self, node: &mut Node) {
        while self.may_send() {
            let Some(request) = self.requests.front() else { return };
            let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
            match node.request(self.id, &args) {
                Flow::Next => {
                    self.requests.pop_front();
                }
                Flow::Stalled => self.stalled = true,
                Flow::Closing => self.requests.clear(),
            }
        }
    }

    fn write(&mut self, node: &mut Node) {
        let Some((out, close)) = node.session_output(self.id) else {
            self.closed = true;
            return;
        };
        self.received.append(out);
        if close {
            self.closed = true;
            node.close_session(self.id);
        }
    }
}
