//! Dependencies: licenses, advisories, sources. Apart from the gate, because its answer depends on the
//! advisory database of the day and not on the change.

use crate::program::{check, find};
use crate::workspace::Workspace;
use anyhow::{Result, bail};

/// Runs cargo-deny with deny.toml.
pub fn run(workspace: &Workspace) -> Result<()> {
    if find("cargo-deny").is_none() {
        bail!("cargo-deny is missing; install it with: cargo install --locked cargo-deny");
    }
    let mut deny = workspace.cargo();
    deny.args(["deny", "--workspace", "check"]);
    check(deny)
}
