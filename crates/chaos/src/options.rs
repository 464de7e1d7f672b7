//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{ArgGroup, Parser};

use crate::cluster::{Power, Program, Settings};
use crate::nemesis::Kind;
use crate::world::World;

/// Does harm to the nodes of a real cluster while clients write to it, then checks that every acknowledged
/// write is there and that all answers were linearizable.
///
/// A run starts its own processes, ends by itself, and leaves nothing running. With --nemesis of the
/// network each node has a network namespace of its own (needs root); else they share 127.0.0.1, on free
/// ports of 20000-28999. Exit status: 0 all is well, 1 the checkers found something (the history is saved), 2
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
    /// The consensus engine of the nodes, by the name that `synod serve --engine` knows it by.
    #[arg(long)]
    pub engine: Option<String>,
    /// How long the trouble lasts, in seconds; start-up, healing and checking come on top.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// What the nodes go through, separated by commas.
    #[arg(long, value_name = "KINDS", value_enum, value_delimiter = ',', default_values_t = Kind::PROCESSES)]
    pub nemesis: Vec<Kind>,
    /// A build of another release, for rolling restarts between the two; without it they are restarts of
    /// the same build.
    #[arg(long, value_name = "PATH", requires = "synod")]
    pub previous: Option<PathBuf>,
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
    /// Fail when writes to a dead leader's keys fail for longer than this, in milliseconds: at the 99th
    /// percentile of the times with nothing else wrong.
    #[arg(long, value_name = "MS")]
    pub failover_p99: Option<u64>,
    /// Cut the power with every kill, as --nemesis power does: each node's data lies on a disk of our own (FUSE) that forgets what
    /// was not flushed with fsync, wholly or in any part. Without it a killed process loses nothing that it
    /// wrote, flushed or not.
    #[arg(long)]
    pub power_cut: bool,
    /// Instead of all that: write so many things to one node on a disk of our own, keep the disk as it was at
    /// every fsync, and try each of these moments as the moment of a power cut, with nothing unflushed
    /// surviving and with some of it. Every acknowledged write must be there after each.
    #[arg(long, value_name = "WRITES", requires = "synod", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub every_cut: Option<u64>,
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

    /// Everything that takes part.
    pub fn kinds(&self) -> Vec<Kind> {
        if self.nemesis.contains(&Kind::All) { Kind::all() } else { self.nemesis.clone() }
    }

    /// What of the world has to be the run's own.
    pub fn world(&self) -> World {
        match () {
            () if self.check.is_some() => World::Shared,
            () if self.in_namespaces() => World::Everything,
            () if self.own_disks() || self.every_cut.is_some() => World::Mounts,
            () => World::Shared,
        }
    }

    fn in_namespaces(&self) -> bool {
        self.kinds().into_iter().any(Kind::needs_network)
    }

    fn own_disks(&self) -> bool {
        let on_them = |kind| [Kind::Enospc, Kind::SlowDisk].contains(&kind);
        self.cuts_power() || self.kinds().into_iter().any(on_them)
    }

    fn cuts_power(&self) -> bool {
        self.power_cut || self.kinds().contains(&Kind::Power)
    }

    /// How to run the one node of which every moment is tried.
    pub fn settings_of_one(&self, seed: u64, directory: PathBuf) -> Result<Settings> {
        let settings = self.settings(seed, directory)?;
        let power = Power::FailsHard;
        Ok(Settings { nodes: 1, partitions: 1, own_disks: true, power, ..settings })
    }

    /// How to run the nodes.
    pub fn settings(&self, seed: u64, directory: PathBuf) -> Result<Settings> {
        let (program, nodes) = match (&self.synod, &self.redis) {
            (Some(path), _) => {
                let builds = [path].into_iter().chain(&self.previous).map(|path| program_at(path));
                (Program::Synod(builds.collect::<Result<_>>()?), self.nodes)
            }
            (None, Some(path)) => (Program::Redis(path.clone()), 1),
            (None, None) => anyhow::bail!("no program is named"),
        };
        Ok(Settings {
            program,
            nodes: usize::try_from(nodes)?,
            partitions: self.partitions,
            durability: self.durability.clone(),
            directory,
            engine: self.engine.clone(),
            in_namespaces: self.in_namespaces(),
            wall_clocks: self.kinds().contains(&Kind::Clock),
            seed,
            own_disks: self.own_disks(),
            power: match (self.cuts_power(), self.expect_loss) {
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
