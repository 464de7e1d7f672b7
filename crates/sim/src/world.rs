//! The world: time, events, and everything that exists in it.
//!
//! Time passes from event to event. Two events of the same microsecond happen in the order in which they were
//! planned, so nothing is left to the machine that runs this.

use crate::addresses::{PORTS, address};
use crate::client::{
    Books, Client, CopiedWrites, Fading, Fillers, Large, Leaving, LeftBehind, Locks, Queues,
    ToClient, Trails, Trees, Users,
};
use crate::damage::Atlas;
use crate::faults::Fault;
use crate::gate::GateHost;
use crate::machine::{Machine, Mail, StartError};
use crate::network::Network;
use crate::oracle::Oracle;
use crate::params::{Failure, Outcome, Params, Workload};
use crate::points::{CrashPoints, Place, Side};
use crate::random::Random;
use crate::schedule::{Trouble, Undo};
use crate::trace::{Item, Recorder};
use std::cell::Cell;
use std::collections::BTreeMap;
use synod_checker::Operation;
use synod_node::NodeConfig;
use synod_ring::NodeInfo;
use synod_types::{DEFAULT_NAMESPACE, NodeId, PartitionId, limits};
use synod_wire::peer::Frame;

/// With lease reads, one client of so many only reads.
const READERS_ONE_IN: usize = 3;

/// A turn in which there is room for a small collection and no more.
const SHORT_TURN_BYTES: usize = 64;

thread_local! {
    static BEGUN: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// How many events the run of this thread has begun, and at which simulated microsecond the last one is: where a run
/// that panics was when it did.
#[must_use]
pub fn events_begun() -> (u64, u64) {
    BEGUN.get()
}

/// How long an operation may be to be run in a turn of a node: as in the server, so short that many are longer, or none at
/// all; nodes may differ.
pub(crate) fn turn_length(seed: u64, node: usize) -> usize {
    match (seed % 10, node % 2) {
        (3, _) | (9, 1) => 0,
        (6, _) => SHORT_TURN_BYTES,
        _ => limits::TURN_LENGTH_BYTES,
    }
}

/// The namespace of ZooKeeper's clients: the default one, or one with a name.
pub(crate) fn namespace(seed: u64) -> &'static str {
    if seed.is_multiple_of(2) { "jobs" } else { DEFAULT_NAMESPACE }
}

/// Something that happens at a moment.
pub(crate) enum Event {
    Turn { node: usize, life: u64 },
    Deliver { from: usize, to: usize, generation: u64, frames: Vec<Frame> },
    Broken { node: usize, life: u64, peer: usize },
    Dial(usize, usize),
    Append { node: usize, life: u64 },
    Flushed { node: usize, life: u64 },
    Rest { node: usize, life: u64 },
    File { node: usize, life: u64 },
    Start(usize),
    Act(usize),
    Impatient { client: usize, burst: u64 },
    ToNode { node: usize, life: u64, mail: Box<Mail> },
    ToClient { client: usize, conn: u64, what: ToClient },
    Strike,
    Undo(Undo),
    Restore,
    Depose { group: PartitionId, node: usize },
    Wipe(usize),
    Leave(LeftBehind),
}

impl Event {
    /// A number that tells the kinds apart in the hash of the run.
    fn code(&self) -> u64 {
        let (kind, node) = match self {
            Self::Turn { node, .. } => (1, *node),
            Self::Deliver { from, to, .. } => (2, from << 8 | to),
            Self::Broken { node, .. } => (3, *node),
            Self::Dial(a, b) => (4, a << 8 | b),
            Self::Append { node, .. } => (5, *node),
            Self::Flushed { node, .. } => (6, *node),
            Self::Rest { node, .. } => (7, *node),
            Self::File { node, .. } => (8, *node),
            Self::Start(node) => (9, *node),
            Self::Act(client) => (10, *client),
            Self::Impatient { client, .. } => (11, *client),
            Self::ToNode { node, .. } => (12, *node),
            Self::ToClient { client, .. } => (13, *client),
            Self::Strike => (14, 0),
            Self::Undo(_) => (15, 0),
            Self::Restore => (16, 0),
            Self::Depose { node, .. } => (17, *node),
            Self::Wipe(node) => (18, *node),
            Self::Leave(_) => (19, 0),
        };
        kind << 32 | node as u64
    }
}

/// Everything there is.
pub(crate) struct World {
    pub params: Params,
    pub time: u64,
    events: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    pub count: u64,
    pub random: Random,
    pub recorder: Recorder,
    pub machines: Vec<Machine>,
    pub network: Network,
    pub clients: Vec<Client>,
    pub history: Vec<Operation>,
    /// What transactions over several keys have read.
    pub books: Books,
    /// What was written in strict order, and seen of it.
    pub trails: Trails,
    /// What was done to values with a time to live.
    pub fading: Fading,
    /// Long values, keys that fill the memory, and clients that leave: where the run has any.
    pub large: Large,
    pub fillers: Fillers,
    pub leaving: Leaving,
    /// What clients know of locks.
    pub locks: Locks,
    /// What clients know of trees.
    pub trees: Trees,
    /// How many gates there have been.
    lives: u32,
    /// What clients know of queues.
    pub queues: Queues,
    /// Writes of keys that clients keep copies of.
    pub copied: CopiedWrites,
    /// Changes of users that clients know of.
    pub users: Users,
    /// When all trouble ended.
    pub healed_us: Option<u64>,
    /// How many registers there are.
    pub keys: u64,
    pub value_next: u64,
    /// How many requests clients have sent.
    pub requests: u64,
    /// How many writes of unknown fate each key has, by kind and number.
    pub open_writes: BTreeMap<(char, u64), u64>,
    /// Clients begin nothing new.
    pub quiet: bool,
    pub trouble: Trouble,
    /// Whether a member lost its directory and is not back yet.
    pub identity_struck: bool,
    /// Whether nodes have been drained, so that the planner has the say on who holds what.
    pub shaped: bool,
    /// Whether the nemesis has changed a membership itself.
    pub unshaped: bool,
    pub atlas: Atlas,
    pub oracle: Oracle,
    pub injected: BTreeMap<Fault, u64>,
    pub crash_points: CrashPoints,
    pub failure: Option<Failure>,
    pub snapshot_bytes: usize,
    pub segment_bytes: u64,
}

impl World {
    pub fn new(params: Params) -> Self {
        let mut random = Random::new(params.seed);
        let nodes = params.nodes.max(1);
        let delay_low = random.between(100, 2_000);
        let delay_high = random.between(delay_low + 200, 30_000);
        let keys = random.between(2, 12);
        let network = Network::new(nodes as usize, (delay_low, delay_high));
        let mut world = Self {
            time: 0,
            events: BTreeMap::new(),
            sequence: 0,
            count: 0,
            recorder: Recorder::new(params.record),
            machines: (0..nodes).map(|_| Machine::new()).collect(),
            network,
            clients: Vec::new(),
            history: Vec::new(),
            keys: params.keys.unwrap_or(keys).max(1),
            books: Books::default(),
            trails: Trails::default(),
            fading: Fading::default(),
            large: Large::default(),
            fillers: Fillers::default(),
            leaving: Leaving::default(),
            locks: Locks::default(),
            trees: Trees::default(),
            lives: 0,
            queues: Queues::default(),
            copied: CopiedWrites::default(),
            users: Users::default(),
            healed_us: None,
            value_next: 0,
            requests: 0,
            open_writes: BTreeMap::new(),
            quiet: false,
            trouble: Trouble::default(),
            identity_struck: false,
            shaped: false,
            unshaped: false,
            atlas: Atlas::default(),
            oracle: Oracle::default(),
            injected: BTreeMap::new(),
            crash_points: CrashPoints::new(),
            failure: None,
            snapshot_bytes: random.skewed(2_000, 100_000) as usize,
            segment_bytes: 16_384 << random.below(4),
            random: random.split(),
            params,
        };
        world.populate();
        world
    }

    fn populate(&mut self) {
        for node in 0..self.machines.len() {
            let at = self.random.below(300_000);
            self.machines[node].starting = true;
            self.at(at, Event::Start(node));
            for peer in node + 1..self.machines.len() {
                self.dial_later(node, peer);
            }
        }
        for client in 0..self.params.clients {
            let think_us = self.random.skewed(2_000, 200_000);
            let reads_only =
                self.params.lease_reads && client % READERS_ONE_IN == READERS_ONE_IN - 1;
            self.clients.push(Client { think_us, reads_only, ..Client::default() });
            let at = 1_000_000 + self.random.below(1_000_000);
            self.at(at, Event::Act(client));
        }
        self.begin_trouble();
    }

    /// Plans an event.
    pub fn at(&mut self, at_us: u64, event: Event) {
        self.sequence += 1;
        self.events.insert((at_us.max(self.time), self.sequence), event);
    }

    pub fn fail(&mut self, rule: &'static str, detail: String) {
        let at_us = self.time;
        self.failure.get_or_insert(Failure { rule, detail, at_us });
    }

    pub fn count(&mut self, fault: Fault) {
        *self.injected.entry(fault).or_default() += 1;
    }

    /// Lets time pass up to a moment, or until a rule is broken.
    pub fn run_until(&mut self, until_us: u64) {
        while self.failure.is_none() {
            let Some(first) = self.events.first_entry() else { break };
            let (at, _) = *first.key();
            if at > until_us {
                break;
            }
            let event = first.remove();
            self.time = at;
            self.count += 1;
            BEGUN.set((self.count, at));
            if self.params.stop_before.is_some_and(|stop| self.count >= stop) {
                return self.fail("stopped", "as was asked for".to_owned());
            }
            self.recorder.mix(at);
            self.recorder.mix(event.code());
            self.happen(event);
        }
        self.time = self.time.max(until_us);
    }

    fn is_current(&self, node: usize, life: u64) -> bool {
        self.machines[node].life == life && self.machines[node].process.is_some()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Turn { node, life } if self.is_current(node, life) => self.turn(node),
            Event::Deliver { from, to, generation, frames } => {
                self.deliver(from, to, generation, frames);
            }
            Event::Broken { node, life, peer } if self.is_current(node, life) => {
                self.broken(node, peer);
            }
            Event::Dial(a, b) => self.dial(a, b),
            Event::Append { node, life } if self.is_current(node, life) => self.append(node),
            Event::Flushed { node, life } if self.is_current(node, life) => self.flushed(node),
            Event::Rest { node, life } if self.is_current(node, life) => self.rest(node),
            Event::File { node, life } if self.is_current(node, life) => self.file(node),
            Event::Start(node) => self.start(node),
            Event::Act(client) => self.act(client),
            Event::Impatient { client, burst } => self.impatient(client, burst),
            Event::ToNode { node, life, mail } if self.is_current(node, life) => {
                self.tell(node, *mail);
            }
            Event::ToClient { client, conn, what } => self.client_hears(client, conn, what),
            Event::Strike => self.strike(),
            Event::Undo(undo) => self.undo(undo),
            Event::Restore => self.restore_members(),
            Event::Depose { group, node } => self.depose(group, node),
            Event::Wipe(node) => self.wipe(node),
            Event::Leave(left) => self.leave(left),
            _ => {}
        }
    }

    /// Tells a process when it is to answer transactions over several partitions.
    fn set_commit(&mut self, node: usize) {
        let all = !self.params.seed.is_multiple_of(4);
        if self.params.parallel_commit
            && (all || node > 0)
            && let Some(process) = &mut self.machines[node].process
        {
            process.operate(&["CONFIG", "SET", "transaction-commit", "parallel"]);
        }
    }

    /// Puts something into a process's inbox and sees to it that it has a turn.
    pub fn tell(&mut self, node: usize, mail: Mail) {
        if let Some(process) = &mut self.machines[node].process {
            process.inbox.push(mail);
            self.wake(node, self.time);
        }
    }

    /// Plans a turn of a process at this moment or as soon after it as it can.
    pub fn wake(&mut self, node: usize, at_us: u64) {
        let machine = &mut self.machines[node];
        let (life, paused) = (machine.life, machine.paused_until);
        let Some(process) = &mut machine.process else { return };
        let at = at_us.max(process.busy_until).max(paused);
        if process.turn_at.is_none_or(|planned| at < planned) {
            process.turn_at = Some(at);
            self.at(at, Event::Turn { node, life });
        }
    }

    fn start(&mut self, node: usize) {
        let machine = &mut self.machines[node];
        machine.starting = false;
        if machine.process.is_some() || self.atlas.is_out(node) {
            return;
        }
        let config = self.node_config(node);
        let (time, segment_bytes) = (self.time, self.segment_bytes);
        match self.machines[node].start(config, segment_bytes, time) {
            Ok(()) => {
                if self.params.workload == Workload::Tree
                    && let Some(process) = &mut self.machines[node].process
                {
                    self.lives += 1;
                    process.gate =
                        Some(Box::new(GateHost::new(self.lives, namespace(self.params.seed))));
                }
                self.set_commit(node);
                self.forget_wires(node);
                if self.machines[node].copy.is_none() || self.random.permille(200) {
                    self.machines[node].keep_copy();
                }
                self.oracle.new_life(node);
                self.recorder.keep(time, || Item::Up(node));
                self.wake(node, time);
                self.passes(node, Place::Start, Side::After);
            }
            Err(StartError::Disk(_)) if self.trouble.expects_read_error(node) => {
                self.count(Fault::ReadError);
                self.stop(node, false, "could not read its disk");
            }
            Err(StartError::Disk(_))
                if self.trouble.is_full(node)
                    || self.died_inside(node).is_some()
                    || self.trouble.expects_error(node) =>
            {
                self.stop(node, true, "could not start");
            }
            Err(StartError::Disk(error)) if self.atlas.is_damaged(node) => {
                self.refuse_start(node, &error);
            }
            Err(error) => self.fail("recovery", format!("node {} cannot start: {error}", node + 1)),
        }
    }

    fn node_config(&mut self, node: usize) -> NodeConfig {
        let id = node as u64 + 1;
        let moves = self.machines[node].moves;
        let [client_addr, peer_addr, http_addr] = PORTS.map(|port| address(id, moves, port));
        let nodes = self.machines.len() as u64;
        NodeConfig {
            id: NodeId(id),
            worker: 0,
            workers: 1,
            info: NodeInfo {
                client_addr,
                peer_addr,
                http_addr,
                version: "simulated".into(),
                workers: 1,
                ..NodeInfo::default() // the disk knows which
            },
            // The list is the one of the first start, wherever the nodes are by now.
            initial_cluster: (1..=nodes).map(|id| (NodeId(id), address(id, 0, PORTS[1]))).collect(),
            joins: false,
            roster: BTreeMap::new(),
            process: self.random.next(),
            past: [0; 7], // the disk knows them
            turn_length: turn_length(self.params.seed, node),
            partitions: self.params.partitions,
            replicas: nodes.min(3) as u32,
            ack_early: false,
            lease_reads: self.params.lease_reads,
            engine: self.params.engine,
            snapshot_bytes: self.snapshot_bytes,
            weight: None,
            zone: None,
            maxmemory: 0,
            memory: 0,
            password: None,
            secret: [7; 32],
            seed: self.random.next(),
        }
    }

    /// Ends a process; with the power, its machine's unsynced writes may go too.
    pub fn stop(&mut self, node: usize, power: bool, why: &'static str) {
        self.note_crash_point(node);
        let machine = &mut self.machines[node];
        let sessions = machine
            .process
            .as_ref()
            .map(|p| p.sessions.iter().map(|(client, s)| (*client, s.conn)).collect::<Vec<_>>());
        machine.stop(power, &mut self.random);
        self.trouble.stopped(node);
        self.recorder.keep(self.time, || Item::Down(node, why));
        for (client, conn) in sessions.unwrap_or_default() {
            self.send_to_client(client, conn, ToClient::Closed);
        }
        for peer in (0..self.machines.len()).filter(|p| *p != node) {
            self.break_wire(node, peer, !power);
        }
        self.start_later(node);
    }

    fn start_later(&mut self, node: usize) {
        if !self.atlas.is_out(node) && !std::mem::replace(&mut self.machines[node].starting, true) {
            // A supervisor may be quick: what a process has just promised is still on its way.
            let at = self.time
                + match self.random.permille(300) {
                    true => self.random.between(1_000, 100_000),
                    false => self.random.skewed(100_000, 8_000_000),
                };
            self.at(at, Event::Start(node));
        }
    }

    /// What became of it all.
    pub fn outcome(self) -> Outcome {
        use synod_checker::Outcome as Ended;
        let ended = |which: fn(&Ended) -> bool| {
            self.history.iter().filter(|op| which(&op.outcome)).count() as u64
        };
        Outcome {
            hash: self.recorder.hash(),
            simulated_us: self.time,
            events: self.count,
            operations: self.history.len() as u64 + self.fillers.answered,
            answered: ended(|o| matches!(o, Ended::Returned { .. }))
                + self.queues.taken_len()
                + self.fillers.answered,
            unknown: ended(|o| matches!(o, Ended::Unknown)),
            snapshots: self.oracle.snapshots,
            refused_starts: self.atlas.refused(),
            elections: self.oracle.elections(),
            grants: self.locks.counts(),
            injected: self.injected,
            crash_points: self.crash_points,
            struck: self.trouble.struck,
            failure: self.failure,
            history: self.history,
            trace: self.recorder.kept,
        }
    }
}
