//! The kinds of trouble, by name, and the random subset of them that a seed gets.
//!
//! Source of the subset: Groce et al., "Swarm Testing" (ISSTA 2012): runs that leave most faults out reach
//! states that runs with all of them never do.

use crate::random::Random;
use std::fmt;
use std::str::FromStr;

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Consensus messages vanish on their way, one by one.
    Loss,
    /// Consensus messages arrive twice.
    Duplicate,
    /// Consensus messages overtake each other.
    Reorder,
    /// Some frames take much longer.
    Delay,
    /// A connection between two nodes breaks.
    Disconnect,
    /// The nodes fall into two halves that do not hear each other.
    Partition,
    /// One direction between two nodes goes silent.
    OneWay,
    /// The leader of a partition is cut off from all others.
    Isolate,
    /// Every new leader of a group is cut off, killed or without power soon after it is seen to lead.
    Depose,
    /// One direction between two nodes is held up, and everything comes at once afterwards.
    Clog,
    /// A process is killed; what it wrote stays in the page cache.
    Kill,
    /// A machine loses power: what was not synced may be lost.
    Power,
    /// A machine loses power in the middle of a disk operation.
    PowerInside,
    /// A machine dies at a crash point, see [`crate::CrashPoint`].
    CrashPoint,
    /// All machines lose power at once.
    Blackout,
    /// A process is stopped for a while and goes on.
    Pause,
    /// A disk becomes slow.
    SlowDisk,
    /// A sync fails, once.
    SyncError,
    /// A disk fills up.
    DiskFull,
    /// A wall clock jumps.
    ClockJump,
    /// Clocks run at different speeds.
    Drift,
    /// A snapshot is taken at once.
    Snapshot,
    /// A bit of something durable flips.
    BitFlip,
    /// A sector that was written and synced holds what it held before.
    LostWrite,
    /// A sector that was written and synced went to another place.
    Misdirected,
    /// A process is killed, and a read of its next start fails.
    ReadError,
    /// The members of a group change their roles, leave and come back.
    Membership,
    /// A machine's disk is emptied: its node comes back with nothing.
    Wipe,
    /// A machine's disk is put back to a copy that was made before the node's last start.
    OlderCopy,
    /// A node that is no member, and one that has the id of a member, say hello to everyone.
    Stranger,
    /// The cluster is told to move to another consensus engine, perhaps while it still moves to one.
    Engine,
    /// The wall clock of one machine, or those of all, jump by hours.
    ClockLeap,
    /// Clients read and write values that are longer than a segment of the log or a piece of a snapshot.
    LargeValues,
    /// Nodes have less memory than clients want to fill; a policy says what goes.
    MemoryCeiling,
    /// A client has writes held back by CLIENT PAUSE, asks for one, and leaves.
    HeldBack,
    /// A client does not read what it is sent for a while.
    SlowReader,
    /// A node starts again with other addresses.
    Moved,
    /// Nodes are drained, and hold something again.
    Reshape,
    /// A partition is sealed, as one whose slots are about to change hands, and takes them back after a while.
    Seal,
    /// An operator has a partition split.
    Split,
    /// An operator has a partition become part of the one below it.
    Merge,
}

/// So many of [`Fault::ALL`] are drawn first. Those behind them came later and are drawn apart, with chance of their own,
/// so that a seed that has none of them is the run that it was before.
const DRAWN_FIRST: usize = 31;
/// Sets that chance apart.
const LATER_SALT: u64 = 0x4c41_5445;

impl Fault {
    /// All of them.
    pub const ALL: [Self; 41] = [
        Self::Loss,
        Self::Duplicate,
        Self::Reorder,
        Self::Delay,
        Self::Disconnect,
        Self::Partition,
        Self::OneWay,
        Self::Isolate,
        Self::Clog,
        Self::Kill,
        Self::Power,
        Self::PowerInside,
        Self::Blackout,
        Self::Pause,
        Self::SlowDisk,
        Self::SyncError,
        Self::DiskFull,
        Self::ClockJump,
        Self::Drift,
        Self::Snapshot,
        Self::BitFlip,
        Self::LostWrite,
        Self::Misdirected,
        Self::ReadError,
        Self::Membership,
        Self::CrashPoint,
        Self::Depose,
        Self::Wipe,
        Self::OlderCopy,
        Self::Stranger,
        Self::Engine,
        Self::ClockLeap,
        Self::LargeValues,
        Self::MemoryCeiling,
        Self::HeldBack,
        Self::SlowReader,
        Self::Moved,
        Self::Reshape,
        Self::Seal,
        Self::Split,
        Self::Merge,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Delay => "delay",
            Self::Disconnect => "disconnect",
            Self::Partition => "partition",
            Self::OneWay => "one-way",
            Self::Isolate => "isolate",
            Self::Depose => "depose",
            Self::Clog => "clog",
            Self::Kill => "kill",
            Self::Power => "power",
            Self::PowerInside => "power-inside",
            Self::CrashPoint => "crash-point",
            Self::Blackout => "blackout",
            Self::Pause => "pause",
            Self::SlowDisk => "slow-disk",
            Self::SyncError => "sync-error",
            Self::DiskFull => "disk-full",
            Self::ClockJump => "clock-jump",
            Self::Drift => "drift",
            Self::Snapshot => "snapshot",
            Self::BitFlip => "bit-flip",
            Self::LostWrite => "lost-write",
            Self::Misdirected => "misdirected",
            Self::ReadError => "read-error",
            Self::Membership => "membership",
            Self::Wipe => "wipe",
            Self::OlderCopy => "older-copy",
            Self::Stranger => "stranger",
            Self::Engine => "engine",
            Self::ClockLeap => "clock-leap",
            Self::LargeValues => "large-values",
            Self::MemoryCeiling => "memory-ceiling",
            Self::HeldBack => "held-back",
            Self::SlowReader => "slow-reader",
            Self::Moved => "moved",
            Self::Reshape => "reshape",
            Self::Seal => "seal",
            Self::Split => "split",
            Self::Merge => "merge",
        }
    }

    /// Whether it colours the whole run instead of striking now and then.
    pub(crate) const fn is_ambient(self) -> bool {
        matches!(
            self,
            Self::Loss
                | Self::Duplicate
                | Self::Reorder
                | Self::Delay
                | Self::Drift
                | Self::LargeValues
                | Self::MemoryCeiling
                | Self::HeldBack
        )
    }

    /// Whether it is drawn apart from those that were there before it.
    pub(crate) fn came_later(self) -> bool {
        Self::ALL[DRAWN_FIRST..].contains(&self)
    }

    /// Whether it is planned apart from all others.
    pub(crate) fn is_planned_alone(self) -> bool {
        matches!(self, Self::Reshape | Self::Seal | Self::Split | Self::Merge)
    }
}

/// Which kinds of trouble a run may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faults {
    /// A random subset, drawn from the seed.
    Swarm,
    /// These, one bit per place in [`Fault::ALL`].
    Only(u64),
}

/// A word that names no fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFault(String);

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no fault `{}`; there are, besides swarm, all and none:", self.0)?;
        Fault::ALL.iter().try_for_each(|fault| write!(f, " {}", fault.name()))
    }
}

impl std::error::Error for UnknownFault {}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let found = Self::ALL.into_iter().find(|fault| fault.name() == text);
        found.ok_or_else(|| UnknownFault(text.to_owned()))
    }
}

impl FromStr for Faults {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        match text {
            "swarm" => return Ok(Self::Swarm),
            "all" => return Ok(Self::Only(u64::MAX)),
            "none" => return Ok(Self::Only(0)),
            _ => {}
        }
        let mut bits = 0;
        for word in text.split(',') {
            let place = Fault::ALL.iter().position(|fault| fault.name() == word);
            bits |= 1 << place.ok_or_else(|| UnknownFault(word.to_owned()))?;
        }
        Ok(Self::Only(bits))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Swarm => f.write_str("swarm"),
            Self::Only(0) => f.write_str("none"),
            Self::Only(u64::MAX) => f.write_str("all"),
            Self::Only(_) => {
                let chosen: Vec<_> = self.chosen(0).into_iter().map(Fault::name).collect();
                f.write_str(&chosen.join(","))
            }
        }
    }
}

impl Faults {
    /// The kinds that a run with this seed has.
    #[must_use]
    pub fn chosen(&self, seed: u64) -> Vec<Fault> {
        let bits = match self {
            Self::Only(bits) => *bits,
            Self::Swarm => {
                let mut random = Random::new(seed ^ 0x5741_524d);
                let share = random.between(100, 700);
                let mut later = Random::new(seed ^ LATER_SALT);
                let share_later = if later.permille(500) { 0 } else { later.between(50, 250) };
                let mut bits = 0;
                for at in 0..Fault::ALL.len() {
                    let drawn = match at < DRAWN_FIRST {
                        true => random.permille(share),
                        false => later.permille(share_later),
                    };
                    bits |= u64::from(drawn) << at;
                }
                bits
            }
        };
        let has = |at: &usize| bits & 1 << at != 0;
        (0..Fault::ALL.len()).filter(has).map(|at| Fault::ALL[at]).collect()
    }
}
