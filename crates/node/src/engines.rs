//! A running cluster moves to another consensus engine: one group at a time, data partitions in order, the metadata group
//! last.
//!
//! The map says which engine is wanted. Each leader names it in its group's membership as soon as it has heard that
//! all groups before its own have moved; the engine does the rest. So a group that cannot move holds up those behind
//! it, and nothing that goes wrong with one concerns another.

use crate::node::Node;
use synod_consensus::Protocol;
use synod_machine::{MachineId, put_operation};
use synod_replica::{Access, Origin};
use synod_ring::MetaCommand;
use synod_types::{Membership, PartitionId, limits};

/// What the leaders of the groups said they run. Indexed by group number.
#[derive(Debug, Default)]
pub(crate) struct Engines {
    known: Vec<Option<Protocol>>,
}

impl Engines {
    /// The leader of a group runs this.
    pub fn learn(&mut self, group: PartitionId, engine: Protocol) {
        let at = group.0 as usize;
        if group.0 > limits::PARTITIONS_MAX {
            return;
        }
        if at >= self.known.len() {
            self.known.resize(at + 1, None);
        }
        self.known[at] = Some(engine);
    }

    /// What a group was last known to run.
    pub fn get(&self, group: PartitionId) -> Option<Protocol> {
        self.known.get(group.0 as usize).copied().flatten()
    }
}

impl Node {
    /// The engine that the cluster runs, or is about to.
    pub(crate) fn wanted_engine(&self) -> Protocol {
        self.groups.map().engine.unwrap_or(self.local.config().engine)
    }

    /// Asks for another engine, as CLUSTER ENGINE does on behalf of a client.
    pub fn choose_engine(&mut self, engine: Protocol) {
        let mut op = Vec::new();
        let command = MetaCommand::Engine(engine);
        put_operation(&mut op, MachineId::CLUSTER_MAP, |body| command.encode(body));
        self.route(PartitionId::META, Origin::Internal, op, Access::Write);
    }

    /// Whether every replica here runs what the map says.
    #[must_use]
    pub fn runs_wanted_engine(&self) -> bool {
        let wanted = self.wanted_engine();
        self.groups.replicas().all(|replica| replica.protocol() == wanted)
    }

    /// Moves the next group, if it is led here.
    pub(crate) fn tend_engines(&mut self) {
        let Some(wanted) = self.groups.map().engine else { return };
        let behind = self.groups.led_under_other_engine(wanted);
        let next = behind.into_iter().find(|group| self.is_next_to_move(*group, wanted));
        let Some(replica) = next.and_then(|group| self.replica(group)) else { return };
        let (group, membership) = (replica.group(), replica.status().membership);
        let target = Membership { engine: Some(wanted), ..membership };
        // It is asked again with the next tick until it has moved, whatever stood in its way.
        let _refused_for_now = replica.engine().change_membership(target);
        self.touch(group);
    }

    fn is_next_to_move(&self, group: PartitionId, wanted: Protocol) -> bool {
        self.groups
            .map()
            .partitions()
            .keys()
            .take_while(|before| **before != group)
            .all(|before| self.groups.engines().get(*before) == Some(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_group_is_not_noted() {
        let mut engines = Engines::default();
        engines.learn(PartitionId(3), Protocol::Zab);
        engines.learn(PartitionId(u32::MAX), Protocol::Zab);
        assert_eq!(engines.get(PartitionId(3)), Some(Protocol::Zab));
        assert_eq!(engines.get(PartitionId(2)), None);
        assert_eq!(engines.known.len(), 4);
    }
}
