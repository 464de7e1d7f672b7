//! A group on a network and disks that never fail by themselves: everything takes one round, and is counted.

use std::collections::{BTreeMap, BTreeSet};
use synod_consensus::{Config, Effect, Engine, Message, Protocol, Recovered, Refused, Role, Token};
use synod_types::{Index, Membership, NodeId, PartitionId, SnapshotMeta};

/// As nodes set it up.
pub const ELECTION_TICKS: u32 = 12;
/// Message rounds in one tick: a tick is 50 ms or so, a round trip within a data centre far less.
const ROUNDS_PER_TICK: u32 = 4;

/// What it cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub messages: u64,
    pub bytes: u64,
    /// Writes that a disk has to make durable.
    pub syncs: u64,
}

struct Member {
    engine: Box<dyn Engine + Send>,
    token: Option<Token>,
    applied: Index,
}

/// The group.
pub struct Group {
    members: BTreeMap<NodeId, Member>,
    mail: Vec<(NodeId, NodeId, Message)>,
    cut: BTreeSet<(NodeId, NodeId)>,
    pub cost: Cost,
}

impl Group {
    pub fn new(protocol: Protocol, size: u64, seed: u64) -> Self {
        let founding = Membership::of_voters((1..=size).map(NodeId).collect());
        let member = |id: u64| {
            let config = Config {
                id: NodeId(id),
                group: PartitionId(1),
                election_ticks: ELECTION_TICKS,
                heartbeat_ticks: 2,
                lease_reads: false,
                append_bytes_max: 1 << 20,
                inflight_bytes_max: 16 << 20,
                cache_bytes_max: 8 << 20,
                seed: seed * 100 + id,
            };
            let snapshot = SnapshotMeta { membership: founding.clone(), ..SnapshotMeta::default() };
            let recovered = Recovered { snapshot, ..Recovered::default() };
            let engine = synod_consensus::start(protocol, config, recovered);
            (NodeId(id), Member { engine, token: None, applied: Index(0) })
        };
        let members = (1..=size).map(member).collect();
        Self { members, mail: Vec::new(), cut: BTreeSet::new(), cost: Cost::default() }
    }

    fn with(&mut self, node: NodeId, input: impl FnOnce(&mut dyn Engine)) {
        let Some(member) = self.members.get_mut(&node) else { return };
        input(member.engine.as_mut());
        for effect in std::mem::take(member.engine.effects()) {
            match effect {
                Effect::Persist { token, .. } => {
                    self.cost.syncs += u64::from(member.token.is_none());
                    member.token = Some(token);
                }
                Effect::Send { to, message } => {
                    let mut bytes = Vec::new();
                    message.encode(&mut bytes);
                    self.cost.messages += 1;
                    self.cost.bytes += bytes.len() as u64;
                    self.mail.push((node, to, message));
                }
                Effect::Commit(entries) => {
                    member.applied = entries.last().map_or(member.applied, |entry| entry.index);
                }
                _ => {}
            }
        }
    }

    /// What was sent arrives, what was written is durable, what is committed is applied.
    fn round(&mut self) {
        for (from, to, message) in std::mem::take(&mut self.mail) {
            if !self.cut.contains(&(from, to)) {
                self.with(to, |engine| engine.step(from, message));
            }
        }
        let nodes: Vec<NodeId> = self.members.keys().copied().collect();
        for node in nodes {
            let member = self.members.get_mut(&node);
            let Some((token, applied)) = member.map(|m| (m.token.take(), m.applied)) else {
                continue;
            };
            self.with(node, |engine| {
                token.into_iter().for_each(|token| engine.persisted(token));
                engine.applied(applied);
            });
        }
    }

    /// Time passes.
    pub fn tick(&mut self) {
        let nodes: Vec<NodeId> = self.members.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.with(node, |engine| engine.tick()));
        (0..ROUNDS_PER_TICK).for_each(|_| self.round());
    }

    /// Whoever leads with a quorum behind it: what it has appended in its term is committed.
    pub fn leader(&self) -> Option<NodeId> {
        let leads = |(node, member): (&NodeId, &Member)| {
            let (role, term, _) = member.engine.role();
            let status = member.engine.status();
            (role == Role::Leader && status.commit == status.last).then_some((term, *node))
        };
        self.members.iter().filter_map(leads).max().map(|(_, node)| node)
    }

    /// Ticks until a leader other than `not` is there, and can commit.
    pub fn ticks_to_leader(&mut self, not: Option<NodeId>, most: u32) -> Option<u32> {
        (1..=most).find(|_| {
            self.tick();
            self.leader().is_some_and(|leader| Some(leader) != not)
        })
    }

    pub fn campaign(&mut self, node: NodeId) {
        self.with(node, |engine| engine.campaign());
    }

    pub fn propose(&mut self, node: NodeId, payload: &'static [u8]) -> Result<Index, Refused> {
        let mut at = Err(Refused::NotReady);
        let payload = bytes::Bytes::from_static(payload);
        self.with(node, |engine| at = engine.propose(payload));
        at.map(|position| position.index)
    }

    /// A batch: what was asked for before the leader's effects are looked at.
    ///
    /// # Panics
    /// When it does not lead.
    pub fn propose_all(&mut self, node: NodeId, payloads: impl Iterator<Item = &'static [u8]>) {
        self.with(node, |engine| {
            for payload in payloads {
                engine.propose(bytes::Bytes::from_static(payload)).expect("it leads");
            }
        });
    }

    /// Until this is applied everywhere that is reached.
    pub fn settle(&mut self) {
        (0..8).for_each(|_| self.round());
    }

    pub fn applied(&self, node: NodeId) -> Index {
        self.members.get(&node).map_or(Index(0), |member| member.applied)
    }

    pub fn kill(&mut self, node: NodeId) {
        self.members.remove(&node);
    }

    /// Nodes of `a` and `b` do not hear each other any more.
    pub fn part(&mut self, a: NodeId, b: NodeId) {
        self.cut.extend([(a, b), (b, a)]);
    }

    pub fn heal(&mut self) {
        self.cut.clear();
    }
}
