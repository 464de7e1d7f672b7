//! How long GET and SET take: `cargo run --release -p synod-data --example hot_path [keys ...]`.
//!
//! Prints nanoseconds per command, name lookup included, for keys that fit the cache and for a million, unless
//! other numbers are given.

use std::time::Duration;
use synod_data::{Context, Keyspace, lookup, warm};
use synod_types::{Millis, SLOT_COUNT, Slot, key_slot};

fn main() {
    let given: Vec<usize> = std::env::args().skip(1).filter_map(|n| n.parse().ok()).collect();
    for keys in if given.is_empty() { vec![1_000, 1_000_000] } else { given } {
        let mut keyspace = Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1));
        let names: Vec<Vec<u8>> = (0..keys).map(|n| format!("key:{n:012}").into_bytes()).collect();
        let value = [b'x'; 64];
        let rounds = 10_000_000 / keys;
        let (once, single, by_16s) = ((&*names, 1, 1), (&*names, rounds, 1), (&*names, rounds, 16));
        run("SET new", &mut keyspace, once, |key| vec![b"SET", key, &value]);
        run("SET again", &mut keyspace, single, |key| vec![b"SET", key, &value]);
        run("GET", &mut keyspace, single, |key| vec![b"GET", key]);
        run("GET absent", &mut keyspace, single, |key| vec![b"GET", &key[1..]]);
        run("GET by 16s", &mut keyspace, by_16s, |key| vec![b"GET", key]);
        run("SET by 16s", &mut keyspace, by_16s, |key| vec![b"SET", key, &value]);
        snapshot(&mut keyspace);
        run("INCR", &mut Keyspace::new(keyspace.slots()), single, |key| vec![b"INCR", key]);
    }
}

/// One command after the other; with `batch` above 1 in batches, as a pipeline brings them, the keys of each fetched
/// side by side.
fn run<'a>(
    name: &str,
    keyspace: &mut Keyspace,
    (keys, rounds, batch): (&'a [Vec<u8>], usize, usize),
    args: impl Fn(&'a [u8]) -> Vec<&'a [u8]>,
) {
    let ctx = Context { now: Millis(1), seed: 0 };
    // A stride that is coprime to the number of keys visits all of them, out of order.
    let lines: Vec<Vec<&[u8]>> =
        (0..keys.len()).map(|n| args(&keys[n * 7_919 % keys.len()])).collect();
    let begin = now();
    for _ in 0..rounds {
        for lines in lines.chunks(batch) {
            if batch > 1 {
                warm(lines.iter().map(|line| (&*keyspace, key_slot(line[1]), line[1])));
            }
            for line in lines {
                let command = lookup(line[0]).expect("a command");
                keyspace.execute_write(command, line, &ctx, &mut ());
            }
        }
    }
    let each = (now() - begin).as_nanos() as f64 / (rounds * keys.len()) as f64;
    println!("{:>9} keys  {name:<12}{each:>8.1} ns", keys.len());
}

fn snapshot(keyspace: &mut Keyspace) {
    let keys = keyspace.len();
    let begin = now();
    keyspace.snapshot_begin();
    let mut chunks = Vec::new();
    while let Some(chunk) = keyspace.snapshot_next(256 << 10) {
        chunks.push(chunk);
    }
    let taken = now();
    let mut restorer = Keyspace::restore(keyspace.slots());
    for chunk in &chunks {
        restorer.chunk(chunk).expect("own snapshot");
    }
    let restored = restorer.finish().expect("own snapshot");
    let done = now();
    assert_eq!(restored.len(), keys);
    let each = |time: Duration| time.as_nanos() as f64 / keys as f64;
    println!("{keys:>9} keys  {:<12}{:>8.1} ns per key", "snapshot", each(taken - begin));
    println!("{keys:>9} keys  {:<12}{:>8.1} ns per key", "restore", each(done - taken));
}

// An example measures; the crate itself is given the time.
#[allow(clippy::disallowed_methods)]
fn now() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}
