//! Snapshots come back whole or not at all, whatever happens to the file or the machine.

use super::*;
use crate::disk::{Fault, MemDisk, Operation, RealDisk};
use crate::scratch::Scratch;
use crate::tests::meta;
use proptest::prelude::*;
use std::sync::Arc;

const G: PartitionId = PartitionId(3);
const DIR: &str = "/data/snapshots";

fn chunks(of: u64) -> Vec<Vec<u8>> {
    (0..4).map(|n| vec![(of * 16 + n) as u8; (n * 37 + 5) as usize]).collect()
}

fn write(
    disk: &(impl Disk + Clone + 'static),
    dir: &Path,
    index: u64,
) -> Result<SnapshotFile, SnapshotError> {
    let mut writer = SnapshotWriter::create(Arc::new(disk.clone()), dir, G, &meta(index, 1))?;
    for chunk in chunks(index) {
        writer.chunk(&chunk)?;
    }
    writer.finish()
}

fn read(reader: &mut SnapshotReader) -> Result<Vec<Vec<u8>>, SnapshotError> {
    let mut found = Vec::new();
    while let Some(chunk) = reader.next_chunk()? {
        found.push(chunk);
    }
    Ok(found)
}

fn newest(disk: &dyn Disk) -> Option<(SnapshotMeta, Vec<Vec<u8>>)> {
    let mut reader = SnapshotReader::open(disk, Path::new(DIR), G).unwrap()?;
    Some((reader.meta().clone(), read(&mut reader).unwrap()))
}

fn receiver(disk: &MemDisk, index: u64) -> Result<SnapshotReceiver, SnapshotError> {
    SnapshotReceiver::begin(Arc::new(disk.clone()), Path::new(DIR), G, &meta(index, 1))
}

/// Sends what the receiver lacks, in pieces.
fn send(file: &SnapshotFile, to: &mut SnapshotReceiver, piece: usize) -> Result<(), SnapshotError> {
    while to.offset() < file.len() {
        let bytes = file.read_raw_at(to.offset(), piece)?;
        to.write(to.offset(), &bytes)?;
    }
    Ok(())
}

fn round_trip(disk: &(impl Disk + Clone + 'static), dir: &Path) {
    assert!(SnapshotReader::open(disk, dir, G).unwrap().is_none());
    write(disk, dir, 5).unwrap();
    let file = write(disk, dir, 9).unwrap();
    assert_eq!((file.group(), file.meta()), (G, &meta(9, 1)));
    assert_eq!(list(disk, dir, G).unwrap(), [(Index(9), Term(1)), (Index(5), Term(1))]);
    assert!(list(disk, dir, PartitionId(4)).unwrap().is_empty());

    let mut reader = SnapshotReader::open(disk, dir, G).unwrap().unwrap();
    assert_eq!(reader.meta(), &meta(9, 1));
    assert_eq!(read(&mut reader).unwrap(), chunks(9));
    let (done, all) = reader.progress();
    assert_eq!((done, all), (file.len(), file.len()));
    let mut reader = SnapshotReader::open_at(disk, dir, G, &meta(5, 1)).unwrap().unwrap();
    assert_eq!(read(&mut reader).unwrap(), chunks(5));
    assert!(SnapshotReader::open_at(disk, dir, G, &meta(5, 2)).unwrap().is_none());

    assert_eq!(prune(disk, dir, G, Index(9)).unwrap(), 1);
    assert_eq!(list(disk, dir, G).unwrap().len(), 1);
    assert_eq!(remove_all(disk, dir, G).unwrap(), 1);
    assert!(disk.list(dir).unwrap().is_empty());
}

#[test]
fn snapshots_come_back_on_both_disks() {
    round_trip(&MemDisk::new(), Path::new(DIR));
    round_trip(&RealDisk, &Scratch::new().path().join("snapshots"));
}

#[test]
fn unfinished_files_go_when_they_are_stale() {
    let disk = MemDisk::new();
    let arc: Arc<dyn Disk> = Arc::new(disk.clone());
    for index in [5, 9] {
        drop(SnapshotWriter::create(Arc::clone(&arc), Path::new(DIR), G, &meta(index, 1)).unwrap());
        drop(receiver(&disk, index).unwrap());
    }
    assert_eq!(prune(&disk, Path::new(DIR), G, Index(5)).unwrap(), 2);
    assert_eq!(sweep(&disk, Path::new(DIR)).unwrap(), 1);
    assert_eq!(disk.list(Path::new(DIR)).unwrap().len(), 1, "the transfer of 9 resumes");
}

#[test]
fn any_changed_byte_or_length_is_noticed() {
    let disk = MemDisk::new();
    write(&disk, Path::new(DIR), 5).unwrap();
    write(&disk, Path::new(DIR), 9).unwrap();
    let newer = path(Path::new(DIR), G, &meta(9, 1), SUFFIX);
    let bytes = disk.contents(&newer).unwrap();
    let check = |change: &dyn Fn(&mut Vec<u8>), context: String| {
        let damaged = disk.fork();
        damaged.damage(&newer, change);
        let mut reader = SnapshotReader::open(&damaged, Path::new(DIR), G).unwrap().unwrap();
        // Damage in the header or trailer is passed over, damage in a chunk is found on the way.
        if reader.meta().index == Index(5) {
            assert_eq!(read(&mut reader).unwrap(), chunks(5), "{context}");
        } else {
            let found = read(&mut reader);
            assert!(matches!(found, Err(SnapshotError::Damaged { .. })), "{context}");
        }
    };
    for at in 0..bytes.len() {
        check(&|bytes| bytes[at] ^= 1 << (at % 8), format!("byte {at}"));
        check(&|bytes| bytes.truncate(at), format!("cut at {at}"));
    }
    check(&|bytes| bytes.push(0), "one byte more".to_owned());
}

#[test]
fn a_transfer_resumes_after_the_last_intact_chunk() {
    let (leader, follower) = (MemDisk::new(), MemDisk::new());
    let file = write(&leader, Path::new(DIR), 9).unwrap();
    for cut in 0..=file.len() {
        let follower = follower.fork();
        let mut to = receiver(&follower, 9).unwrap();
        to.write(0, &file.read_raw_at(0, cut as usize).unwrap()).unwrap();
        assert!(matches!(
            to.write(cut + 1, b"x"),
            Err(SnapshotError::OutOfPlace { expected, .. }) if expected == cut
        ));
        drop(to);
        let mut to = receiver(&follower, 9).unwrap();
        assert!(to.offset() <= cut && to.offset() + 200 > cut, "{} of {cut}", to.offset());
        send(&file, &mut to, 50).unwrap();
        to.finish().unwrap();
        assert_eq!(newest(&follower), Some((meta(9, 1), chunks(9))));
    }
}

#[test]
fn two_files_of_the_same_snapshot_are_never_mixed() {
    let (one, other, follower) = (MemDisk::new(), MemDisk::new(), MemDisk::new());
    let file = write(&one, Path::new(DIR), 9).unwrap();
    let mut writer =
        SnapshotWriter::create(Arc::new(other), Path::new(DIR), G, &meta(9, 1)).unwrap();
    for chunk in chunks(9).iter().rev() {
        writer.chunk(&chunk.iter().map(|byte| !byte).collect::<Vec<_>>()).unwrap();
    }
    let file_of_other = writer.finish().unwrap();
    for cut in 1..file.len() {
        let mut to = receiver(&follower, 9).unwrap();
        to.write(0, &file.read_raw_at(0, cut as usize).unwrap()).unwrap();
        send(&file_of_other, &mut to, 1000).unwrap();
        let result = to.finish();
        // The headers are the same, so up to there nothing is mixed.
        let mixed = cut > 48 + 30;
        assert_eq!(matches!(result, Err(SnapshotError::Damaged { .. })), mixed, "cut at {cut}");
        assert_eq!(receiver(&follower, 9).unwrap().offset(), 0, "a bad file is gone");
    }
}

/// Every operation fails in turn and takes the power with it: the newest snapshot is then the old or the
/// new one, and the new one if `finish` said so.
fn at_every_operation(disk: &MemDisk, act: impl Fn(&MemDisk) -> Result<(), SnapshotError>) {
    let old = newest(disk);
    for at in 0.. {
        for seed in 0..8 {
            let disk = disk.fork();
            let fault = Fault { on: None, after: at, error: io::ErrorKind::Other, forever: true };
            disk.inject(fault);
            let done = act(&disk).is_ok();
            disk.crash(seed * 77 + at);
            let found = newest(&disk);
            let new = Some((meta(9, 1), chunks(9)));
            assert!(found == new || (!done && found == old), "operation {at}, seed {seed}");
            act(&disk).unwrap();
            assert_eq!(newest(&disk), new, "operation {at}, seed {seed}");
            if done {
                return;
            }
        }
    }
}

#[test]
fn a_power_cut_while_writing_leaves_the_old_snapshot_or_the_new_one() {
    let disk = MemDisk::new();
    write(&disk, Path::new(DIR), 5).unwrap();
    at_every_operation(&disk, |disk| {
        write(disk, Path::new(DIR), 9)?;
        prune(disk, Path::new(DIR), G, Index(9))
            .map(|_| ())
            .map_err(SnapshotError::io(Path::new("")))
    });
}

#[test]
fn a_power_cut_while_receiving_leaves_the_old_snapshot_or_the_new_one() {
    let (disk, leader) = (MemDisk::new(), MemDisk::new());
    let file = write(&leader, Path::new(DIR), 9).unwrap();
    write(&disk, Path::new(DIR), 5).unwrap();
    at_every_operation(&disk, |disk| {
        let mut to = receiver(disk, 9)?;
        send(&file, &mut to, 64)?;
        to.finish().map(|_| ())
    });
}

#[test]
fn a_snapshot_is_durable_even_if_an_earlier_attempt_failed_to_sync_it() {
    let leader = MemDisk::new();
    let file = write(&leader, Path::new(DIR), 9).unwrap();
    let receive = |disk: &MemDisk| {
        let mut to = receiver(disk, 9)?;
        send(&file, &mut to, 64)?;
        to.finish().map(|_| ())
    };
    type Attempt<'a> = &'a dyn Fn(&MemDisk) -> Result<(), SnapshotError>;
    let attempts: [Attempt<'_>; 2] = [&receive, &|disk| write(disk, Path::new(DIR), 9).map(|_| ())];
    let kinds = [Operation::Sync, Operation::SyncDir];
    for (attempt, on) in attempts.iter().flat_map(|a| kinds.map(|on| (a, on))) {
        let disk = MemDisk::new();
        let error = io::ErrorKind::Other;
        disk.inject(Fault { on: Some(on), after: 0, error, forever: false });
        assert!(attempt(&disk).is_err());
        attempt(&disk).unwrap();
        disk.crash_with(&mut |_| false);
        assert_eq!(newest(&disk), Some((meta(9, 1), chunks(9))));
    }
}

#[test]
fn a_full_disk_is_told_apart() {
    let disk = MemDisk::new();
    disk.set_capacity(Some(200));
    assert!(write(&disk, Path::new(DIR), 5).err().unwrap().is_full());
    disk.set_capacity(None);
    disk.inject(Fault {
        on: Some(Operation::Sync),
        after: 0,
        error: io::ErrorKind::Other,
        forever: false,
    });
    assert!(!write(&disk, Path::new(DIR), 5).err().unwrap().is_full());
    assert!(newest(&disk).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_files_are_refused(bytes: Vec<u8>, keep in 0usize..300) {
        let disk = MemDisk::new();
        write(&disk, Path::new(DIR), 5).unwrap();
        let file = path(Path::new(DIR), G, &meta(5, 1), SUFFIX);
        let whole = disk.contents(&file).unwrap();
        disk.damage(&file, |old| {
            old.truncate(keep);
            old.extend_from_slice(&bytes);
        });
        if disk.contents(&file).unwrap() != whole
            && let Some(mut reader) = SnapshotReader::open(&disk, Path::new(DIR), G).unwrap()
        {
            prop_assert!(read(&mut reader).is_err());
        }
    }
}
