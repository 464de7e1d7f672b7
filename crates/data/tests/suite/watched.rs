//! What EXEC takes for a change of a watched key: as Redis, for every writing command that changes nothing, and for
//! some that do. `tests/watched.txt` holds what the genuine server does.

use crate::script::{run, whole, words};
use std::collections::BTreeSet;
use synod_data::{Context, Flags, Keyspace};
use synod_types::Millis;

const NOW: Context = Context { now: Millis(1_000_000), seed: 1 };
/// After a key with `PX 1` has gone.
const LATER: Context = Context { now: Millis(1_000_005), seed: 2 };

/// Whether the command changes what a watcher of `k` sees, after these steps.
fn changes(setup: &str, command: &str) -> bool {
    let mut keyspace = Keyspace::new(whole());
    let mut ctx = NOW;
    let step = |keyspace: &mut Keyspace, line: &str, ctx: &Context| {
        if line.starts_with("FLUSH") {
            keyspace.clear(ctx.now);
            return;
        }
        let args = words(line);
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let reply = run(keyspace, &args, ctx);
        assert!(!reply.starts_with("ERR") && !reply.starts_with("WRONGTYPE"), "{line}: {reply}");
    };
    for line in setup.split(", ") {
        match line {
            "WAITMS" => ctx = LATER,
            line => step(&mut keyspace, line, &ctx),
        }
    }
    let version = keyspace.version(b"k", ctx.now);
    step(&mut keyspace, command, &ctx);
    keyspace.version(b"k", ctx.now) != version
}

#[test]
fn a_watched_key_changes_when_it_does_in_redis() {
    let table = include_str!("../watched.txt");
    let mut count = 0;
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let (expected, case) = line.split_once(' ').expect("a verdict");
        let (setup, command) = case.trim().split_once(" | ").expect("steps and a command");
        let changed = changes(setup, command);
        let expected = match expected {
            "same" => false,
            "changed" | "stricter" => true,
            _ => panic!("no verdict: {line}"),
        };
        assert_eq!(changed, expected, "{line}");
        count += 1;
    }
    assert!(count > 100, "only {count} cases");
}

/// Those that the genuine server of the recording does not have, and those whose arguments a table of words cannot hold.
const WITHOUT_A_CASE: &[&str] = &[
    "delifeq",
    "fence",
    "hexpire",
    "hexpireat",
    "hgetdel",
    "hgetex",
    "hpersist",
    "hpexpire",
    "hpexpireat",
    "hsetex",
    "lock",
    "migrate",
    "move",
    "msetex",
    "pfdebug",
    "restore",
    "restore-asking",
    "swapdb",
];

#[test]
fn every_writing_command_has_a_case() {
    let table = include_str!("../watched.txt").to_ascii_lowercase();
    let commands = table.lines().filter_map(|line| line.split_once(" | "));
    let tried: BTreeSet<&str> =
        commands.filter_map(|(_, command)| command.split(' ').next()).collect();
    let untried: Vec<&str> = synod_data::commands()
        .filter(|command| command.flags.has(Flags::WRITE))
        .map(|command| command.name)
        .filter(|name| !tried.contains(name) && !WITHOUT_A_CASE.contains(name))
        .collect();
    assert!(untried.is_empty(), "no case in watched.txt: {untried:?}");
}
