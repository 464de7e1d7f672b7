//! Long random lives with many crashes, and random damage on top.

use super::model::{Model, Random, World};
use super::*;
use crate::record::{self, Change};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn many_crashes_lose_nothing_acknowledged(seed: u64, direct: bool) {
        let mut random = Random(seed);
        let mut world = World::with(Options { direct, ..SMALL });
        for crash in 0..12 {
            let context = format!("crash {crash}");
            let mut wal = world.restart(&context);
            for _ in 0..random.below(40) {
                prop_assert!(world.step(&mut wal, &mut random));
            }
            world.disk.crash(random.next());
        }
    }

    #[test]
    fn damage_after_a_crash_never_loses_silently(seed: u64, direct: bool, change in 1u8..) {
        let mut random = Random(seed);
        let mut world = World::with(Options { direct, ..SMALL });
        let (mut wal, _) = world.open().unwrap();
        for _ in 0..random.below(60) {
            world.step(&mut wal, &mut random);
        }
        world.disk.crash(random.next());
        let mut files = world.disk.files();
        files.retain(|path| path.extension().is_some_and(|suffix| suffix == "wal"));
        prop_assume!(!files.is_empty());
        let path = &files[random.below(files.len() as u64) as usize];
        world.disk.damage(path, |bytes| {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] ^= change;
        });
        if let Ok((_, recovered)) = open(&world.disk) {
            prop_assert!(world.possible.contains(&Model(recovered.groups)));
        }
    }

    #[test]
    fn records_round_trip_and_cut_ones_are_refused(
        group: u32, term: u64, index in 0..u64::MAX, payload: Vec<u8>, cut: prop::sample::Index,
    ) {
        let mut bytes = Vec::new();
        record::put_entry(&mut bytes, PartitionId(group), &entry(index, term, &payload));
        let (header, found, len) = record::decode(&bytes).unwrap();
        prop_assert_eq!((header.group, found, len), (PartitionId(group), &payload[..], bytes.len()));
        let change = Change::decode(&header, found).unwrap();
        prop_assert_eq!(change, Change::Entry(Index(index), Term(term)));
        prop_assert!(record::decode(&bytes[..cut.index(bytes.len())]).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = record::decode(&bytes);
        let _ = crate::GroupState::decode(&bytes);
        let _ = crate::snapshot::decode_header(&bytes);
        let _ = crate::snapshot::decode_chunk_header(&bytes);
        let _ = crate::snapshot::decode_trailer(&bytes);
    }
}
