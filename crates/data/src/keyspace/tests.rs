//! The counts that the keyspace keeps are those of what it holds, after any commands.

use super::Keyspace;
use crate::object::Object;
use crate::slot_table::SlotTable;
use crate::{Context, lookup};
use proptest::prelude::*;
use synod_types::{Millis, SLOT_COUNT, Slot};

/// Recounts everything; every object must be found where it lies.
pub(super) fn check(keyspace: &Keyspace) {
    let objects = || keyspace.slots.iter().flat_map(SlotTable::objects);
    assert_eq!(keyspace.len, objects().count());
    assert_eq!(keyspace.expires, objects().filter(|o| o.expire().is_some()).count());
    assert_eq!(keyspace.expiring_hashes, objects().filter(|o| o.due().field.is_some()).count());
    assert_eq!(keyspace.bytes, objects().map(Object::heap_bytes).sum::<usize>());
    let tables = keyspace.slots.iter().map(SlotTable::heap_bytes).sum::<usize>();
    assert_eq!(keyspace.table_bytes, tables);
    let used: Vec<_> = keyspace.used.slots().collect();
    for (slot, table) in keyspace.slots.iter().enumerate() {
        assert!(used.contains(&slot) || table.len() == 0 && table.absent_version() == 0);
        let due = || table.objects().iter().map(Object::due);
        assert_eq!(table.expires(), due().filter(|due| due.key.is_some()).count());
        assert_eq!(table.expiring_hashes(), due().filter(|due| due.field.is_some()).count());
        assert!(
            due()
                .filter_map(|due| due.first())
                .min()
                .is_none_or(|earliest| table.expire_min() <= earliest)
        );
        assert!(table.absent_version() <= keyspace.changes);
        for (at, object) in table.objects().iter().enumerate() {
            let (_, hash) = keyspace.place(object.key()).unwrap();
            assert_eq!(table.find(hash, object.key()), Some(at));
            assert!(0 < object.version() && object.version() <= keyspace.changes);
        }
    }
}

const LINES: &[&str] = &[
    "SET k v",
    "SET k 10",
    "SET k v PX 3",
    "SET k 11 KEEPTTL",
    "APPEND k 1234",
    "SETRANGE k 2000 x",
    "INCR k",
    "GETEX k PX 4",
    "PERSIST k",
    "PEXPIRE k 2",
    "DEL k",
    "RENAME k j",
    "COPY j k REPLACE",
    "RPUSH k a b c",
    "LPOP k",
    "SADD k a b c",
    "SPOP k 2",
    "HSET k f v g w",
    "HDEL k f",
    "HPEXPIRE k 2 FIELDS 2 f g",
    "HPEXPIRE k 3 FIELDS 1 f",
    "HPERSIST k FIELDS 1 f",
    "HSETEX k PX 3 FIELDS 1 h v",
    "ZADD k 1 a",
    "ZREM k a",
    "XADD k * f v",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn counts_are_kept(steps in prop::collection::vec((0..LINES.len(), 0..10u32, 0..2u64), 1..150)) {
        let mut keyspace = Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1));
        let mut now = 1;
        for (line, tag, wait) in steps {
            now += wait;
            // One slot for all, so that removals move other keys.
            let line = LINES[line].replace(" k", &format!(" {{t}}{tag}")).replace(" j", " {t}j");
            let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            if let Some(command) = lookup(args[0]) {
                let ctx = Context { now: Millis(now), seed: now };
                keyspace.execute_write(command, &args, &ctx, &mut ());
            }
        }
        check(&keyspace);
        for key in ["j", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] {
            keyspace.delete(format!("{{t}}{key}").as_bytes(), Millis(now));
        }
        check(&keyspace);
        let hashes = keyspace.expiring_hashes;
        prop_assert_eq!((keyspace.len, keyspace.expires, hashes, keyspace.bytes), (0, 0, 0, 0));
    }
}

#[test]
fn flushall_and_eviction_pass_over_what_the_coordinator_keeps() {
    let mut keyspace = Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1));
    let ctx = Context { now: Millis(1), seed: 1 };
    let write = |keyspace: &mut Keyspace, line: &str| {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        keyspace.execute_write(lookup(args[0]).unwrap(), &args, &ctx, &mut ());
    };
    for line in ["HSET {synod:tx}1 v 1", "ZADD {synod:tx}due 1 1", "SET {synod:tx2}a b", "SET a b"]
    {
        write(&mut keyspace, line);
    }
    let version = keyspace.version(b"{synod:tx}1", Millis(1));
    keyspace.clear(Millis(2));
    check(&keyspace);
    assert_eq!(keyspace.len(), 2);
    assert_eq!(keyspace.version(b"{synod:tx}1", Millis(2)), version);
    assert_eq!(keyspace.draw_candidates(7, 100, false).count(), 0);
    write(&mut keyspace, "SET {synod:tx}x y");
    write(&mut keyspace, "SET c d");
    let drawn: Vec<&[u8]> =
        keyspace.draw_candidates(7, 1_000, false).map(|drawn| drawn.key).collect();
    assert!(!drawn.is_empty() && drawn.iter().all(|key| *key == b"c"), "{drawn:?}");
    keyspace.delete(b"{synod:tx}1", Millis(2));
    check(&keyspace);
}
