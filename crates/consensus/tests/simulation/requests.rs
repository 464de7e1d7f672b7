//! What clients and operators ask of a group.

use crate::world::World;
use bytes::Bytes;
use synod_consensus::Protocol;
use synod_types::{Index, Membership, NodeId};

impl World {
    /// Clients and operators ask for things.
    pub fn requests(&mut self) {
        if self.chance(3) {
            let node = self.any_leader();
            self.propose(node);
        }
        if self.chance(4) {
            let node = self.any_leader();
            self.read(node);
        }
        if self.faults.transfers && self.chance(100) {
            let (node, to) = (self.any_leader(), self.any_node());
            self.with(node, |member| {
                let _ = member.engine.as_mut().unwrap().transfer_leadership(to);
            });
        }
        if self.faults.changes && self.chance(30) {
            let node = self.any_leader();
            let target = self.any_membership();
            self.with(node, |member| {
                let _ = member.engine.as_mut().unwrap().change_membership(target);
            });
        }
        if self.faults.engines && self.chance(60) {
            self.change_engine();
        }
    }

    /// The operator moves the group to another engine.
    fn change_engine(&mut self) {
        let node = self.any_leader();
        let to = Protocol::ALL[self.random.below(3) as usize];
        self.with(node, |member| {
            let engine = member.engine.as_mut().unwrap();
            let target = Membership { engine: Some(to), ..engine.status().membership };
            let _ = engine.change_membership(target);
        });
    }

    fn any_membership(&mut self) -> Membership {
        let mut target = Membership::default();
        let nodes: Vec<NodeId> = self.members.keys().copied().collect();
        for node in nodes {
            match self.random.below(4) {
                0 | 1 => target.voters.push(node),
                2 => target.learners.push(node),
                _ => {}
            }
        }
        target
    }

    pub fn propose(&mut self, node: NodeId) -> Option<Index> {
        self.next_id += 1;
        let mut payload = self.next_id.to_le_bytes().to_vec();
        payload.resize(8 + self.random.below(100) as usize, 0);
        let bytes = Bytes::from(payload.clone());
        let mut at = None;
        self.with(node, |member| at = member.engine.as_mut().unwrap().propose(bytes).ok());
        let at = at?;
        self.oracle.proposed(at, payload);
        Some(at.index)
    }

    pub fn read(&mut self, node: NodeId) {
        self.next_id += 1;
        let id = self.next_id;
        self.oracle.read_asked(id);
        let asked = self.with(node, |member| member.engine.as_mut().unwrap().read(id).is_ok());
        if asked != Some(true) {
            self.oracle.read_gone(id);
        }
    }
}
