//! Proof by real processes: a cluster that is killed, paused and restarted under load must lose nothing
//! that it acknowledged, and answer as one server would.
//!
//! ```text
//! start -> clients + nemesis (--seconds) -> heal -> read all -> kill all -> start -> read all -> judge
//! ```

mod cluster;
mod cuts;
mod dice;
mod disk;
mod failover;
mod metrics;
mod nemesis;
mod net;
mod options;
mod resp;
mod session;
mod summary;
mod verdict;
mod wall;
mod workload;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use clap::Parser;
use synod_checker::{format, linear};

use cluster::Cluster;
use dice::Dice;
use nemesis::{Deeds, Schedule};
use options::Options;
use session::{ANSWER_TIMEOUT, Session};
use summary::Summary;
use workload::{Client, Plan, Record};

/// How long a cluster may take to start or to heal.
const HEAL: Duration = Duration::from_secs(30);
/// What a run may take beyond its trouble: starting, healing, reading everything and judging. A run that
/// takes longer is killed as a whole, if it has a world of its own.
const OVERTIME: Duration = Duration::from_secs(15 * 60);

fn main() -> ExitCode {
    let options = Options::parse();
    let result = match world::enter(options.world(), options.duration() + OVERTIME) {
        Ok(Some(ended)) => return ended,
        Ok(None) => match &options.check {
            Some(file) => check(file),
            None => run(&options),
        },
        Err(error) => Err(error),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("synod-chaos: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Judges a history of an earlier run.
fn check(file: &Path) -> Result<bool> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let history = format::decode(&text).with_context(|| file.display().to_string())?;
    let report = linear::check(&history, linear::STEPS_MAX);
    for failure in &report.failures {
        println!("{failure}");
    }
    println!(
        "{} operations on {} keys, {} steps: {}",
        report.operations,
        report.keys,
        report.steps,
        if report.passed() { "linearizable" } else { "not linearizable" }
    );
    Ok(report.passed())
}

fn run(options: &Options) -> Result<bool> {
    let seed = options.seed.unwrap_or_else(any_seed);
    let directory = directory(options, seed)?;
    println!("seed {seed}, data and logs in {}", directory.display());
    if let Some(writes) = options.every_cut {
        let settings = options.settings_of_one(seed, directory.clone())?;
        let lost = match cuts::try_every_moment(&settings, writes) {
            Err(error) if options.expect_loss && error.is::<cuts::Lost>() => true,
            other => other.map(|()| false)?,
        };
        clear(options, &directory)?;
        println!("verdict     {}", if lost { "a loss, as expected" } else { "nothing is lost" });
        return Ok(lost == options.expect_loss);
    }
    let summary = trouble(options, seed, &directory).inspect_err(|_| {
        eprintln!("the nodes' logs are kept in {}", directory.display());
    })?;
    print!("{summary}");
    let well = summary.is_well(options.expect_loss, options.failover_p99);
    let slow = summary.slow(options.failover_p99).filter(|_| !options.expect_loss);
    if let Some(slow) = &slow {
        println!("{slow}");
    }
    let nothing_found = summary.verdict.passed() && slow.is_none();
    if nothing_found || (well && options.history.is_none()) {
        clear(options, &directory)?;
    } else {
        let file = options.history.clone().unwrap_or_else(|| directory.join("history.jsonl"));
        std::fs::write(&file, summary.history_file())
            .with_context(|| format!("cannot write {}", file.display()))?;
        println!("the history is saved in {}", file.display());
    }
    Ok(well)
}

/// Removes the nodes' data, unless somebody said where it is to be.
fn clear(options: &Options, directory: &Path) -> Result<()> {
    if options.directory.is_some() {
        return Ok(());
    }
    std::fs::remove_dir_all(directory)
        .with_context(|| format!("cannot remove {}", directory.display()))
}

fn trouble(options: &Options, seed: u64, directory: &Path) -> Result<Summary> {
    let cluster = Cluster::new(&options.settings(seed, directory.to_owned())?)?;
    (0..cluster.len()).try_for_each(|node| cluster.start(node))?;
    cluster.wait_ready(HEAL).context("the cluster did not start")?;
    let started = Instant::now();
    let plan = Plan {
        started,
        until: started + options.duration(),
        clients: options.clients,
        rate: options.rate,
        keys: options.keys,
    };
    let (mut record, deeds) = under_load(options, seed, directory, &cluster, plan)?;
    let healed = cluster.wait_ready(HEAL).context("the cluster did not heal")?;
    let mut reader = session(&cluster, 0);
    verdict::read_all(&plan, &mut reader, &mut record)?;
    // What was only in memory, or only thought to be on disk, goes now.
    cluster.kill_all()?;
    (0..cluster.len()).try_for_each(|node| cluster.start(node))?;
    let restarted = cluster.wait_ready(HEAL).context("the cluster did not start again")?;
    let finals = verdict::read_all(&plan, &mut reader, &mut record)?;
    let judged = Instant::now();
    let verdict = verdict::judge(&record, &finals);
    Ok(Summary {
        seed,
        seconds: options.seconds,
        record,
        deeds,
        healed,
        restarted,
        judging: judged.elapsed(),
        verdict,
    })
}

/// Clients and nemesis side by side until the plan's time is up.
fn under_load(
    options: &Options,
    seed: u64,
    directory: &Path,
    cluster: &Cluster,
    plan: Plan,
) -> Result<(Record, Deeds)> {
    let given_up = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let schedule = Schedule {
            started: plan.started,
            until: plan.until,
            kinds: options.kinds(),
            blackouts_only: options.expect_loss,
            directory: directory.to_owned(),
        };
        // When a node did what it must not, there is nothing to go on for.
        let give_up = |_: &_| given_up.store(true, Ordering::Relaxed);
        let nemesis =
            scope.spawn(move || nemesis::run(cluster, seed, schedule).inspect_err(give_up));
        let clients: Vec<_> = (0..plan.clients)
            .map(|id| {
                let session = session(cluster, id);
                let client = Client::new(id, plan, session, Dice::new(seed, id));
                scope.spawn(|| client.run(&given_up))
            })
            .collect();
        let mut record = Record::default();
        for client in clients {
            record.merge(client.join().map_err(|_| anyhow!("a client failed"))?);
        }
        let deeds = nemesis.join().map_err(|_| anyhow!("the nemesis failed"))??;
        Ok((record, deeds))
    })
}

fn session(cluster: &Cluster, client: u64) -> Session {
    let nodes: Vec<_> = (0..cluster.len()).map(|node| cluster.address(node)).collect();
    // The remainder is below the number of nodes.
    let first = (client % nodes.len() as u64) as usize;
    Session::new(nodes, first, ANSWER_TIMEOUT)
}

fn any_seed() -> u64 {
    // The low digits of the clock are as good as drawn; short seeds are easier to type.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(now.subsec_nanos()) ^ (u64::from(std::process::id()) << 8)
}

fn directory(options: &Options, seed: u64) -> Result<PathBuf> {
    let directory = options.directory.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("synod-chaos-{}-{seed}", world::run_number()))
    });
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make the directory {}", directory.display()))?;
    let occupied = std::fs::read_dir(&directory)?.next().is_some();
    anyhow::ensure!(!occupied, "{} is not empty", directory.display());
    Ok(directory)
}
