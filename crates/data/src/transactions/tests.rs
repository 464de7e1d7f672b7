//! Steps on a keyspace: what is prepared holds its keys, what is decided is written, and nothing else happens.

use super::*;
use crate::events::Classes;
use crate::op::{self, Op};
use crate::{Restorer, error, lookup};
use synod_machine::Machine;
use synod_txn::TxnId;
use synod_types::limits::SNAPSHOT_CHUNK_BYTES;
use synod_types::{Millis, NodeId, PartitionId, Slot};

const HOME: PartitionId = PartitionId(1);
const DEADLINE: Millis = Millis(1_000);

/// Keeps the replies as text.
#[derive(Default)]
struct Said(String, Vec<Vec<u8>>);

impl ReplySink for Said {
    fn simple(&mut self, text: &str) {
        self.0 += text;
    }
    fn error(&mut self, text: &str) {
        self.0 += &format!("-{text}");
    }
    fn integer(&mut self, n: i64) {
        self.0 += &format!(":{n} ");
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.0 += &format!("{} ", String::from_utf8_lossy(bytes));
        self.1.push(bytes.to_vec());
    }
    fn null(&mut self) {
        self.0 += "nil ";
        self.1.push(Vec::new());
    }
    fn null_array(&mut self) {
        self.0 += "nil ";
    }
    fn array(&mut self, _len: usize) {}
    fn map(&mut self, _len: usize) {}
    fn set(&mut self, _len: usize) {}
    fn double(&mut self, n: f64) {
        self.0 += &n.to_string();
    }
    fn verbatim(&mut self, text: &str) {
        self.0 += text;
    }
    fn is_resp3(&self) -> bool {
        false
    }
    fn boolean(&mut self, yes: bool) {
        self.0 += &yes.to_string();
    }
}

fn keyspace() -> Keyspace {
    Keyspace::new(Slot(0)..=Slot(16_383))
}

fn at(now: u64) -> Context {
    Context { now: Millis(now), seed: 1 }
}

fn words(line: &str) -> op::Args<'_> {
    line.split(' ').map(str::as_bytes).collect()
}

fn run(keyspace: &mut Keyspace, line: &str) -> String {
    apply(keyspace, &Op::Command(words(line)), 10)
}

fn apply(keyspace: &mut Keyspace, op: &Op<'_>, now: u64) -> String {
    let mut bytes = Vec::new();
    op.encode(&mut bytes);
    let operation = synod_machine::Operation::take(&mut &bytes[..]).unwrap();
    let mut said = Said::default();
    Machine::apply(keyspace, operation.body, &at(now), &mut said);
    said.0.trim_end().to_owned()
}

fn txn(number: u64) -> TxnId {
    TxnId { node: NodeId(1), worker: 0, number }
}

fn image_of(line: &str, key: &[u8]) -> Vec<u8> {
    let mut scratch = Scratch::default();
    let found = Surroundings { values: vec![(key, None)], ..Surroundings::default() };
    let changes = scratch.run(&found, &Commands::One(&words(line)), &at(10), &mut ()).unwrap();
    changes.values[0].1.clone().unwrap()
}

fn prepare(keyspace: &mut Keyspace, number: u64, key: &str, version: u64, image: &[u8]) -> String {
    let step = Step::Prepare {
        txn: txn(number),
        home: HOME,
        deadline: DEADLINE,
        until: None,
        reads: vec![(key.as_bytes(), version)],
        guards: Vec::new(),
        writes: vec![(key.as_bytes(), Some(image))],
    };
    apply(keyspace, &Op::Step(step), 10)
}

fn finish(keyspace: &mut Keyspace, number: u64, commit: bool) -> String {
    apply(keyspace, &Op::Step(Step::Finish { txn: txn(number), commit }), 10)
}

#[test]
fn a_held_key_is_neither_read_nor_written_nor_taken_until_it_is_decided() {
    let mut k = keyspace();
    run(&mut k, "SET a old PX 20");
    run(&mut k, "SET b other");
    let version = k.version(b"a", Millis(10));
    let image = image_of("SET a new", b"a");
    assert_eq!(prepare(&mut k, 1, "a", version + 2, &image), NO, "it was another version");
    assert_eq!(prepare(&mut k, 1, "a", version, &image), YES);
    assert_eq!(prepare(&mut k, 2, "a", version, &image), NO, "it is held");
    let digest = k.digest();
    let held = format!("-{}", error::HELD.0);
    for line in
        ["GET a", "SET a x", "MGET b a", "DEL b a", "RENAME b a", "LPUSH a x", "SET a y PX 1"]
    {
        assert_eq!(run(&mut k, line), held, "{line}");
    }
    let commands = || vec![words("SET b x"), words("INCR a")];
    let inside = Op::Transaction { watched: Vec::new(), commands: commands() };
    assert_eq!(apply(&mut k, &inside, 10), held);
    let watched = Op::Transaction { watched: vec![(b"a", 1)], commands: vec![words("SET b x")] };
    assert_eq!(apply(&mut k, &watched, 10), held);
    assert_eq!(apply(&mut k, &Op::Clear, 10), held);
    assert_eq!(apply(&mut k, &Op::Versions(words("a")), 10), held);
    assert_eq!(apply(&mut k, &Op::Expire(vec![b"a"]), 999), "OK");
    assert_eq!(apply(&mut k, &Op::Evict(vec![b"a"]), 10), "OK");
    let wait = Op::Wait { ticket: op::Ticket::default(), args: words("BLPOP a 0") };
    assert_eq!(apply(&mut k, &wait, 10), "", "it goes on waiting");
    assert_eq!(k.digest(), digest);
    assert_eq!(run(&mut k, "GET b"), "other");
    assert_eq!(finish(&mut k, 1, true), YES);
    assert_eq!(k.take_released(), [b"a", b"a", b"a"]);
    assert_eq!(run(&mut k, "GET a"), "new");
    assert!(k.version(b"a", Millis(10)) > version);
    assert_eq!(finish(&mut k, 1, true), YES, "again");
    assert_eq!(run(&mut k, "GET a"), "new");
}

#[test]
fn what_is_aborted_leaves_everything_as_it_was() {
    let mut k = keyspace();
    run(&mut k, "RPUSH l a b c");
    let version = k.version(b"l", Millis(10));
    assert_eq!(prepare(&mut k, 1, "l", version, &image_of("SET l x", b"l")), YES);
    assert_eq!(finish(&mut k, 1, false), YES);
    assert_eq!(k.version(b"l", Millis(10)), version);
    assert_eq!(run(&mut k, "LRANGE l 0 -1"), "a b c");
}

#[test]
fn home_writes_when_it_decides_and_decides_once() {
    let mut k = keyspace();
    run(&mut k, "SET a old");
    let version = k.version(b"a", Millis(10));
    let image = image_of("SET a new", b"a");
    let decide = |number, version| {
        Op::Step(Step::Decide {
            txn: txn(number),
            deadline: DEADLINE,
            others: vec![PartitionId(2)],
            reads: vec![(b"a", version)],
            guards: Vec::new(),
            writes: vec![(b"a", Some(&image)), (b"gone", None)],
        })
    };
    let resolve = |number| Op::Step(Step::Resolve { txn: txn(number), deadline: DEADLINE });
    assert_eq!(apply(&mut k, &resolve(1), 10), NO);
    assert_eq!(apply(&mut k, &decide(1, version), 10), NO, "it is aborted");
    assert_eq!(run(&mut k, "GET a"), "old");
    assert_eq!(apply(&mut k, &decide(2, version + 2), 10), NO);
    assert_eq!(apply(&mut k, &decide(2, version), 1_001), NO, "too late");
    assert_eq!(run(&mut k, "GET a"), "old");
    assert_eq!(apply(&mut k, &resolve(3), 10), NO);
    let mut k = keyspace();
    run(&mut k, "SET a old");
    assert_eq!(apply(&mut k, &decide(2, version), 10), YES);
    assert_eq!(run(&mut k, "GET a"), "new");
    assert_eq!(apply(&mut k, &resolve(2), 2_000), YES, "however late it is asked");
    assert_eq!(apply(&mut k, &Op::Step(Step::Forget { txn: txn(2) }), 10), YES);
    assert_eq!(apply(&mut k, &resolve(2), 10), NO);
}

#[test]
fn a_snapshot_has_the_intents_and_the_decisions() {
    let mut k = keyspace();
    let large = format!("SET big {}", "x".repeat(5 * SNAPSHOT_CHUNK_BYTES));
    assert_eq!(prepare(&mut k, 1, "a", 1, &image_of("SET a new", b"a")), YES);
    assert_eq!(prepare(&mut k, 2, "big", 1, &image_of(&large, b"big")), YES);
    let resolve = Op::Step(Step::Resolve { txn: txn(7), deadline: DEADLINE });
    assert_eq!(apply(&mut k, &resolve, 10), NO);
    k.snapshot_begin();
    let mut restorer = Restorer::new(Slot(0)..=Slot(16_383));
    while let Some(chunk) = k.snapshot_next(SNAPSHOT_CHUNK_BYTES) {
        restorer.chunk(&chunk).unwrap();
    }
    let mut restored = restorer.finish().unwrap();
    assert_eq!(restored.digest(), k.digest());
    assert_eq!(restored.transactions().counts(), (2, 0, 1));
    for k in [&mut k, &mut restored] {
        assert_eq!(finish(k, 2, true), YES);
        assert_eq!(run(k, "STRLEN big"), format!(":{}", 5 * SNAPSHOT_CHUNK_BYTES));
        assert_eq!(run(k, "DEBUG-none"), "-ERR unknown command in the log");
        assert_eq!(apply(k, &Op::Debug(words("RELOAD")), 10), "OK");
        assert_eq!(finish(k, 1, true), YES, "RELOAD keeps the intents");
        assert_eq!(run(k, "GET a"), "new");
    }
    assert_eq!(restored.digest(), k.digest());
}

/// The commands do on a scratch keyspace what they do at home: the same replies, and the values that differ.
#[test]
fn commands_run_on_images_as_on_the_keys_themselves() {
    let setup = [
        "SET s text",
        "SET t other PX 9999",
        "RPUSH l a b c",
        "SADD set x y z",
        "SADD ints 1 2 3",
        "ZADD z 1 one 2 two",
        "HSET h f v",
        "PFADD p a b",
        "XADD x 1-1 f v",
    ];
    for line in [
        "MSET s 1 n 2",
        "MSETNX s 1 n 2",
        "MSETNX m 1 n 2",
        "RENAME s t",
        "RENAMENX s t",
        "RENAME none t",
        "COPY l l2",
        "COPY l s REPLACE",
        "LMOVE l l2 LEFT RIGHT",
        "RPOPLPUSH l s",
        "SMOVE set ints x",
        "SINTERSTORE out set ints",
        "SUNIONSTORE out set ints",
        "SDIFFSTORE set set set",
        "ZUNIONSTORE out 1 z",
        "ZRANGESTORE out z 0 -1",
        "PFMERGE out p",
        "BITOP AND out s t",
        "SORT ints STORE out",
        "MGET s t none l",
        "EXISTS s s none",
        "DEL s none t",
        "TOUCH s t",
        "SINTER set ints",
        "XREAD STREAMS x none 0 0",
        "LMPOP 2 none l LEFT",
    ] {
        let args = words(line);
        let command = lookup(args[0]).unwrap();
        let mut there = keyspace();
        setup.iter().for_each(|line| _ = run(&mut there, line));
        let keys: std::collections::BTreeSet<&[u8]> =
            command.key_positions(&args).map(|at| args[at]).collect();
        let keys: Vec<&[u8]> = keys.into_iter().collect();
        let detail = match command.name {
            "mget" => Detail::Strings,
            "exists" | "touch" | "del" | "unlink" => Detail::Presence,
            _ => Detail::Values,
        };
        let mut fetched = Said::default();
        there.fetch(&keys, detail, (&[], &[]), &at(10), &mut fetched);
        let images = fetched.1.iter().map(|image| (!image.is_empty()).then_some(&image[..]));
        let values = keys.iter().copied().zip(images).collect();
        let found = Surroundings { values, ..Surroundings::default() };
        let mut scratch = Scratch::default();
        scratch.want_events(Classes::default());
        let mut said = Said::default();
        let changes = scratch.run(&found, &Commands::One(&args), &at(10), &mut said).unwrap();
        assert!(scratch.is_empty(), "{line} left something behind");
        let reads = keys.iter().map(|key| (*key, there.version(key, Millis(10)))).collect();
        let writes =
            changes.values.iter().map(|(key, image)| (key.as_slice(), image.as_deref())).collect();
        let (others, guards) = (Vec::new(), Vec::new());
        let step = Step::Decide { txn: txn(1), deadline: DEADLINE, others, reads, guards, writes };
        let mut expected = keyspace();
        setup.iter().for_each(|line| _ = run(&mut expected, line));
        assert_eq!(said.0.trim_end(), run(&mut expected, line), "{line}");
        assert_eq!(apply(&mut there, &Op::Step(step), 10), YES);
        let all = setup.iter().map(|line| words(line)[1]).chain(keys.iter().copied());
        for key in all {
            let dump = |k: &mut Keyspace| {
                let key = std::str::from_utf8(key).unwrap();
                (run(k, &format!("DUMP {key}")), run(k, &format!("PTTL {key}")))
            };
            assert_eq!(dump(&mut there), dump(&mut expected), "{line}");
        }
    }
}

#[test]
fn a_lock_that_was_granted_in_between_stops_a_fenced_write_and_while_it_is_prepared_nobody_gets_it()
{
    let mut k = keyspace();
    run(&mut k, "LOCK ACQUIRE l 1000");
    let fetch = |k: &Keyspace| {
        let mut said = Said::default();
        k.fetch(&[b"l"], Detail::Values, (&[b"l"], &[]), &at(10), &mut said);
        said.0
    };
    assert_eq!(fetch(&k), ":10 :1 nil :1 :1 ");
    let prepare = |k: &mut Keyspace, number, tokens| {
        let reads = vec![(&b"l"[..], k.version(b"l", Millis(10)))];
        let (guards, writes) = (vec![(&b"l"[..], tokens)], Vec::new());
        let txn = txn(number);
        let (home, deadline, until) = (HOME, DEADLINE, None);
        let step = Step::Prepare { txn, home, deadline, until, reads, guards, writes };
        apply(k, &Op::Step(step), 10)
    };
    run(&mut k, "LOCK RELEASE l 1");
    assert_eq!(run(&mut k, "LOCK ACQUIRE l 1000"), ":2");
    assert_eq!(prepare(&mut k, 1, (1, 1)), NO, "somebody else was granted it");
    assert_eq!(prepare(&mut k, 1, (2, 2)), YES);
    let held = format!("-{}", error::HELD.0);
    assert_eq!(run(&mut k, "LOCK RELEASE l 2"), held);
    assert_eq!(run(&mut k, "LOCK EXPIRE l 2 0"), held);
    assert_eq!(run(&mut k, "LOCK ACQUIRE l 1000"), held);
    finish(&mut k, 1, true);
    assert_eq!(run(&mut k, "LOCK RELEASE l 2"), ":1");
}

#[test]
fn a_fenced_write_runs_on_the_tokens_that_were_fetched() {
    let mut scratch = Scratch::default();
    for (token, tokens, reply, writes) in [
        ("3", (4, 3), "OK", true),
        ("4", (4, 3), "OK", true),
        ("2", (4, 3), "-FENCED the lock was granted anew since this token was", false),
        ("5", (4, 3), "-FENCED this lock never had this token", false),
        ("1", (0, 0), "-FENCED no such lock", false),
    ] {
        let line = format!("FENCE l {token} SET k v");
        let found = Surroundings {
            values: vec![(b"k", None), (b"l", None)],
            // Another partition may have granted the same token.
            locks: vec![(b"l", tokens), (b"other", tokens)],
            ..Surroundings::default()
        };
        let mut said = Said::default();
        let changes = scratch.run(&found, &Commands::One(&words(&line)), &at(10), &mut said);
        assert_eq!(said.0, reply, "{line}");
        assert_eq!(!changes.unwrap().values.is_empty(), writes, "{line}");
        assert!(scratch.is_empty());
    }
}

fn stage(keyspace: &mut Keyspace, number: u64, version: u64, image: &[u8], now: u64) -> String {
    let step = Step::Stage {
        txn: txn(number),
        home: HOME,
        deadline: DEADLINE,
        others: vec![(PartitionId(2), Millis(2_000))],
        reads: vec![(b"a", version)],
        guards: Vec::new(),
        writes: vec![(b"a", Some(image)), (b"gone", None)],
    };
    apply(keyspace, &Op::Step(step), now)
}

fn conclude(keyspace: &mut Keyspace, number: u64, commit: bool) -> String {
    apply(keyspace, &Op::Step(Step::Conclude { txn: txn(number), commit }), 10)
}

#[test]
fn what_home_staged_is_held_until_it_is_concluded_and_that_counts_once() {
    for commit in [true, false] {
        let mut k = keyspace();
        run(&mut k, "SET a old");
        let version = k.version(b"a", Millis(10));
        let image = image_of("SET a new", b"a");
        assert_eq!(stage(&mut k, 1, version + 2, &image, 10), NO, "it was another version");
        assert_eq!(stage(&mut k, 1, version, &image, 1_001), NO, "too late");
        let mut k = keyspace();
        run(&mut k, "SET a old");
        assert_eq!(stage(&mut k, 1, version, &image, 10), YES);
        let held = format!("-{}", error::HELD.0);
        assert_eq!(run(&mut k, "GET a"), held);
        assert_eq!(run(&mut k, "SET gone x"), held);
        assert_eq!(finish(&mut k, 1, true), YES);
        assert_eq!(run(&mut k, "GET a"), held, "nobody ends it before it is concluded");
        let resolve = Op::Step(Step::Resolve { txn: txn(1), deadline: DEADLINE });
        assert_eq!(apply(&mut k, &resolve, 5_000), STAGED, "however late it is asked");
        let (first, value) = if commit { (YES, "new") } else { (NO, "old") };
        assert_eq!(conclude(&mut k, 1, commit), first);
        assert!(k.take_released().contains(&b"gone".to_vec()));
        for again in [true, false] {
            assert_eq!(conclude(&mut k, 1, again), first, "it is decided");
            assert_eq!(run(&mut k, "GET a"), value);
        }
        assert_eq!(apply(&mut k, &resolve, 10), first);
    }
}

#[test]
fn a_prepare_that_home_inquired_of_in_vain_is_refused_when_it_comes() {
    let mut k = keyspace();
    let image = image_of("SET a new", b"a");
    let prepare = |k: &mut Keyspace, number, now| {
        let step = Step::Prepare {
            txn: txn(number),
            home: HOME,
            deadline: DEADLINE,
            until: Some(Millis(100)),
            reads: vec![(b"a", k.version(b"a", Millis(10)))],
            guards: Vec::new(),
            writes: vec![(b"a", Some(&image))],
        };
        apply(k, &Op::Step(step), now)
    };
    let inquire = |k: &mut Keyspace, number| {
        let step = Step::Inquire { txn: txn(number), until: Millis(100) };
        apply(k, &Op::Step(step), 10)
    };
    assert_eq!(inquire(&mut k, 1), NO);
    k.snapshot_begin();
    let mut restorer = Restorer::new(Slot(0)..=Slot(16_383));
    while let Some(chunk) = k.snapshot_next(SNAPSHOT_CHUNK_BYTES) {
        restorer.chunk(&chunk).unwrap();
    }
    let mut restored = restorer.finish().unwrap();
    for k in [&mut k, &mut restored] {
        assert_eq!(prepare(k, 1, 10), NO);
        assert_eq!(prepare(k, 2, 101), NO, "too late by the log of this partition");
    }
    let mut k = keyspace();
    assert_eq!(prepare(&mut k, 3, 10), YES);
    assert_eq!(inquire(&mut k, 3), YES);
    assert_eq!(finish(&mut k, 3, true), YES);
    assert_eq!(run(&mut k, "GET a"), "new");
}

#[test]
fn a_snapshot_has_what_is_staged() {
    let mut k = keyspace();
    let image = image_of("SET a new", b"a");
    let version = k.version(b"a", Millis(10));
    assert_eq!(stage(&mut k, 1, version, &image, 10), YES);
    k.snapshot_begin();
    let mut restorer = Restorer::new(Slot(0)..=Slot(16_383));
    while let Some(chunk) = k.snapshot_next(SNAPSHOT_CHUNK_BYTES) {
        restorer.chunk(&chunk).unwrap();
    }
    let mut restored = restorer.finish().unwrap();
    assert_eq!(restored.digest(), k.digest());
    assert_eq!(conclude(&mut restored, 1, true), YES);
    assert_eq!(run(&mut restored, "GET a"), "new");
}
