//! How a node comes to hold its groups: from its log, or because the cluster map says so.

use crate::config::RecoveredGroup;
use crate::node::Node;
use crate::output::Log;
use std::collections::BTreeMap;
use std::sync::Arc;
use synod_consensus::{Config, Recovered};
use synod_machine::{MachineId, put_operation};
use synod_replica::{Access, Origin, Replica, State};
use synod_ring::{ClusterMap, MetaCommand, NodeInfo};
use synod_types::{
    ClusterId, HardState, Index, Membership, NodeId, PartitionId, SLOT_COUNT, Slot, SnapshotMeta,
};

/// The metadata group has at most this many voters; further founding members learn.
const META_VOTERS_MAX: usize = 5;
/// A node repeats what it has to say of itself until the map says so too, this often.
const ANNOUNCE_US: u64 = 1_000_000;

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
                self.add_replica(group);
            }
        }
        if self.config.worker == 0 && self.replica(PartitionId::META).is_none() {
            let members: Vec<NodeId> = self.config.initial_cluster.keys().copied().collect();
            let (voters, learners) = members.split_at(members.len().min(META_VOTERS_MAX));
            let mut membership = Membership::of_voters(voters.to_vec());
            membership.learners = learners.to_vec();
            self.found_replica(PartitionId::META, membership);
        }
        self.learn_map();
    }

    /// A new, empty group.
    fn found_replica(&mut self, group: PartitionId, membership: Membership) {
        let meta = SnapshotMeta { membership, ..SnapshotMeta::default() };
        self.output.log.push(Log::Snapshot { group, meta: meta.clone() });
        let hard_state = HardState::default();
        let entries = Vec::new();
        self.add_replica(RecoveredGroup {
            group,
            hard_state,
            snapshot: meta,
            entries,
            state: None,
        });
    }

    fn add_replica(&mut self, recovered: RecoveredGroup) {
        let RecoveredGroup { group, hard_state, snapshot, entries, state } = recovered;
        let config = Config {
            id: self.config.id,
            group,
            election_ticks: ELECTION_TICKS,
            heartbeat_ticks: HEARTBEAT_TICKS,
            lease_reads: self.config.lease_reads,
            append_bytes_max: APPEND_BYTES_MAX,
            inflight_bytes_max: INFLIGHT_BYTES_MAX,
            cache_bytes_max: CACHE_BYTES_MAX,
            seed: self.random() ^ u64::from(group.0),
        };
        let state = state.unwrap_or_else(|| match group {
            PartitionId::META => State::meta(),
            _ => State::data(self.map.slots_of(group).unwrap_or(Slot(0)..=Slot(SLOT_COUNT - 1))),
        });
        let alone = snapshot.membership.voters == [self.config.id];
        let founded = snapshot.index == Index(0) && entries.is_empty();
        let recovered = Recovered { hard_state, snapshot: snapshot.clone(), entries };
        let engine = self.config.engine.start(config, recovered);
        let mut replica = Replica::new(
            group,
            self.config.id,
            engine,
            state,
            &snapshot,
            hard_state,
            self.config.ack_early,
        );
        let preferred = self.preferred_leader(group) == Some(self.config.id);
        if alone || (founded && preferred) {
            replica.engine().campaign();
        }
        let at = group.0 as usize;
        if at >= self.replicas.len() {
            self.replicas.resize_with(at + 1, || None);
        }
        self.replicas[at] = Some(Box::new(replica));
        self.touch(group);
    }

    /// Who should lead a group when all is well: the first of its replicas on the ring.
    pub(crate) fn preferred_leader(&self, group: PartitionId) -> Option<NodeId> {
        match group {
            PartitionId::META => self.config.initial_cluster.keys().next().copied(),
            _ => self.map.partition(group)?.replicas.first().copied(),
        }
    }

    /// Takes the map of the metadata group over, on the worker that has it.
    pub(crate) fn learn_map(&mut self) {
        let epoch = self.map.epoch;
        let Some(replica) = self.replica(PartitionId::META) else { return };
        let Some(map) = replica.state().map().filter(|map| map.epoch != epoch) else { return };
        let map = Arc::new(map.clone());
        self.output.map = Some(map.clone());
        self.install_map(map);
    }

    /// Takes a map over: from the log, from the metadata group, or from the worker that has it.
    pub fn install_map(&mut self, map: Arc<ClusterMap>) {
        if map.epoch <= self.map.epoch {
            return;
        }
        self.map = map;
        let own = self.config.id;
        let missing: Vec<_> = self
            .map
            .partitions()
            .iter()
            .filter(|(id, info)| self.owns(**id) && info.replicas.contains(&own))
            .map(|(id, info)| (*id, info.replicas.clone()))
            .collect();
        for (id, replicas) in missing {
            if self.replica(id).is_none() {
                self.found_replica(id, Membership::of_voters(replicas));
            }
        }
    }

    /// Founds the cluster if nobody has, and says where this node is until the map says so too.
    pub(crate) fn tend_map(&mut self) {
        let wait = self.now.mono_us.saturating_sub(self.announced_us) < ANNOUNCE_US;
        if self.config.worker != 0 || (wait && self.announced_us != 0) {
            return;
        }
        let command = if !self.map.is_founded() {
            if !self.is_leader(PartitionId::META) {
                return;
            }
            self.founding()
        } else if self.map.nodes.get(&self.config.id) != Some(&self.config.info) {
            MetaCommand::Announce { node: self.config.id, info: self.config.info.clone() }
        } else {
            return;
        };
        self.announced_us = self.now.mono_us.max(1);
        let mut op = Vec::new();
        put_operation(&mut op, MachineId::CLUSTER_MAP, |body| command.encode(body));
        self.route(PartitionId::META, Origin::Internal, op, Access::Write);
    }

    fn founding(&mut self) -> MetaCommand {
        let cluster = ClusterId(self.random().max(1));
        let nodes: BTreeMap<NodeId, NodeInfo> = self
            .config
            .initial_cluster
            .iter()
            .map(|(id, peer_addr)| {
                let info = match *id == self.config.id {
                    true => self.config.info.clone(),
                    false => NodeInfo { peer_addr: peer_addr.clone(), ..NodeInfo::default() },
                };
                (*id, info)
            })
            .collect();
        let (partitions, replicas) = (self.config.partitions, self.config.replicas);
        MetaCommand::Found { cluster, partitions, replicas, nodes }
    }
}
