//! The gate, cheapest checks first: rules of the house, formatting, lints, tests of every crate, fuzzing,
//! then real processes under other people's clients, and real processes killed under load.

use crate::program::{Summary, Tally, check, tally};
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{fuzz, prepare, tidy};
use anyhow::{Result, bail};
use std::process::Command;

/// A folder of tests for pytest, against the program as users run it.
pub struct Suite {
    /// Relative to the root.
    folder: &'static str,
    /// Which of its tests, as pytest's marker expression; empty for all.
    marker: &'static str,
}

/// Other people's clients.
pub const CLIENTS: Suite = Suite { folder: "tests/clients", marker: "" };
/// Processes killed under load.
pub const CHAOS: Suite = Suite { folder: "tests/chaos", marker: "" };

/// How long each decoder is fuzzed by the gate, in seconds.
const FUZZ_SMOKE_SECONDS: u64 = 10;

/// Runs every step; the first failure ends the run.
pub fn climb(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new();
    let one = |result: Result<()>| result.map(|()| Tally::ONE);
    steps.take("prepare", "cargo xtask prepare", || one(prepare::for_tests(workspace)))?;
    steps.take("tidy", "cargo xtask tidy", || one(tidy::run(workspace)))?;
    steps.take("format", "cargo fmt --all --check", || {
        one(cargo(workspace, &["fmt", "--all", "--check"]))
    })?;
    let lints = &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    steps.take("lints", &format!("cargo {}", lints.join(" ")), || one(cargo(workspace, lints)))?;
    steps.take("tests of every crate", "cargo test --workspace", || {
        let mut test = workspace.cargo();
        test.args(["test", "--workspace", "--no-fail-fast"]);
        tally(test, Summary::Cargo)
    })?;
    steps.take(
        "fuzz, a short run",
        &format!("cargo xtask fuzz --seconds {FUZZ_SMOKE_SECONDS}"),
        || fuzz::all(workspace, FUZZ_SMOKE_SECONDS),
    )?;
    steps.take("other people's clients", "cargo xtask clients", || {
        pytest(workspace, &CLIENTS, &[])
    })?;
    steps.take("processes killed under load", "cargo xtask chaos", || {
        pytest(workspace, &CHAOS, &[])
    })?;
    steps.summary();
    Ok(())
}

fn cargo(workspace: &Workspace, args: &[&str]) -> Result<()> {
    let mut command = workspace.cargo();
    command.args(args);
    check(command)
}

/// Builds synod and runs one suite against it.
pub fn pytest(workspace: &Workspace, suite: &Suite, args: &[String]) -> Result<Tally> {
    prepare::for_tests(workspace)?;
    workspace.build_synod()?;
    let folder = workspace.root.join(suite.folder);
    if !folder.is_dir() {
        bail!("{} is missing", suite.folder);
    }
    let mut pytest = Command::new(workspace.venv().join("bin/python"));
    pytest.args(["-m", "pytest", "-p", "no:cacheprovider"]).arg(&folder).args(args);
    if !suite.marker.is_empty() {
        pytest.args(["-m", suite.marker]);
    }
    pytest
        .current_dir(&workspace.root)
        .env("SYNOD_BIN", workspace.synod())
        .env("NODE_PATH", workspace.node().join("node_modules"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    tally(pytest, Summary::Pytest)
}
