//! Values of any size go through a snapshot: a long record travels in parts.

use synod_data::{Context, Keyspace, lookup};
use synod_types::{Millis, SLOT_COUNT, Slot};

/// No chunk is longer than this, whatever it holds.
const CHUNK_BYTES_MAX: usize = 3 << 20;

fn keyspace() -> Keyspace {
    Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1))
}

fn run(keyspace: &mut Keyspace, words: &[&[u8]]) {
    let ctx = Context { now: Millis(1_000), seed: 1 };
    keyspace.execute_write(lookup(words[0]).expect("a command"), words, &ctx, &mut ());
}

/// Long values beside short ones, all in one slot.
fn filled() -> Keyspace {
    let mut keyspace = keyspace();
    let element = vec![b'e'; 400_000];
    for n in 0..5 {
        run(&mut keyspace, &[b"SET", format!("{{t}}short:{n}").as_bytes(), b"v"]);
        run(&mut keyspace, &[b"RPUSH", b"{t}list", &element, b"small"]);
        run(&mut keyspace, &[b"HSET", b"{t}hash", format!("field:{n}").as_bytes(), &element]);
    }
    let longest = [&b"{t}"[..], &vec![b'k'; 17 << 20]].concat();
    run(&mut keyspace, &[b"SET", &longest, b"v"]);
    run(&mut keyspace, &[b"SET", b"{t}text", &vec![b't'; 5 << 20]]);
    run(&mut keyspace, &[b"SET", b"{t}last", b"v"]);
    keyspace
}

fn chunks(keyspace: &mut Keyspace) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| keyspace.snapshot_next(1_000)).collect()
}

fn restored(chunks: &[Vec<u8>]) -> Keyspace {
    let mut restorer = Keyspace::restore(keyspace().slots());
    for chunk in chunks {
        assert!(chunk.len() <= CHUNK_BYTES_MAX, "{} bytes", chunk.len());
        restorer.chunk(chunk).expect("own snapshot");
    }
    restorer.finish().expect("own snapshot")
}

#[test]
fn a_long_value_is_restored_from_its_parts() {
    let mut keyspace = filled();
    let digest = keyspace.digest();
    keyspace.snapshot_begin();
    let chunks = chunks(&mut keyspace);
    assert_eq!(restored(&chunks).digest(), digest);
}

#[test]
fn a_write_between_the_parts_of_a_value_does_not_reach_the_snapshot() {
    let mut keyspace = filled();
    let digest = keyspace.digest();
    for given_before in 0..12 {
        keyspace.snapshot_begin();
        let mut given: Vec<Vec<u8>> =
            (0..given_before).filter_map(|_| keyspace.snapshot_next(1_000)).collect();
        run(&mut keyspace, &[b"SET", b"{t}new", b"v"]);
        given.extend(chunks(&mut keyspace));
        assert_eq!(restored(&given).digest(), digest, "{given_before}");
        run(&mut keyspace, &[b"DEL", b"{t}new"]);
        keyspace = restored(&given);
    }
}

#[test]
fn parts_that_break_off_or_are_out_of_place_are_refused() {
    let mut keyspace = filled();
    keyspace.snapshot_begin();
    let chunks = chunks(&mut keyspace);
    // A chunk may hold no more than the slot's name, which the one before it gave as well.
    let name_only = |chunk: &[u8]| chunk.len() < 8 && chunk[0] == 2;
    for missing in (1..chunks.len()).filter(|n| !name_only(&chunks[*n])) {
        let mut restorer = Keyspace::restore(keyspace.slots());
        let all = chunks.iter().enumerate().filter(|(n, _)| *n != missing);
        let taken = all.map(|(_, chunk)| restorer.chunk(chunk)).all(|result| result.is_ok());
        assert!(!taken || restorer.finish().is_err(), "without chunk {missing}");
    }
}
