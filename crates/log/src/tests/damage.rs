//! Bytes that were durable change. A log is then refused, or comes back whole; it never loses silently.

use super::model::{Model, Random, World};
use super::*;
use crate::MemDisk;
use std::path::PathBuf;

/// A log of several segments, all of it acknowledged.
fn small_log(marked: bool) -> (MemDisk, Model) {
    small_log_with(SMALL, marked)
}

fn small_log_with(options: Options, marked: bool) -> (MemDisk, Model) {
    let mut random = Random(7);
    let mut world = World::with(options);
    let (mut wal, _) = world.open().unwrap();
    while wal.segments() < 3 {
        wal.append_durably(&mut world.model.batch(&mut random)).unwrap();
    }
    wal.append(&mut world.model.batch(&mut random)).unwrap();
    wal.sync().unwrap();
    if marked {
        wal.mark_durable().unwrap();
    }
    (world.disk, world.model)
}

fn segments(disk: &MemDisk) -> Vec<PathBuf> {
    disk.files()
}

/// Whether the log was refused; anything but refusal and the whole of it is a failure.
fn refused(disk: &MemDisk, whole: &Model, context: impl Fn() -> String) -> bool {
    let before: Vec<_> = disk.files().iter().map(|path| disk.contents(path)).collect();
    match open(disk) {
        Ok((_, recovered)) => {
            assert!(Model(recovered.groups) == *whole, "{}: silently lost", context());
            false
        }
        Err(OpenError::Io { path, source }) => panic!("{}: {path:?} {source}", context()),
        Err(_) => {
            let after: Vec<_> = disk.files().iter().map(|path| disk.contents(path)).collect();
            assert!(before == after, "{}: a refusal changed the disk", context());
            true
        }
    }
}

#[test]
fn any_changed_byte_is_refused_or_harmless() {
    for (options, marked) in
        [(SMALL, false), (SMALL, true), (SMALL_DIRECT, false), (SMALL_DIRECT, true)]
    {
        let (disk, whole) = small_log_with(options, marked);
        for path in segments(&disk) {
            let bytes = disk.contents(&path).unwrap();
            for (at, byte) in bytes.iter().enumerate() {
                // Every bit in turn, and the change that turns the byte into zero.
                for change in [1 << (at % 8), *byte] {
                    if change == 0 {
                        continue;
                    }
                    let damaged = disk.fork();
                    damaged.damage(&path, |bytes| bytes[at] ^= change);
                    let refused = refused(&damaged, &whole, || format!("{path:?} {at}"));
                    // What is not refused is a zero behind the end, which is cleared.
                    assert!(refused || *byte == 0, "{path:?} {at}: damage was not noticed");
                }
            }
        }
    }
}

/// A write that went to the wrong place, on top of another sector. Zeros on top of the last batch are
/// the one thing that needs the mark.
#[test]
fn any_sector_copied_over_another_is_refused_or_harmless() {
    for marked in [true, false] {
        let (disk, whole) = small_log(marked);
        for path in segments(&disk) {
            let bytes = disk.contents(&path).unwrap();
            let count = bytes.len() / 512;
            for (from, to) in (0..count).flat_map(|from| (0..count).map(move |to| (from, to))) {
                let source = from * 512..(from + 1) * 512;
                if !marked && bytes[source.clone()] == [0; 512] {
                    continue;
                }
                let damaged = disk.fork();
                damaged.damage(&path, |bytes| bytes.copy_within(source, to * 512));
                refused(&damaged, &whole, || format!("{path:?} sector {from} to {to}"));
            }
        }
    }
}

/// A segment that was put back from a copy of another log, or of another time.
#[test]
fn a_segment_of_another_log_is_refused() {
    let (disk, whole) = small_log(false);
    let other = World::new();
    let (mut wal, _) = open(&other.disk).unwrap();
    for index in 1.. {
        if wal.segments() == 3 {
            break;
        }
        append(&mut wal, |batch| batch.entry(PartitionId(1), &entry(index, 1, &[1; 300])));
    }
    wal.sync().unwrap();
    for path in segments(&disk) {
        let damaged = disk.fork();
        damaged.damage(&path, |bytes| *bytes = other.disk.contents(&path).unwrap());
        assert!(refused(&damaged, &whole, || format!("{path:?}")));
    }
}

#[test]
fn a_file_of_another_length_is_refused() {
    let (disk, whole) = small_log(false);
    for path in segments(&disk) {
        let len = disk.contents(&path).unwrap().len();
        for cut in (0..len).chain([len + 1, len + 512, 2 * len]) {
            let damaged = disk.fork();
            damaged.damage(&path, |bytes| bytes.resize(cut, 0));
            assert!(refused(&damaged, &whole, || format!("{path:?} {cut}")));
        }
    }
}

#[test]
fn a_sector_lost_by_the_disk_is_refused_or_harmless_once_the_end_is_marked() {
    let (disk, whole) = small_log(true);
    for path in segments(&disk) {
        let len = disk.contents(&path).unwrap().len();
        for sector in 0..len / 512 {
            let damaged = disk.fork();
            damaged.damage(&path, |bytes| bytes[sector * 512..][..512].fill(0));
            refused(&damaged, &whole, || format!("{path:?} sector {sector}"));
        }
    }
}

/// The one case that cannot be told from a torn write, and how little it can cost.
#[test]
fn without_a_mark_a_lost_sector_of_the_very_last_batch_costs_that_batch() {
    let mut world = World::new();
    let (mut wal, _) = open(&world.disk).unwrap();
    append(&mut wal, |batch| batch.entry(PartitionId(1), &entry(1, 1, b"kept")));
    append(&mut wal, |batch| batch.entry(PartitionId(1), &entry(2, 1, b"lost")));
    wal.sync().unwrap();
    let path = &segments(&world.disk)[0];
    let lost = world.disk.fork();
    lost.damage(path, |bytes| bytes[3 * 512..4 * 512].fill(0));
    assert_eq!(indexes(&open(&lost).unwrap().1.groups[&PartitionId(1)]), [1]);
    wal.mark_durable().unwrap();
    world.disk.damage(path, |bytes| bytes[3 * 512..4 * 512].fill(0));
    let error = open(&world.disk).err().unwrap().to_string();
    assert!(error.contains("damaged at byte 1536"), "{error}");
    world.acknowledge();
}

#[test]
fn a_missing_segment_is_refused() {
    let mut random = Random(3);
    let mut world = World::new();
    let (mut wal, _) = open(&world.disk).unwrap();
    append(&mut wal, |batch| {
        for group in 0..3 {
            let founding = entry(1, 1, b"in the first segment, so it is needed");
            batch.entry(PartitionId(group + 100), &founding);
        }
    });
    while wal.segments() < 4 {
        wal.append(&mut world.model.batch(&mut random)).unwrap();
    }
    wal.sync().unwrap();
    for path in segments(&world.disk) {
        let disk = world.disk.fork();
        disk.remove(&path).unwrap();
        let error = open(&disk).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|text| text.contains("missing")), "{path:?} {error:?}");
    }
}

#[test]
fn the_error_says_where_and_whose() {
    let disk = MemDisk::new();
    let (mut wal, _) = open(&disk).unwrap();
    append(&mut wal, |batch| batch.entry(PartitionId(1), &entry(1, 1, b"first")));
    append(&mut wal, |batch| batch.entry(PartitionId(42), &entry(1, 1, b"second")));
    wal.sync().unwrap();
    disk.damage(&segments(&disk)[0], |bytes| bytes[3 * 512 + 64 + 36] ^= 1);
    let Some(OpenError::Damaged(damage)) = open(&disk).err() else { panic!("not refused") };
    assert_eq!((damage.segment, damage.offset), (1, 3 * 512 + 64));
    assert_eq!(damage.group, Some(PartitionId(42)));
    assert!(damage.to_string().contains("Nothing was changed"));
}
