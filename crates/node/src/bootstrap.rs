//! How a node comes to hold its groups: from its log, or because the cluster map says so.

use crate::config::RecoveredGroup;
use crate::node::Node;
use crate::output::Log;
use std::collections::BTreeMap;
use std::sync::Arc;
use synod_acl::{Change, DEFAULT, Rule};
use synod_consensus::{Config, Recovered};
use synod_machine::{MachineId, put_operation};
use synod_replica::{Access, Origin, Replica, State};
use synod_ring::{ClusterMap, MetaCommand, NodeInfo, Place, Reshape};
use synod_types::plant::planted;
use synod_types::{
    ClusterId, HardState, Index, Membership, NodeId, PartitionId, SLOT_COUNT, Slot, SnapshotMeta,
};

/// The metadata group has at most this many voters; further founding members learn.
pub(crate) const META_VOTERS_MAX: usize = 5;
/// A node repeats what it has to say of itself until the map says so too, this often.
const ANNOUNCE_US: u64 = 1_000_000;

/// What this node has said of itself.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    /// When it did last; 0: never.
    last_us: u64,
    /// Whether the cluster has known this node's place as it was said at the start.
    place_is_known: bool,
}

const ELECTION_TICKS: u32 = 12;
const HEARTBEAT_TICKS: u32 = 2;
const APPEND_BYTES_MAX: usize = 1 << 20;
const INFLIGHT_BYTES_MAX: usize = 16 << 20;
const CACHE_BYTES_MAX: usize = 8 << 20;

impl Node {
    /// Takes up the groups of the log and, on worker 0, founds the metadata group if there is none.
    pub(crate) fn recover(&mut self, recovered: Vec<RecoveredGroup>) {
        for group in recovered {
            if self.owns(group.group) {
                self.births.recover(group.group);
                self.take_up(group);
            }
        }
        self.found_if_agreed();
        self.learn_map();
    }

    /// Founds the metadata group on worker 0 once all founding members are known to have agreed on who they are.
    pub(crate) fn found_if_agreed(&mut self) {
        let has_meta = self.replica(PartitionId::META).is_some();
        if self.local.config().worker != 0
            || self.local.config().joins
            || has_meta
            || !self.others.roster().is_agreed()
        {
            return;
        }
        let members: Vec<NodeId> = self.local.config().initial_cluster.keys().copied().collect();
        let (voters, learners) = members.split_at(members.len().min(META_VOTERS_MAX));
        let mut membership = Membership::of_voters(voters.to_vec());
        membership.learners = learners.to_vec();
        self.found_replica(PartitionId::META, membership);
    }

    /// A new, empty group.
    fn found_replica(&mut self, group: PartitionId, membership: Membership) {
        let meta = SnapshotMeta { membership, ..SnapshotMeta::default() };
        self.output.log.push(Log::Snapshot { group, meta: meta.clone() });
        let hard_state = self.groups.dropped_mut().take_promise(group);
        let entries = Vec::new();
        self.take_up(RecoveredGroup { group, hard_state, snapshot: meta, entries, state: None });
    }

    /// An empty replica of a group that exists. It has no members but those that the log will tell, so it does not
    /// stand for election.
    fn join_replica(&mut self, group: PartitionId) {
        self.found_replica(group, Membership::default());
    }

    /// Joins the metadata group of a cluster that has taken this node in. One of those that the cluster was founded with
    /// waits for the word of another, and founds: what its log tells begins with the members.
    pub(crate) fn join_if_known(&mut self) {
        let has_meta = self.replica(PartitionId::META).is_some();
        let joins = self.local.config().joins || self.others.roster().is_successor();
        if self.local.config().worker == 0 && !has_meta && self.others.known().belongs() && joins {
            self.join_replica(PartitionId::META);
        }
    }

    /// A replica of what is recovered, or begins.
    pub(crate) fn take_up(&mut self, recovered: RecoveredGroup) {
        let RecoveredGroup { group, mut hard_state, snapshot, entries, state } = recovered;
        if hard_state.term < snapshot.term {
            // The log ends between the first snapshot of a new partition and what it is to have promised.
            let (term, commit) = (snapshot.term, snapshot.index);
            hard_state = HardState { term, commit, ..HardState::default() };
        }
        let config = Config {
            id: self.local.id(),
            group,
            election_ticks: ELECTION_TICKS,
            heartbeat_ticks: HEARTBEAT_TICKS,
            lease_reads: self.local.config().lease_reads,
            append_bytes_max: APPEND_BYTES_MAX,
            inflight_bytes_max: INFLIGHT_BYTES_MAX,
            cache_bytes_max: CACHE_BYTES_MAX,
            seed: self.local.random() ^ u64::from(group.0),
        };
        let state = state.unwrap_or_else(|| match group {
            PartitionId::META => State::meta(),
            _ => State::data(
                self.groups.map().founded_slots_of(group).unwrap_or(Slot(0)..=Slot(SLOT_COUNT - 1)),
            ),
        });
        let alone = snapshot.membership.voters == [self.local.id()];
        let founded = snapshot.index == Index(0) && entries.is_empty();
        let recovered = Recovered { hard_state, snapshot: snapshot.clone(), entries };
        let engine = synod_consensus::start(self.local.config().engine, config, recovered);
        let mut replica = Replica::new(
            group,
            self.local.id(),
            engine,
            state,
            &snapshot,
            hard_state,
            self.local.config().ack_early,
        );
        replica.set_turn_length(self.local.config().turn_length);
        let preferred = self.preferred_leader(group) == Some(self.local.id());
        if alone || (founded && preferred) {
            replica.engine().campaign();
        }
        self.groups.add(group, replica);
    }

    /// Who should vote in the metadata group: members that are not to be emptied, up to a number of them.
    pub(crate) fn meta_voters(&self) -> Vec<NodeId> {
        match self.groups.map().is_founded() {
            true => {
                let stay = self
                    .groups
                    .map()
                    .nodes
                    .keys()
                    .filter(|node| !self.groups.map().is_draining(**node));
                stay.take(META_VOTERS_MAX).copied().collect()
            }
            false => {
                self.local.config().initial_cluster.keys().take(META_VOTERS_MAX).copied().collect()
            }
        }
    }

    /// Who should lead a group when all is well: the first of its replicas on the ring.
    pub(crate) fn preferred_leader(&self, group: PartitionId) -> Option<NodeId> {
        match group {
            PartitionId::META => self.meta_voters().first().copied(),
            _ => self.groups.map().holders(group)?.first().copied(),
        }
    }

    /// Takes the map of the metadata group over, on the worker that has it.
    pub(crate) fn learn_map(&mut self) {
        let epoch = self.groups.map().epoch;
        let Some(replica) = self.replica(PartitionId::META) else { return };
        let Some(map) = replica.state().map().filter(|map| map.epoch != epoch) else { return };
        let map = Arc::new(map.clone());
        self.output.map = Some(map.clone());
        self.install_map(map);
    }

    /// Takes a map over: from the log, from the metadata group, or from the worker that has it.
    pub fn install_map(&mut self, map: Arc<ClusterMap>) {
        if map.epoch <= self.groups.map().epoch {
            return;
        }
        self.planner.learn(self.groups.map(), &map, self.local.now().mono_us);
        let old = std::sync::Arc::clone(self.groups.map());
        self.groups.set_map(map);
        self.learn_users();
        self.follow_slots(&old);
        self.add_missing_replicas();
    }

    /// Founds or joins the partitions that the map says are to be held here.
    pub(crate) fn add_missing_replicas(&mut self) {
        let own = self.local.id();
        let mut missing: Vec<_> = self
            .groups
            .map()
            .partitions()
            .iter()
            .filter(|(id, info)| {
                self.owns(**id) && (info.replicas.contains(&own) || info.learners.contains(&own))
            })
            .map(|(id, info)| (*id, info.replicas.clone()))
            .collect();
        let needed = self.groups.map().all_absorbed();
        let needed = needed.filter(|(id, _, of)| self.owns(*id) && of.replicas.contains(&own));
        missing.extend(needed.map(|(id, _, of)| (id, of.replicas.clone())));
        let wiped = planted("wiped-voter-votes");
        // A new member reads the log from its beginning: what that says of its predecessor is not about this directory.
        let is_own = |info: &NodeInfo| info.incarnation == self.local.config().info.incarnation;
        if !wiped && !self.groups.map().nodes.get(&own).is_some_and(is_own) {
            return;
        }
        let founder = self.groups.map().is_founder(own) || wiped;
        for (id, replicas) in missing {
            if self.replica(id).is_none()
                && !self.groups.dropped().is_on_disk(id)
                && !self.is_to_be_born(id)
            {
                let founds =
                    founder && self.groups.map().is_as_founded(id) && replicas.contains(&own);
                match founds {
                    true => self.found_replica(id, Membership::of_voters(replicas)),
                    false => self.join_replica(id),
                }
            }
        }
    }

    /// Founds the cluster if nobody has, and says where this node is until the map says so too.
    pub(crate) fn tend_map(&mut self) {
        let last_us = self.announced.last_us;
        let wait = self.local.now().mono_us.saturating_sub(last_us) < ANNOUNCE_US;
        if self.local.config().worker != 0 || (wait && last_us != 0) {
            return;
        }
        let command = if !self.groups.map().is_founded() {
            if !self.is_leader(PartitionId::META) {
                return;
            }
            // A cluster with a password has it from its first moment.
            if let Some(password) = self.local.config().password {
                let rules = vec![Rule::ResetPass, Rule::AddPassword(password)];
                let change = Change::Set { name: DEFAULT.to_vec(), rules };
                self.propose_meta(&MetaCommand::Users(change));
            }
            self.founding()
        } else if let Some(place) = self.place_to_tell() {
            MetaCommand::Reshape(Reshape::Place(self.local.id(), place))
        } else if self.has_news() {
            MetaCommand::Announce { node: self.local.id(), info: self.local.config().info.clone() }
        } else {
            return;
        };
        self.announced.last_us = self.local.now().mono_us.max(1);
        self.propose_meta(&command);
    }

    /// Where this node stands by what was said at its start, until the cluster knows; what an operator says later counts.
    fn place_to_tell(&mut self) -> Option<Place> {
        let (weight, zone) = (self.local.config().weight, self.local.config().zone.as_ref());
        if self.announced.place_is_known || !self.groups.map().nodes.contains_key(&self.local.id())
        {
            return None;
        }
        let known = self.groups.map().place_of(self.local.id());
        let place = Place {
            weight: weight.unwrap_or(known.weight),
            zone: zone.unwrap_or(&known.zone).clone(),
        };
        self.announced.place_is_known = place == known;
        (place != known).then_some(place)
    }

    /// Sends a command to the metadata group; it may be lost.
    pub(crate) fn propose_meta(&mut self, command: &MetaCommand) {
        let mut op = Vec::new();
        put_operation(&mut op, MachineId::CLUSTER_MAP, |body| command.encode(body));
        self.route(PartitionId::META, Origin::Internal, op, Access::Write);
    }

    /// Whether the map does not say what this node says of itself. One whose seat another incarnation has says nothing.
    fn has_news(&self) -> bool {
        let Some(known) = self.groups.map().nodes.get(&self.local.id()) else { return false };
        let info = &self.local.config().info;
        let own = known.incarnation == info.incarnation || known.incarnation.0 == 0;
        own && known != info && known.starts <= info.starts
    }

    fn founding(&mut self) -> MetaCommand {
        let cluster = ClusterId(self.local.random().max(1));
        let nodes: BTreeMap<NodeId, NodeInfo> = self
            .local
            .config()
            .initial_cluster
            .iter()
            .map(|(id, peer_addr)| {
                let info = match *id == self.local.id() {
                    true => self.local.config().info.clone(),
                    false => NodeInfo {
                        peer_addr: peer_addr.clone(),
                        incarnation: self.others.roster().incarnation(*id),
                        ..NodeInfo::default()
                    },
                };
                (*id, info)
            })
            .collect();
        let (partitions, replicas) = (self.local.config().partitions, self.local.config().replicas);
        let engine = Some(self.local.config().engine);
        MetaCommand::Found { cluster, partitions, replicas, nodes, engine }
    }
}
