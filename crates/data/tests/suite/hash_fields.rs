//! Fields of hashes that expire: what the leader finds, what an entry removes, what a watcher sees and what is told of it.

use crate::script::{reborn, run, whole, words};
use synod_data::events::Classes;
use synod_data::{Context, ExpiryCursor, Keyspace};
use synod_types::Millis;

fn at(ms: u64) -> Context {
    Context { now: Millis(ms), seed: 1 }
}

fn step(keyspace: &mut Keyspace, line: &str, ms: u64) -> String {
    let words = words(line);
    let args: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    run(keyspace, &args, &at(ms))
}

fn due(keyspace: &Keyspace, ms: u64) -> Vec<Vec<u8>> {
    keyspace.expired(&mut ExpiryCursor::default(), Millis(ms), 1_000, 1_000).0
}

fn expire(keyspace: &mut Keyspace, ms: u64) {
    let keys = due(keyspace, ms);
    keyspace.expire_now(keys.iter().map(Vec::as_slice), Millis(ms));
}

#[test]
fn the_leader_finds_hashes_whose_fields_have_expired_and_the_entry_removes_these() {
    let mut keyspace = Keyspace::new(whole());
    step(&mut keyspace, "HSET h a 1 b 2 c 3", 1_000);
    assert!(!keyspace.has_deadlines());
    step(&mut keyspace, "HPEXPIRE h 10 FIELDS 1 a", 1_000);
    step(&mut keyspace, "HPEXPIRE h 20 FIELDS 2 b c", 1_000);
    assert!(keyspace.has_deadlines() && keyspace.expires_len() == 0);
    assert!(due(&keyspace, 1_009).is_empty());
    assert_eq!(due(&keyspace, 1_010), [b"h"]);
    let mut other = reborn(&mut keyspace);
    expire(&mut keyspace, 1_010);
    expire(&mut other, 1_010);
    assert_eq!((keyspace.digest(), keyspace.stats().expired_fields), (other.digest(), 1));
    assert_eq!(step(&mut keyspace, "HKEYS h", 1_000), r#"["c", "b"]"#, "gone, whatever the time");
    assert!(due(&keyspace, 1_019).is_empty());
    expire(&mut keyspace, 1_020);
    assert!(keyspace.is_empty() && !keyspace.has_deadlines());
    assert_eq!((keyspace.stats().expired, keyspace.stats().expired_fields), (0, 3));
    assert_eq!(keyspace.object_bytes(), 0);
}

#[test]
fn an_entry_removes_so_many_fields_and_the_rest_is_found_again() {
    let mut keyspace = Keyspace::new(whole());
    let fields: Vec<String> = (0..12_000).map(|n| format!("f{n}")).collect();
    let pairs: Vec<String> = fields.iter().map(|field| format!("{field} v")).collect();
    step(&mut keyspace, &format!("HSETEX h PX 5 FIELDS 12000 {}", pairs.join(" ")), 1_000);
    step(&mut keyspace, "HSET h stays 1", 1_000);
    for left in [2_000, 0] {
        assert_eq!(step(&mut keyspace, "HLEN h", 1_005), "1");
        expire(&mut keyspace, 1_005);
        assert_eq!(step(&mut keyspace, "HLEN h", 1_000), (left + 1).to_string());
    }
    assert!(due(&keyspace, 1_005).is_empty());
}

#[test]
fn a_watcher_sees_that_a_field_expires() {
    let mut keyspace = Keyspace::new(whole());
    let version = |keyspace: &Keyspace, ms| keyspace.version(b"h", Millis(ms));
    step(&mut keyspace, "HSET h a 1 b 2", 1_000);
    step(&mut keyspace, "HPEXPIRE h 10 FIELDS 1 a", 1_000);
    step(&mut keyspace, "HPEXPIRE h 20 FIELDS 1 b", 1_000);
    let (whole, one_gone) = (version(&keyspace, 1_009), version(&keyspace, 1_010));
    assert_eq!(whole, version(&keyspace, 1_000));
    assert_ne!(whole, one_gone);
    assert_eq!(one_gone, version(&keyspace, 1_019));
    let both_gone = version(&keyspace, 1_020);
    assert!(both_gone != whole && both_gone != one_gone);
    expire(&mut keyspace, 1_020);
    assert_eq!(both_gone, version(&keyspace, 1_020), "expiry is seen once");
    assert!(!keyspace.expires_within(b"h", Millis(1_000), Millis(1_030)));
    step(&mut keyspace, "HSETEX h PX 10 FIELDS 1 a 1", 1_000);
    step(&mut keyspace, "HSET h b 1", 1_000);
    assert!(keyspace.expires_within(b"h", Millis(1_000), Millis(1_010)));
    assert!(!keyspace.expires_within(b"h", Millis(1_000), Millis(1_009)));
    assert!(!keyspace.expires_within(b"h", Millis(1_010), Millis(1_020)));
}

/// As the notifications of Redis 8.
#[test]
fn what_happens_to_fields_is_told() {
    let cases = [
        ("HEXPIRE h 10 FIELDS 1 a", "hexpire"),
        ("HEXPIRE h 10 FIELDS 1 nosuch", ""),
        ("HEXPIRE h 10 NX FIELDS 2 a b", "hexpire"),
        ("HGETEX h FIELDS 1 a", ""),
        ("HGETEX h PX 5000 FIELDS 1 a", "hexpire"),
        ("HGETEX h PERSIST FIELDS 2 a nosuch", "hpersist"),
        ("HGETEX h PERSIST FIELDS 1 a", ""),
        ("HPERSIST h FIELDS 1 b", "hpersist"),
        ("HPERSIST h FIELDS 1 b", ""),
        ("HSETEX h FNX FIELDS 1 a 1", ""),
        ("HSETEX h EX 10 FIELDS 1 a 1", "hset hexpire"),
        ("HSETEX h FIELDS 1 a 1", "hset"),
        ("HEXPIREAT h 1 FIELDS 1 a", "hdel"),
        ("HSETEX h PXAT 1 FIELDS 2 a 1 c 1", "hset hdel"),
        ("HGETEX h EX 0 FIELDS 1 b", "hdel del"),
        ("HSETEX h PX 10 FIELDS 2 a 1 b 1", "hset hexpire"),
        ("HSET h c 1", "hset"),
        ("WAIT", "hexpired"),
        ("HEXPIRE h 0 FIELDS 1 c", "hdel del"),
        ("HSETEX h PX 10 FIELDS 1 a 1", "hset hexpire"),
        ("WAIT", "hexpired del"),
        ("HSETEX h PX 10 FIELDS 1 a 1", "hset hexpire"),
        ("LATER HSET h b 1", "hexpired del hset"),
        ("HPEXPIRE h 10 FIELDS 1 b", "hexpire"),
        ("HSET h c 1", "hset"),
        ("LATER HDEL h b", "hexpired"),
    ];
    let mut keyspace = Keyspace::new(whole());
    let mut now = 1_000_000;
    step(&mut keyspace, "HSET h a 1 b 2", now);
    keyspace.want_events(Classes::parse(b"KEA").unwrap());
    for (line, told) in cases {
        let line = match line.strip_prefix("LATER ") {
            Some(line) => {
                now += 1_000;
                line
            }
            None => line,
        };
        if line == "WAIT" {
            now += 1_000;
            expire(&mut keyspace, now);
        } else {
            let reply = step(&mut keyspace, line, now);
            assert!(!reply.starts_with("ERR"), "{line}: {reply}");
        }
        let events = keyspace.take_events();
        let names: Vec<&str> = events.iter().map(|event| event.name).collect();
        assert_eq!(names.join(" "), told, "{line}");
        assert!(events.iter().all(|event| event.key == b"h"));
    }
}
