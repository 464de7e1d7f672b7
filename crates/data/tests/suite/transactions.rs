//! WATCH and EXEC: which changes a version shows, and what a transaction answers.

use crate::script::{TextSink, reborn, run, whole};
use synod_data::{Context, Keyspace};
use synod_types::Millis;

const T1: Context = Context { now: Millis(1_000), seed: 1 };
const T2: Context = Context { now: Millis(2_000), seed: 2 };

fn keyspace(lines: &[&str]) -> Keyspace {
    let mut keyspace = Keyspace::new(whole());
    run_all(&mut keyspace, lines, &T1);
    keyspace
}

fn run_all(keyspace: &mut Keyspace, lines: &[&str], ctx: &Context) {
    for line in lines {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        run(keyspace, &args, ctx);
    }
}

fn exec(keyspace: &mut Keyspace, watched: &[(&[u8], u64)], lines: &[&str]) -> String {
    let commands: Vec<Vec<&[u8]>> =
        lines.iter().map(|line| line.split(' ').map(str::as_bytes).collect()).collect();
    let mut out = TextSink::default();
    keyspace.execute_transaction(watched, &commands, &T2, &mut out);
    out.into_text()
}

#[test]
fn a_version_changes_with_its_key_and_only_then() {
    let cases: &[(&[&str], &[&str], bool)] = &[
        (&[], &[], false),
        (&[], &["SET k 1"], true),
        (&[], &["SET k 1", "DEL k"], true),
        (&[], &["SET other 1", "DEL other"], false),
        (&["SET k 1"], &["GET k", "EXPIRE nope 1", "SETNX k 2"], false),
        (&["SET k 1"], &["SET k 1"], true),
        (&["SET k 1"], &["SET k 2"], true),
        (&["SET k 1"], &["INCR k"], true),
        (&["SET k 1"], &["APPEND k x"], true),
        (&["SET k 1"], &["EXPIRE k 100"], true),
        (&["SET k 1"], &["DEL k"], true),
        (&["SET k 1"], &["DEL k", "SET k 1"], true),
        (&["SET k 1"], &["RENAME k l"], true),
        (&["SET k 1"], &["RENAME k l", "RENAME l k"], true),
        (&["SET k 1"], &["COPY k l"], false),
        // Expires before the transaction.
        (&["SET k 1 PX 500"], &[], true),
        (&["SET k 1 PX 500"], &["EXISTS k", "DEL k"], true),
        (&["SET k 1 PX 5000"], &[], false),
    ];
    for (before, meanwhile, changes) in cases {
        let mut keyspace = keyspace(before);
        let version = keyspace.version(b"k", T1.now);
        run_all(&mut keyspace, meanwhile, &T2);
        let changed = keyspace.version(b"k", T2.now) != version;
        assert_eq!(changed, *changes, "{before:?} {meanwhile:?}");
        assert_eq!(reborn(&mut keyspace).version(b"k", T2.now) != version, *changes);
        let reply = exec(&mut keyspace, &[(b"k", version)], &["SET won 1"]);
        assert_eq!(reply, if *changes { "(nil array)" } else { "[OK]" });
        assert_eq!(run(&mut keyspace, &[b"EXISTS", b"won"], &T2), (!changes as u8).to_string());
    }
}

#[test]
fn a_key_that_had_expired_when_it_was_watched_does_not_change_when_it_is_dropped() {
    let mut keyspace = keyspace(&["SET k 1 PX 500"]);
    let version = keyspace.version(b"k", T2.now);
    keyspace.expire_now([&b"k"[..]], T2.now);
    assert_eq!(keyspace.len(), 0);
    assert_eq!(keyspace.version(b"k", T2.now), version);
}

#[test]
fn flushing_changes_the_versions_of_what_it_removes() {
    let mut keyspace = keyspace(&["SET k 1"]);
    let (present, absent) = (keyspace.version(b"k", T1.now), keyspace.version(b"l", T1.now));
    keyspace.clear(T1.now);
    assert_ne!(keyspace.version(b"k", T1.now), present);
    assert_eq!(keyspace.version(b"l", T1.now), absent);
    assert!(keyspace.is_empty());
}

#[test]
fn errors_are_elements_and_stop_nothing() {
    let mut keyspace = keyspace(&["SET s text"]);
    let lines = ["INCR s", "SET t 1", "GET", "NOSUCH", "PING", "ECHO hi", "CLUSTER INFO", "GET t"];
    assert_eq!(
        exec(&mut keyspace, &[], &lines),
        "[ERR value is not an integer or out of range, OK, ERR wrong number of arguments, \
         ERR unknown command, PONG, \"hi\", ERR Command not allowed inside a transaction, \"1\"]"
    );
}
