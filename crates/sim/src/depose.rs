//! The fault `depose`: for a while, every new leader of a group is struck soon after it is seen to lead.
//!
//! It is cut off, or killed, or loses its power, before or after what it sent and wrote has arrived. Some of the disks
//! are slow, so that what a leader wrote last is not durable yet; some leaders stand still while they are cut off, and
//! find answers from before in their inbox. Whoever was cut off is let go when the next leader is struck. So
//! leadership goes round among members whose logs end differently (figure 8 of Ongaro and Ousterhout, "In Search of
//! an Understandable Consensus Algorithm", 2014), and leaders are deposed that do not know it yet.

use crate::faults::Fault;
use crate::random::Random;
use crate::schedule::{Blow, Undo};
use crate::trace::Item;
use crate::world::{Event, World};
use synod_types::PartitionId;

/// How long the leaders of one group are struck: least and most, in microseconds.
const EPISODE_US: (u64, u64) = (5_000_000, 40_000_000);
/// How long a new leader leads undisturbed, at most, in microseconds.
const REIGN_US_MAX: u64 = 400_000;
/// How long one is held that is struck at once, in microseconds.
const AT_ONCE_US_MAX: u64 = 2_000;
/// How long a leader stands still that is cut off meanwhile, in microseconds: about as long as its followers wait
/// for it.
const STILL_US: (u64, u64) = (200_000, 800_000);

/// The trouble of one group.
pub(crate) struct Deposing {
    group: PartitionId,
    random: Random,
    /// The directions that are silent because of the leader struck last.
    cut: Vec<(usize, usize)>,
    /// Whose disks are slow until it ends.
    slow: Vec<usize>,
}

impl World {
    /// Begins an episode; `None` when there is one, or no leader yet.
    pub(crate) fn strike_leaders(&mut self, random: &mut Random) -> Option<Blow> {
        let group = self.any_group(random);
        let leader = self.oracle.leader(group)?;
        if self.trouble.deposing.is_some() {
            return None;
        }
        let end = self.time + random.between(EPISODE_US.0, EPISODE_US.1);
        let random = random.split();
        self.trouble.deposing = Some(Deposing { group, random, cut: Vec::new(), slow: Vec::new() });
        self.at(end, Event::Undo(Undo::Depose));
        self.depose_later(group, leader);
        Some((format!("every leader of group {group}"), Some(end)))
    }

    /// A node leads a group: if its leaders are struck now, it will be.
    pub(crate) fn depose_later(&mut self, group: PartitionId, node: usize) {
        let deposing = self.trouble.deposing.as_mut().filter(|deposing| deposing.group == group);
        if let Some(Deposing { random, .. }) = deposing {
            let reign_us = match random.permille(500) {
                true => random.below(AT_ONCE_US_MAX),
                false => random.skewed(0, REIGN_US_MAX),
            };
            self.at(self.time + reign_us, Event::Depose { group, node });
        }
    }

    /// Lets the leader before go, and strikes this one.
    pub(crate) fn depose(&mut self, group: PartitionId, node: usize) {
        let Some(mut deposing) = self.trouble.deposing.take() else { return };
        if deposing.group == group {
            for (a, b) in std::mem::take(&mut deposing.cut) {
                self.unblock(a, b);
            }
            if self.machines[node].process.is_some() {
                self.count(Fault::Depose);
                self.strike_leader(&mut deposing, node);
            }
        }
        self.trouble.deposing = Some(deposing);
    }

    fn strike_leader(&mut self, deposing: &mut Deposing, node: usize) {
        let Deposing { random, cut, slow, .. } = deposing;
        if random.permille(500) && !slow.contains(&node) {
            self.machines[node].flush_us = (5_000, random.between(20_000, 1_000_000));
            slow.push(node);
        }
        let into = match random.below(10) {
            0..2 => false,
            2..6 => true,
            6..9 => return self.stop(node, true, "power lost"),
            _ => return self.stop(node, false, "killed"),
        };
        let still = random.permille(400);
        *cut = self.ways(|a, b| a == node || into && !still && b == node);
        for (a, b) in cut.iter() {
            self.block(*a, *b);
        }
        if still {
            let (time, still) = (self.time, random.between(STILL_US.0, STILL_US.1));
            self.machines[node].paused_until = time + still;
            self.recorder.keep(time, || Item::Paused(node, time + still));
        } else if random.permille(600) {
            // What is under way is lost, too.
            for peer in (0..self.machines.len()).filter(|peer| *peer != node) {
                self.break_wire(node, peer, false);
            }
        }
    }

    /// The group is left in peace.
    pub(crate) fn end_deposing(&mut self) {
        let Some(deposing) = self.trouble.deposing.take() else { return };
        for (a, b) in deposing.cut {
            self.unblock(a, b);
        }
        for node in deposing.slow {
            self.undo(Undo::Disk(node));
        }
    }
}
