//! The space on the disk, and how it is shared between the log and the snapshot that makes room.
//!
//! A log that has written the disk full cannot be made shorter: the snapshot that would let its older segments go finds
//! no place. So a part of the disk is kept out of the log's reach. When the rest is used up, writes are refused while
//! everything that was accepted, and the snapshots, still fit.

use rustix::fs::statvfs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The least that is kept for a snapshot, on a disk that is not tiny.
const RESERVE_BYTES_LEAST: u64 = 32 << 20;
/// Not more than one part of so many of the disk is kept, whatever a snapshot would take.
const RESERVE_SHARE: u64 = 4;
/// How long a segment is where there is room.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// On a small disk it is not longer than one part of so many of it: what is being written cannot be let go, so there have
/// to be others.
const SEGMENT_SHARE: u64 = 16;
/// With less than this left for the log, it takes only what was accepted before.
pub const LOW_BYTES: u64 = 4 << 20;

/// What the log may do, as far as space goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How long the next segment may be.
    pub segment_bytes: u64,
    /// Whether nothing more should be accepted once the present segment is full.
    pub low: bool,
}

impl Allowance {
    /// What follows from so many free bytes on a disk of this size, when a snapshot takes up to `wanted`.
    pub fn of(free: u64, total: u64, wanted: u64) -> Self {
        let least = RESERVE_BYTES_LEAST.min(total / RESERVE_SHARE);
        // The values are not all of it: keys, and the log's own records meanwhile.
        let reserve = (wanted + wanted / 4).min(total / RESERVE_SHARE).max(least);
        let spare = free.saturating_sub(reserve);
        let longest = SEGMENT_BYTES.min(total / SEGMENT_SHARE).max(LOW_BYTES / 4);
        Self { segment_bytes: spare.clamp(LOW_BYTES / 4, longest), low: spare < LOW_BYTES }
    }
}

/// The disk under a directory.
pub struct Space {
    dir: PathBuf,
    /// What the snapshots of all groups would take, as the worker tells.
    wanted: Arc<AtomicU64>,
}

impl Space {
    /// The disk under this directory.
    pub fn new(dir: PathBuf, wanted: Arc<AtomicU64>) -> Self {
        Self { dir, wanted }
    }

    /// Looks; `None` when the operating system does not say.
    pub fn look(&self) -> Option<Allowance> {
        let (free, total) = on_disk_of(&self.dir)?;
        Some(Allowance::of(free, total, self.wanted.load(Ordering::Relaxed)))
    }
}

/// The free bytes on the disk of a directory, and its size; `None` when the operating system does not say, as of file systems
/// that count nothing (FUSE's without `statfs`, some of the network's).
pub fn on_disk_of(dir: &Path) -> Option<(u64, u64)> {
    let disk = statvfs(dir).ok()?;
    let (free, total) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
    (total > 0).then_some((free, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `/proc` has no blocks.
    #[test]
    fn a_file_system_without_a_size_is_not_taken_for_a_full_disk() {
        assert_eq!(on_disk_of(Path::new("/proc")), None);
        assert!(on_disk_of(Path::new("/")).is_some_and(|(free, total)| free <= total));
    }

    #[test]
    fn the_log_leaves_room_for_a_snapshot() {
        const MIB: u64 = 1 << 20;
        let of = |free: u64, total: u64, wanted: u64| {
            let allowance = Allowance::of(free * MIB, total * MIB, wanted * MIB);
            (allowance.segment_bytes / MIB, allowance.low)
        };
        assert_eq!(of(9000, 10_000, 0), (64, false));
        assert_eq!(of(900, 1000, 0), (62, false), "short enough that others can be let go");
        assert_eq!(of(60, 1000, 0), (28, false), "a shorter segment where there is less");
        assert_eq!(of(33, 1000, 0), (1, true));
        assert_eq!(of(145, 1000, 100), (20, false), "as much as a snapshot takes");
        assert_eq!(of(270, 1000, 900), (20, false), "but not more than a quarter of the disk");
        assert_eq!(of(40, 100, 0), (6, false), "a small disk keeps less");
        assert_eq!(of(0, 200, 0), (1, true));
    }
}
