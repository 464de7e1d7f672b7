//! A full disk is an answer to the writer, not the end.

use super::model::{Random, World};
use crate::disk::{Fault, Operation};
use crate::{AppendError, Prepared};

#[test]
fn a_full_disk_refuses_batches_and_takes_them_once_there_is_room() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut world = World::new();
        let (mut wal, _) = super::open(&world.disk).unwrap();
        world.disk.set_capacity(Some(4096 * 3 + random.below(4096)));
        let mut full = 0;
        for _ in 0..40 {
            let mut batch = world.model.batch(&mut random);
            match wal.append(&mut batch) {
                Ok(()) => {}
                Err(AppendError::Full(_)) => {
                    full += 1;
                    let len = batch.len_bytes();
                    assert!(matches!(wal.append(&mut batch), Err(AppendError::Full(_))));
                    assert_eq!(batch.len_bytes(), len, "the batch is kept");
                    wal.sync().unwrap();
                    wal.release().unwrap();
                    world.disk.set_capacity(None);
                    wal.append(&mut batch).unwrap();
                    let used: usize = world
                        .disk
                        .files()
                        .iter()
                        .filter_map(|f| Some(world.disk.contents(f)?.len()))
                        .sum();
                    world.disk.set_capacity(Some(used as u64 + random.below(9000)));
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert!(full > 0);
        wal.sync().unwrap();
        world.acknowledge();
        world.disk.crash_with(&mut |_| false);
        world.disk.set_capacity(None);
        let wal = world.restart("after a full disk");
        world.check_goes_on(wal, &mut random, "after a full disk");
    }
}

/// A file system that allocates late says so at the sync.
#[test]
fn a_disk_found_full_by_a_sync_of_zeros_is_tried_again() {
    let world = World::new();
    let (mut wal, _) = super::open(&world.disk).unwrap();
    for after in 0..3 {
        world.disk.inject(Fault {
            on: Some(Operation::Sync),
            after: 0,
            error: std::io::ErrorKind::StorageFull,
            forever: false,
        });
        assert!(
            matches!(wal.prepare_next(crate::Fill::Written, u64::MAX), Err(AppendError::Full(_))),
            "{after}"
        );
    }
    assert_eq!(wal.prepare_next(crate::Fill::Written, u64::MAX).unwrap(), Prepared::Ready);
}
