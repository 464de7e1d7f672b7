//! The command line of `synod sim`.

use super::schedule_file;
use crate::settings::Usage;
use anyhow::Result;
use std::path::PathBuf;
use synod_server::Engine;
use synod_sim::commit::{CommitProtocol, Strike};
use synod_sim::{Faults, Params, Workload};

/// The most strikes that `--only` may name.
const ONLY_MAX: usize = 100_000;

/// What to simulate.
#[derive(clap::Args, Debug, Clone)]
pub struct SimOptions {
    /// The first seed; it decides everything that happens [default: 1]
    #[arg(long)]
    pub seed: Option<u64>,

    /// How many seeds to run, one after the other
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub seeds: u64,

    /// How long the trouble lasts, in simulated minutes
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1440), conflicts_with = "seconds")]
    minutes: u64,

    /// The same in simulated seconds
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,

    /// How many nodes
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=9))]
    nodes: u64,

    /// How many data partitions
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    partitions: u32,

    /// How many clients
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    clients: u16,

    /// What clients do: bank, copies, keys, locks, queues, tree or users
    #[arg(long, default_value_t)]
    workload: Workload,

    /// Instead of clusters, run one transaction after the other by two-phase commit, three-phase commit or Synod's own, each alone in
    /// a small world: 2pc, 3pc, synod, parallel, or all of them side by side (docs/transactions.md)
    #[arg(long, value_name = "PROTOCOL", value_parser = commit_protocols, conflicts_with_all = [
        "minutes", "seconds", "nodes", "partitions", "clients", "lease_reads", "parallel_commit", "workload", "keys", "engine", "only", "schedule",
        "save_schedule", "jobs", "failures_max", "verify_every", "shrink_runs", "shrink_seconds",
    ])]
    pub commit_protocol: Option<CommitProtocols>,

    /// How many participants such a transaction has
    #[arg(long, default_value_t = 2, requires = "commit_protocol", value_parser = clap::value_parser!(u64).range(2..=8))]
    pub participants: u64,

    /// What goes wrong with it, instead of what --faults lets the seed draw (of `kill` and `partition`): `none`, or a list such as
    /// `no:2,crash:0@5,restart:0@40,cut:1+2@2.5-60`. Participant 2 votes no; site 0, the coordinator, crashes before its fifth step,
    /// a message sent or a flush; it restarts 40 message delays after the transaction began; sites 1 and 2 are cut
    /// off from 2.5 to 60 delays after that, or for good (`cut:2@2.5-`). Without --seed every message takes as long as it may
    #[arg(long, value_name = "STRIKES", requires = "commit_protocol", conflicts_with_all = ["faults", "seeds"], value_parser = strikes)]
    pub strikes: Option<Strikes>,

    /// Let leaders answer reads from their lease
    #[arg(long)]
    lease_reads: bool,

    /// Let transactions over several partitions be answered when all of them is kept, before it is decided
    #[arg(long)]
    parallel_commit: bool,

    /// Put a planted bug to work, which only this build has; see docs/simulator.md
    #[cfg(synod_plants)]
    #[arg(long, value_name = "NAME", value_parser = plant)]
    pub plant: Option<&'static synod_sim::plants::Plant>,

    /// Over how many registers their requests go; drawn from the seed when left out
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1000))]
    keys: Option<u64>,

    /// What replicates a partition's log
    #[arg(long, default_value_t = Engine::Raft, value_parser = crate::cli::engine())]
    pub engine: Engine,

    /// What goes wrong: `swarm` (each seed draws its own kinds), `all`, `none`, or a list such as
    /// `loss,power,clock-jump`
    #[arg(long, default_value_t = Faults::Swarm, value_parser = faults)]
    pub faults: Faults,

    /// Of all strikes of the seed only these, by number (`3,17,20` or `none`); a failure is shrunk to such a list
    #[arg(long, value_name = "NUMBERS", value_parser = only, conflicts_with = "seeds")]
    only: Option<Only>,

    /// Run what this file says, as --save-schedule wrote it
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "seed", "seeds", "minutes", "seconds", "nodes", "partitions", "clients", "lease_reads", "parallel_commit", "workload", "keys", "engine", "faults", "only",
    ])]
    schedule: Option<PathBuf>,

    /// Write the run's strikes to this file; of several seeds the first that fails, as it was shrunk
    #[arg(long, value_name = "FILE")]
    pub save_schedule: Option<PathBuf>,

    /// How many seeds to run at the same time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,

    /// Stop when so many seeds have failed
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub failures_max: u64,

    /// Run every so many seeds twice, and fail if the two runs differ in any event; 0: never
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub verify_every: u64,

    /// How many runs may be spent on shrinking the first failure; 0: none
    #[arg(long, default_value_t = 400, value_name = "N")]
    pub shrink_runs: u64,

    /// How many seconds may be spent on it
    #[arg(long, default_value_t = 300, value_name = "N")]
    pub shrink_seconds: u64,

    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,

    /// Write the run as a page for the browser that plays it; for one seed
    #[arg(long, value_name = "FILE", conflicts_with = "seeds")]
    pub trace: Option<PathBuf>,
}

/// Commit protocols to run side by side.
#[derive(Clone, Debug)]
pub struct CommitProtocols(pub Vec<CommitProtocol>);

fn commit_protocols(text: &str) -> Result<CommitProtocols, String> {
    match text {
        "all" => Ok(CommitProtocols(CommitProtocol::ALL.to_vec())),
        one => match one.parse() {
            Ok(protocol) => Ok(CommitProtocols(vec![protocol])),
            Err(error) => Err(format!("{error}, and all for all of them")),
        },
    }
}

/// What goes wrong with a transaction.
#[derive(Clone, Debug)]
pub struct Strikes(pub Vec<Strike>);

fn strikes(text: &str) -> Result<Strikes, String> {
    if text == "none" {
        return Ok(Strikes(Vec::new()));
    }
    text.split(',').map(str::parse).collect::<Result<_, _>>().map(Strikes)
}

fn faults(text: &str) -> Result<Faults, String> {
    text.parse().map_err(|error: synod_sim::UnknownFault| error.to_string())
}

#[cfg(synod_plants)]
fn plant(name: &str) -> Result<&'static synod_sim::plants::Plant, String> {
    synod_sim::plants::find(name).map_err(|unknown| unknown.to_string())
}

/// Numbers of strikes; in a type of its own, since clap takes a `Vec` for an option that is given often.
#[derive(Clone, Debug)]
struct Only(Vec<u32>);

fn only(text: &str) -> Result<Only, String> {
    if text == "none" {
        return Ok(Only(Vec::new()));
    }
    let numbers = text
        .split(',')
        .map(|word| word.parse().map_err(|_| format!("`{word}` is not the number of a strike")));
    let mut numbers = numbers.collect::<Result<Vec<u32>, _>>()?;
    if numbers.len() > ONLY_MAX {
        return Err(format!("{} numbers, {ONLY_MAX} at most", numbers.len()));
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(Only(numbers))
}

impl SimOptions {
    /// The first seed.
    pub fn first_seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    /// The first run: from the schedule file if there is one.
    ///
    /// # Errors
    /// The file is not a schedule, or a strike is asked for that the run does not have.
    pub fn params(&self) -> Result<Params> {
        let record = self.trace.is_some();
        if let Some(file) = &self.schedule {
            return Ok(Params { record, ..schedule_file::read(file)? });
        }
        let params = Params {
            seed: self.first_seed(),
            nodes: self.nodes,
            partitions: self.partitions,
            seconds: self.seconds.unwrap_or(self.minutes * 60),
            clients: usize::from(self.clients),
            faults: self.faults,
            lease_reads: self.lease_reads,
            parallel_commit: self.parallel_commit,
            workload: self.workload,
            engine: self.engine,
            keys: self.keys,
            only: self.only.as_ref().map(|only| only.0.clone()),
            record,
            ..Params::default()
        };
        params.check().map_err(|error| Usage(format!("--only: {error}")))?;
        Ok(params)
    }
}
