//! Every subset of the sectors that no sync covered is lost.

use super::model::{Model, Random, World};
use super::*;
use crate::disk::{Operation, Trap, Unsynced};

/// A log with a few acknowledged batches and some that were never synced.
fn unsynced(seed: u64, sectors_max: usize) -> (World, Vec<u64>) {
    let mut random = Random(seed);
    let mut world = World::new();
    let (mut wal, _) = Wal::open(
        Arc::new(world.disk.clone()),
        Path::new(DIR),
        Options { segment_bytes: 64 << 10, direct: false },
        &mut |_| {},
    )
    .unwrap();
    for _ in 0..3 {
        wal.append(&mut world.model.batch(&mut random)).unwrap();
    }
    wal.sync().unwrap();
    world.acknowledge();
    loop {
        let (mut model, mut batch) = (world.model.clone(), Batch::new());
        while batch.is_empty() {
            batch = model.batch(&mut random);
        }
        let sectors = lost_sectors(&world).len() + batch.padded_bytes() / 512;
        if sectors > sectors_max {
            break;
        }
        wal.append(&mut batch).unwrap();
        world.model = model;
        world.possible.push(world.model.clone());
    }
    let sectors = lost_sectors(&world);
    (world, sectors)
}

fn lost_sectors(world: &World) -> Vec<u64> {
    let mut sectors = Vec::new();
    world.disk.fork().crash_with(&mut |what| {
        if let Unsynced::Sector(_, number) = what {
            sectors.push(number);
        }
        true
    });
    sectors
}

/// A log with a few acknowledged batches, and one that the power cut met in the middle of its direct write.
fn torn_direct(seed: u64, sectors_max: usize) -> (World, Vec<u64>) {
    let mut random = Random(seed);
    let mut world = World::with(Options { segment_bytes: 64 << 10, direct: true });
    let (mut wal, _) = world.open().unwrap();
    for _ in 0..3 {
        wal.append_durably(&mut world.model.batch(&mut random)).unwrap();
    }
    world.acknowledge();
    let (mut model, mut batch) = (world.model.clone(), Batch::new());
    while !(2..=sectors_max).contains(&(batch.padded_bytes() / 512)) {
        model = world.model.clone();
        batch = model.batch(&mut random);
    }
    world.disk.set_trap(Trap { on: Operation::Sync, of: |_| true, after: 0, late: false });
    wal.append_durably(&mut batch).unwrap_err();
    world.possible.push(model);
    let sectors = lost_sectors(&world);
    assert_eq!(sectors.len(), batch.padded_bytes() / 512);
    (world, sectors)
}

#[test]
fn any_subset_of_unsynced_sectors_may_be_lost() {
    let torn: u64 = (0..12).map(|seed| lose_every_subset(unsynced(seed, 9), seed)).sum();
    assert!(torn > 100, "the interesting case was reached {torn} times only");
}

#[test]
fn any_subset_of_the_sectors_of_a_direct_write_may_be_lost() {
    let torn: u64 = (0..12).map(|seed| lose_every_subset(torn_direct(seed, 9), seed)).sum();
    assert!(torn > 100, "the interesting case was reached {torn} times only");
}

/// How often a torn batch was left.
fn lose_every_subset((world, sectors): (World, Vec<u64>), seed: u64) -> u64 {
    let (base, mut torn) = (world, 0);
    for subset in 0u32..1 << sectors.len() {
        let mut world = World {
            options: base.options,
            disk: base.disk.fork(),
            model: Model::default(),
            possible: base.possible.clone(),
        };
        world.disk.crash_with(&mut |what| match what {
            Unsynced::Sector(_, number) => {
                let place = sectors.iter().position(|sector| *sector == number).unwrap();
                subset >> place & 1 == 1
            }
            _ => true,
        });
        let context = format!("seed {seed}, subset {subset:b}");
        torn += u64::from(dump_has_torn(&world));
        let all_kept = subset + 1 == 1 << sectors.len();
        let last = world.possible.last().cloned();
        let wal = world.restart(&context);
        assert!(!all_kept || Some(&world.model) == last.as_ref(), "{context}: all was there");
        world.check_goes_on(wal, &mut Random(u64::from(subset)), &context);
    }
    torn
}

fn dump_has_torn(world: &World) -> bool {
    let items = crate::dump(Arc::new(world.disk.clone()), Path::new(DIR)).unwrap();
    items.flatten().any(|item| matches!(item, crate::DumpItem::End { torn_bytes: 1.., .. }))
}
