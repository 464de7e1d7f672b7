//! Changes of membership under trouble: voters become learners, leave, and come back. And of the engine that all run.
//!
//! No command of the program does that yet, so the nemesis asks the leader's replica itself. It moves the members
//! that the map places a group on to any mixture of roles with at least one voter, through joint configurations; after
//! healing it asks for full membership again until that is in force everywhere. Source: Ongaro, "Consensus: Bridging
//! Theory and Practice", section 4.3, and bug class "reconfiguration under partition loses data" (RethinkDB,
//! Jepsen 2016).

use crate::random::Random;
use crate::schedule::Blow;
use crate::world::{Event, World};
use synod_consensus::Role;
use synod_types::{Membership, NodeId, PartitionId, Protocol};

/// How often full membership is asked for after healing.
const RESTORE_US: u64 = 500_000;

fn id_of(node: usize) -> NodeId {
    NodeId(node as u64 + 1)
}

fn full(members: &[usize]) -> Membership {
    Membership::of_voters(members.iter().copied().map(id_of).collect())
}

/// Without the engine.
fn voters_and_learners(found: &Membership) -> Membership {
    Membership { engine: None, ..found.clone() }
}

impl World {
    /// The replica that leads the group as far as it knows itself, in the latest term.
    fn leading(&self, group: PartitionId) -> Option<usize> {
        let leads = |at: &usize| {
            let process = self.machines[*at].process.as_ref();
            process
                .and_then(|p| p.worker.node_ref().role(group))
                .filter(|(role, _)| *role == Role::Leader)
        };
        let leaders = (0..self.machines.len()).filter_map(|at| Some((leads(&at)?.1, at)));
        leaders.max().map(|(_, at)| at)
    }

    /// Asks the leader of some group for other members; which, if it took that up.
    pub(crate) fn strike_membership(&mut self, random: &mut Random) -> Option<Blow> {
        let (group, members) = random.pick(&self.placement())?.clone();
        if self.atlas.any() || self.identity_struck || self.shaped || members.len() < 2 {
            return None;
        }
        let mut target = Membership::default();
        for node in members {
            match random.below(100) {
                0..60 => target.voters.push(id_of(node)),
                60..88 => target.learners.push(id_of(node)),
                _ => {}
            }
        }
        self.unshaped = true;
        target.voters.sort_unstable();
        target.learners.sort_unstable();
        let list =
            |nodes: &[NodeId]| nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let (voters, learners) = (list(&target.voters), list(&target.learners));
        self.propose_members(group, target)
            .then(|| (format!("group {group}: voters {voters}, learners {learners}"), None))
    }

    fn propose_members(&mut self, group: PartitionId, target: Membership) -> bool {
        let Some(at) = self.leading(group) else { return false };
        let Some(process) = &mut self.machines[at].process else { return false };
        let taken = process.worker.node().change_membership(group, target).is_ok();
        if taken {
            self.wake(at, self.time);
        }
        taken
    }

    /// Asks a node for another engine.
    pub(crate) fn strike_engine(&mut self, node: usize, random: &mut Random) -> Option<Blow> {
        let to = *random.pick(&Protocol::ALL)?;
        self.machines[node].process.as_mut()?.worker.node().choose_engine(to);
        self.wake(node, self.time);
        Some((format!("to {to}, asked of node {}", node + 1), None))
    }

    /// A node on which not every group runs the engine that the map names.
    pub(crate) fn mixed_engines(&self) -> Option<String> {
        self.machines.iter().enumerate().find_map(|(at, machine)| {
            let moved = machine.process.as_ref()?.worker.node_ref().runs_wanted_engine();
            (!moved).then(|| format!("node {} does not run the wanted engine everywhere", at + 1))
        })
    }

    /// Whether all nodes are up and every replica is in a group of voters only, none missing.
    pub(crate) fn is_membership_full(&self) -> bool {
        self.machines.iter().enumerate().all(|(at, m)| m.process.is_some() || self.atlas.is_out(at))
            && self.partial_membership().is_none()
            && self.changing_shape().is_none()
    }

    /// A replica that has another membership in force than the full one.
    pub(crate) fn partial_membership(&self) -> Option<String> {
        self.placement().into_iter().find_map(|(group, members)| {
            let full = full(&members);
            members.iter().find_map(|at| {
                let found =
                    self.machines[*at].process.as_ref()?.worker.node_ref().membership(group)?;
                (voters_and_learners(&found) != full)
                    .then(|| format!("group {group} on node {}: {found:?}", at + 1))
            })
        })
    }

    /// Asks for full membership wherever it is not in force, again and again.
    pub(crate) fn restore_members(&mut self) {
        self.note_identities();
        // Those who replace a member change memberships themselves.
        let by_themselves = self.identity_struck || self.shaped;
        let groups = if by_themselves { Vec::new() } else { self.placement() };
        self.restore_shape();
        for (group, members) in groups {
            let full = full(&members);
            let in_force = self.leading(group).and_then(|at| {
                self.machines[at].process.as_ref()?.worker.node_ref().membership(group)
            });
            if in_force.is_some_and(|found| voters_and_learners(&found) != full) {
                self.propose_members(group, full);
            }
        }
        self.at(self.time + RESTORE_US, Event::Restore);
    }
}
