//! What goes wrong in a world, and how often.

use crate::world::World;
use synod_consensus::random::Random;
use synod_types::NodeId;

/// Which misfortunes this seed has; each is left out in half of them.
pub struct Faults {
    pub loss_percent: u32,
    pub double_percent: u32,
    pub delay_max: u32,
    pub slow_disk: bool,
    pub crashes: bool,
    pub partitions: bool,
    pub pauses: bool,
    pub changes: bool,
    pub transfers: bool,
    pub campaigns: bool,
    pub snapshots: bool,
    pub engines: bool,
}

impl Faults {
    pub fn draw(random: &mut Random) -> Self {
        let mut coin = || random.below(2) == 0;
        let (loss, double, slow_disk, delay) = (coin(), coin(), coin(), coin());
        let (crashes, partitions, pauses, changes) = (coin(), coin(), coin(), coin());
        let (transfers, campaigns, snapshots, engines) = (coin(), coin(), coin(), coin());
        Self {
            loss_percent: if loss { random.below(30) } else { 0 },
            double_percent: if double { random.below(50) } else { 0 },
            delay_max: if delay { 3 + random.below(20) } else { 2 },
            slow_disk,
            crashes,
            partitions,
            pauses,
            changes,
            transfers,
            campaigns,
            snapshots,
            engines,
        }
    }

    pub fn none() -> Self {
        Self {
            loss_percent: 0,
            double_percent: 0,
            delay_max: 2,
            slow_disk: false,
            crashes: false,
            partitions: false,
            pauses: false,
            changes: false,
            transfers: false,
            campaigns: false,
            snapshots: false,
            engines: false,
        }
    }
}

impl World {
    /// Something happens that nobody asked the group about.
    pub fn misfortune(&mut self) {
        if self.faults.crashes && self.chance(60) {
            let node = self.any_node();
            self.crash_or_start(node);
        }
        if self.faults.crashes && self.chance(150) {
            let node = self.any_leader();
            self.crash_or_start(node);
        }
        if self.faults.crashes && self.chance(40) {
            // The moment that hurts most: in the middle of a write. It is back at once.
            let node = self.any_node();
            if self.members[&node].disk.is_busy() && self.members[&node].engine.is_some() {
                self.crash_or_start(node);
                self.crash_or_start(node);
            }
        }
        if self.faults.partitions && self.chance(80) {
            self.cut_some();
        }
        if self.faults.pauses && self.chance(150) {
            let node = self.any_node();
            let until = self.now + u64::from(self.random.below(150));
            self.paused.insert(node, until);
        }
        if self.chance(500) {
            let node = self.any_node();
            self.with(node, |member| member.engine.as_mut().unwrap().wake());
        }
        if self.faults.campaigns && self.chance(200) {
            let node = self.any_node();
            self.with(node, |member| member.engine.as_mut().unwrap().campaign());
        }
    }

    pub fn crash_or_start(&mut self, node: NodeId) {
        let member = self.members.get_mut(&node).unwrap();
        if member.engine.is_some() {
            member.disk.crash(&mut self.random);
            member.stop();
            self.oracle.forgot(node);
        } else {
            member.start();
            self.with(node, |_| ());
        }
    }

    fn cut_some(&mut self) {
        self.cut.clear();
        let nodes: Vec<NodeId> = self.members.keys().copied().collect();
        match self.random.below(4) {
            0 => {}
            1 => {
                let lonely = if self.chance(2) { self.any_node() } else { self.any_leader() };
                for node in nodes {
                    self.cut.insert((node, lonely));
                    self.cut.insert((lonely, node));
                }
            }
            2 => {
                let side: Vec<bool> = nodes.iter().map(|_| self.random.below(2) == 0).collect();
                for (a, x) in nodes.iter().zip(&side) {
                    for (b, y) in nodes.iter().zip(&side) {
                        if x != y {
                            self.cut.insert((*a, *b));
                        }
                    }
                }
            }
            _ => {
                for a in &nodes {
                    for b in &nodes {
                        if self.random.below(4) == 0 {
                            self.cut.insert((*a, *b));
                        }
                    }
                }
            }
        }
    }
}
