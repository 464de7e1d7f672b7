//! The power fails, or the disk, at every single operation of a log's life; and again while it recovers.

use super::model::{Random, World};
use super::*;
use crate::MemDisk;
use crate::disk::{Fault, Operation, Unsynced};
use std::io::ErrorKind;

const STEPS: u64 = 60;

fn fault(on: Option<Operation>, after: u64, forever: bool) -> Fault {
    Fault { on, after, error: ErrorKind::Other, forever }
}

/// Runs the life that `seed` decides until something fails or it is over.
fn live(world: &mut World, seed: u64) {
    let mut random = Random(seed);
    let Ok((mut wal, _)) = open(&world.disk) else { return };
    for _ in 0..STEPS {
        if !world.step(&mut wal, &mut random) {
            return;
        }
    }
}

fn operations_of(seed: u64) -> u64 {
    let mut world = World::new();
    live(&mut world, seed);
    world.disk.operations()
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_acknowledged() {
    for seed in 0..8 {
        for at in 0..operations_of(seed) {
            let mut world = World::new();
            world.disk.inject(fault(None, at, true));
            live(&mut world, seed);
            world.disk.crash(seed * 1000 + at);
            let context = format!("seed {seed}, operation {at}");
            let wal = world.restart(&context);
            world.check_goes_on(wal, &mut Random(at), &context);
        }
    }
}

#[test]
fn a_power_cut_at_any_operation_of_a_recovery_loses_nothing_acknowledged() {
    for seed in 100..140 {
        let mut world = World::new();
        let at = operations_of(seed) / 2 + seed % 7;
        world.disk.inject(fault(None, at, true));
        live(&mut world, seed);
        world.disk.crash(seed);
        for recovery_at in 0.. {
            let mut world = World {
                disk: world.disk.fork(),
                model: world.model.clone(),
                possible: world.possible.clone(),
            };
            world.disk.inject(fault(None, recovery_at, true));
            let failed = open(&world.disk).is_err();
            world.disk.crash(seed + recovery_at);
            let context = format!("seed {seed}, operation {recovery_at} of the recovery");
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
        for (seed, nth) in (200..230).flat_map(|seed| (0..12).map(move |nth| (seed, nth))) {
            let mut world = World::new();
            world.disk.inject(fault(Some(on), nth, false));
            live(&mut world, seed);
            world.disk.clear_faults();
            let context = format!("seed {seed}, {on:?} {nth}");
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
