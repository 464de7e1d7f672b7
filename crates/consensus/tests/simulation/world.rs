//! The network, the clock and the misfortune of one seed.

use crate::faults::Faults;
use crate::invariants::Oracle;
use crate::member::Member;
use std::collections::{BTreeMap, BTreeSet};
use synod_consensus::random::Random;
use synod_consensus::{Config, Effect, Engine, Message, Protocol, Recovered, Role, Status};
use synod_types::{Index, Membership, NodeId, PartitionId, SnapshotMeta, Term};

struct Mail {
    at: u64,
    from: NodeId,
    to: NodeId,
    message: Message,
}

/// Everything there is.
pub struct World {
    pub random: Random,
    pub faults: Faults,
    pub members: BTreeMap<NodeId, Member>,
    pub oracle: Oracle,
    founding: Membership,
    pub now: u64,
    mail: Vec<Mail>,
    /// One-way cuts.
    pub cut: BTreeSet<(NodeId, NodeId)>,
    /// Nodes that stand still until then.
    pub paused: BTreeMap<NodeId, u64>,
    pub next_id: u64,
    /// What was done, for comparing two runs of a seed.
    pub trace: u64,
}

const ELECTION_TICKS: u32 = 10;

impl World {
    pub fn new(protocol: Protocol, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut faults = Faults::draw(&mut random);
        let lease_reads = random.below(4) == 0;
        if lease_reads {
            // A pause or a clock out of bounds breaks the promise that leases rest on.
            faults.pauses = false;
        }
        let voters = 3 + u64::from(random.below(3));
        let nodes = if faults.changes { 6 } else { voters };
        let founding = Membership::of_voters((1..=voters).map(NodeId).collect());
        let cache = if faults.snapshots { 600 } else { 1 << 20 };
        let member = |id: u64, random: &mut Random| {
            let config = Config {
                id: NodeId(id),
                group: PartitionId(1),
                election_ticks: ELECTION_TICKS,
                heartbeat_ticks: 2,
                lease_reads,
                // With room for one entry only, an old one may get somewhere without the new one behind it.
                append_bytes_max: (random.below(4) * (50 + random.below(150))) as usize,
                inflight_bytes_max: 400 + random.below(4000) as usize,
                cache_bytes_max: cache,
                seed: random.next_u64(),
            };
            let membership = if id <= voters { founding.clone() } else { Membership::default() };
            let snapshot = SnapshotMeta { membership, ..SnapshotMeta::default() };
            let period =
                u64::from(if lease_reads { 4 + random.below(2) } else { 1 + random.below(4) });
            Member::new(protocol, config, Recovered { snapshot, ..Recovered::default() }, period)
        };
        let members = (1..=nodes).map(|id| (NodeId(id), member(id, &mut random))).collect();
        Self {
            random,
            faults,
            members,
            oracle: Oracle::default(),
            founding,
            now: 0,
            mail: Vec::new(),
            cut: BTreeSet::new(),
            paused: BTreeMap::new(),
            next_id: 0,
            trace: 0,
        }
    }

    pub fn chance(&mut self, one_in: u32) -> bool {
        self.random.below(one_in) == 0
    }

    pub fn any_node(&mut self) -> NodeId {
        let n = self.random.below(self.members.len() as u32) as usize;
        *self.members.keys().nth(n).unwrap()
    }

    /// A node that believes to lead, if there is one; there may be several.
    pub fn any_leader(&mut self) -> NodeId {
        let leads = |member: &Member| {
            member.engine.as_ref().is_some_and(|engine| engine.role().0 == Role::Leader)
        };
        let leaders: Vec<NodeId> =
            self.members.iter().filter(|(_, member)| leads(member)).map(|(id, _)| *id).collect();
        match leaders.len() {
            0 => self.any_node(),
            n => leaders[self.random.below(n as u32) as usize],
        }
    }

    /// Gives an input to a running node and carries its effects out.
    pub fn with<T>(&mut self, node: NodeId, input: impl FnOnce(&mut Member) -> T) -> Option<T> {
        let member = self.members.get_mut(&node)?;
        member.engine.as_ref()?;
        let answer = input(member);
        let effects = std::mem::take(member.engine.as_mut()?.effects());
        let mut elected = None;
        for effect in effects {
            if let Effect::RoleChanged { role: Role::Leader, term, .. } = effect {
                elected = Some(term);
            }
            self.carry_out(node, effect);
        }
        if let Some(term) = elected {
            let member = &self.members[&node];
            // What a proposer took over may still be on its way to the disk; others have it there.
            let engine = member.engine.as_ref().map(|engine| engine.status().engine);
            let adopts = engine == Some(Protocol::Paxos);
            let holds = |index, term| match adopts {
                true => member.disk.wrote(index, term),
                false => member.disk.holds(index, term),
            };
            self.oracle.leader(node, term, holds);
        }
        Some(answer)
    }

    fn carry_out(&mut self, node: NodeId, effect: Effect) {
        self.trace = self.trace.wrapping_mul(1_000_003) ^ node.0 ^ self.now ^ weight(&effect);
        match effect {
            Effect::Persist { token, hard_state, entries } => {
                self.members.get_mut(&node).unwrap().disk.write(token, hard_state, entries);
            }
            Effect::Send { to, message } => self.post(node, to, message),
            Effect::Commit(entries) => {
                let status = self.engine(node).status();
                let by = (status.term, &status.membership);
                let disks = self.members.iter().map(|(id, member)| (*id, &member.disk)).collect();
                for entry in &entries {
                    self.oracle.committed(entry, by, &disks);
                }
                self.members.get_mut(&node).unwrap().hand_out(entries);
            }
            Effect::ReadReady { id, index } => self.oracle.read_ready(id, index),
            Effect::ReadAborted { id } => self.oracle.read_gone(id),
            Effect::RoleChanged { .. } | Effect::MembershipChanged(_) => {}
            Effect::SnapshotWanted { at_least } => {
                let at = self.now + u64::from(self.random.below(60));
                self.members.get_mut(&node).unwrap().snapshot_at = Some((at, at_least));
            }
            Effect::FetchSnapshot { from, meta } => {
                let at = self.now + u64::from(self.random.below(60));
                self.members.get_mut(&node).unwrap().fetch = Some((at, from, meta));
            }
        }
    }

    fn engine(&self, node: NodeId) -> &dyn Engine {
        self.members[&node].engine.as_deref().expect("the node runs")
    }

    fn post(&mut self, from: NodeId, to: NodeId, message: Message) {
        let message = if self.chance(8) {
            let mut bytes = Vec::new();
            message.encode(&mut bytes);
            let decoded = Message::decode(bytes.into());
            assert_eq!(decoded.as_ref(), Some(&message), "the codec changed a message");
            decoded.unwrap()
        } else {
            message
        };
        if self.random.below(100) < self.faults.loss_percent {
            return;
        }
        let copies = 1 + u32::from(self.random.below(100) < self.faults.double_percent);
        for _ in 0..copies {
            let at = self.now + 1 + u64::from(self.random.below(self.faults.delay_max));
            self.mail.push(Mail { at, from, to, message: message.clone() });
        }
    }

    /// One step of time: mail, ticks, disks, state machines.
    pub fn step(&mut self) {
        self.now += 1;
        let now = self.now;
        self.paused.retain(|_, until| *until > now);
        while let Some(n) =
            self.mail.iter().position(|mail| mail.at <= now && !self.paused.contains_key(&mail.to))
        {
            let Mail { from, to, message, .. } = self.mail.swap_remove(n);
            if !self.cut.contains(&(from, to)) {
                self.with(to, |member| member.engine.as_mut().unwrap().step(from, message));
            }
        }
        let nodes: Vec<NodeId> = self.members.keys().copied().collect();
        for node in nodes {
            if !self.paused.contains_key(&node) {
                self.run(node);
            }
        }
    }

    fn run(&mut self, node: NodeId) {
        let now = self.now;
        if let Some(engine) = &self.members[&node].engine {
            self.oracle.knows(node, engine.status().commit);
        }
        if now.is_multiple_of(self.members[&node].period) {
            self.with(node, |member| member.engine.as_mut().unwrap().tick());
        }
        if self.members[&node].disk.is_busy() && (!self.faults.slow_disk || self.chance(12)) {
            let count = 1 + self.random.below(3) as usize;
            self.with(node, |member| {
                if let Some(token) = member.disk.flush(count) {
                    member.engine.as_mut().unwrap().persisted(token);
                }
            });
        }
        if !self.members[&node].to_apply.is_empty() && (!self.faults.slow_disk || self.chance(4)) {
            self.with(node, Member::apply_all);
        }
        self.run_snapshots(node);
    }

    fn run_snapshots(&mut self, node: NodeId) {
        let member = &self.members[&node];
        let due = member
            .snapshot_at
            .is_some_and(|(at, at_least)| at <= self.now && member.applied >= at_least);
        if due || (self.faults.snapshots && self.chance(200)) {
            self.take_snapshot(node);
        }
        let Some((at, from, meta)) = self.members[&node].fetch.clone() else { return };
        if at > self.now {
            return;
        }
        let there = !self.cut.contains(&(from, node))
            && self.members[&from].engine.is_some()
            && self.members[&from].disk.snapshot == meta;
        self.with(node, |member| {
            member.fetch = None;
            if there {
                member.install(meta);
            } else {
                member.engine.as_mut().unwrap().snapshot_failed();
            }
        });
    }

    fn take_snapshot(&mut self, node: NodeId) {
        let member = &self.members[&node];
        let index = member.applied;
        if member.engine.is_none() || index <= member.disk.snapshot.index {
            return;
        }
        let term = self.oracle.term_of(index);
        let membership = self.oracle.membership_at(index, &self.founding);
        let meta = SnapshotMeta { index, term, membership };
        self.with(node, |member| {
            member.snapshot_at = None;
            member.disk.keep_snapshot(meta.clone());
            member.engine.as_mut().unwrap().snapshot_taken(meta);
        });
    }

    pub fn check_logs(&self) {
        let disks = self.members.iter().map(|(id, member)| (*id, &member.disk)).collect();
        self.oracle.logs_match(&disks);
    }

    /// What every node thinks, for whoever reads a failure.
    pub fn describe(&self) -> String {
        let line = |(id, member): (&NodeId, &Member)| {
            let status = member.engine.as_ref().map(|engine| engine.status());
            format!("{id}: {status:?} disk {:?} {:?}\n", member.disk.hard, member.disk.snapshot)
        };
        self.members.iter().map(line).collect()
    }

    /// All misfortune ends.
    pub fn heal(&mut self) {
        self.faults = Faults::none();
        self.cut.clear();
        self.paused.clear();
        let down: Vec<NodeId> = self
            .members
            .iter()
            .filter(|(_, member)| member.engine.is_none())
            .map(|(id, _)| *id)
            .collect();
        for node in down {
            self.crash_or_start(node);
        }
    }

    /// The leader with the highest term, if there is one.
    pub fn leader(&self) -> Option<NodeId> {
        let leads = |(id, member): (&NodeId, &Member)| {
            let (role, term, _) = member.engine.as_ref()?.role();
            (role == Role::Leader).then_some((term, *id))
        };
        self.members.iter().filter_map(leads).max().map(|(_, id): (Term, NodeId)| id)
    }

    /// Whether every member of the group has applied `index`.
    pub fn converged(&self, leader: NodeId, index: Index) -> bool {
        let all = self.engine(leader).status().membership.all();
        all.iter().all(|node| self.members[node].applied >= index)
    }

    /// The operator removes nodes that the group let go: they may not know it, and would ask for votes forever.
    pub fn retire_removed(&mut self, leader: NodeId) {
        let all = self.engine(leader).status().membership.all();
        for (_, member) in self.members.iter_mut().filter(|(id, _)| !all.contains(id)) {
            member.stop();
        }
    }

    /// Whether every member of the group runs the engine that was decided last.
    pub fn agree_on_engine(&self, leader: NodeId) -> bool {
        let Status { engine, membership, .. } = self.engine(leader).status();
        let mut all = membership.all().into_iter();
        membership.engine.is_none_or(|named| named == engine)
            && all.all(|node| self.engine(node).status().engine == engine)
    }

    pub fn all_asleep(&self, leader: NodeId) -> bool {
        let all = self.engine(leader).status().membership.all();
        all.iter().all(|node| self.engine(*node).status().asleep)
    }
}

/// Something that tells effects apart, for the trace.
fn weight(effect: &Effect) -> u64 {
    match effect {
        Effect::Persist { token, entries, .. } => 1 + token.0 * 8 + entries.len() as u64 * 1024,
        Effect::Send { to, message } => 2 + to.0 * 8 + message.term.0 * 1024,
        Effect::Commit(entries) => 3 + entries.len() as u64 * 8,
        Effect::ReadReady { id, index } => 4 + id * 8 + index.0 * 1024,
        Effect::ReadAborted { id } => 5 + id * 8,
        Effect::RoleChanged { term, .. } => 6 + term.0 * 8,
        Effect::MembershipChanged(_) | Effect::SnapshotWanted { .. } => 7,
        Effect::FetchSnapshot { meta, .. } => 8 + meta.index.0 * 16,
    }
}
