//! Every subset of the sectors that no sync covered is lost.

use super::model::{Model, Random, World};
use super::*;
use crate::disk::Unsynced;

/// A log with a few acknowledged batches and some that were never synced.
fn unsynced(seed: u64, sectors_max: usize) -> (World, Vec<u64>) {
    let mut random = Random(seed);
    let mut world = World::new();
    let (mut wal, _) = Wal::open(
        Arc::new(world.disk.clone()),
        Path::new(DIR),
        Options { segment_bytes: 64 << 10 },
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

#[test]
fn any_subset_of_unsynced_sectors_may_be_lost() {
    let mut torn = 0;
    for seed in 0..12 {
        let (world, sectors) = unsynced(seed, 9);
        for subset in 0u32..1 << sectors.len() {
            let mut world = World {
                disk: world.disk.fork(),
                model: Model::default(),
                possible: world.possible.clone(),
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
    }
    assert!(torn > 100, "the interesting case was reached {torn} times only");
}

fn dump_has_torn(world: &World) -> bool {
    let items = crate::dump(Arc::new(world.disk.clone()), Path::new(DIR)).unwrap();
    items.flatten().any(|item| matches!(item, crate::DumpItem::End { torn_bytes: 1.., .. }))
}
