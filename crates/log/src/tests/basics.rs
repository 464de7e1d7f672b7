//! The plain life of a log: written, reopened, rotated, released; on both disks.

use super::*;
use crate::scratch::Scratch;
use crate::{AppendError, DumpItem, Fill, MemDisk, Misplaced, Prepared, RealDisk, dump};

const G: PartitionId = PartitionId(1);
const H: PartitionId = PartitionId(9);

fn comes_back(disk: &(impl Disk + Clone + 'static), dir: &Path) {
    let (mut wal, recovered) = open_in(disk, dir).unwrap();
    assert_eq!(recovered, Recovered::default());
    append(&mut wal, |batch| {
        batch.snapshot(G, &meta(0, 0));
        batch.hard_state(G, &vote(1, 0));
        for index in 1..=5 {
            batch.entry(G, &entry(index, 1, &vec![index as u8; index as usize * 30]));
        }
    });
    append(&mut wal, |batch| {
        batch.entry(H, &entry(1, 7, b""));
        batch.entry(G, &entry(4, 2, b"instead of four and five"));
    });
    wal.sync().unwrap();
    drop(wal);

    let (mut wal, recovered) = open_in(disk, dir).unwrap();
    let g = &recovered.groups[&G];
    assert_eq!((g.hard_state, &g.snapshot), (vote(1, 0), &meta(0, 0)));
    assert_eq!(indexes(g), [1, 2, 3, 4]);
    assert_eq!(g.entries[3], entry(4, 2, b"instead of four and five"));
    assert_eq!(recovered.groups[&H].entries, [entry(1, 7, b"")]);
    assert_eq!(recovered.report.torn_bytes, 0);
    // One entry that is kept would otherwise keep the megabyte that was read with it.
    assert!(g.entries.iter().all(|entry| entry.payload.is_unique()));

    append(&mut wal, |batch| {
        batch.snapshot(G, &meta(3, 1));
        batch.remove_group(H);
    });
    wal.sync().unwrap();
    let (_, recovered) = open_in(disk, dir).unwrap();
    assert_eq!(indexes(&recovered.groups[&G]), [4]);
    assert_eq!(recovered.groups[&G].snapshot, meta(3, 1));
    assert!(!recovered.groups.contains_key(&H));
}

fn rotates_and_releases(disk: &(impl Disk + Clone + 'static), dir: &Path) {
    let (mut wal, _) = open_in(disk, dir).unwrap();
    append(&mut wal, |batch| batch.entry(H, &entry(1, 1, b"pins the first segment")));
    for index in 1..=100 {
        append(&mut wal, |batch| batch.entry(G, &entry(index, 1, &[7; 200])));
        if index % 3 == 0 {
            while wal.prepare_next(Fill::Written, 1000).unwrap() == Prepared::More {}
        }
        if index % 50 == 0 {
            append(&mut wal, |batch| batch.snapshot(G, &meta(index - 2, 1)));
        }
    }
    wal.sync().unwrap();
    assert!(wal.segments() > 10);
    assert_eq!(wal.release().unwrap(), 0);
    assert_eq!(wal.oldest_pins(), [H]);
    append(&mut wal, |batch| batch.snapshot(H, &meta(1, 1)));
    let before = wal.segments();
    assert!(wal.release().unwrap() >= before - 3);
    assert!(wal.bytes() <= 5 * 4096);
    drop(wal);

    let (wal, recovered) = open_in(disk, dir).unwrap();
    assert_eq!(indexes(&recovered.groups[&G]), [99, 100]);
    assert_eq!(recovered.groups[&H].snapshot, meta(1, 1));
    assert_eq!(wal.oldest_pins(), []);
}

#[test]
fn what_was_written_comes_back() {
    comes_back(&MemDisk::new(), Path::new(DIR));
    comes_back(&RealDisk, &Scratch::new().path().join("log"));
}

#[test]
fn segments_are_released_once_snapshots_cover_them() {
    rotates_and_releases(&MemDisk::new(), Path::new(DIR));
    rotates_and_releases(&RealDisk, &Scratch::new().path().join("log"));
}

#[test]
fn entries_that_were_replaced_pin_nothing() {
    let disk = MemDisk::new();
    let replace: [fn(&mut Batch); 3] = [
        |batch| batch.entry(G, &entry(1, 2, b"overwritten")),
        |batch| batch.snapshot(G, &meta(1, 2)),
        |batch| batch.remove_group(G),
    ];
    for (n, replace) in replace.into_iter().enumerate() {
        let dir = Path::new(DIR).join(n.to_string());
        let (mut wal, _) = open_in(&disk, &dir).unwrap();
        for index in 1.. {
            if wal.segments() == 3 {
                break;
            }
            append(&mut wal, |batch| batch.entry(G, &entry(index, 1, &[7; 700])));
        }
        assert_eq!(wal.oldest_pins(), [G]);
        append(&mut wal, replace);
        assert_eq!(wal.oldest_pins(), []);
        assert_eq!(wal.release().unwrap(), 2);
        open_in(&disk, &dir).unwrap();
    }
}

#[test]
fn a_batch_larger_than_a_segment_gets_a_segment_of_its_own() {
    let disk = MemDisk::new();
    let (mut wal, _) = open(&disk).unwrap();
    while wal.prepare_next(Fill::Written, u64::MAX).unwrap() == Prepared::More {}
    append(&mut wal, |batch| batch.entry(G, &entry(1, 1, &[0; 100_000])));
    append(&mut wal, |batch| batch.entry(G, &entry(2, 1, b"next")));
    wal.sync().unwrap();
    let (_, recovered) = open(&disk).unwrap();
    assert_eq!(recovered.groups[&G].entries[0].payload, vec![0; 100_000]);
    assert_eq!(indexes(&recovered.groups[&G]), [1, 2]);
}

#[test]
fn a_batch_that_does_not_follow_is_refused_and_nothing_more_is_taken() {
    let disk = MemDisk::new();
    let (mut wal, _) = open(&disk).unwrap();
    let mut gap = batch_of(|batch| batch.entry(G, &entry(2, 1, b"")));
    let reason = Misplaced::Gap { index: Index(2), last: Index(0) };
    assert!(matches!(wal.append(&mut gap),
        Err(AppendError::Refused { group: G, reason: found }) if found == reason));
    let mut good = batch_of(|batch| batch.entry(G, &entry(1, 1, b"")));
    assert!(matches!(wal.append(&mut good), Err(AppendError::Failed(_))));
    assert!(matches!(wal.sync(), Err(AppendError::Failed(_))));
    assert!(open(&disk).unwrap().1.groups.is_empty());
}

#[test]
fn a_dump_lists_every_record_in_its_place() {
    let disk = MemDisk::new();
    let (mut wal, _) = open(&disk).unwrap();
    for index in 1..=20 {
        append(&mut wal, |batch| batch.entry(G, &entry(index, 1, &[7; 300])));
    }
    wal.sync().unwrap();
    let items: Vec<_> =
        dump(Arc::new(disk), Path::new(DIR)).unwrap().collect::<Result<_, _>>().unwrap();
    let mut found = Vec::new();
    for item in &items {
        if let DumpItem::Record { header, payload, .. } = item
            && header.group == G
            && payload.len() == 300
        {
            found.push(header.index.0);
        }
    }
    assert_eq!(found, (1..=20).collect::<Vec<_>>());
    let segments = items.iter().filter(|item| matches!(item, DumpItem::Segment { .. })).count();
    let ends = items.iter().filter(|item| matches!(item, DumpItem::End { .. })).count();
    assert_eq!((segments, ends), (wal.segments(), wal.segments()));
}
