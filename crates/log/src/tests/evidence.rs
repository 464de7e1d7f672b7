//! Which lost sectors a log misses: the rule and recovery are held against each other, both ways.

use super::model::{Random, World};
use super::*;
use crate::disk::SECTOR_BYTES;
use crate::{MemDisk, is_missed};
use std::path::PathBuf;

const GROUP: PartitionId = PartitionId(1);

/// What a machine finds after the disk zeroed this sector and the power failed, with nothing unsynced kept.
fn reopened(
    disk: &MemDisk,
    path: &Path,
    sector: u64,
    over: Option<u64>,
) -> Result<Groups, OpenError> {
    let lost = disk.fork();
    let written = disk.sector(path, sector).unwrap();
    if let Some(over) = over {
        lost.rot(path, over, |bytes| *bytes = written);
    }
    lost.rot(path, sector, |bytes| bytes.fill(0));
    lost.crash_with(&mut |_| false);
    open(&lost).map(|(_, recovered)| recovered.groups)
}

/// Every durable sector of the log, lost: refused exactly where the rule says so. How many of each.
fn tried(disk: &MemDisk, context: &str) -> [usize; 2] {
    let mut counts = [0; 2];
    for path in disk.durable_files() {
        let sectors = disk.durable_sectors(&path);
        for &sector in &sectors {
            let missed = is_missed(disk, &path, sector, None);
            let found = reopened(disk, &path, sector, None);
            let at = || format!("{context}: {} sector {sector}", path.display());
            assert_eq!(found.is_err(), missed, "{}: {found:?}", at());
            counts[usize::from(missed)] += 1;
            for &over in sectors.iter().filter(|over| **over != sector) {
                if is_missed(disk, &path, sector, Some(over)) {
                    let found = reopened(disk, &path, sector, Some(over));
                    assert!(found.is_err(), "{} went to {over}", at());
                }
            }
        }
    }
    counts
}

#[test]
fn a_lost_sector_is_refused_exactly_where_the_rule_says_so() {
    let mut counts = [0; 2];
    for seed in 0..90 {
        let mut random = Random(seed);
        let mut world = World::with(if seed < 60 { SMALL } else { SMALL_DIRECT });
        let (mut wal, _) = world.open().unwrap();
        for step in 0..random.below(24) {
            match random.below(6) {
                0 => wal.mark_durable().unwrap(),
                1 | 2 => wal.sync().unwrap(),
                3 if step % 4 == 3 => {
                    drop(wal);
                    wal = world.open().unwrap().0;
                }
                _ if seed >= 60 => wal.append_durably(&mut world.model.batch(&mut random)).unwrap(),
                _ => wal.append(&mut world.model.batch(&mut random)).unwrap(),
            }
        }
        let [spared, missed] = tried(&world.disk, &format!("seed {seed}"));
        counts = [counts[0] + spared, counts[1] + missed];
    }
    assert!(counts[0] > 60 && counts[1] > 600, "{counts:?}");
}

fn one_file(disk: &MemDisk) -> PathBuf {
    disk.durable_files().remove(0)
}

/// The mark does not wait for a sync of its own, so it shares one with the batch behind it, and that batch says no more
/// of the mark than of itself: with the mark the batch is cut, although it stands there whole. Simulator seed 8279.
#[test]
fn a_batch_says_nothing_of_what_was_synced_with_it() {
    let disk = MemDisk::new();
    let (mut wal, _) = open(&disk).unwrap();
    append(&mut wal, |batch| batch.entry(GROUP, &entry(1, 1, b"proven by the mark")));
    wal.sync().unwrap();
    wal.mark_durable().unwrap();
    append(&mut wal, |batch| batch.entry(GROUP, &entry(2, 1, b"behind the mark")));
    wal.sync().unwrap();
    let path = one_file(&disk);
    let (first, mark, last) = (2, 3, 4);
    assert_eq!(disk.sector(&path, last + 1), Some([0; SECTOR_BYTES]));
    assert!(is_missed(&disk, &path, first, None));
    assert!(!is_missed(&disk, &path, mark, None) && !is_missed(&disk, &path, last, None));
    for lost in [mark, last] {
        assert_eq!(indexes(&reopened(&disk, &path, lost, None).unwrap()[&GROUP]), [1]);
    }
    assert!(is_missed(&disk, &path, first, Some(last)), "the mark still says so");

    append(&mut wal, |batch| batch.entry(GROUP, &entry(3, 1, b"proves them both")));
    assert!(!is_missed(&disk, &path, mark, None), "what is not durable proves nothing");
    wal.sync().unwrap();
    for lost in [first, mark, last] {
        assert!(is_missed(&disk, &path, lost, None), "sector {lost}");
    }
    assert!(!is_missed(&disk, &path, last, Some(last + 1)), "the proof was hit itself");
}
