//! The cluster map: members, partitions, and who holds what. It is the whole state of the metadata
//! group, and changes only by applying a [`MetaCommand`] from that group's log.
//!
//! ```text
//!   empty --Found--> founded --Announce--> founded (a node's addresses or version changed)
//!                            --Replace, Left, Joined--> founded (see replacement.rs)
//!                            --Engine----> founded (the groups move to another consensus engine, one by one)
//!                            --Reshape---> founded (members come and go, see reshape.rs)
//!                            --Users-----> founded (who may use it, see `synod_acl`)
//!                            --Claimed---> founded (a partition's own log has begun an epoch of its slots)
//! ```
//!
//! `Users` may come before `Found`, so that a cluster has a password from its first moment.

use crate::merge::Merges;
use crate::placement::{self, Member};
use crate::replacement::Replacement;
use crate::reshape::{Reshape, Shape};
use crate::sizing::Sizing;
use crate::split::Splits;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use synod_acl::{Change, Users, Why};
use synod_types::limits::{NODES_MAX, PARTITIONS_MAX};
use synod_types::plant::planted;
use synod_types::{ClusterId, Epoch, Incarnation, NodeId, PartitionId, Protocol, SLOT_COUNT, Slot};

/// The longest address or version text of a node, in bytes (a DNS name has 253 at most).
pub const ADDR_BYTES_MAX: usize = 280;

/// What the cluster knows of one node. Addresses are `host:port`; an empty one is not known (yet).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeInfo {
    /// Where clients connect.
    pub client_addr: String,
    /// Where peers connect.
    pub peer_addr: String,
    /// Where status and metrics are served.
    pub http_addr: String,
    /// The program's version.
    pub version: String,
    /// How many workers it runs.
    pub workers: u32,
    /// Which data directory it has; 0 while that is not known.
    pub incarnation: Incarnation,
    /// How often that directory was started when it said so last.
    pub starts: u64,
    /// A random number of the process that did.
    pub process: u64,
}

impl NodeInfo {
    pub(crate) fn is_bounded(&self) -> bool {
        [&self.client_addr, &self.peer_addr, &self.http_addr, &self.version]
            .iter()
            .all(|text| text.len() <= ADDR_BYTES_MAX)
    }
}

/// Splits `host:port` (also `[v6]:port`, whose brackets are dropped).
#[must_use]
pub fn split_host_port(addr: &str) -> Option<(&str, u16)> {
    let (host, port) = addr.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    Some((host, port.parse().ok()?))
}

/// One partition of the keyspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionInfo {
    /// Its slots; never empty, and no two partitions share one.
    pub slots: RangeInclusive<Slot>,
    /// The voters, preferred leader first; distinct and known to the map.
    pub replicas: Vec<NodeId>,
    /// Nodes that are catching up and do not vote.
    pub learners: Vec<NodeId>,
}

/// A change of the map, as it stands in the metadata group's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetaCommand {
    /// The cluster is born: decides its id and lays the partitions out over the nodes.
    Found {
        /// The new cluster's id; not 0.
        cluster: ClusterId,
        /// How many partitions; 1 to `limits::PARTITIONS_MAX`.
        partitions: u32,
        /// How many copies of each; at least 1. With fewer nodes, one per node.
        replicas: u32,
        /// The founding members; what is not known of them yet may be empty.
        nodes: BTreeMap<NodeId, NodeInfo>,
        /// What keeps the members of its groups alike; `None` in logs that were written before there was a choice.
        engine: Option<Protocol>,
    },
    /// All groups are to run this consensus engine.
    Engine(Protocol),
    /// A member says where it is reached and what it runs.
    Announce {
        /// The member.
        node: NodeId,
        /// What it says of itself; replaces what was known.
        info: NodeInfo,
    },
    /// A member lost its data, and its new directory is to take its seat.
    Replace {
        /// The member.
        node: NodeId,
        /// The incarnation it is known under.
        old: Incarnation,
        /// The new one.
        successor: Incarnation,
    },
    /// A group has committed a membership without the member that is being replaced.
    Left {
        /// The member.
        node: NodeId,
        /// The group.
        group: PartitionId,
        /// By whom it is replaced.
        successor: Incarnation,
    },
    /// A group has taken the new incarnation in, and it has caught up.
    Joined {
        /// The member.
        node: NodeId,
        /// The group.
        group: PartitionId,
        /// Its incarnation.
        successor: Incarnation,
    },
    /// Members come or go, or replicas move.
    Reshape(Reshape),
    /// Users of the cluster change.
    Users(Change),
    /// A partition owns its slots since this epoch, as its own log says.
    Claimed {
        /// The partition.
        partition: PartitionId,
        /// The epoch.
        epoch: Epoch,
    },
}

/// What a command did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The cluster was founded; the epoch is 1.
    Founded,
    /// A node's information changed; the epoch grew by one.
    Announced,
    /// A replacement or a change of the cluster's shape went on, or a partition's slots changed hands; the epoch grew by one.
    Changed,
    /// Another engine is wanted; the epoch grew by one.
    EngineChosen,
    /// The users changed, and so many are gone; once the cluster is founded, the epoch grew by one.
    Users(usize),
    /// Nothing new; neither map nor epoch changed.
    Unchanged,
}

/// Why a command was refused. The map is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// A cluster is founded once.
    #[error("the cluster was founded before")]
    AlreadyFounded,
    /// Only `Found` may come first.
    #[error("the cluster is not founded yet")]
    NotFounded,
    /// The node is no member.
    #[error("node {0} is not a member of the cluster")]
    UnknownNode(NodeId),
    /// It speaks of another data directory than the one that the node is known with.
    #[error("node {0} is known with another data directory")]
    OtherIncarnation(NodeId),
    /// A node asks to join another cluster than this.
    #[error("this is cluster {:016x}, and the node asks to join another one", .0.0)]
    OtherCluster(ClusterId),
    /// The id is taken.
    #[error(
        "node {0} is a member already, with another data directory: give the new node an id that is free, or start it on \
         the address of the member that it is to replace"
    )]
    MemberExists(NodeId),
    /// Somebody has to hold the data.
    #[error("node {0} is the last one that is not drained: somebody has to hold the data")]
    LastNode(NodeId),
    /// It holds replicas, or votes.
    #[error(
        "node {0} is not drained: `synod node drain {0}` moves what it holds to the others, and loses nothing"
    )]
    NotDrained(NodeId),
    /// It has not dropped its former replica yet.
    #[error("node {0} has not dropped its former replica of the partition yet")]
    StillThere(NodeId),
    /// No partition has this number.
    #[error("there is no partition {0}")]
    NoPartition(PartitionId),
    /// A partition is split at one of its slots, other than the first.
    #[error("partition {0} cannot be split at slot {at}: it has to be one of its slots, and not the first", at = .1.0)]
    NoSplitAt(PartitionId, Slot),
    /// It is being moved, split or merged.
    #[error("partition {0} is being moved, split or merged; try again when that is done")]
    Busy(PartitionId),
    /// A partition is merged with the one whose slots are right below its own.
    #[error("partition {0} has the lowest slots: a partition becomes part of the one below it")]
    NothingBelow(PartitionId),
    /// On some node the two live on different workers.
    #[error(
        "partitions {0} and {1} live on different workers of a node: only those can be merged whose numbers leave the same \
         remainder by the number of workers of every node"
    )]
    OtherWorker(PartitionId, PartitionId),
    /// There are as many as there may be.
    #[error("there is no number left for another partition: they go up to {PARTITIONS_MAX}")]
    TooManyPartitions,
    /// A number is 0 or above its limit, or a text too long.
    #[error("a value is out of bounds")]
    OutOfBounds,
    /// A rule about a user is refused: which of the change's rules, and why.
    #[error("rule {0}: {1}")]
    Rule(usize, Why),
}

/// Members and partitions. Equal on every node that applied the same commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterMap {
    /// The cluster's id; 0 until it is founded.
    pub cluster: ClusterId,
    /// How often the map changed; 0 until the cluster is founded.
    pub epoch: u64,
    /// The members.
    pub nodes: BTreeMap<NodeId, NodeInfo>,
    /// The engine that all groups run, or are about to; `None`: the one that each node was started with.
    pub engine: Option<Protocol>,
    pub(crate) partitions: BTreeMap<PartitionId, PartitionInfo>,
    /// Members that lost their data and are coming back.
    pub(crate) replacements: BTreeMap<NodeId, Replacement>,
    /// Members whose present incarnation was not there when the cluster was founded.
    pub(crate) joined: BTreeSet<NodeId>,
    pub(crate) shape: Shape,
    pub(crate) splits: Splits,
    pub(crate) merges: Merges,
    pub(crate) sizing: Sizing,
    pub(crate) users: Arc<Users>,
    /// Since which epoch partitions own their slots, where that is not the founding.
    pub(crate) epochs: BTreeMap<PartitionId, Epoch>,
    /// The partition of each slot, `META` where there is none; derived from `partitions`.
    pub(crate) slot_table: Vec<PartitionId>,
}

impl Default for ClusterMap {
    fn default() -> Self {
        Self {
            cluster: ClusterId(0),
            epoch: 0,
            nodes: BTreeMap::new(),
            engine: None,
            partitions: BTreeMap::new(),
            replacements: BTreeMap::new(),
            joined: BTreeSet::new(),
            shape: Shape::default(),
            splits: Splits::default(),
            merges: Merges::default(),
            sizing: Sizing::default(),
            users: Arc::default(),
            epochs: BTreeMap::new(),
            slot_table: vec![PartitionId::META; usize::from(SLOT_COUNT)],
        }
    }
}

impl ClusterMap {
    /// Whether the cluster exists.
    #[must_use]
    pub fn is_founded(&self) -> bool {
        self.epoch > 0
    }

    /// The partitions, ascending by number. Founded ones count from 1 and cover all slots in order.
    #[must_use]
    pub fn partitions(&self) -> &BTreeMap<PartitionId, PartitionInfo> {
        &self.partitions
    }

    /// One partition.
    #[must_use]
    pub fn partition(&self, partition: PartitionId) -> Option<&PartitionInfo> {
        self.partitions.get(&partition)
    }

    /// The partition that owns a slot; `None` before the cluster is founded. One table look-up.
    #[must_use]
    #[inline]
    pub fn partition_of(&self, slot: Slot) -> Option<PartitionId> {
        self.slot_table.get(usize::from(slot.0)).copied().filter(|p| *p != PartitionId::META)
    }

    /// Since which epoch a partition owns its slots, as far as the map knows.
    #[must_use]
    #[inline]
    pub fn epoch_of(&self, partition: PartitionId) -> Epoch {
        match self.epochs.is_empty() {
            true => Epoch(0),
            false => self.epochs.get(&partition).copied().unwrap_or_default(),
        }
    }

    /// The first and last slot of a partition.
    #[must_use]
    pub fn slots_of(&self, partition: PartitionId) -> Option<RangeInclusive<Slot>> {
        self.partitions.get(&partition).map(|info| info.slots.clone())
    }

    /// The partitions that `node` votes in or learns, ascending.
    pub fn partitions_on(&self, node: NodeId) -> impl Iterator<Item = PartitionId> + '_ {
        self.partitions
            .iter()
            .filter(move |(_, p)| p.replicas.contains(&node) || p.learners.contains(&node))
            .map(|(id, _)| *id)
    }

    /// Applies one command of the metadata group's log.
    ///
    /// # Errors
    /// When the command may not be applied; the map did not change then.
    pub fn apply(&mut self, command: MetaCommand) -> Result<Applied, Rejected> {
        match command {
            MetaCommand::Found { cluster, partitions, replicas, nodes, engine } => {
                let done = self.found(cluster, partitions, replicas, nodes)?;
                self.engine = engine;
                Ok(done)
            }
            MetaCommand::Engine(engine) => self.choose_engine(engine),
            MetaCommand::Reshape(reshape) => self.reshape(reshape),
            MetaCommand::Users(change) => self.change_users(&change),
            MetaCommand::Claimed { partition, epoch } => self.claimed(partition, epoch),
            MetaCommand::Announce { node, info } => self.announce(node, info),
            MetaCommand::Replace { node, old, successor } => self.replace(node, old, successor),
            MetaCommand::Left { node, group, successor } => self.left(node, group, successor),
            MetaCommand::Joined { node, group, successor } => self.joined(node, group, successor),
        }
    }

    fn found(
        &mut self,
        cluster: ClusterId,
        partitions: u32,
        replicas: u32,
        nodes: BTreeMap<NodeId, NodeInfo>,
    ) -> Result<Applied, Rejected> {
        if self.is_founded() {
            return Err(Rejected::AlreadyFounded);
        }
        let bounded = cluster.0 != 0
            && (1..=PARTITIONS_MAX).contains(&partitions)
            && (1..=NODES_MAX as u32).contains(&replicas)
            && (1..=NODES_MAX).contains(&nodes.len())
            && nodes.iter().all(|(node, info)| node.0 != 0 && info.is_bounded());
        if !bounded {
            return Err(Rejected::OutOfBounds);
        }
        let members: Vec<_> = nodes.keys().map(|node| Member::equal(*node)).collect();
        let placement = placement::place(partitions, replicas as usize, &members);
        self.partitions = (1..=partitions)
            .zip(placement)
            .map(|(number, replicas)| {
                let slots = even_slots(number - 1, partitions);
                (PartitionId(number), PartitionInfo { slots, replicas, learners: Vec::new() })
            })
            .collect();
        self.cluster = cluster;
        self.nodes = nodes;
        self.epoch = 1;
        self.fill_slot_table();
        Ok(Applied::Founded)
    }

    /// Who may use the cluster, and how.
    #[must_use]
    pub fn users(&self) -> &Arc<Users> {
        &self.users
    }

    fn change_users(&mut self, change: &Change) -> Result<Applied, Rejected> {
        let changed = Arc::make_mut(&mut self.users).apply(change);
        let changed = changed.map_err(|(rule, why)| Rejected::Rule(rule, why))?;
        if self.is_founded() {
            self.epoch += 1;
        }
        Ok(Applied::Users(changed.deleted))
    }

    fn claimed(&mut self, partition: PartitionId, epoch: Epoch) -> Result<Applied, Rejected> {
        if !self.partitions.contains_key(&partition) {
            return Err(Rejected::OutOfBounds);
        }
        if epoch <= self.epoch_of(partition) {
            return Ok(Applied::Unchanged);
        }
        self.epochs.insert(partition, epoch);
        self.epoch += 1;
        Ok(Applied::Changed)
    }

    fn choose_engine(&mut self, engine: Protocol) -> Result<Applied, Rejected> {
        if !self.is_founded() {
            return Err(Rejected::NotFounded);
        }
        if self.engine.replace(engine) == Some(engine) {
            return Ok(Applied::Unchanged);
        }
        self.epoch += 1;
        Ok(Applied::EngineChosen)
    }

    fn announce(&mut self, node: NodeId, info: NodeInfo) -> Result<Applied, Rejected> {
        if !self.is_founded() {
            return Err(Rejected::NotFounded);
        }
        if !info.is_bounded() {
            return Err(Rejected::OutOfBounds);
        }
        let known = self.nodes.get_mut(&node).ok_or(Rejected::UnknownNode(node))?;
        let same = known.incarnation == info.incarnation;
        // One that was taken in by a version without incarnations tells its own, once.
        let older = info.starts < known.starts
            || (info.starts == known.starts && info.process != known.process && known.starts != 0);
        if known.incarnation.0 != 0 && (!same || older) {
            return Err(Rejected::OtherIncarnation(node));
        }
        if *known == info {
            return Ok(Applied::Unchanged);
        }
        let before = std::mem::replace(known, info);
        if planted("old-address-kept") {
            known.peer_addr = before.peer_addr;
        }
        self.epoch += 1;
        Ok(Applied::Announced)
    }

    pub(crate) fn fill_slot_table(&mut self) {
        self.slot_table.fill(PartitionId::META);
        for (id, info) in &self.partitions {
            let (first, last) =
                (usize::from(info.slots.start().0), usize::from(info.slots.end().0));
            self.slot_table[first..=last].fill(*id);
        }
    }
}

/// The slots of the partition at `at` (from 0) of `count`: contiguous, and as even as whole slots allow.
fn even_slots(at: u32, count: u32) -> RangeInclusive<Slot> {
    let first = |at: u32| (u32::from(SLOT_COUNT) * at / count) as u16;
    Slot(first(at))..=Slot(first(at + 1) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(n: u64) -> BTreeMap<NodeId, NodeInfo> {
        (1..=n).map(|n| (NodeId(n), NodeInfo::default())).collect()
    }

    fn found(partitions: u32, replicas: u32, n: u64) -> MetaCommand {
        let (cluster, nodes) = (ClusterId(7), nodes(n));
        MetaCommand::Found { cluster, partitions, replicas, nodes, engine: None }
    }

    #[test]
    fn every_slot_has_one_partition_and_shares_are_even() {
        for partitions in [1, 2, 3, 7, 16, 100, PARTITIONS_MAX] {
            let mut map = ClusterMap::default();
            assert_eq!(map.partition_of(Slot(0)), None);
            assert_eq!(map.apply(found(partitions, 3, 3)), Ok(Applied::Founded));
            let even = u32::from(SLOT_COUNT) / partitions;
            let mut next = 0u32;
            for (id, info) in map.partitions() {
                let (first, last) =
                    (u32::from(info.slots.start().0), u32::from(info.slots.end().0));
                assert_eq!(first, next);
                assert!((even..=even + 1).contains(&(last - first + 1)));
                for slot in [first, last] {
                    assert_eq!(map.partition_of(Slot(slot as u16)), Some(*id));
                }
                next = last + 1;
            }
            assert_eq!(next, u32::from(SLOT_COUNT));
            assert_eq!(map.partitions_on(NodeId(2)).count(), partitions as usize);
        }
    }

    #[test]
    fn a_cluster_is_founded_once_and_soundly() {
        let mut map = ClusterMap::default();
        for bad in [found(0, 1, 1), found(PARTITIONS_MAX + 1, 1, 1), found(1, 0, 1), found(1, 1, 0)]
        {
            assert_eq!(map.apply(bad), Err(Rejected::OutOfBounds));
        }
        assert_eq!(map, ClusterMap::default());
        assert_eq!(map.apply(found(4, 3, 2)), Ok(Applied::Founded));
        assert!(map.partitions().values().all(|p| p.replicas.len() == 2));
        let before = map.clone();
        assert_eq!(map.apply(found(8, 1, 1)), Err(Rejected::AlreadyFounded));
        assert_eq!(map, before);
    }

    #[test]
    fn an_announcement_bumps_the_epoch_only_when_it_tells_something_new() {
        let mut map = ClusterMap::default();
        let announce = |node, port: u16| MetaCommand::Announce {
            node: NodeId(node),
            info: NodeInfo { client_addr: format!("127.0.0.1:{port}"), ..NodeInfo::default() },
        };
        assert_eq!(map.apply(announce(1, 1)), Err(Rejected::NotFounded));
        assert_eq!(map.apply(found(4, 3, 3)), Ok(Applied::Founded));
        assert_eq!(map.apply(announce(1, 1)), Ok(Applied::Announced));
        assert_eq!(map.apply(announce(1, 1)), Ok(Applied::Unchanged));
        assert_eq!(map.epoch, 2);
        assert_eq!(map.apply(announce(4, 1)), Err(Rejected::UnknownNode(NodeId(4))));
        let told = |incarnation, starts| MetaCommand::Announce {
            node: NodeId(2),
            info: NodeInfo { incarnation: Incarnation(incarnation), starts, ..NodeInfo::default() },
        };
        assert_eq!(map.apply(told(5, 1)), Ok(Applied::Announced), "it was not known");
        assert_eq!(map.apply(told(5, 3)), Ok(Applied::Announced), "it was started again");
        for (incarnation, starts) in [(6, 4), (5, 2)] {
            let refused = Err(Rejected::OtherIncarnation(NodeId(2)));
            assert_eq!(map.apply(told(incarnation, starts)), refused);
        }
        let long = NodeInfo { version: "v".repeat(ADDR_BYTES_MAX + 1), ..NodeInfo::default() };
        let long = MetaCommand::Announce { node: NodeId(1), info: long };
        assert_eq!(map.apply(long), Err(Rejected::OutOfBounds));
    }

    #[test]
    fn an_engine_is_chosen_at_the_founding_and_later() {
        let mut map = ClusterMap::default();
        let zab = MetaCommand::Engine(Protocol::Zab);
        assert_eq!(map.apply(zab.clone()), Err(Rejected::NotFounded));
        let MetaCommand::Found { cluster, partitions, replicas, nodes, .. } = found(4, 3, 3) else {
            panic!("`found` founds");
        };
        let engine = Some(Protocol::Paxos);
        let found = MetaCommand::Found { cluster, partitions, replicas, nodes, engine };
        assert_eq!(map.apply(found), Ok(Applied::Founded));
        assert_eq!((map.engine, map.epoch), (Some(Protocol::Paxos), 1));
        assert_eq!(map.apply(zab.clone()), Ok(Applied::EngineChosen));
        assert_eq!(map.apply(zab), Ok(Applied::Unchanged));
        assert_eq!((map.engine, map.epoch), (Some(Protocol::Zab), 2));
    }

    #[test]
    fn what_a_partition_claimed_is_known_until_it_claims_anew() {
        let mut map = ClusterMap::default();
        let claimed = |partition, epoch| MetaCommand::Claimed {
            partition: PartitionId(partition),
            epoch: Epoch(epoch),
        };
        assert_eq!(map.apply(claimed(1, 1)), Err(Rejected::OutOfBounds), "not founded");
        assert_eq!(map.apply(found(4, 3, 3)), Ok(Applied::Founded));
        assert_eq!(map.epoch_of(PartitionId(2)), Epoch(0));
        assert_eq!(map.apply(claimed(5, 1)), Err(Rejected::OutOfBounds), "no such partition");
        assert_eq!(map.apply(claimed(2, 3)), Ok(Applied::Changed));
        assert_eq!(map.apply(claimed(2, 3)), Ok(Applied::Unchanged));
        assert_eq!(map.apply(claimed(2, 2)), Ok(Applied::Unchanged), "late");
        let epochs = [1, 2].map(|partition| map.epoch_of(PartitionId(partition)));
        assert_eq!((epochs, map.epoch), ([Epoch(0), Epoch(3)], 2));
    }

    #[test]
    fn addresses_split_into_host_and_port() {
        assert_eq!(split_host_port("db.example:6379"), Some(("db.example", 6379)));
        assert_eq!(split_host_port("[::1]:1"), Some(("::1", 1)));
        for bad in ["", "host", "host:", "host:65536"] {
            assert_eq!(split_host_port(bad), None, "{bad}");
        }
    }
}
