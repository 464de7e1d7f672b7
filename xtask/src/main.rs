//! What a developer runs: `cargo xtask <task>`. One program instead of a folder of shell scripts, so
//! that every check is the same on every machine and needs nothing but the Rust toolchain to start.

mod audit;
mod bench;
mod browser;
mod compatibility;
mod fuzz;
mod ladder;
mod marked;
mod plants;
mod prepare;
mod program;
mod rig;
mod soak;
mod steps;
mod tidy;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workspace::Workspace;

/// The tasks of a developer of Synod.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run the whole gate: everything that has to pass before a change goes in.
    ///
    /// Prepares what the tests need first (Debian packages when root, a Python environment and Node
    /// packages under target/), or says what is missing and fails. Stops at the first failing step,
    /// and ends with one line "N passed, M failed".
    #[command(visible_alias = "ci")]
    Test {
        /// About five minutes: rules, lints, tests of the crates, and 60 simulated clusters.
        #[arg(long)]
        quick: bool,
    },
    /// Install or prepare what the tests need, and nothing else.
    Prepare,
    /// Check the rules of the house that no compiler checks. Reads only.
    Tidy,
    /// Drive real synod processes with other people's clients: redis-py, ioredis, node-redis,
    /// redis-cli, redis-benchmark.
    Clients {
        /// Passed on to pytest, for example `-k cluster`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Compare random commands with a genuine redis-server: every reply, and by DUMP every value.
    Differential {
        /// Passed on to tests/clients/differential.py: `--seconds 600`, `--seed 1000`, `--family script`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Kill real synod processes under load, and check that no acknowledged write is lost.
    Chaos {
        /// Passed on to synod-chaos, for example `--seconds 600`; its own manual: `cargo xtask chaos -- --help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Simulate many seeds and print a summary; `--record` puts it into docs/testing.md.
    Soak(soak::Options),
    /// Run one seed of the simulator in a debug and in a release build: every event must be the same.
    Builds,
    /// Open a trace page of `synod sim` in headless Chromium and use it.
    Page,
    /// Put real synod processes through real faults: kills, power cuts, cuts, loss, delay and corruption
    /// between network namespaces, failing disks, wrong clocks, damaged files, rolling restarts.
    ///
    /// Needs root, Linux with /dev/net/tun and /dev/fuse, and some programs, which it installs (Debian)
    /// or names. The run has mounts, processes and a network of its own, which the kernel takes away
    /// with it, however it ends.
    Rig(rig::Options),
    /// Look for every bug that is planted on purpose, with the simulator: see docs/simulator.md.
    Plants(plants::Options),
    /// Fuzz the decoders with libFuzzer.
    Fuzz(fuzz::Options),
    /// Write docs/compatibility.md: which commands of Redis there are, and what suites said that others wrote.
    Compatibility(compatibility::Options),
    /// Measure synod and its genuine peers (Redis, memcached, etcd) in turn on this machine, and write
    /// docs/benchmarks.md. A whole run takes about half an hour.
    Bench(bench::Options),
    /// Check licenses, bans, sources and advisories of all dependencies, of the tools and the fuzzers too
    /// (needs cargo-deny, and the network for the advisories).
    Audit {
        /// Leave out the advisories, whose database is fetched anew every time.
        #[arg(long)]
        offline: bool,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match Workspace::find().and_then(|workspace| run(&workspace, cli.task)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(workspace: &Workspace, task: Task) -> anyhow::Result<()> {
    match task {
        Task::Test { quick: false } => ladder::climb(workspace),
        Task::Test { quick: true } => ladder::quick(workspace),
        Task::Prepare => prepare::for_tests(workspace),
        Task::Tidy => tidy::run(workspace),
        Task::Clients { args } => ladder::clients(workspace, &args)?.into_result("client tests"),
        Task::Differential { args } => ladder::differential(workspace, &args),
        Task::Chaos { args } => ladder::chaos_task(workspace, &args),
        Task::Soak(options) => soak::run(workspace, &options),
        Task::Builds => soak::builds_agree(workspace),
        Task::Page => {
            prepare::for_tests(workspace)?;
            browser::trace_page(workspace)
        }
        Task::Rig(options) => rig::run(workspace, &options),
        Task::Plants(options) => plants::run(workspace, &options),
        Task::Fuzz(options) => fuzz::run(workspace, &options),
        Task::Compatibility(options) => compatibility::run(workspace, &options),
        Task::Bench(options) => bench::run(workspace, &options),
        Task::Audit { offline } => audit::run(workspace, offline),
    }
}
