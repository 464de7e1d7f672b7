//! A cluster that changes its shape while it serves: nodes are drained and take up replicas again, as an operator says.
//!
//! What the nodes make of that is theirs: who plans, who moves what and in which order, and who goes on after a crash. The
//! rules are those of every run, and in the end every node holds what consistent hashing gives it.
//!
//! Not together with changes of membership that the nemesis makes itself, and no disk is emptied or damaged afterwards: a group may
//! be two replicas then, and what could be lost, an operator could lose.

use crate::random::Random;
use crate::schedule::Blow;
use crate::world::World;
use synod_types::NodeId;

impl World {
    /// Has an operator ask a node to drain one, or to let one that is drained hold something again.
    pub(crate) fn strike_shape(&mut self, node: usize, random: &mut Random) -> Option<Blow> {
        if self.machines.len() < 2 || self.atlas.any() || self.identity_struck || self.unshaped {
            return None;
        }
        let map = self.machines[node].process.as_ref()?.worker.node_ref().map();
        let draining: Vec<NodeId> =
            map.nodes.keys().copied().filter(|node| map.is_draining(*node)).collect();
        let all: Vec<NodeId> = map.nodes.keys().copied().collect();
        // One away at a time leaves two of three.
        let (word, whom) = match draining.first() {
            Some(drained) => ("RESTORE", *drained),
            None => ("DRAIN", *random.pick(&all)?),
        };
        self.shaped = true;
        self.ask_for_shape(node, word, whom);
        Some((format!("CLUSTER {word} {whom}, asked of node {}", node + 1), None))
    }

    fn ask_for_shape(&mut self, node: usize, word: &str, whom: NodeId) {
        if let Some(process) = &mut self.machines[node].process {
            process.operate(&["CLUSTER", word, &whom.to_string()]);
        }
        self.wake(node, self.time);
    }

    /// Has all nodes hold something again.
    pub(crate) fn restore_shape(&mut self) {
        if !self.shaped {
            return;
        }
        for node in 0..self.machines.len() {
            let Some(process) = &self.machines[node].process else { continue };
            let map = process.worker.node_ref().map();
            let drained = map.nodes.keys().copied().find(|node| map.is_draining(*node));
            if let Some(drained) = drained {
                return self.ask_for_shape(node, "RESTORE", drained);
            }
        }
    }

    /// Whether a node is drained, or a replica on its way, as far as any node knows.
    pub(crate) fn changing_shape(&self) -> Option<String> {
        self.machines.iter().enumerate().find_map(|(at, machine)| {
            let map = machine.process.as_ref()?.worker.node_ref().map();
            let drained = map.nodes.keys().find(|node| map.is_draining(**node));
            let moving = map.moves().next();
            let dropping = map.vacating().next();
            let what = match (drained, moving, dropping) {
                (Some(node), _, _) => format!("node {node} is drained"),
                (_, Some((group, to)), _) => format!("group {group} is on its way to {to:?}"),
                (_, _, Some((group, node, _))) => {
                    format!("node {node} has not dropped group {group}")
                }
                _ => return None,
            };
            Some(format!("node {} says that {what}", at + 1))
        })
    }
}
