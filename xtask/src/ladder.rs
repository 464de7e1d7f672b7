//! The gate, cheapest checks first: rules of the house, formatting, lints, tests of every crate, fuzzing,
//! then real processes under other people's clients, and real processes killed under load.

use crate::program::{Summary, Tally, check, tally};
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{browser, fuzz, plants, prepare, rig, soak, tidy};
use anyhow::{Context, Result};
use std::process::Command;

/// How long each decoder is fuzzed by the gate, in seconds.
const FUZZ_SECONDS: u64 = 10;
/// What real processes go through: what it shows, and the arguments of synod-chaos.
const CHAOS: &[(&str, &[&str])] = &[
    ("processes killed under load, Raft", &["--seconds", "30"]),
    ("processes killed under load, Multi-Paxos", &["--seconds", "30", "--engine", "paxos"]),
    ("processes killed under load, ZAB", &["--seconds", "30", "--engine", "zab"]),
    ("power cut under load", &["--seconds", "45", "--power-cut"]),
    ("power cut at every moment of a short run", &["--every-cut", "20"]),
    // The tests of the tests: without flushes an acknowledged write must be seen to get lost.
    (
        "power cut without flushes is noticed",
        &["--seconds", "20", "--power-cut", "--expect-loss", "--durability", "none"],
    ),
    (
        "power cut at every moment without flushes is noticed",
        &["--every-cut", "20", "--expect-loss", "--durability", "none"],
    ),
];

/// How long the gate's run through every kind of real fault takes with each engine, in minutes.
const RIG_MINUTES: u64 = 2;

/// Workspaces of their own, which `--workspace` does not reach.
pub const SIDE_WORKSPACES: &[&str] = &[
    "tools/bench/Cargo.toml",
    "tools/paxos-oracle/Cargo.toml",
    "tools/raft-oracle/Cargo.toml",
    "tools/second-opinion/Cargo.toml",
    "fuzz/Cargo.toml",
];

/// Runs every step; the first failure ends the run.
pub fn climb(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new();
    let one = |result: Result<()>| result.map(|()| Tally::ONE);
    steps.take("prepare", "cargo xtask prepare", || one(prepare::for_tests(workspace)))?;
    steps.take("rules of the house", "cargo xtask tidy", || one(tidy::run(workspace)))?;
    let format = ["fmt", "--all", "--check"];
    let lints = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    let same = ["test", "--workspace", "--test", "determinism"];
    let tests = ["test", "--workspace", "--no-fail-fast"];
    steps.take("format", &again(&format), || one(cargo(workspace, &format)))?;
    steps.take("lints", &again(&lints), || one(cargo(workspace, &lints)))?;
    // A seed that is not the same run every time is no test case, and every later finding would be in doubt.
    steps.take("the same seed is the same run", &again(&same), || {
        let mut test = workspace.cargo();
        test.args(same);
        tally(test, Summary::Cargo)
    })?;
    steps.take("tests of every crate", &again(&tests), || {
        let mut test = workspace.cargo();
        test.args(tests);
        tally(test, Summary::Cargo)
    })?;
    steps.take("the same seed in every build", "cargo xtask builds", || {
        one(soak::builds_agree(workspace))
    })?;
    steps.take("6,780 simulated clusters, 29 hours", "cargo xtask soak", || {
        one(soak::run(workspace, &soak::Options::default()))
    })?;
    steps.take("every planted bug is found", "cargo xtask plants", || {
        one(plants::run(workspace, &plants::Options::default()))
    })?;
    steps.take("the trace page in a browser", "cargo xtask page", || {
        one(browser::trace_page(workspace))
    })?;
    for manifest in SIDE_WORKSPACES {
        side_workspace(workspace, &mut steps, manifest)?;
    }
    let command = format!("cargo xtask fuzz --seconds {FUZZ_SECONDS}");
    steps.take("decoders, fuzzed", &command, || fuzz::all(workspace, FUZZ_SECONDS))?;
    steps.take("other people's clients", "cargo xtask clients", || clients(workspace, &[]))?;
    steps.take("processes killed under load", "cargo xtask chaos", || {
        one(chaos_task(workspace, &[]))
    })?;
    let command = format!("cargo xtask rig --minutes {RIG_MINUTES} --engine raft # or paxos, zab");
    steps.take("real faults", &command, || one(rig::for_every_engine(workspace, RIG_MINUTES)))?;
    steps.summary();
    Ok(())
}

/// What a developer waits for while working, about five minutes: the rules, the lints, the tests of the crates that
/// decide something, and a glance at the simulator. It promises less than the gate.
pub fn quick(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new();
    let one = |result: Result<()>| result.map(|()| Tally::ONE);
    steps.take("rules of the house", "cargo xtask tidy", || one(tidy::run(workspace)))?;
    let format = ["fmt", "--all", "--check"];
    let lints = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    steps.take("format", &again(&format), || one(cargo(workspace, &format)))?;
    steps.take("lints", &again(&lints), || one(cargo(workspace, &lints)))?;
    // The slow tests are the program's, the rig's and the simulator's own: they start processes or whole clusters.
    let mut tests = vec!["test", "--workspace", "--no-fail-fast"];
    for slow in ["synod", "synod-chaos", "synod-sim"] {
        tests.extend(["--exclude", slow]);
    }
    steps.take("tests of the crates", &again(&tests), || {
        let mut test = workspace.cargo();
        test.args(&tests);
        tally(test, Summary::Cargo)
    })?;
    steps.take(
        "60 simulated clusters, 1 hour",
        "cargo xtask soak --seeds 20 --seconds 60",
        || one(soak::run(workspace, &soak::Options::glance())),
    )?;
    steps.summary();
    Ok(())
}

/// Formatting, lints and tests of a workspace that has its own lock file.
fn side_workspace(workspace: &Workspace, steps: &mut Steps, manifest: &str) -> Result<()> {
    let format = ["fmt", "--manifest-path", manifest, "--check"];
    let lints = ["clippy", "--manifest-path", manifest, "--all-targets", "--", "-D", "warnings"];
    let tests = ["test", "--manifest-path", manifest];
    let folder = manifest.trim_end_matches("/Cargo.toml");
    let title = format!("{folder}: format, lints and tests");
    let all = [&format[..], &lints[..], &tests[..]].map(again).join(" && ");
    steps.take(&title, &all, || {
        cargo(workspace, &format)?;
        cargo(workspace, &lints)?;
        let mut test = workspace.cargo();
        test.args(tests);
        tally(test, Summary::Cargo)
    })
}

fn again(args: &[&str]) -> String {
    format!("cargo {}", args.join(" "))
}

fn cargo(workspace: &Workspace, args: &[&str]) -> Result<()> {
    let mut command = workspace.cargo();
    command.args(args);
    check(command)
}

/// Drives synod with other people's clients; `args` go to pytest.
pub fn clients(workspace: &Workspace, args: &[String]) -> Result<Tally> {
    prepare::for_tests(workspace)?;
    workspace.build_synod()?;
    let mut run = Command::new(workspace.root.join("tests/clients/run.sh"));
    run.args(args)
        .current_dir(&workspace.root)
        .env("SYNOD_BIN", workspace.synod())
        .env("VENV", workspace.venv())
        .env("NODE_PATH", workspace.node().join("node_modules"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    tally(run, Summary::Pytest)
}

/// Random commands, scripts among them, at synod and at a genuine redis-server: every reply and, by DUMP, every value. `args` go to
/// `tests/clients/differential.py`.
pub fn differential(workspace: &Workspace, args: &[String]) -> Result<()> {
    prepare::for_tests(workspace)?;
    workspace.build_synod()?;
    let mut run = Command::new(workspace.venv().join("bin/python"));
    run.arg("tests/clients/differential.py")
        .args(args)
        .current_dir(&workspace.root)
        .env("SYNOD_BIN", workspace.synod())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    check(run).context(
        "every difference is mended, or told in docs/redis.md and left out of the generator",
    )
}

/// The runs of the gate, or one run with other arguments for synod-chaos.
pub fn chaos_task(workspace: &Workspace, args: &[String]) -> Result<()> {
    if !args.is_empty() {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        return chaos(workspace, &args);
    }
    CHAOS.iter().try_for_each(|(title, args)| {
        println!("\n{title}");
        chaos(workspace, args)
    })
}

/// Does harm to processes under load and judges what clients saw.
pub fn chaos(workspace: &Workspace, args: &[&str]) -> Result<()> {
    workspace.build_synod()?;
    cargo(workspace, &["build", "--release", "--package", "synod-chaos"])?;
    let mut run = Command::new(workspace.target.join("release/synod-chaos"));
    run.arg("--synod").arg(workspace.synod()).args(args).current_dir(&workspace.root);
    check(run).context("its output above names the seed and where the history is saved")
}
