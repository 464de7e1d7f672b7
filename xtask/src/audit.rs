//! Dependencies: licenses, bans, sources, advisories. Apart from the gate, because the answer depends on the
//! advisory database of the day and not on the change.
//!
//! The database is a git repository on another host. Where it cannot be had, the rest is checked all the
//! same, and the audit still fails: an audit without advisories is not one, unless it was asked for.

use crate::ladder::SIDE_WORKSPACES;
use crate::program::{check, find};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};

/// What Cargo.lock and deny.toml alone decide.
const LOCAL: &[&str] = &["licenses", "bans", "sources"];
/// One deny.toml serves all workspaces: what it allows to one, another need not have.
const QUIET: &[&str] = &["-A", "unused-wrapper", "-A", "license-exception-not-encountered"];

/// Runs cargo-deny with deny.toml over every workspace; advisories too, unless `offline`.
pub fn run(workspace: &Workspace, offline: bool) -> Result<()> {
    if find("cargo-deny").is_none() {
        bail!("cargo-deny is missing; install it with: cargo install --locked cargo-deny");
    }
    let manifests = || ["Cargo.toml"].into_iter().chain(SIDE_WORKSPACES.iter().copied());
    for manifest in manifests() {
        println!("{manifest}: {}", LOCAL.join(", "));
        deny(workspace, manifest, LOCAL)?;
    }
    if offline {
        println!("advisories: not checked, as asked (--offline)");
        return Ok(());
    }
    for manifest in manifests() {
        println!("{manifest}: advisories");
        deny(workspace, manifest, &["advisories"]).context(
            "licenses, bans and sources are fine; advisories are not, or their database \
             (github.com/RustSec/advisory-db) is out of reach: see above. \
             `cargo xtask audit --offline` leaves them out",
        )?;
    }
    Ok(())
}

fn deny(workspace: &Workspace, manifest: &str, what: &[&str]) -> Result<()> {
    let mut deny = workspace.cargo();
    deny.args(["deny", "--workspace", "--config"])
        .arg(workspace.root.join("deny.toml"))
        .arg("--manifest-path")
        .arg(workspace.root.join(manifest))
        .arg("check")
        .args(QUIET)
        .args(what);
    check(deny)
}
