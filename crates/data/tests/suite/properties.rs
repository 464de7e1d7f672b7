//! Properties of a whole keyspace under random commands: replicas agree, snapshots are exact and are
//! taken while writes go on, SCAN loses nothing, garbage is refused.

use crate::script::{reborn, run, whole};
use proptest::prelude::*;
use synod_data::value::Kind;
use synod_data::{Context, ExpiryCursor, Keyspace, ScanFilter, lookup};
use synod_types::{Millis, Slot, key_slot};

/// Commands over few keys, so that they meet; `K` is a key, `V` a value, `N` a small number.
const SHAPES: &[&str] = &[
    "SET K V",
    "SET K N",
    "SET K V EX 1",
    "SET K V PX N KEEPTTL",
    "SET K V NX GET",
    "APPEND K V",
    "SETRANGE K N V",
    "INCRBY K N",
    "INCRBYFLOAT K 0.1",
    "GETDEL K",
    "GETEX K PX 5",
    "MSET K V K N",
    "DEL K K",
    "RENAME K K",
    "COPY K K REPLACE",
    "EXPIRE K 1",
    "PEXPIRE K N",
    "PERSIST K",
    "LPUSH K V N",
    "RPOP K",
    "SADD K V N",
    "SPOP K",
    "SREM K V",
    "HSET K V N",
    "HDEL K V",
    "HPEXPIRE K N FIELDS 1 V",
    "HSETEX K PX N FIELDS 1 V N",
    "HINCRBY K V 1",
    "HRANDFIELD K 2",
    "HLEN K",
    "DUMP K",
    "ZADD K N V",
    "ZPOPMIN K",
    "XADD K * V N",
    "GET K",
];

#[derive(Clone, Debug)]
struct Step {
    args: Vec<Vec<u8>>,
    ctx: Context,
}

fn step() -> impl Strategy<Value = Step> {
    let value = prop_oneof![
        4 => "[a-c]{0,3}",
        1 => Just("x".repeat(100)),
        1 => Just("y".repeat(2000)),
    ];
    (0..SHAPES.len(), prop::collection::vec(0..12u8, 2), value, 0..20u32, any::<u64>(), 0..4u64)
        .prop_map(|(shape, keys, value, n, seed, wait)| {
            let mut keys = keys.into_iter().map(|k| format!("key{k}"));
            let args = SHAPES[shape].split(' ').map(|word| match word {
                "K" => keys.next().unwrap_or_default().into_bytes(),
                "V" => value.clone().into_bytes(),
                "N" => n.to_string().into_bytes(),
                word => word.as_bytes().to_vec(),
            });
            Step { args: args.collect(), ctx: Context { now: Millis(wait), seed } }
        })
}

/// Steps with a clock that only goes on.
fn steps(len: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..len).prop_map(|mut steps| {
        let mut now = 1_000;
        for step in &mut steps {
            now += step.ctx.now.0;
            step.ctx.now = Millis(now);
        }
        steps
    })
}

fn apply(keyspace: &mut Keyspace, step: &Step) -> String {
    let args: Vec<&[u8]> = step.args.iter().map(Vec::as_slice).collect();
    run(keyspace, &args, &step.ctx)
}

fn restored(chunks: &[Vec<u8>]) -> Keyspace {
    let mut restorer = Keyspace::restore(whole());
    chunks.iter().for_each(|chunk| restorer.chunk(chunk).expect("own snapshot"));
    restorer.finish().expect("own snapshot")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_restored_replica_answers_like_one_that_never_stopped(
        steps in steps(120),
        cut in 0..120usize,
    ) {
        let mut steady = Keyspace::new(whole());
        let mut other = Keyspace::new(whole());
        for (n, step) in steps.iter().enumerate() {
            if n == cut {
                other = reborn(&mut other);
            }
            prop_assert_eq!(apply(&mut steady, step), apply(&mut other, step), "{:?}", step);
            prop_assert_eq!(steady.digest(), other.digest(), "{:?}", step);
        }
        prop_assert_eq!(steady.len(), other.len());
        prop_assert_eq!(steady.expires_len(), other.expires_len());
    }

    #[test]
    fn a_snapshot_is_the_state_at_its_begin_whatever_is_written_meanwhile(
        before in steps(60),
        meanwhile in steps(60),
        bytes_max in 1..300usize,
        flush_at in prop::option::of(0..60usize),
    ) {
        let mut keyspace = Keyspace::new(whole());
        for step in &before {
            apply(&mut keyspace, step);
        }
        let (digest, len) = (keyspace.digest(), keyspace.len());
        keyspace.snapshot_begin();
        let mut chunks = Vec::new();
        for (n, step) in meanwhile.iter().enumerate() {
            chunks.extend(keyspace.snapshot_next(bytes_max));
            if flush_at == Some(n) {
                keyspace.clear(step.ctx.now);
            }
            apply(&mut keyspace, step);
        }
        while let Some(chunk) = keyspace.snapshot_next(bytes_max) {
            chunks.push(chunk);
        }
        prop_assert!(!keyspace.snapshot_active());
        let restored = restored(&chunks);
        prop_assert_eq!(restored.digest(), digest);
        prop_assert_eq!(restored.len(), len);
    }

    #[test]
    fn scan_returns_every_key_that_is_there_all_the_while(
        count in 1..7usize,
        stay in prop::collection::btree_set(0..60u32, 0..30),
        churn in prop::collection::vec((0..60u32, any::<bool>()), 0..200),
    ) {
        // One slot, by a hash tag, so that the walk is within it; the walk over slots is simple.
        let key = |n: u32| format!("{{t}}{n}").into_bytes();
        let ctx = Context { now: Millis(1), seed: 1 };
        let mut keyspace = Keyspace::new(whole());
        for n in &stay {
            run(&mut keyspace, &[b"SET", &key(*n), b"v"], &ctx);
        }
        let mut seen = std::collections::BTreeSet::new();
        let mut churn = churn.into_iter();
        let mut cursor = 0;
        loop {
            cursor = keyspace.scan(cursor, count, ScanFilter::default(), ctx.now, &mut |key| {
                seen.insert(key.to_vec());
            });
            if cursor == 0 {
                break;
            }
            for (n, add) in churn.by_ref().take(3).filter(|(n, _)| !stay.contains(n)) {
                let key = key(n);
                let set: [&[u8]; 3] = [b"SET", &key, b"v"];
                let del: [&[u8]; 2] = [b"DEL", &key];
                run(&mut keyspace, if add { &set } else { &del }, &ctx);
            }
        }
        for n in stay {
            prop_assert!(seen.contains(&key(n)), "key {} was lost", n);
        }
    }

    #[test]
    fn damaged_snapshots_are_refused_or_read_without_a_panic(
        steps in steps(40),
        at in any::<prop::sample::Index>(),
        flip in 1..=255u8,
    ) {
        let mut keyspace = Keyspace::new(whole());
        for step in &steps {
            apply(&mut keyspace, step);
        }
        keyspace.snapshot_begin();
        let mut bytes = Vec::new();
        while let Some(chunk) = keyspace.snapshot_next(1 << 20) {
            bytes.extend(chunk);
        }
        let at = at.index(bytes.len());
        let mut cut = Keyspace::restore(whole());
        prop_assert!(cut.chunk(&bytes[..at]).and_then(|()| cut.finish().map(|_| ())).is_err());
        bytes[at] ^= flip;
        let mut damaged = Keyspace::restore(whole());
        if damaged.chunk(&bytes).is_ok() && let Ok(mut keyspace) = damaged.finish() {
            // What was accepted must be usable: every command on every key runs.
            let keys: Vec<Vec<u8>> = collect_keys(&keyspace);
            let _ = keyspace.digest();
            for (key, step) in keys.iter().zip(steps.iter().cycle()) {
                let mut step = step.clone();
                if step.args.len() > 1 {
                    step.args[1].clone_from(key);
                }
                apply(&mut keyspace, &step);
            }
        }
    }

    #[test]
    fn expiry_finds_all_that_is_due_and_nothing_else(
        ttls in prop::collection::btree_map(0..500u32, 1..100u64, 0..100),
        now in 0..120u64,
        out_max in 1..20usize,
        scan_max in 1..40usize,
        one_slot in any::<bool>(),
    ) {
        let mut keyspace = Keyspace::new(whole());
        let ctx = Context { now: Millis(0), seed: 0 };
        let tag = if one_slot { "{t}" } else { "" };
        for (n, ttl) in &ttls {
            let (key, ttl) = (format!("{tag}{n}").into_bytes(), ttl.to_string().into_bytes());
            run(&mut keyspace, &[b"SET", &key, b"v", b"PX", &ttl], &ctx);
        }
        let due = ttls.values().filter(|ttl| **ttl <= now).count();
        let mut cursor = ExpiryCursor::default();
        let mut quiet = 0;
        // A search that says there is no more has been round, or stopped behind the last slot once.
        while quiet < 2 {
            let (keys, more) = keyspace.expired(&mut cursor, Millis(now), scan_max, out_max);
            prop_assert!(keys.len() <= out_max.min(scan_max));
            quiet = if more || !keys.is_empty() { 0 } else { quiet + 1 };
            keyspace.expire_now(keys.iter().map(Vec::as_slice), Millis(now));
            if keyspace.len() == ttls.len() - due {
                break;
            }
        }
        prop_assert_eq!(keyspace.len(), ttls.len() - due);
        prop_assert_eq!(keyspace.expires_len(), ttls.len() - due);
        prop_assert!(keyspace.expired(&mut cursor, Millis(now), 10_000, 10).0.is_empty());
    }
}

fn collect_keys(keyspace: &Keyspace) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    keyspace.keys(b"*", Millis(0), &mut |key| keys.push(key.to_vec()));
    keys
}

#[test]
fn a_partition_refuses_writes_to_foreign_keys_and_finds_none() {
    let slot = key_slot(b"mine");
    let mut keyspace = Keyspace::new(slot..=slot);
    let ctx = Context::default();
    assert_eq!(run(&mut keyspace, &[b"SET", b"mine", b"1"], &ctx), "OK");
    let refusal = run(&mut keyspace, &[b"SET", b"foreign", b"1"], &ctx);
    assert_eq!(refusal, "ERR key belongs to another partition");
    assert_eq!(run(&mut keyspace, &[b"GET", b"foreign"], &ctx), "(nil)");
    assert_eq!(run(&mut keyspace, &[b"GET", b"mine"], &ctx), "\"1\"");
    assert_eq!(keyspace.slot_len(slot), 1);
    assert_eq!(keyspace.slot_len(Slot(slot.0 ^ 1)), 0);
    let mut seen = 0;
    assert_eq!(keyspace.scan(0, 10, ScanFilter::default(), ctx.now, &mut |_| seen += 1), 0);
    assert_eq!(seen, 1);
    assert!(lookup(b"SET").is_some());
}

#[test]
fn walks_see_what_is_alive_and_asked_for() {
    let mut keyspace = Keyspace::new(whole());
    let ctx = Context { now: Millis(10), seed: 0 };
    for line in ["SET one 1", "SET two 2", "SET gone 1 PX 5", "RPUSH three a"] {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        run(&mut keyspace, &args, &ctx);
    }
    let later = Millis(20);
    let scan = |filter: ScanFilter<'_>| {
        let (mut found, mut cursor) = (Vec::new(), 0);
        loop {
            cursor = keyspace.scan(cursor, 2, filter, later, &mut |key| {
                found.push(String::from_utf8_lossy(key).into_owned());
            });
            if cursor == 0 {
                found.sort();
                return found;
            }
        }
    };
    let kind = Some(Kind::List);
    assert_eq!(scan(ScanFilter::default()), ["one", "three", "two"]);
    assert_eq!(scan(ScanFilter { pattern: Some(b"t*"), kind: None }), ["three", "two"]);
    assert_eq!(scan(ScanFilter { pattern: None, kind }), ["three"]);
    assert_eq!(scan(ScanFilter { pattern: Some(b"*o*"), kind }), Vec::<String>::new());
    let mut keys = 0;
    keyspace.keys(b"*o*", later, &mut |_| keys += 1);
    assert_eq!(keys, 2);
    let drawn: std::collections::BTreeSet<_> =
        (0..100).filter_map(|seed| keyspace.random_key(seed, later)).collect();
    assert_eq!(drawn, [&b"one"[..], b"three", b"two"].into());
    assert_eq!(Keyspace::new(whole()).random_key(1, later), None);
    // A cursor that nobody gave out is harmless.
    for cursor in [1, u64::from(u32::MAX), u64::MAX, 1 << 32, 99 << 40] {
        keyspace.scan(cursor, 10, ScanFilter::default(), later, &mut |_| ());
    }
}
