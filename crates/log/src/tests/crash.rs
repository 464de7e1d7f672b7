//! The power fails, or the disk, at every single operation of a log's life; and again while it recovers.

use super::model::{Random, World};
use super::*;
use crate::MemDisk;
use crate::disk::{DirectWrites, Fault, Operation, Unsynced};
use std::io::ErrorKind;

const STEPS: u64 = 60;

fn each_mode(seeds: std::ops::Range<u64>) -> impl Iterator<Item = (Options, u64)> {
    [SMALL, SMALL_DIRECT]
        .into_iter()
        .flat_map(move |options| seeds.clone().map(move |s| (options, s)))
}

fn fault(on: Option<Operation>, after: u64, forever: bool) -> Fault {
    Fault { on, after, error: ErrorKind::Other, forever }
}

/// Runs the life that `seed` decides until something fails or it is over.
fn live(world: &mut World, seed: u64) {
    let mut random = Random(seed);
    let Ok((mut wal, _)) = world.open() else { return };
    for _ in 0..STEPS {
        if !world.step(&mut wal, &mut random) {
            return;
        }
    }
}

fn operations_of(options: Options, seed: u64) -> u64 {
    let mut world = World::with(options);
    live(&mut world, seed);
    world.disk.operations()
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_acknowledged() {
    for (options, seed) in each_mode(0..8) {
        for at in 0..operations_of(options, seed) {
            let mut world = World::with(options);
            world.disk.inject(fault(None, at, true));
            live(&mut world, seed);
            world.disk.crash(seed * 1000 + at);
            let context = format!("{options:?}, seed {seed}, operation {at}");
            let wal = world.restart(&context);
            world.check_goes_on(wal, &mut Random(at), &context);
        }
    }
}

#[test]
fn a_power_cut_at_any_operation_of_a_recovery_loses_nothing_acknowledged() {
    for (options, seed) in each_mode(100..140) {
        let mut world = World::with(options);
        let at = operations_of(options, seed) / 2 + seed % 7;
        world.disk.inject(fault(None, at, true));
        live(&mut world, seed);
        world.disk.crash(seed);
        for recovery_at in 0.. {
            let mut world = World {
                options,
                disk: world.disk.fork(),
                model: world.model.clone(),
                possible: world.possible.clone(),
            };
            world.disk.inject(fault(None, recovery_at, true));
            let failed = world.open().is_err();
            world.disk.crash(seed + recovery_at);
            let context =
                format!("{options:?}, seed {seed}, operation {recovery_at} of the recovery");
            let wal = world.restart(&context);
            world.check_goes_on(wal, &mut Random(seed), &context);
            if !failed {
                break;
            }
        }
    }
}

/// After a sync fails, Linux shows the process that starts next what was never written. What that one
/// recovers it acts upon, so a power cut after it must not take it away.
#[test]
fn what_a_restart_recovered_is_durable_even_after_a_failed_sync() {
    for on in [Operation::Sync, Operation::SyncDir] {
        let all = each_mode(200..230).flat_map(|mode| (0..12).map(move |nth| (mode, nth)));
        for ((options, seed), nth) in all {
            let mut world = World::with(options);
            world.disk.inject(fault(Some(on), nth, false));
            live(&mut world, seed);
            world.disk.clear_faults();
            let context = format!("{options:?}, seed {seed}, {on:?} {nth}");
            let wal = world.restart(&context);
            if nth % 2 == 0 {
                world.check_goes_on(wal, &mut Random(seed), &context);
            }
            world.disk.crash_with(&mut |_| false);
            let wal = world.restart(&context);
            world.check_goes_on(wal, &mut Random(seed), &context);
        }
    }
}

/// The clearing of a torn write fails, the next start sees it cleared all the same, and the power cut
/// after that brings the old bytes back, right behind a batch of the same length.
#[test]
fn a_leftover_of_an_earlier_life_is_not_taken_for_the_next_batch() {
    const G: PartitionId = PartitionId(1);
    let disk = MemDisk::new();
    let (mut wal, _) = open(&disk).unwrap();
    append(&mut wal, |batch| batch.entry(G, &entry(1, 1, b"torn")));
    append(&mut wal, |batch| batch.hard_state(G, &vote(99, 0)));
    disk.crash_with(&mut |what| !matches!(what, Unsynced::Sector(_, 2)));

    disk.inject(fault(Some(Operation::Sync), 0, false));
    assert!(open(&disk).is_err());
    let (mut wal, _) = open(&disk).unwrap();
    append(&mut wal, |batch| batch.entry(G, &entry(1, 2, b"anew")));
    wal.sync().unwrap();
    disk.crash_with(&mut |_| true);
    let (_, recovered) = open(&disk).unwrap();
    assert_eq!(recovered.groups[&G].entries, [entry(1, 2, b"anew")]);
    assert_eq!(recovered.groups[&G].hard_state, HardState::default());
    assert_eq!(recovered.report.torn_bytes, 512);
}

#[test]
fn a_failed_write_or_sync_ends_the_log() {
    for on in [Operation::Write, Operation::Sync] {
        let mut world = World::new();
        let (mut wal, _) = open(&world.disk).unwrap();
        world.disk.inject(fault(Some(on), 0, false));
        let mut random = Random(1);
        let mut batch = world.model.batch(&mut random);
        let result = wal.append(&mut batch).and_then(|()| wal.sync());
        assert!(matches!(result, Err(crate::AppendError::Failed(_))));
        assert!(matches!(wal.append(&mut batch), Err(crate::AppendError::Failed(_))));
        assert!(
            wal.sync().is_err()
                && wal.release().is_err()
                && wal.prepare_next(crate::Fill::Written, 1).is_err()
        );
        assert!(wal.mark_durable().is_err());
    }
}

#[test]
fn a_failed_direct_write_ends_the_log() {
    for on in [Operation::Write, Operation::Sync] {
        let mut world = World::with(SMALL_DIRECT);
        let (mut wal, _) = world.open().unwrap();
        world.disk.inject(fault(Some(on), 0, false));
        let mut batch = world.model.batch(&mut Random(1));
        let result = wal.append_durably(&mut batch);
        assert!(matches!(result, Err(crate::AppendError::Failed(_))));
        assert!(wal.append_durably(&mut batch).is_err() && wal.sync().is_err());
    }
}

/// A direct write makes itself durable and not the mark before it, so behind a mark there is none.
#[test]
fn a_batch_behind_a_mark_makes_the_mark_durable_too() {
    const G: PartitionId = PartitionId(1);
    let disk = MemDisk::new();
    let (mut wal, _) = open_with(&disk, SMALL_DIRECT).unwrap();
    wal.append_durably(&mut batch_of(|batch| batch.entry(G, &entry(1, 1, b"first")))).unwrap();
    wal.mark_durable().unwrap();
    wal.append_durably(&mut batch_of(|batch| batch.entry(G, &entry(2, 1, b"second")))).unwrap();
    disk.crash_with(&mut |_| false);
    let (_, recovered) = open(&disk).unwrap();
    assert_eq!(indexes(&recovered.groups[&G]), [1, 2]);
}

#[test]
fn a_disk_that_takes_no_direct_writes_is_written_through_the_page_cache() {
    const G: PartitionId = PartitionId(1);
    for (direct, taken) in [
        (DirectWrites::Taken, true),
        (DirectWrites::NotOpened, false),
        (DirectWrites::NotWritten, false),
    ] {
        let disk = MemDisk::new();
        disk.set_direct_writes(direct);
        let (mut wal, _) = open_with(&disk, SMALL_DIRECT).unwrap();
        assert_eq!(wal.is_direct(), taken, "{direct:?}");
        for n in 1..=20 {
            let payload = [n as u8; 700];
            wal.append_durably(&mut batch_of(|batch| batch.entry(G, &entry(n, 1, &payload))))
                .unwrap();
            assert_eq!(wal.is_direct(), taken, "in each segment");
        }
        assert!(wal.segments() > 1);
        disk.crash_with(&mut |_| false);
        let (_, recovered) = open_with(&disk, SMALL_DIRECT).unwrap();
        assert_eq!(recovered.groups[&G].entries.len(), 20, "{direct:?}");
        assert!(disk.files().iter().all(|path| !path.ends_with("probe.tmp")));
    }
}
