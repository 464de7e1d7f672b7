//! The trouble of a run as it happens: how each strike of the plan finds its victim, and how it ends.

use crate::depose::Deposing;
use crate::faults::Fault;
use crate::machine::Mail;
use crate::params::Workload;
use crate::plan::{Strike, Struck};
use crate::random::Random;
use crate::trace::Item;
use crate::world::{Event, World};
use std::collections::{BTreeSet, VecDeque};
use std::io;
use synod_log::disk::Operation;
use synod_types::PartitionId;

/// How many crash points one strike arms: most places are seldom passed, and only one point ends a life.
const ARMED_AT_ONCE: usize = 5;

/// How late the last answers reach a leader that nobody hears any more, in microseconds: it has not given up by then,
/// as it does after an election time-out without any, and its followers are about to elect another.
const LATE_US: (u64, u64) = (100_000, 600_000);
/// How long nobody hears it after that, at the least: until another leads.
const UNHEARD_US: u64 = 1_500_000;

/// By how much a wall clock leaps, in milliseconds: an hour to two days.
const LEAP_MS: (u64, u64) = (3_600_000, 2 * 86_400_000);
/// How long a client does not read, in microseconds.
const DEAF_US: (u64, u64) = (100_000, 6_000_000);

/// The trouble of a run.
#[derive(Default)]
pub(crate) struct Trouble {
    /// What is still to come, in order of time.
    coming: VecDeque<Strike>,
    /// What has come.
    pub struck: Vec<Struck>,
    /// Machines whose disk is or was full in this life.
    full: BTreeSet<usize>,
    /// Machines whose disk has an error in store.
    errors: BTreeSet<usize>,
    /// Machines whose disk will not read something at the next start.
    reads: BTreeSet<usize>,
    /// The group whose new leaders are struck now. One at a time: two would leave no quorum to elect another.
    pub deposing: Option<Deposing>,
    over: bool,
}

/// What a strike did: whom it struck and how, and when it ends by itself.
pub(crate) type Blow = (String, Option<u64>);

impl Trouble {
    /// Whether a start may fail for want of space.
    pub fn is_full(&self, node: usize) -> bool {
        self.full.contains(&node)
    }

    pub fn expects_error(&self, node: usize) -> bool {
        self.errors.contains(&node)
    }

    pub fn expects_read_error(&self, node: usize) -> bool {
        self.reads.contains(&node)
    }

    /// The machine has another disk, with space and without errors.
    pub fn emptied(&mut self, node: usize) {
        self.full.remove(&node);
    }

    pub fn stopped(&mut self, node: usize) {
        self.errors.remove(&node);
        self.reads.remove(&node);
    }
}

/// The end of something.
pub(crate) enum Undo {
    Unblock(Vec<(usize, usize)>),
    Disk(usize),
    Depose,
    Space(usize),
    Deaf(usize),
}

impl World {
    /// Lets the trouble begin that colours the whole run, and plans the first strike.
    pub(crate) fn begin_trouble(&mut self) {
        let (ambient, sudden): (Vec<Strike>, Vec<Strike>) =
            self.params.strikes().into_iter().partition(|s| s.fault.is_ambient());
        for strike in ambient {
            let mut random = Random::new(strike.seed);
            if let Some(strength) = self.set_in(strike.fault, &mut random) {
                self.note(&strike, (strength, None));
            }
        }
        self.trouble.coming = sudden.into();
        self.plan_strike();
    }

    fn plan_strike(&mut self) {
        if let Some(next) = self.trouble.coming.front() {
            let at = next.at_us;
            self.at(at, Event::Strike);
        }
    }

    /// Sets in what colours the whole run; how strong it is. `None` where no client of the run has to do with it.
    fn set_in(&mut self, fault: Fault, random: &mut Random) -> Option<String> {
        let of_clients = match fault {
            Fault::LargeValues => {
                Some(Self::lengthen_values as fn(&mut Self, &mut Random) -> String)
            }
            Fault::MemoryCeiling => Some(Self::lower_ceiling as _),
            Fault::HeldBack => Some(Self::let_clients_leave as _),
            _ => None,
        };
        if let Some(set_in) = of_clients {
            let keys = self.params.workload == Workload::Keys;
            return keys.then(|| set_in(self, random));
        }
        let network = &mut self.network;
        let rate = match fault {
            Fault::Loss => &mut network.loss,
            Fault::Duplicate => &mut network.duplicate,
            Fault::Reorder => &mut network.reorder,
            Fault::Delay => &mut network.slow,
            _ => {
                for machine in &mut self.machines {
                    machine.clock.ppm = random.below(1001) as i64 - 500;
                }
                let ppm: Vec<_> = self.machines.iter().map(|m| m.clock.ppm.to_string()).collect();
                self.count(fault);
                return Some(format!("clocks off by {} ppm", ppm.join(", ")));
            }
        };
        let most = match fault {
            Fault::Duplicate => 500,
            Fault::Delay => 50,
            _ => 300,
        };
        *rate = random.skewed(1, most);
        Some(format!("{} in 1000 messages", *rate))
    }

    pub(crate) fn strike(&mut self) {
        if self.trouble.over {
            return;
        }
        let Some(strike) = self.trouble.coming.pop_front() else { return };
        self.plan_strike();
        let mut random = Random::new(strike.seed);
        let blow = self
            .strike_network(strike.fault, &mut random)
            .or_else(|| self.strike_machine(strike.fault, &mut random));
        let Some(blow) = blow else { return };
        self.note(&strike, blow);
        // Those are armed now and counted when they go off.
        let armed = [
            Fault::PowerInside,
            Fault::CrashPoint,
            Fault::SyncError,
            Fault::ReadError,
            Fault::Depose,
        ];
        if !armed.contains(&strike.fault) {
            self.count(strike.fault);
        }
    }

    fn note(&mut self, strike: &Strike, (whom, until_us): Blow) {
        let Strike { number, fault, .. } = *strike;
        let struck = Struck { number, at_us: self.time, fault, whom, until_us };
        self.trouble.struck.push(struck);
    }

    fn any_node(&self, random: &mut Random) -> usize {
        random.below(self.machines.len() as u64) as usize
    }

    fn any_pair(&self, random: &mut Random) -> Option<(usize, usize)> {
        let nodes = self.machines.len() as u64;
        if nodes < 2 {
            return None;
        }
        let a = random.below(nodes);
        let b = (a + 1 + random.below(nodes - 1)) % nodes;
        Some((a as usize, b as usize))
    }

    pub(crate) fn any_group(&self, random: &mut Random) -> PartitionId {
        PartitionId(random.below(u64::from(self.params.partitions) + 1) as u32)
    }

    /// Strikes at what connects the nodes; `None` when there is nothing to strike at.
    fn strike_network(&mut self, fault: Fault, random: &mut Random) -> Option<Blow> {
        let nodes = self.machines.len();
        let mut us_min = 50_000;
        let (cut, us_max, whom) = match fault {
            Fault::Disconnect => {
                let (a, b) = self.any_pair(random)?;
                self.break_wire(a, b, true);
                return Some((format!("nodes {} and {}", a + 1, b + 1), None));
            }
            Fault::Partition => {
                let sides: Vec<bool> = (0..nodes).map(|_| random.permille(500)).collect();
                let side = |of: bool| {
                    let of = (0..nodes).filter(|n| sides[*n] == of);
                    of.map(|n| (n + 1).to_string()).collect::<Vec<_>>().join(",")
                };
                let whom = format!("nodes {} | {}", side(true), side(false));
                (self.ways(|a, b| sides[a] != sides[b]), 15_000_000, whom)
            }
            Fault::OneWay | Fault::Clog => {
                let (a, b) = self.any_pair(random)?;
                let us_max = if fault == Fault::Clog { 5_000_000 } else { 15_000_000 };
                (vec![(a, b)], us_max, format!("from node {} to node {}", a + 1, b + 1))
            }
            Fault::Isolate => {
                let group = self.any_group(random);
                let leader = self.oracle.leader(group)?;
                // Late answers matter to a lease alone.
                let ways = if self.params.lease_reads { 6 } else { 4 };
                let (out, into, how) = match random.below(ways) {
                    0 => (true, false, "is not heard"),
                    1 => (false, true, "hears nothing"),
                    2..4 => (true, true, "is alone"),
                    _ => {
                        let late = self.time + random.between(LATE_US.0, LATE_US.1);
                        self.silence(self.ways(|_, b| b == leader), late);
                        us_min = UNHEARD_US;
                        (true, false, "is not heard, and hears late")
                    }
                };
                let whom = format!("node {}, leader of group {group}, {how}", leader + 1);
                let cut = self.ways(|a, b| (out && a == leader) || (into && b == leader));
                (cut, 15_000_000, whom)
            }
            Fault::Depose => return self.strike_leaders(random),
            _ => return None,
        };
        let end = self.time + random.skewed(us_min, us_max);
        self.silence(cut, end);
        Some((whom, Some(end)))
    }

    pub(crate) fn ways(&self, cut: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
        self.network.links.keys().copied().filter(|(a, b)| cut(*a, *b)).collect()
    }

    fn silence(&mut self, ways: Vec<(usize, usize)>, end: u64) {
        for (a, b) in &ways {
            self.block(*a, *b);
        }
        self.at(end, Event::Undo(Undo::Unblock(ways)));
    }

    /// Strikes at one machine, or at all; `None` when its process is down.
    fn strike_machine(&mut self, fault: Fault, random: &mut Random) -> Option<Blow> {
        let group = self.any_group(random);
        let any = self.any_node(random);
        let leader = self.oracle.leader(group).filter(|_| random.permille(400));
        let node = leader.unwrap_or(any);
        if fault == Fault::Blackout {
            for node in 0..self.machines.len() {
                if self.machines[node].process.is_some() {
                    self.stop(node, true, "blackout");
                }
            }
            return Some(("all nodes".to_owned(), None));
        }
        if fault == Fault::SlowReader {
            return self.deafen(random);
        }
        if fault == Fault::Membership {
            return self.strike_membership(random);
        }
        if matches!(fault, Fault::Wipe | Fault::OlderCopy | Fault::Stranger) {
            return self.strike_identity(fault, node, random);
        }
        if fault == Fault::Engine {
            return self.strike_engine(any, random);
        }
        if fault == Fault::Reshape {
            return self.strike_shape(any, random);
        }
        if fault == Fault::Split {
            return self.strike_split(any, random);
        }
        if fault == Fault::Merge {
            return self.strike_merge(any, random);
        }
        if fault == Fault::Seal {
            return self.strike_slots(random);
        }
        // Starting is a place to die at, too.
        if fault == Fault::CrashPoint {
            let points: Vec<_> = (0..ARMED_AT_ONCE).map(|_| self.arm(node, random)).collect();
            return Some((format!("node {}: {}", node + 1, points.join(", ")), None));
        }
        self.machines[node].process.as_ref()?;
        let time = self.time;
        let mut end = |us_min, us_max| time + random.skewed(us_min, us_max);
        let (how, until) = match fault {
            Fault::Kill => {
                self.stop(node, false, "killed");
                (String::new(), None)
            }
            Fault::Power => {
                self.stop(node, true, "power lost");
                (String::new(), None)
            }
            Fault::Pause => {
                let end = end(50_000, 12_000_000);
                self.machines[node].paused_until = end;
                self.recorder.keep(time, || Item::Paused(node, end));
                (String::new(), Some(end))
            }
            Fault::SlowDisk => {
                let end = end(500_000, 15_000_000);
                let most = random.between(20_000, 1_000_000);
                self.machines[node].flush_us = (5_000, most);
                self.at(end, Event::Undo(Undo::Disk(node)));
                (format!(", syncs of up to {} ms", most / 1000), Some(end))
            }
            Fault::DiskFull => {
                let end = end(500_000, 15_000_000);
                let left = random.below(100_000);
                self.fill_disk(node, left);
                self.at(end, Event::Undo(Undo::Space(node)));
                (format!(", {left} bytes left"), Some(end))
            }
            Fault::Moved => return self.move_node(node),
            Fault::ClockLeap => return Some(self.leap(node, random)),
            Fault::ClockJump => {
                let jump = random.below(120_001) as i64 - 60_000;
                self.machines[node].clock.wall_off_ms += jump;
                self.fading.note_clock(self.machines[node].clock.wall_off_ms * 1_000);
                (format!(", by {jump} ms"), None)
            }
            Fault::BitFlip | Fault::LostWrite | Fault::Misdirected => {
                (self.strike_medium(fault, node, random)?, None)
            }
            Fault::Snapshot => {
                let group = self.any_group(random);
                self.tell(node, Mail::SnapshotNow(group));
                (format!(", group {group}"), None)
            }
            _ => (self.arm_disk(node, fault, random)?, None),
        };
        Some((format!("node {}{how}", node + 1), until))
    }

    /// The leader of a partition seals it, unless it is sealed or was lately; it takes the slots back by itself.
    fn strike_slots(&mut self, random: &mut Random) -> Option<Blow> {
        let partition = PartitionId(1 + random.below(u64::from(self.params.partitions)) as u32);
        let leader = self.oracle.leader(partition)?;
        self.machines[leader].process.as_ref()?;
        self.tell(leader, Mail::Seal(partition));
        Some((format!("partition {partition}, led by node {}", leader + 1), None))
    }

    /// A wall clock jumps by hours, or all of them do.
    fn leap(&mut self, node: usize, random: &mut Random) -> Blow {
        let ms = random.between(LEAP_MS.0, LEAP_MS.1) as i64;
        let ms = if random.permille(500) { -ms } else { ms };
        let all = random.permille(300);
        for at in (0..self.machines.len()).filter(|at| all || *at == node) {
            self.machines[at].clock.wall_off_ms += ms;
            self.fading.note_clock(self.machines[at].clock.wall_off_ms * 1_000);
        }
        let whom = if all { "all nodes".to_owned() } else { format!("node {}", node + 1) };
        (format!("{whom}, by {} min", ms / 60_000), None)
    }

    /// A client reads nothing for a while; not one of ZooKeeper, whose gate ends such connections by itself.
    fn deafen(&mut self, random: &mut Random) -> Option<Blow> {
        let client = random.below(self.clients.len() as u64) as usize;
        if self.params.workload == Workload::Tree || self.clients.is_empty() {
            return None;
        }
        let end = self.time + random.skewed(DEAF_US.0, DEAF_US.1);
        let deaf_until = &mut self.clients[client].deaf_until;
        *deaf_until = end.max(*deaf_until);
        self.at(end, Event::Undo(Undo::Deaf(client)));
        Some((format!("client {client}"), Some(end)))
    }

    /// Puts an error in store for a disk; what it waits for.
    fn arm_disk(&mut self, node: usize, fault: Fault, random: &mut Random) -> Option<String> {
        let (on, most, forever) = match fault {
            Fault::PowerInside => (None, 60, true),
            Fault::SyncError => (Some(Operation::Sync), 10, false),
            Fault::ReadError => (Some(Operation::Read), 20, false),
            _ => return None,
        };
        match fault {
            Fault::PowerInside => self.machines[node].dying = true,
            Fault::ReadError => {
                self.stop(node, false, "killed before a read error");
                self.trouble.reads.insert(node);
            }
            _ => _ = self.trouble.errors.insert(node),
        }
        let after = random.skewed(0, most);
        let error = io::ErrorKind::Other;
        self.machines[node].disk.inject(synod_log::disk::Fault { on, after, error, forever });
        let what = match fault {
            Fault::PowerInside => "disk operations",
            Fault::ReadError => "reads of the next start",
            _ => "syncs",
        };
        Some(format!(", after {after} {what}"))
    }

    fn fill_disk(&mut self, node: usize, left: u64) {
        let disk = &self.machines[node].disk;
        let files = disk.files();
        let used: u64 = files.iter().filter_map(|f| disk.contents(f)).map(|c| c.len() as u64).sum();
        disk.set_capacity(Some(used + left));
        self.trouble.full.insert(node);
    }

    pub(crate) fn undo(&mut self, undo: Undo) {
        if self.trouble.over {
            return;
        }
        match undo {
            Undo::Unblock(ways) => ways.into_iter().for_each(|(a, b)| self.unblock(a, b)),
            Undo::Disk(node) => self.machines[node].flush_us = (100, 5_000),
            Undo::Deaf(client) => self.reads_again(client),
            Undo::Depose => self.end_deposing(),
            Undo::Space(node) => {
                self.machines[node].disk.set_capacity(None);
                self.trouble.full.remove(&node);
            }
        }
    }

    /// All trouble ends.
    pub(crate) fn heal(&mut self) {
        self.trouble.over = true;
        self.healed_us = Some(self.time);
        self.trouble.full.clear();
        self.trouble.deposing = None;
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
            machine.armed.clear();
            machine.disk.clear_traps();
            machine.flush_us = (100, 5_000);
            machine.paused_until = time;
            self.trouble.reads.remove(&node);
            if machine.process.is_none() {
                machine.starting = true;
                self.at(time, Event::Start(node));
            } else {
                self.wake(node, time);
            }
        }
        for node in 0..self.machines.len() {
            // Latent damage is read at last, or stays where nobody looks.
            if self.atlas.is_damaged(node) && self.random.permille(500) {
                self.stop(node, false, "restarted on a damaged disk");
            }
        }
        for client in 0..self.clients.len() {
            self.clients[client].deaf_until = time;
            self.reads_again(client);
        }
        self.restore_members();
        self.recorder.keep(time, || Item::Healed);
    }
}
