//! Tells the program which commit it was built from; without git, or outside a repository, it is told nothing.

use std::process::Command;

fn main() {
    println!("cargo:rustc-env=SYNOD_COMMIT={}", commit().unwrap_or_default());
    // Whatever changes the answer: a commit, and an edit that makes the tree differ from it.
    for path in ["../../.git/HEAD", "../../.git/logs/HEAD", "../../crates", "../../Cargo.lock"] {
        if std::path::Path::new(path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    println!("cargo:rerun-if-changed=build.rs");
}

/// What `git describe` says of this tree; `None` when this is not a checkout of its own.
fn commit() -> Option<String> {
    if !std::path::Path::new("../../.git").exists() {
        return None;
    }
    let args = ["describe", "--always", "--tags", "--dirty", "--abbrev=12"];
    let output = Command::new("git").args(args).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let commit = said.trim();
    (output.status.success() && !commit.is_empty()).then(|| commit.to_owned())
}
