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

/// How many partitions come from splits at the most.
const SPLITS_MAX: usize = 6;

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
        self.operate(node, &["CLUSTER", word, &whom.to_string()]);
    }

    fn operate(&mut self, node: usize, words: &[&str]) {
        if let Some(process) = &mut self.machines[node].process {
            process.operate(words);
        }
        self.wake(node, self.time);
    }

    /// The greatest number that a partition has.
    pub(crate) fn partitions_max(&self) -> u32 {
        self.params.partitions + SPLITS_MAX as u32
    }

    /// Has an operator ask a node to split a partition somewhere. The nemesis changes no members by itself afterwards.
    pub(crate) fn strike_split(&mut self, node: usize, random: &mut Random) -> Option<Blow> {
        if self.atlas.any() || self.identity_struck || self.unshaped {
            return None;
        }
        let map = self.machines[node].process.as_ref()?.worker.node_ref().map();
        if map.greatest_number() >= self.partitions_max() {
            return None;
        }
        let known: Vec<_> = map.partitions().keys().copied().collect();
        let partition = *random.pick(&known)?;
        let slots = map.slots_of(partition)?;
        let (first, last) = (u64::from(slots.start().0), u64::from(slots.end().0));
        if first == last {
            return None;
        }
        let at = random.between(first + 1, last);
        self.shaped = true;
        self.operate(node, &["CLUSTER", "SPLIT", &partition.to_string(), &at.to_string()]);
        Some((format!("partition {partition} at slot {at}, asked of node {}", node + 1), None))
    }

    /// Has an operator ask a node to have a partition become part of the one below it. The nemesis changes no members by itself
    /// afterwards.
    pub(crate) fn strike_merge(&mut self, node: usize, random: &mut Random) -> Option<Blow> {
        if self.atlas.any() || self.identity_struck || self.unshaped {
            return None;
        }
        let map = self.machines[node].process.as_ref()?.worker.node_ref().map();
        let is_upper = |info: &synod_ring::PartitionInfo| info.slots.start().0 > 0;
        let upper: Vec<_> =
            map.partitions().iter().filter(|(_, info)| is_upper(info)).map(|(id, _)| *id).collect();
        let partition = *random.pick(&upper)?;
        self.shaped = true;
        self.operate(node, &["CLUSTER", "MERGE", &partition.to_string()]);
        Some((format!("partition {partition}, asked of node {}", node + 1), None))
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
            if let Some((partition, split)) = map.splits().next() {
                return Some(format!(
                    "node {} says that partition {partition} is being split at slot {}",
                    at + 1,
                    split.at.0
                ));
            }
            if let Some((partition, _)) = map.merges().next() {
                return Some(format!(
                    "node {} says that partition {partition} is being merged",
                    at + 1
                ));
            }
            if let Some((partition, lower, _)) = map.all_absorbed().next() {
                return Some(format!(
                    "node {} says that partition {lower} needs what is left of {partition}",
                    at + 1
                ));
            }
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
