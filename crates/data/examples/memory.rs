//! What a key costs in memory: `cargo run --release -p synod-data --example memory [keys]`.
//!
//! Fills a keyspace with one kind of data after the other and prints bytes per key as the allocator
//! sees them, and as the keyspace estimates them. docs/benchmarks.md has Redis's figures for the same.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use synod_data::{Context, Keyspace, lookup};
use synod_types::{Millis, SLOT_COUNT, Slot};

/// Counts what is handed out, with the rounding of glibc's allocator.
struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

fn rounded(len: usize) -> usize {
    (len + 8).next_multiple_of(16).max(32)
}

// An allocator cannot be written without unsafe; this one only counts and passes on.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(rounded(layout.size()), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        BYTES.fetch_sub(rounded(layout.size()), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let keys: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    println!("{keys} keys\n{:<34}{:>12}{:>12}", "data", "bytes/key", "estimate");
    let text = "x".repeat(64);
    measure("64-byte strings", keys, |k| vec![words(&["SET", k, &text])]);
    measure("counters", keys, |k| vec![words(&["SET", k, "123456"])]);
    measure("64-byte strings with expiry", keys, |k| vec![words(&["SET", k, &text, "EX", "1000"])]);
    let keys = keys / 10;
    let tens = |command: &'static str, pair: fn(usize) -> Vec<String>| {
        move |k: &str| {
            let mut line = words(&[command, k]);
            line.extend((0..10).flat_map(pair).map(String::into_bytes));
            vec![line]
        }
    };
    measure("hashes of 10", keys, tens("HSET", |n| vec![format!("field{n}"), format!("value{n}")]));
    measure("lists of 10", keys, tens("RPUSH", |n| vec![format!("value{n}")]));
    measure("sets of 10", keys, tens("SADD", |n| vec![format!("member{n}")]));
    measure("sets of 10 integers", keys, tens("SADD", |n| vec![format!("{}", n * 1000)]));
    measure("sorted sets of 10", keys, tens("ZADD", |n| vec![n.to_string(), format!("member{n}")]));
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn measure(name: &str, keys: usize, commands: impl Fn(&str) -> Vec<Vec<Vec<u8>>>) {
    if lookup(&commands("k")[0][0]).is_none() {
        return;
    }
    let before = BYTES.load(Ordering::Relaxed);
    let mut keyspace = Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1));
    let ctx = Context { now: Millis(1), seed: 0 };
    for n in 0..keys {
        for line in commands(&format!("key:{n:012}")) {
            let args: Vec<&[u8]> = line.iter().map(Vec::as_slice).collect();
            let command = lookup(args[0]).expect("just looked up");
            keyspace.execute_write(command, &args, &ctx, &mut ());
        }
    }
    assert_eq!(keyspace.len(), keys);
    let real = (BYTES.load(Ordering::Relaxed) - before) as f64 / keys as f64;
    println!("{name:<34}{real:>12.1}{:>12.1}", keyspace.memory() as f64 / keys as f64);
}
