//! SSCAN, HSCAN and ZSCAN over large collections: whatever is there from the first call to the last is
//! answered, however much is added and removed in between.

use crate::script::{run, whole};
use proptest::prelude::*;
use std::collections::BTreeSet;
use synod_data::{Context, Keyspace};
use synod_types::Millis;

const FAMILIES: [(&str, &str, &str); 3] =
    [("SSCAN", "SADD", "SREM"), ("HSCAN", "HSET", "HDEL"), ("ZSCAN", "ZADD", "ZREM")];

fn ctx() -> Context {
    Context { now: Millis(1), seed: 1 }
}

fn add(keyspace: &mut Keyspace, command: &str, member: &str) {
    let [command, member] = [command, member].map(str::as_bytes);
    let args: &[&[u8]] = match command {
        b"HSET" => &[command, b"k", member, b"v"],
        b"ZADD" => &[command, b"k", b"7", member],
        _ => &[command, b"k", member],
    };
    run(keyspace, args, &ctx());
}

/// One call: the next cursor, and every quoted word after it.
fn scan(
    keyspace: &mut Keyspace,
    command: &str,
    cursor: &str,
    count: &str,
) -> (String, Vec<String>) {
    let args = [command, "k", cursor, "COUNT", count].map(str::as_bytes);
    let reply = run(keyspace, &args, &ctx());
    let mut words = reply.split('"').skip(1).step_by(2).map(str::to_string);
    (words.next().expect("a cursor"), words.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_stays_is_answered(
        size in 1usize..700,
        count in 1usize..200,
        removals in proptest::collection::vec(0usize..700, 0..200),
    ) {
        for (scan_command, add_command, remove_command) in FAMILIES {
            let mut keyspace = Keyspace::new(whole());
            (0..size).for_each(|n| add(&mut keyspace, add_command, &format!("m{n}")));
            let mut stays: BTreeSet<String> = (0..size).map(|n| format!("m{n}")).collect();
            let (mut seen, mut cursor) = (BTreeSet::new(), "0".to_string());
            let mut removals = removals.iter();
            for round in 0.. {
                let (next, found) = scan(&mut keyspace, scan_command, &cursor, &count.to_string());
                seen.extend(found);
                cursor = next;
                if cursor == "0" {
                    break;
                }
                prop_assert!(round <= size, "a scan ends");
                for n in removals.by_ref().take(7) {
                    let victim = format!("m{n}");
                    let args = [remove_command, "k", &victim].map(str::as_bytes);
                    run(&mut keyspace, &args, &ctx());
                    stays.remove(&victim);
                }
                add(&mut keyspace, add_command, &format!("new{round}"));
            }
            prop_assert!(stays.is_subset(&seen), "{scan_command}");
        }
    }
}
