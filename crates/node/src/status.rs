//! What a node tells about itself: counters for INFO and metrics, and the status of its groups.

use crate::node::Node;
use crate::replace::Knocking;
use std::collections::BTreeMap;
use std::sync::Arc;
use synod_consensus::{Protocol, Role};
use synod_data::{Command, Handler};
use synod_hotkeys::Report;
use synod_redis::Facts;
use synod_redis::Histogram;
use synod_ring::ClusterMap;
use synod_types::plant::planted;
use synod_types::{Index, NodeId, PartitionId, Term};

/// Counts since the process began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Client connections accepted.
    pub connections: u64,
    /// Client connections turned away because there were too many.
    pub rejected: u64,
    /// Commands of clients taken.
    pub commands: u64,
    /// Of those, reading ones.
    pub reads: u64,
    /// Of those, writing ones.
    pub writes: u64,
    /// Requests answered with an error before they ran.
    pub refused: u64,
    /// Requests sent on to another worker or node.
    pub forwarded: u64,
    /// Frames received from peers.
    pub frames_in: u64,
    /// Changes of role, term or leader of a group.
    pub role_changes: u64,
    /// Snapshots taken.
    pub snapshots: u64,
    /// Snapshots received from a leader.
    pub snapshots_installed: u64,
    /// Clients closed because of what they had not read.
    pub clients_evicted: u64,
    /// Bytes received from clients.
    pub net_in: u64,
    /// Bytes sent to clients.
    pub net_out: u64,
    /// How many bytes keys and values here took at the last tick,
    pub data_bytes: u64,
    /// and how many at most.
    pub data_peak: u64,
    /// When a snapshot was durable last, in seconds of the wall clock; 0 if none was.
    pub snapshot_s: u64,
    /// Commands per second over the last second or so.
    pub commands_per_s: u64,
    /// Transactions over several partitions that were begun here.
    pub transactions: u64,
    /// How often one of them began again, because others were faster.
    pub transactions_retried: u64,
    /// Those of them that were refused: nothing was written.
    pub transactions_refused: u64,
    /// Those of them whose outcome nobody could tell.
    pub transactions_unknown: u64,
    /// How often a leader here asked what was decided about a transaction that it heard nothing of.
    pub transactions_resolved: u64,
    /// Bytes per second from and to clients, over the same time.
    pub net_in_per_s: u64,
    /// See above.
    pub net_out_per_s: u64,
    sampled: (u64, u64),
    sampled_net: (u64, u64),
}

impl Counters {
    #[inline]
    pub(crate) fn command(&mut self, command: &Command) {
        self.commands += 1;
        match command.handler {
            Handler::Read(_) => self.reads += 1,
            Handler::Write(_) => self.writes += 1,
            Handler::Session => {}
        }
    }

    /// Keys and values take so many bytes now.
    pub(crate) fn hold(&mut self, data_bytes: u64) {
        self.data_bytes = data_bytes;
        self.data_peak = self.data_peak.max(data_bytes);
    }

    pub(crate) fn tick(&mut self, now_us: u64) {
        let (commands, at) = self.sampled;
        let passed = now_us.saturating_sub(at);
        if passed >= 1_000_000 {
            self.commands_per_s = (self.commands - commands) * 1_000_000 / passed;
            let (net_in, net_out) = self.sampled_net;
            self.net_in_per_s = self.net_in.saturating_sub(net_in) * 1_000_000 / passed;
            self.net_out_per_s = self.net_out.saturating_sub(net_out) * 1_000_000 / passed;
            self.sampled = (self.commands, now_us);
            self.sampled_net = (self.net_in, self.net_out);
        }
    }

    pub(crate) fn reset(&mut self) {
        *self = Self { sampled: (0, self.sampled.1), ..Self::default() };
    }
}

/// One follower, as its leader here sees it.
#[derive(Clone, Debug)]
pub struct PeerLag {
    /// Who.
    pub node: NodeId,
    /// How many entries it is behind.
    pub entries: u64,
    /// Whether it answers.
    pub active: bool,
    /// Whether it waits for a snapshot.
    pub snapshot: bool,
}

/// One group, as its replica here sees it.
#[derive(Clone, Debug)]
pub struct GroupStatus {
    /// Which.
    pub group: PartitionId,
    /// The engine that the replica here runs.
    pub engine: Protocol,
    /// The role of the replica here.
    pub role: Role,
    /// The term.
    pub term: Term,
    /// The leader, if known.
    pub leader: Option<NodeId>,
    /// Last entry known committed.
    pub commit: Index,
    /// Last entry applied.
    pub applied: Index,
    /// Last entry in the log.
    pub last: Index,
    /// Whether the group sleeps.
    pub asleep: bool,
    /// Keys, for a data partition.
    pub keys: u64,
    /// Keys with an expiry time.
    pub expires: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
    /// Transactions over several partitions that are prepared here and not ended.
    pub undecided: u64,
    /// Requests that wait for such transactions here, if the replica leads.
    pub waiting: u64,
    /// The members.
    pub members: Vec<NodeId>,
    /// Whether the replica here leads and is the only one that votes: it needs nobody to commit.
    pub alone: bool,
    /// The followers, if the replica here leads.
    pub followers: Vec<PeerLag>,
}

/// One worker of a node.
#[derive(Clone, Debug)]
pub struct NodeStatus {
    /// The node.
    pub node: NodeId,
    /// Clients connected.
    pub clients: usize,
    /// Requests waiting for a leader.
    pub parked: usize,
    /// Transactions over several partitions that are under way.
    pub transactions: usize,
    /// Whether the disk is full.
    pub disk_full: bool,
    /// Counts.
    pub counters: Counters,
    /// Nodes that can be reached, this one included.
    pub up: Vec<NodeId>,
    /// Who leads each group, as far as is known here.
    pub leaders: Vec<(PartitionId, Option<NodeId>)>,
    /// The replicas here.
    pub groups: Vec<GroupStatus>,
    /// New data directories that want the seat of a member.
    pub knocking: Vec<Knocking>,
    /// The cluster map as far as it is known.
    pub map: Arc<ClusterMap>,
    /// What the world told last.
    pub facts: Facts,
    /// How long reads took.
    pub reads: Histogram,
    /// How long writes took.
    pub writes: Histogram,
    /// What keys cost. Where strangers may not read, it tells no names.
    pub heat: Report,
    /// It is known of one in so many requests; 0: of none.
    pub sample_ratio: u32,
}

/// Why a node does not serve, if it does not: the one notion of it that HTTP, `CLUSTER INFO` and metrics share.
/// `leaders` are those that all of its workers know.
///
/// A node serves when the cluster is founded and every group has a leader that it knows. A leader that lost its quorum
/// steps down within an election time-out and tells all that it did.
#[must_use]
pub fn not_serving(
    map: &ClusterMap,
    leaders: impl IntoIterator<Item = (PartitionId, Option<NodeId>)>,
) -> Option<String> {
    if !map.is_founded() {
        let why = "the cluster is not founded yet, which takes all members of --initial-cluster once, or this node is \
                   not a member of it";
        return Some(why.to_owned());
    }
    let mut groups = BTreeMap::new();
    for (group, leader) in leaders {
        let known: &mut bool = groups.entry(group).or_default();
        *known |= leader.is_some();
    }
    let headless = groups.values().filter(|known| !**known).count();
    let headless = if planted("serves-without-quorum") { 0 } else { headless };
    (headless > 0).then(|| format!("{headless} of {} groups have no leader", groups.len()))
}

impl Node {
    /// Why this node does not serve, as far as this worker knows.
    pub(crate) fn not_serving(&self) -> Option<String> {
        not_serving(self.groups.map(), self.known_leaders())
    }

    fn known_leaders(&self) -> impl Iterator<Item = (PartitionId, Option<NodeId>)> + '_ {
        let groups = self.groups.map().partitions().keys().copied();
        std::iter::once(PartitionId::META).chain(groups).map(|g| (g, self.groups.leaders().get(g)))
    }

    /// How far the replica of the group here has applied, and a hash of its state there and of that
    /// entry's term, in which replicas agree. Costs a walk over the whole state: for tests and for comparing replicas.
    /// `None` while a long operation is under way.
    #[must_use]
    pub fn digest(&self, group: PartitionId) -> Option<(Index, u64)> {
        let replica = self.groups.replica(group)?;
        if replica.is_behind() {
            return None;
        }
        let state = replica.state().digest();
        let (applied, term) = replica.applied();
        Some((applied, synod_data::digest::mix(state, term.0)))
    }

    /// Whether keys of a partition were changed here since it was sealed, which must never be.
    #[must_use]
    pub fn changed_while_sealed(&self, partition: PartitionId) -> bool {
        let replica = self.groups.replica(partition);
        replica.is_some_and(|replica| replica.state().changed_while_sealed())
    }

    /// What this worker can tell of itself now.
    #[must_use]
    pub fn status(&self) -> NodeStatus {
        NodeStatus {
            node: self.local.id(),
            clients: self.clients.sessions().len(),
            parked: self.under_way.unrouted().len(),
            transactions: self.conductor.under_way(),
            disk_full: self.room.disk_is_full(),
            counters: *self.counted.counters(),
            up: self
                .groups
                .map()
                .nodes
                .keys()
                .copied()
                .filter(|n| self.others.peers().is_up(*n))
                .collect(),
            leaders: self.known_leaders().collect(),
            groups: self.groups.replicas().map(group_status).collect(),
            knocking: self.knocking().collect(),
            map: self.groups.map().clone(),
            facts: self.local.facts().clone(),
            reads: self.clients.sessions().latencies().reads(),
            writes: self.clients.sessions().latencies().writes(),
            heat: match self.authority.stranger().is_free() {
                true => self.counted.heats().report(),
                false => self.counted.heats().report().without_names(),
            },
            sample_ratio: self.counted.heats().sample_ratio(),
        }
    }
}

fn group_status(replica: &synod_replica::Replica) -> GroupStatus {
    let status = replica.status();
    let keyspace = replica.state().measures();
    let followers = status.peers.iter().map(|p| PeerLag {
        node: p.node,
        entries: status.last.0.saturating_sub(p.matched.0),
        active: p.active,
        snapshot: p.snapshot,
    });
    GroupStatus {
        group: replica.group(),
        engine: status.engine,
        role: status.role,
        term: status.term,
        leader: status.leader,
        commit: status.commit,
        applied: status.applied,
        last: status.last,
        asleep: status.asleep,
        keys: keyspace.map_or(0, |k| k.keys as u64),
        expires: keyspace.map_or(0, |k| k.expires as u64),
        bytes: keyspace.map_or(0, |k| k.memory as u64),
        undecided: replica.undecided() as u64,
        waiting: replica.gate_load().0 as u64,
        members: status.membership.all(),
        alone: status.role == Role::Leader
            && status.membership.outgoing.is_empty()
            && status.membership.voters.len() == 1,
        followers: followers.collect(),
    }
}
