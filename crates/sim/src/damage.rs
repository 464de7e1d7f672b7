//! Faults of the medium, below the real log code: what was durable is not what it was.
//!
//! What a node owes: to notice, by refusing to start with a message that names the damage, and never to serve or
//! acknowledge what is not so ([`crate::promise`] looks). Its operator would then replace it; the simulator has no
//! operator, so it stays down, and the others must go on.
//!
//! One node cannot bring back what only it had, so the [`Atlas`] keeps damage to a minority of every group. And a
//! sector that is lost of what the last sync covered looks like a write that never was, to any log with one copy: only
//! sectors that must be missed get lost ([`is_missed`]; docs/log-format.md, "what remains"). Everything else about such
//! a node is looked at as about any other: nothing is excused.

use crate::faults::Fault;
use crate::machine::Machine;
use crate::random::Random;
use crate::world::World;
use std::collections::BTreeSet;
use std::path::PathBuf;
use synod_log::disk::SECTOR_BYTES;
use synod_log::is_missed;
use synod_types::{NodeId, PartitionId};

/// Which machines have a damaged disk.
#[derive(Default)]
pub(crate) struct Atlas {
    damaged: BTreeSet<usize>,
    refused: BTreeSet<usize>,
}

impl Atlas {
    pub fn is_damaged(&self, node: usize) -> bool {
        self.damaged.contains(&node)
    }

    pub fn any(&self) -> bool {
        !self.damaged.is_empty()
    }

    /// Whether the node noticed and stays down.
    pub fn is_out(&self, node: usize) -> bool {
        self.refused.contains(&node)
    }

    /// How many nodes noticed.
    pub fn refused(&self) -> u64 {
        self.refused.len() as u64
    }

    pub fn refuse(&mut self, node: usize) {
        self.refused.insert(node);
    }

    /// Whether every group keeps a majority of undamaged members when this machine is damaged too.
    fn allows(&self, node: usize, groups: &[Vec<usize>]) -> bool {
        // A second fault may destroy the proof of the first: one per disk.
        !self.damaged.contains(&node)
            && groups.iter().all(|members| {
                let hurt = |at: &&usize| **at == node || self.damaged.contains(*at);
                members.iter().filter(hurt).count() <= (members.len() - 1) / 2
            })
    }
}

impl World {
    /// The members of each group, as the map places them; nothing before the cluster is founded.
    pub(crate) fn placement(&self) -> Vec<(PartitionId, Vec<usize>)> {
        let maps =
            self.machines.iter().filter_map(|m| Some(m.process.as_ref()?.worker.node_ref().map()));
        let Some(map) = maps.filter(|map| map.is_founded()).max_by_key(|map| map.epoch) else {
            return Vec::new();
        };
        let data = map.partitions().iter().map(|(group, info)| {
            let at = |id: &NodeId| self.node_of(*id);
            (*group, info.replicas.iter().filter_map(at).collect())
        });
        std::iter::once((PartitionId::META, (0..self.machines.len()).collect()))
            .chain(data)
            .collect()
    }

    /// Damages something durable on this machine, if a quorum survives that; where.
    pub(crate) fn strike_medium(
        &mut self,
        fault: Fault,
        node: usize,
        random: &mut Random,
    ) -> Option<String> {
        let groups: Vec<_> = self.placement().into_iter().map(|(_, members)| members).collect();
        if groups.is_empty()
            || !self.atlas.allows(node, &groups)
            || self.shaped
            || !self.is_membership_full()
            || self.identity_struck
        {
            return None;
        }
        let place = match fault {
            Fault::BitFlip => self.flip_bit(node, random)?,
            _ => self.lose_write(node, fault == Fault::Misdirected, random)?,
        };
        self.atlas.damaged.insert(node);
        // Mostly it is read soon; else whenever the node happens to start again.
        if random.permille(600) {
            self.stop(node, false, "killed on a damaged disk");
        }
        Some(format!(", {place}"))
    }

    fn any_sector(&self, node: usize, random: &mut Random) -> Option<(PathBuf, u64)> {
        let disk = &self.machines[node].disk;
        let path = random.pick(&disk.durable_files())?.clone();
        let sector = *random.pick(&disk.durable_sectors(&path))?;
        Some((path, sector))
    }

    fn flip_bit(&mut self, node: usize, random: &mut Random) -> Option<String> {
        let (path, sector) = self.any_sector(node, random)?;
        let bit = random.below(8 * SECTOR_BYTES as u64) as usize;
        self.machines[node].disk.rot(&path, sector, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
        Some(format!("bit {bit} of sector {sector} of {}", path.display()))
    }

    /// A write that the disk confirmed did not reach its place; `misdirected`: it reached another.
    fn lose_write(
        &mut self,
        node: usize,
        misdirected: bool,
        random: &mut Random,
    ) -> Option<String> {
        let (path, sector) = self.any_sector(node, random)?;
        let other = self.any_sector(node, random).filter(|other| *other != (path.clone(), sector));
        let disk = &self.machines[node].disk;
        let is_log = path.starts_with(Machine::wal_dir());
        let hit = other.as_ref().filter(|(at, _)| misdirected && *at == path).map(|other| other.1);
        if is_log && !is_missed(disk, &path, sector, hit) {
            return None;
        }
        let mut whole = format!("sector {sector} of {}", path.display());
        if misdirected {
            let (to, place) = other?;
            let written = disk.sector(&path, sector)?;
            disk.rot(&to, place, |bytes| *bytes = written);
            whole += &format!(" went to sector {place} of {}", to.display());
        }
        disk.rot(&path, sector, |bytes| bytes.fill(0));
        Some(whole)
    }

    /// A start failed on a damaged disk: the refusal must say so, and the node stays down.
    pub(crate) fn refuse_start(&mut self, node: usize, error: &str) {
        if !error.contains("damaged") {
            let detail = format!("node {} refuses a damaged disk unclearly: {error}", node + 1);
            return self.fail("recovery", detail);
        }
        self.atlas.refuse(node);
        self.stop(node, false, "refuses its damaged disk");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minority_of_every_group_is_the_most() {
        let groups = [vec![0, 1, 2, 3, 4], vec![0, 1, 2], vec![2, 3, 4]];
        let mut atlas = Atlas::default();
        assert!(atlas.allows(0, &groups));
        atlas.damaged.insert(0);
        assert!(!atlas.allows(0, &groups), "the same one again");
        assert!(!atlas.allows(1, &groups), "two of three");
        assert!(atlas.allows(3, &groups));
        atlas.damaged.insert(3);
        assert!(!atlas.allows(4, &groups), "three of five");
        assert!(!Atlas::default().allows(0, &[vec![0]]), "the only one");
        assert!(!Atlas::default().allows(0, &[vec![0, 1]]), "one of two");
    }
}
