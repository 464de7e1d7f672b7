//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{ArgGroup, Parser};

use crate::cluster::{Power, Program, Settings};

/// Kills, pauses and restarts the nodes of a real cluster while clients write to it, then checks that
/// every acknowledged write is there and that all answers were linearizable.
///
/// A run starts its own processes on free ports of 127.0.0.1 (20000-28999), ends by itself, and leaves
/// nothing running. Exit status: 0 all is well, 1 the checkers found something (the history is saved), 2
/// the run itself failed, for example because a node ended by itself or the cluster did not heal.
#[derive(Debug, Parser)]
#[command(name = "synod-chaos", version, max_term_width = 100)]
#[command(group(ArgGroup::new("what").required(true).args(["synod", "redis", "check"])))]
pub struct Options {
    /// Run against this synod program.
    #[arg(long, value_name = "PATH")]
    pub synod: Option<PathBuf>,
    /// Run against this genuine redis-server, as one node: a trial of the rig itself.
    #[arg(long, value_name = "PATH")]
    pub redis: Option<PathBuf>,
    /// Run nothing: judge the history in this file.
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
    /// How many nodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=9))]
    pub nodes: u64,
    /// How many partitions.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub partitions: u32,
    /// When a write is acknowledged.
    #[arg(long, default_value = "always", value_parser = ["always", "everysec", "none"])]
    pub durability: String,
    /// How long the trouble lasts, in seconds; start-up, healing and checking come on top.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// The seed of all choices; drawn and printed when left out. The same seed repeats the schedule, not
    /// the timing of real processes.
    #[arg(long)]
    pub seed: Option<u64>,
    /// How many clients.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub clients: u64,
    /// Operations per second of all clients together.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub rate: u64,
    /// Keys of each kind that are in use at a time.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub keys: u64,
    /// Fail when writes to a dead leader's keys fail for longer than this, in milliseconds.
    #[arg(long, value_name = "MS")]
    pub failover_max: Option<u64>,
    /// Cut the power with every kill: each node's data lies on a disk of our own (FUSE) that forgets what
    /// was not flushed with fsync, wholly or in any part. Without it a killed process loses nothing that it
    /// wrote, flushed or not.
    #[arg(long)]
    pub power_cut: bool,
    /// Succeed only if an acknowledged write gets lost. All nodes are killed at once, again and again; with
    /// a server that acknowledges too early the checkers must find that out.
    #[arg(long)]
    pub expect_loss: bool,
    /// Where the nodes keep their data and logs; by default a new directory that is removed when all is
    /// well.
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Where the history is saved when the checkers found something.
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
}

impl Options {
    /// How long the trouble lasts.
    pub fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// How to run the nodes.
    pub fn settings(&self, seed: u64, directory: PathBuf) -> Result<Settings> {
        let (program, nodes) = match (&self.synod, &self.redis) {
            (Some(path), _) => (Program::Synod(program_at(path)?), self.nodes),
            (None, Some(path)) => (Program::Redis(path.clone()), 1),
            (None, None) => anyhow::bail!("no program is named"),
        };
        Ok(Settings {
            program,
            nodes: usize::try_from(nodes)?,
            partitions: self.partitions,
            durability: self.durability.clone(),
            directory,
            power: match (self.power_cut, self.expect_loss) {
                (false, _) => Power::Stays,
                (true, false) => Power::Fails(seed),
                (true, true) => Power::FailsHard,
            },
        })
    }
}

fn program_at(path: &std::path::Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("there is no program at {}", path.display()))
}
