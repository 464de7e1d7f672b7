//! The trouble: which kinds a run has, when they strike, and how they end.

use crate::faults::Fault;
use crate::machine::Mail;
use crate::trace::Item;
use crate::world::{Event, World};
use std::collections::BTreeSet;
use std::io;
use synod_log::disk::Operation;
use synod_types::PartitionId;

/// The trouble of a run.
#[derive(Default)]
pub(crate) struct Trouble {
    kinds: Vec<Fault>,
    /// The mean time between two strikes, in microseconds.
    period_us: u64,
    /// Machines whose disk is or was full in this life.
    full: BTreeSet<usize>,
    /// Machines whose disk has an error in store.
    errors: BTreeSet<usize>,
    over: bool,
}

impl Trouble {
    /// Whether a start may fail for want of space.
    pub fn is_full(&self, node: usize) -> bool {
        self.full.contains(&node)
    }

    pub fn expects_error(&self, node: usize) -> bool {
        self.errors.contains(&node)
    }

    pub fn stopped(&mut self, node: usize) {
        self.errors.remove(&node);
    }
}

/// The end of something.
pub(crate) enum Undo {
    Unblock(Vec<(usize, usize)>),
    Disk(usize),
    Space(usize),
}

impl World {
    /// Draws what this run will suffer.
    pub(crate) fn choose_trouble(&mut self) {
        let chosen = self.params.faults.chosen(self.params.seed);
        let random = &mut self.random;
        let network = &mut self.network;
        for fault in &chosen {
            match fault {
                Fault::Loss => network.loss = random.skewed(1, 300),
                Fault::Duplicate => network.duplicate = random.skewed(1, 500),
                Fault::Reorder => network.reorder = random.skewed(1, 300),
                Fault::Delay => network.slow = random.skewed(1, 50),
                Fault::Drift => {
                    for machine in &mut self.machines {
                        machine.clock.ppm = random.below(1001) as i64 - 500;
                    }
                }
                _ => {}
            }
        }
        self.trouble.kinds = chosen.into_iter().filter(|f| !f.is_ambient()).collect();
        self.trouble.period_us = random.between(300_000, 6_000_000);
        if !self.trouble.kinds.is_empty() {
            let first = random.between(200_000, 5_000_000);
            self.at(first, Event::Strike);
        }
    }

    pub(crate) fn strike(&mut self) {
        if self.trouble.over {
            return;
        }
        let next = self.time + self.random.between(1_000, self.trouble.period_us * 2);
        self.at(next, Event::Strike);
        let Some(fault) = self.random.pick(&self.trouble.kinds).copied() else { return };
        if self.inflict(fault) && fault != Fault::PowerInside && fault != Fault::SyncError {
            self.count(fault);
        }
    }

    fn any_node(&mut self) -> usize {
        self.random.below(self.machines.len() as u64) as usize
    }

    fn any_pair(&mut self) -> Option<(usize, usize)> {
        let nodes = self.machines.len() as u64;
        if nodes < 2 {
            return None;
        }
        let a = self.random.below(nodes);
        let b = (a + 1 + self.random.below(nodes - 1)) % nodes;
        Some((a as usize, b as usize))
    }

    fn any_leader(&mut self) -> Option<usize> {
        let group = self.random.below(u64::from(self.params.partitions) + 1) as u32;
        self.oracle.leader(PartitionId(group))
    }

    /// Lets one kind of trouble strike; whether there was something to strike at.
    fn inflict(&mut self, fault: Fault) -> bool {
        let struck = self.strike_network(fault) || self.strike_machine(fault);
        if struck {
            let time = self.time;
            self.recorder.keep(time, || Item::Fault(fault.name().to_owned()));
        }
        struck
    }

    fn strike_network(&mut self, fault: Fault) -> bool {
        let nodes = self.machines.len();
        match fault {
            Fault::Disconnect => {
                let Some((a, b)) = self.any_pair() else { return false };
                self.break_wire(a, b, true);
            }
            Fault::Partition => {
                let sides: Vec<bool> = (0..nodes).map(|_| self.random.permille(500)).collect();
                let cut = self.ways(|a, b| sides[a] != sides[b]);
                self.silence(cut, 15_000_000);
            }
            Fault::OneWay => {
                let Some(way) = self.any_pair() else { return false };
                self.silence(vec![way], 15_000_000);
            }
            Fault::Isolate => {
                let Some(leader) = self.any_leader() else { return false };
                let (out, into) = match self.random.below(4) {
                    0 => (true, false),
                    1 => (false, true),
                    _ => (true, true),
                };
                let cut = self.ways(|a, b| (out && a == leader) || (into && b == leader));
                self.silence(cut, 15_000_000);
            }
            Fault::Clog => {
                let Some(way) = self.any_pair() else { return false };
                self.silence(vec![way], 5_000_000);
            }
            _ => return false,
        }
        true
    }

    fn ways(&self, cut: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
        self.network.links.keys().copied().filter(|(a, b)| cut(*a, *b)).collect()
    }

    fn silence(&mut self, ways: Vec<(usize, usize)>, us_max: u64) {
        for (a, b) in &ways {
            self.block(*a, *b);
        }
        let end = self.time + self.random.skewed(50_000, us_max);
        self.at(end, Event::Undo(Undo::Unblock(ways)));
    }

    fn strike_machine(&mut self, fault: Fault) -> bool {
        let leader = self.any_leader().filter(|_| self.random.permille(400));
        let node = match leader {
            Some(leader) => leader,
            None => self.any_node(),
        };
        if self.machines[node].process.is_none() && fault != Fault::Blackout {
            return false;
        }
        match fault {
            Fault::Kill => self.stop(node, false, "killed"),
            Fault::Power => self.stop(node, true, "power lost"),
            Fault::PowerInside => {
                let after = self.random.skewed(0, 60);
                self.machines[node].dying = true;
                self.machines[node].disk.inject(synod_log::disk::Fault {
                    on: None,
                    after,
                    error: io::ErrorKind::Other,
                    forever: true,
                });
            }
            Fault::Blackout => {
                for node in 0..self.machines.len() {
                    if self.machines[node].process.is_some() {
                        self.stop(node, true, "blackout");
                    }
                }
            }
            Fault::Pause => {
                let end = self.time + self.random.skewed(50_000, 12_000_000);
                self.machines[node].paused_until = end;
            }
            Fault::SlowDisk => {
                self.machines[node].flush_us = (5_000, self.random.between(20_000, 1_000_000));
                let end = self.time + self.random.skewed(500_000, 15_000_000);
                self.at(end, Event::Undo(Undo::Disk(node)));
            }
            Fault::SyncError => {
                let after = self.random.skewed(0, 10);
                self.trouble.errors.insert(node);
                self.machines[node].disk.inject(synod_log::disk::Fault {
                    on: Some(Operation::Sync),
                    after,
                    error: io::ErrorKind::Other,
                    forever: false,
                });
            }
            Fault::DiskFull => {
                let disk = &self.machines[node].disk;
                let files = disk.files();
                let used: u64 =
                    files.iter().filter_map(|f| disk.contents(f)).map(|c| c.len() as u64).sum();
                disk.set_capacity(Some(used + self.random.below(100_000)));
                self.trouble.full.insert(node);
                let end = self.time + self.random.skewed(500_000, 15_000_000);
                self.at(end, Event::Undo(Undo::Space(node)));
            }
            Fault::ClockJump => {
                let jump = self.random.below(120_001) as i64 - 60_000;
                self.machines[node].clock.wall_off_ms += jump;
            }
            Fault::Snapshot => {
                let group = self.random.below(u64::from(self.params.partitions) + 1) as u32;
                self.tell(node, Mail::SnapshotNow(PartitionId(group)));
            }
            _ => return false,
        }
        true
    }

    pub(crate) fn undo(&mut self, undo: Undo) {
        if self.trouble.over {
            return;
        }
        match undo {
            Undo::Unblock(ways) => ways.into_iter().for_each(|(a, b)| self.unblock(a, b)),
            Undo::Disk(node) => self.machines[node].flush_us = (100, 5_000),
            Undo::Space(node) => {
                self.machines[node].disk.set_capacity(None);
                self.trouble.full.remove(&node);
            }
        }
    }

    /// All trouble ends.
    pub(crate) fn heal(&mut self) {
        self.trouble.over = true;
        self.trouble.full.clear();
        let network = &mut self.network;
        (network.loss, network.duplicate, network.reorder, network.slow) = (0, 0, 0, 0);
        for (a, b) in self.ways(|_, _| true) {
            while self.network.links.get(&(a, b)).is_some_and(|l| l.blocked > 0) {
                self.unblock(a, b);
            }
        }
        let time = self.time;
        for node in 0..self.machines.len() {
            let machine = &mut self.machines[node];
            machine.disk.set_capacity(None);
            machine.disk.clear_faults();
            machine.dying = false;
            machine.flush_us = (100, 5_000);
            machine.paused_until = time;
            if machine.process.is_none() {
                machine.starting = true;
                self.at(time, Event::Start(node));
            } else {
                self.wake(node, time);
            }
        }
        self.recorder.keep(time, || Item::Fault("healed".to_owned()));
    }
}
