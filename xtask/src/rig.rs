//! Real processes, real faults: prepares what the rig needs and runs synod-chaos with every kind of trouble.

use crate::ladder;
use crate::prepare;
use crate::program::{check, output};
use crate::workspace::{ENGINES, Workspace};
use anyhow::{Context, Result};
use clap::Args;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Partitions have three replicas, so that most nodes have only some of them.
const NODES: u64 = 5;

/// After a leader died, its keys are written again within this time, with nothing else wrong.
const FAILOVER_P99_MS: &str = "3000";

/// What to put the processes through.
#[derive(Args)]
pub struct Options {
    /// How long the trouble lasts, in minutes; starting, healing and judging come on top.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    minutes: u64,
    /// The seed of all choices; drawn and printed when left out. It repeats the schedule, not the timing of
    /// real processes.
    #[arg(long)]
    seed: Option<u64>,
    /// How many nodes, each in a network namespace of its own.
    #[arg(long, default_value_t = NODES, value_parser = clap::value_parser!(u64).range(3..=5))]
    nodes: u64,
    /// What they go through, separated by commas: kill, blackout, power, pause, cut, one-way, loss,
    /// duplicate, delay, reorder, corrupt, eio, enospc, slow-disk, clock, damage, wipe, older, stranger,
    /// contradiction, address, descriptors, memory, control-group, huge, large, slow-reader, leaver, lone, rolling, or all.
    /// docs/testing.md says what each does.
    #[arg(long, default_value = "all", value_name = "KINDS")]
    nemesis: String,
    /// The consensus engine of the nodes: raft, paxos or zab.
    #[arg(long, default_value = "raft", value_parser = ENGINES)]
    engine: String,
    /// A build of another release for the rolling restarts. Without it the last git tag is built, and
    /// where there is no tag the restarts are of the same build.
    #[arg(long, value_name = "BIN")]
    previous: Option<PathBuf>,
    /// Passed on to synod-chaos, for example `--rate 500`; its own manual: `synod-chaos --help`.
    #[arg(last = true)]
    more: Vec<String>,
}

/// The task.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    prepare::for_rig()?;
    let mut args = vec![
        "--seconds".to_owned(),
        (options.minutes * 60).to_string(),
        "--nodes".to_owned(),
        options.nodes.to_string(),
        "--nemesis".to_owned(),
        options.nemesis.clone(),
        "--failover-p99".to_owned(),
        FAILOVER_P99_MS.to_owned(),
        "--engine".to_owned(),
        options.engine.clone(),
    ];
    if let Some(seed) = options.seed {
        args.extend(["--seed".to_owned(), seed.to_string()]);
    }
    if let Some(previous) = previous(workspace, options)? {
        args.extend(["--previous".to_owned(), previous.display().to_string()]);
    }
    args.extend(options.more.iter().cloned());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    ladder::chaos(workspace, &args)
}

/// All of it for each engine, for so long, with seeds that the runs draw and print.
pub fn for_every_engine(workspace: &Workspace, minutes: u64) -> Result<()> {
    ENGINES.iter().try_for_each(|engine| {
        println!("\n{engine}");
        let (seed, previous, more) = (None, None, Vec::new());
        let (nemesis, engine) = ("all".to_owned(), (*engine).to_owned());
        run(workspace, &Options { minutes, seed, nodes: NODES, nemesis, engine, previous, more })
    })
}

/// The other build of the rolling restarts, if there is one.
fn previous(workspace: &Workspace, options: &Options) -> Result<Option<PathBuf>> {
    if options.previous.is_some() {
        return Ok(options.previous.clone());
    }
    let mut describe = Command::new("git");
    describe.args(["describe", "--tags", "--abbrev=0"]).current_dir(&workspace.root);
    let Ok(tag) = output(describe) else {
        println!("no earlier release has a tag: rolling restarts are of the same build");
        return Ok(None);
    };
    let tag = tag.trim();
    println!("rolling restarts go between this build and {tag}");
    build(workspace, tag).with_context(|| format!("{tag} cannot be built")).map(Some)
}

/// Builds a tag from its own files, under target/previous.
fn build(workspace: &Workspace, tag: &str) -> Result<PathBuf> {
    let at = workspace.target.join("previous").join(tag);
    let program = at.join("target/release/synod");
    if program.exists() {
        return Ok(program);
    }
    fs::create_dir_all(&at).with_context(|| format!("{}", at.display()))?;
    let archive = at.join("source.tar");
    let mut export = Command::new("git");
    export.args(["archive", "--output"]).arg(&archive).arg(tag).current_dir(&workspace.root);
    check(export)?;
    let mut unpack = Command::new("tar");
    unpack.arg("-xf").arg(&archive).current_dir(&at);
    check(unpack)?;
    let mut build = workspace.cargo();
    build
        .args(["build", "--release", "--package", "synod", "--target-dir"])
        .arg(at.join("target"))
        .current_dir(&at);
    check(build)?;
    Ok(program)
}
