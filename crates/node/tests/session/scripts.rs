//! The scripts in `tests/scripts/`, each run in a world of its own.
//!
//! `REWRITE=1 cargo test -p synod-node --test session` writes the replies as they are; read the diff.

use crate::script;
use std::path::{Path, PathBuf};
use synod_types::limits;

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let entries = std::fs::read_dir(folder).expect("the folder of scripts");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

#[test]
fn clients_are_answered_as_written() {
    // A test's own switch and files; nothing of the crate sees them.
    #[allow(clippy::disallowed_methods)]
    let rewrite = std::env::var("REWRITE").is_ok();
    for path in scripts() {
        let expected = std::fs::read_to_string(&path).unwrap();
        let actual = script::rewritten(&expected, limits::TURN_LENGTH_BYTES);
        if rewrite {
            #[allow(clippy::disallowed_methods)]
            std::fs::write(&path, actual).unwrap();
            continue;
        }
        assert_same(&path, &expected, &actual);
    }
}

/// When memory is short, in which order events of several partitions are told, of how many changed keys one message tells, and
/// what is slow depends on the turns; the last one is about the difference.
const OF_TURNS: [&str; 8] = [
    "memory.txt",
    "memory_of_three.txt",
    "notifications.txt",
    "tracking.txt",
    "tracking_of_three.txt",
    "slowlog.txt",
    "latency.txt",
    "long.txt",
];

/// Whether an operation is run in its turn or beside it, and when it is done then, no client can tell.
#[test]
fn clients_are_answered_as_written_where_all_operations_are_run_beside_the_turns() {
    for path in scripts() {
        if OF_TURNS.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let expected = std::fs::read_to_string(&path).unwrap();
        assert_same(&path, &expected, &script::rewritten(&expected, 0));
    }
}

/// Whether a transaction is answered when it is decided or when all of it is kept, no client can tell from the replies.
#[test]
fn clients_are_answered_as_written_where_transactions_commit_in_parallel() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let change = |client: &str| {
        let request = "CONFIG SET transaction-commit parallel | CONFIG GET transaction-commit";
        format!("{client}> {request}\n+OK\n*2 $18 transaction-commit $8 parallel\n")
    };
    let path = folder.join("transactions_apart.txt");
    let written = std::fs::read_to_string(&path).unwrap();
    let last = "connect c 3 0\n";
    let (head, rest) = written.split_once(last).expect("where everybody is connected");
    let changes: String = ["", "b", "c"].into_iter().map(change).collect();
    let expected = format!("{head}{last}{changes}{rest}");
    for length in [limits::TURN_LENGTH_BYTES, 0] {
        assert_same(&path, &expected, &script::rewritten(&expected, length));
    }
}

fn assert_same(path: &Path, expected: &str, actual: &str) {
    for (number, (expected, actual)) in expected.lines().zip(actual.lines()).enumerate() {
        assert_eq!(actual, expected, "{}:{}", path.display(), number + 1);
    }
    assert_eq!(actual.lines().count(), expected.lines().count(), "{}", path.display());
}
