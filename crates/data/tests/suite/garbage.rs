//! What takes long to free is set aside, and nobody can tell.

use synod_data::{Context, Keyspace, lookup};
use synod_types::{Millis, SLOT_COUNT, Slot};

fn keyspace() -> Keyspace {
    Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1))
}

fn run(keyspace: &mut Keyspace, words: &[&[u8]]) {
    let ctx = Context { now: Millis(1_000), seed: 1 };
    keyspace.execute_write(lookup(words[0]).expect("a command"), words, &ctx, &mut ());
}

fn fill(keyspace: &mut Keyspace, key: &[u8], members: usize) {
    for n in 0..members {
        run(keyspace, &[b"SADD", key, format!("member:{n}").as_bytes()]);
    }
}

#[test]
fn a_large_value_is_set_aside_however_it_goes() {
    let ways: [&[&[u8]]; 6] = [
        &[b"DEL", b"large"],
        &[b"UNLINK", b"large"],
        &[b"SET", b"large", b"text"],
        &[b"SINTERSTORE", b"large", b"nosuch"],
        &[b"EXPIRE", b"large", b"-1"],
        &[b"RENAME", b"small", b"large"],
    ];
    for way in ways {
        let mut keyspace = keyspace();
        fill(&mut keyspace, b"large", 10_000);
        fill(&mut keyspace, b"small", 10);
        assert!(keyspace.take_garbage().is_none());
        run(&mut keyspace, way);
        assert_eq!(keyspace.take_garbage().expect("something to free").len(), 1, "{way:?}");
        run(&mut keyspace, &[b"DEL", b"small", b"large"]);
        assert!(keyspace.take_garbage().is_none(), "{way:?}");
    }
}

#[test]
fn an_expired_value_is_set_aside() {
    let mut keyspace = keyspace();
    fill(&mut keyspace, b"large", 10_000);
    run(&mut keyspace, &[b"PEXPIREAT", b"large", b"2000"]);
    keyspace.expire_now([&b"large"[..]], Millis(3_000));
    assert_eq!((keyspace.len(), keyspace.take_garbage().unwrap().len()), (0, 1));
}

#[test]
fn all_keys_are_set_aside_and_a_snapshot_under_way_keeps_them() {
    let mut keyspace = keyspace();
    for n in 0..1_000 {
        run(&mut keyspace, &[b"SET", format!("key:{n}").as_bytes(), b"v"]);
    }
    keyspace.clear(Millis(3_000));
    assert_eq!(keyspace.take_garbage().unwrap().len(), 1_000);
    for n in 0..1_000 {
        run(&mut keyspace, &[b"SET", format!("key:{n}").as_bytes(), b"v"]);
    }
    keyspace.snapshot_begin();
    keyspace.clear(Millis(3_000));
    assert!(keyspace.take_garbage().is_none(), "the snapshot still needs them");
    let mut restorer = Keyspace::restore(keyspace.slots());
    while let Some(chunk) = keyspace.snapshot_next(1_000) {
        restorer.chunk(&chunk).unwrap();
    }
    assert_eq!(restorer.finish().unwrap().len(), 1_000);
    assert_eq!(keyspace.take_garbage().unwrap().len(), 1_000);
}
