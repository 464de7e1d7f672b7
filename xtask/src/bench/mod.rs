//! `cargo xtask bench`: Synod and its genuine peers, in turn, on this machine, with the same client, the
//! same sizes and the same durability. What counts is the ratio within one run.
//!
//! ```text
//!   contest (who, what, target) -> servers (start, stop) -> load (synod-bench) -> results -> report
//! ```

mod before;
mod contest;
mod engines;
mod failover;
mod load;
mod machine;
mod memory;
mod redis_benchmark;
mod report;
mod restart;
mod results;
mod servers;
mod throughput;

use crate::prepare;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// How to measure.
#[derive(Args)]
pub struct Options {
    /// A first look: one round, short loads, fewer keys.
    #[arg(long)]
    quick: bool,
    /// How often every contestant has its turn; medians are taken over the rounds.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// How long each load is measured, in seconds.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Only these parts; all when none is named.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Only the consensus engines against each other; the table goes into docs/engines.md.
    #[arg(long, conflicts_with_all = ["only", "out"])]
    engines: bool,
    /// Only this build of Synod against the one of now, turn and turn about: what a change costs. The table goes into
    /// target/bench/before-and-after.md, or where --out says.
    #[arg(long, value_name = "PROGRAM", conflicts_with_all = ["only", "engines"])]
    before: Option<PathBuf>,
    /// Another program than target/release/synod.
    #[arg(long)]
    synod: Option<PathBuf>,
    /// Another load generator than the one in tools/bench.
    #[arg(long)]
    client: Option<PathBuf>,
    /// Where benchmarks.md and benchmarks.json go. Left out: docs/ after a whole run, target/bench/
    /// after a quick or partial one.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Requests per second and latencies under a closed loop.
    Throughput,
    /// The default tests of redis-benchmark.
    RedisBenchmark,
    /// Memory per key.
    Memory,
    /// Time to come back with a million keys.
    Restart,
    /// Time without writes after the leader is killed.
    Failover,
}

/// The size of a run, and where its tools are.
struct Bench {
    synod: PathBuf,
    /// The load generator.
    client: PathBuf,
    /// Data of the servers; emptied after each.
    scratch: PathBuf,
    rounds: u32,
    seconds: f64,
    quick: bool,
}

impl Bench {
    /// Keys of the throughput loads.
    fn keys(&self) -> u32 {
        if self.quick { 10_000 } else { 100_000 }
    }
}

/// Runs the chosen parts and writes the report.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let with_peers = !options.engines && options.before.is_none();
    if with_peers {
        prepare::for_bench()?;
    }
    let started = Instant::now();
    let load = machine::load()?;
    let bench = set_up(workspace, options, with_peers)?;
    if options.engines {
        return engines::run(workspace, &bench, load);
    }
    if let Some(before) = &options.before {
        return before::run(&bench, before, options.out.as_deref().unwrap_or(&bench.scratch));
    }
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    let mut results = results::Results::new(machine::describe(workspace, &bench, load)?, &bench);
    if wanted(Part::Throughput) {
        results.throughput = throughput::run(&bench)?;
    }
    if wanted(Part::RedisBenchmark) {
        results.redis_benchmark = redis_benchmark::run(&bench)?;
    }
    if wanted(Part::Memory) {
        results.memory = memory::run(&bench)?;
    }
    if wanted(Part::Restart) {
        results.restart = Some(restart::run(&bench)?);
    }
    if wanted(Part::Failover) {
        results.failover = failover::run(&bench)?;
    }
    results.minutes = started.elapsed().as_secs_f64() / 60.0;
    let whole = options.only.is_empty() && !options.quick;
    let default = if whole { workspace.root.join("docs") } else { bench.scratch.clone() };
    write(workspace, &results, &options.out.clone().unwrap_or(default))
}

fn set_up(workspace: &Workspace, options: &Options, with_peers: bool) -> Result<Bench> {
    let synod = match &options.synod {
        Some(path) => path.canonicalize().with_context(|| format!("{}", path.display()))?,
        None => {
            workspace.build_synod()?;
            workspace.synod()
        }
    };
    let scratch = workspace.target.join("bench");
    fs::create_dir_all(&scratch).with_context(|| format!("{}", scratch.display()))?;
    let client = match &options.client {
        Some(path) => path.canonicalize().with_context(|| format!("{}", path.display()))?,
        None => load::build(workspace, with_peers)?,
    };
    let (rounds, seconds) =
        if options.quick { (1, 2.0) } else { (options.rounds, options.seconds) };
    if !(0.1..=3600.0).contains(&seconds) {
        bail!("--seconds is between 0.1 and 3600");
    }
    Ok(Bench { synod, client, scratch, rounds, seconds, quick: options.quick })
}

fn write(
    workspace: &Workspace,
    results: &results::Results,
    folder: &std::path::Path,
) -> Result<()> {
    fs::create_dir_all(folder)?;
    let page = report::page(workspace, results);
    println!("\n{page}");
    for (name, text) in [
        ("benchmarks.md", page),
        ("benchmarks.json", serde_json::to_string_pretty(results)? + "\n"),
    ] {
        let file = folder.join(name);
        fs::write(&file, text).with_context(|| format!("{}", file.display()))?;
        println!("wrote {}", workspace.show(&file));
    }
    Ok(())
}
