//! The kinds of trouble, by the names that the command line knows them by.

use clap::ValueEnum;

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// SIGKILL to one node, every 2 to 5 seconds; half of the time to a leader
    Kill,
    /// SIGKILL to all nodes at once
    Blackout,
    /// A kill or blackout takes the power of the disks too: what was not flushed is lost
    Power,
    /// SIGSTOP for up to 3 s
    Pause,
    /// Two groups of nodes do not hear each other
    Cut,
    /// One node does not hear another, which hears it
    OneWay,
    /// Packets are lost, 1 to 20 of a hundred, on every link
    Loss,
    /// Packets arrive twice, 5 to 50 of a hundred, on every link
    Duplicate,
    /// Packets take 1 to 60 ms longer, on each link its own time
    Delay,
    /// Packets are overtaken by later ones
    Reorder,
    /// Bits of packets are flipped, half of the time with a checksum of TCP that fits
    Corrupt,
    /// The n-th fdatasync, fsync or write to the log of a node fails with EIO: it must end itself
    Eio,
    /// A node's disk has no space for more (ENOSPC) for a while: it must refuse writes, and recover
    Enospc,
    /// A node's wall clock jumps by up to 60 s, now and then by hours, either way
    Clock,
    /// A bit of a stopped node's files is flipped: it must refuse to start and say why, or serve well
    Damage,
    /// All nodes are stopped with SIGTERM and started again, one after the other, with the other build
    Rolling,
    /// Every sync of a node takes 20 to 300 ms for a while
    SlowDisk,
    /// A node loses its directory: it must not vote, and be taken in again as a new member
    Wipe,
    /// A node's directory is put back to what it was some time ago: it must be refused
    Older,
    /// A process with an empty directory claims a node's id, or a new one: it must serve nobody
    Stranger,
    /// A node is started with options that contradict its cluster: it must refuse and say which
    Contradiction,
    /// A node's peers find it at another address from now on, and are not told
    Address,
    /// A node has few descriptors, and more clients come than it has
    Descriptors,
    /// A node has little memory for keys, and is written to until it refuses
    Memory,
    /// A node runs in a control group of little memory, and is written to until it refuses: the kernel must not end it
    ControlGroup,
    /// A client asks for 200 MB at once: it is refused, and nothing of it is done
    Huge,
    /// Values of megabytes are written, grown, and read on another node
    Large,
    /// A client leaves while its write is held back: the write must not be done
    Leaver,
    /// All nodes but one are killed: that one must say that it does not serve
    Lone,
    /// A client asks for hundreds of megabytes and does not read for a while
    SlowReader,
    /// All of these
    All,
}

impl Kind {
    /// What a run goes through unless told otherwise.
    pub const PROCESSES: [Self; 3] = [Self::Kill, Self::Blackout, Self::Pause];
    /// What happens between the deeds of a round, for some rounds, and is taken back then.
    pub const LASTING: [Self; 7] = [
        Self::Cut,
        Self::OneWay,
        Self::Loss,
        Self::Duplicate,
        Self::Delay,
        Self::Reorder,
        Self::Corrupt,
    ];
    /// What is over when it is done, and how often it comes in relation to the others.
    pub const MOMENTARY: [(Self, u64); 21] = [
        (Self::Blackout, 10),
        (Self::Pause, 15),
        (Self::Eio, 8),
        (Self::Enospc, 3),
        (Self::Clock, 10),
        (Self::Damage, 6),
        (Self::Rolling, 3),
        (Self::SlowDisk, 4),
        (Self::Wipe, 4),
        (Self::Older, 3),
        (Self::Stranger, 4),
        (Self::Contradiction, 3),
        (Self::Address, 3),
        (Self::Descriptors, 3),
        (Self::Memory, 3),
        (Self::ControlGroup, 3),
        (Self::Huge, 3),
        (Self::Large, 4),
        (Self::SlowReader, 3),
        (Self::Leaver, 3),
        (Self::Lone, 4),
    ];

    /// Every kind.
    pub fn all() -> Vec<Self> {
        Self::value_variants().iter().copied().filter(|kind| *kind != Self::All).collect()
    }

    /// Whether the nodes need a network of the run's own for it.
    pub fn needs_network(self) -> bool {
        Self::LASTING.contains(&self)
    }

    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_place_in_the_schedule() {
        let mut placed = vec![Kind::Kill, Kind::Power];
        placed.extend(Kind::LASTING);
        placed.extend(Kind::MOMENTARY.map(|(kind, _)| kind));
        placed.sort_unstable();
        let mut all = Kind::all();
        all.sort_unstable();
        assert_eq!(placed, all);
        assert_eq!(Kind::OneWay.name(), "one-way");
    }
}
