//! What the elements of large collections cost, in time and memory:
//! `cargo run --release -p synod-data --example collections [elements]`.
//!
//! Prints nanoseconds per command, name lookup included, and bytes per element as the keyspace
//! estimates them (the `memory` example shows how near the estimate comes).

use std::time::Instant;
use synod_data::{Context, Keyspace, lookup};
use synod_types::{Millis, SLOT_COUNT, Slot};

/// The arguments of the nth command.
type Arguments<'a> = dyn Fn(usize) -> Vec<&'a [u8]> + 'a;

fn main() {
    let count: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let members: Vec<Vec<u8>> =
        (0..count).map(|n| format!("element:{:012}", n * 7_919 % count).into_bytes()).collect();
    let scores: Vec<Vec<u8>> =
        (0..count).map(|n| (n * 104_729 % count).to_string().into_bytes()).collect();
    let xxx = b"xxx".as_slice();

    let mut keyspace = Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1));
    fill(&mut keyspace, count, "LPUSH", &|_| line([b"LPUSH", b"list", xxx]));
    fill(&mut keyspace, count, "RPUSH", &|_| line([b"RPUSH", b"tail", xxx]));
    fill(&mut keyspace, count, "SADD", &|n| line([b"SADD", b"set", &members[n]]));
    fill(&mut keyspace, count, "HSET", &|n| line([b"HSET", b"hash", &members[n], xxx]));
    fill(&mut keyspace, count, "ZADD scores at random", &|n| {
        line([b"ZADD", b"zset", &scores[n], &members[n]])
    });
    fill(&mut keyspace, count, "ZADD one score", &|n| line([b"ZADD", b"flat", b"0", &members[n]]));
    fill(&mut keyspace, count, "XADD", &|_| line([b"XADD", b"stream", b"*", b"myfield", b"data"]));

    run(&mut keyspace, 10_000, "LRANGE 0 99", &|_| line([b"LRANGE", b"list", b"0", b"99"]));
    run(&mut keyspace, 10_000, "LRANGE 0 599", &|_| line([b"LRANGE", b"list", b"0", b"599"]));
    run(&mut keyspace, count, "SISMEMBER", &|n| line([b"SISMEMBER", b"set", &members[n]]));
    run(&mut keyspace, count, "HGET", &|n| line([b"HGET", b"hash", &members[n]]));
    run(&mut keyspace, count, "ZSCORE", &|n| line([b"ZSCORE", b"zset", &members[n]]));
    run(&mut keyspace, count, "ZRANK", &|n| line([b"ZRANK", b"zset", &members[n]]));
    run(&mut keyspace, count, "ZINCRBY", &|n| line([b"ZINCRBY", b"zset", b"7", &members[n]]));
    run(&mut keyspace, count, "LPOP", &|_| line([b"LPOP", b"list"]));
    run(&mut keyspace, count, "RPOP", &|_| line([b"RPOP", b"tail"]));
    run(&mut keyspace, count, "SPOP", &|_| line([b"SPOP", b"set"]));
    run(&mut keyspace, count, "HDEL", &|n| line([b"HDEL", b"hash", &members[n]]));
    run(&mut keyspace, count, "ZPOPMIN", &|_| line([b"ZPOPMIN", b"zset"]));
    run(&mut keyspace, count, "ZREM one score", &|n| line([b"ZREM", b"flat", &members[n]]));

    println!("small collections");
    for key in ["list", "set", "hash", "zset"] {
        assert!(!keyspace.exists(key.as_bytes(), Millis(1)), "{key} is empty by now");
    }
    let small = 100_000;
    run(&mut keyspace, small, "LPUSH and LPOP", &|n| match n % 2 {
        0 => line([b"LPUSH", b"list", xxx]),
        _ => line([b"LPOP", b"list"]),
    });
    run(&mut keyspace, small, "HSET one field", &|_| line([b"HSET", b"hash", &members[0], xxx]));
    run(&mut keyspace, small, "SADD one member", &|_| line([b"SADD", b"set", &members[0]]));
    run(&mut keyspace, small, "ZADD one member", &|_| line([b"ZADD", b"zset", b"0", &members[0]]));
    run(&mut keyspace, small, "HSET of 100 fields", &|n| {
        line([b"HSET", b"hash", &members[n % 100], xxx])
    });
    run(&mut keyspace, small, "SADD of 100 members", &|n| {
        line([b"SADD", b"set", &members[n % 100]])
    });
    run(&mut keyspace, small, "ZADD of 100 members", &|n| {
        line([b"ZADD", b"zset", &scores[n], &members[n % 100]])
    });
}

fn fill<'a>(keyspace: &mut Keyspace, count: usize, name: &str, args: &Arguments<'a>) {
    let before = keyspace.memory();
    let each = time(keyspace, count, args);
    let bytes = (keyspace.memory() - before) as f64 / count as f64;
    println!("{name:<28}{each:>8.0} ns {bytes:>8.1} bytes");
}

fn run<'a>(keyspace: &mut Keyspace, count: usize, name: &str, args: &Arguments<'a>) {
    println!("{name:<28}{:>8.0} ns", time(keyspace, count, args));
}

fn line<const N: usize>(args: [&[u8]; N]) -> Vec<&[u8]> {
    args.to_vec()
}

/// Nanoseconds per command.
fn time(keyspace: &mut Keyspace, count: usize, args: &Arguments<'_>) -> f64 {
    let begin = now();
    for n in 0..count {
        let args = args(n);
        let command = lookup(args[0]).expect("a command");
        let ctx = Context { now: Millis(1), seed: n as u64 };
        keyspace.execute_write(command, &args, &ctx, &mut ());
    }
    begin.elapsed().as_nanos() as f64 / count as f64
}

/// An example is no part of the pure crate.
#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}
