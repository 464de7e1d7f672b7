//! Every command's behaviour, as scripts in `tests/commands/`: each run twice, the second time through
//! a snapshot and its restoration after every single command.
//!
//! `REWRITE=1 cargo test -p synod-data --test suite` writes the replies as they are; read the diff.

use crate::script;
use std::path::{Path, PathBuf};

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands");
    let entries = std::fs::read_dir(folder).expect("the folder of scripts");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

#[test]
fn commands_answer_as_written() {
    // A test's own switch and files; nothing of the crate sees them.
    #[allow(clippy::disallowed_methods)]
    let rewrite = std::env::var("REWRITE").is_ok();
    for path in scripts() {
        let expected = std::fs::read_to_string(&path).unwrap();
        let actual = script::rewritten(&expected, |_| ());
        if rewrite {
            #[allow(clippy::disallowed_methods)]
            std::fs::write(&path, actual).unwrap();
        } else {
            compare(&path, &expected, &actual);
        }
    }
}

#[test]
fn commands_answer_the_same_after_every_restoration() {
    for path in scripts() {
        let expected = std::fs::read_to_string(&path).unwrap();
        let actual = script::rewritten(&expected, |keyspace| {
            let restored = script::reborn(keyspace);
            assert_eq!(restored.digest(), keyspace.digest(), "{}", path.display());
            assert_eq!(restored.len(), keyspace.len());
            assert_eq!(restored.expires_len(), keyspace.expires_len());
            *keyspace = restored;
        });
        compare(&path, &expected, &actual);
    }
}

fn compare(path: &Path, expected: &str, actual: &str) {
    for (number, (expected, actual)) in expected.lines().zip(actual.lines()).enumerate() {
        assert_eq!(actual, expected, "{}:{}", path.display(), number + 1);
    }
    assert_eq!(actual.lines().count(), expected.lines().count(), "{}", path.display());
}
