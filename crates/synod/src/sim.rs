//! `synod sim`: whole clusters in a simulated world, seed after seed, and the one command that replays a failure.

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::panic;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use synod_sim::{Fault, Faults, Outcome, Params, page};

/// How often the progress line is written.
const SHOW_EVERY: Duration = Duration::from_millis(500);

/// What to simulate.
#[derive(clap::Args, Debug, Clone)]
pub struct SimOptions {
    /// The first seed; it decides everything that happens
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// How many seeds to run, one after the other
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,

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

    /// What goes wrong: `swarm` (each seed draws its own kinds), `all`, `none`, or a list such as
    /// `loss,power,clock-jump`
    #[arg(long, default_value_t = Faults::Swarm, value_parser = faults)]
    faults: Faults,

    /// How many seeds to run at the same time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,

    /// Write the run as a page for the browser that plays it; for one seed
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

fn faults(text: &str) -> Result<Faults, String> {
    text.parse().map_err(|error: synod_sim::UnknownFault| error.to_string())
}

impl SimOptions {
    fn params(&self, seed: u64) -> Params {
        Params {
            seed,
            nodes: self.nodes,
            partitions: self.partitions,
            seconds: self.seconds.unwrap_or(self.minutes * 60),
            clients: usize::from(self.clients),
            faults: self.faults,
            record: self.trace.is_some(),
        }
    }
}

/// What all seeds came to.
#[derive(Default)]
struct Total {
    seeds: u64,
    simulated_us: u64,
    events: u64,
    operations: u64,
    answered: u64,
    unknown: u64,
    elections: u64,
    snapshots: (u64, u64),
    injected: BTreeMap<Fault, u64>,
}

impl Total {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.simulated_us += outcome.simulated_us;
        self.events += outcome.events;
        self.operations += outcome.operations;
        self.answered += outcome.answered;
        self.unknown += outcome.unknown;
        self.elections += outcome.elections;
        self.snapshots.0 += outcome.snapshots.0;
        self.snapshots.1 += outcome.snapshots.1;
        for (fault, times) in &outcome.injected {
            *self.injected.entry(*fault).or_default() += times;
        }
    }
}

/// Runs the seeds.
///
/// # Errors
/// A rule was broken, or the page cannot be written.
pub fn run(options: &SimOptions) -> Result<()> {
    if options.trace.is_some() && options.seeds != 1 {
        return Err(
            crate::settings::Usage("--trace shows one run: leave --seeds out".into()).into()
        );
    }
    if let Some(file) = &options.trace {
        let outcome = synod_sim::run(&options.params(options.seed));
        let html = page::render(&options.params(options.seed), &outcome);
        std::fs::write(file, html).with_context(|| format!("cannot write {}", file.display()))?;
        println!("open {} in a browser", file.display());
        let mut total = Total::default();
        total.add(&outcome);
        return verdict(options.seed, options, outcome);
    }
    let begun = Instant::now();
    let (total, failed) = sweep(options, begun);
    summary(&total, begun.elapsed(), options.jobs);
    match failed {
        Some((seed, outcome)) => verdict(seed, options, outcome),
        None => Ok(()),
    }
}

/// Runs seeds until all are done or one fails.
fn sweep(options: &SimOptions, begun: Instant) -> (Total, Option<(u64, Outcome)>) {
    let next = AtomicU64::new(options.seed);
    let end = options.seed.saturating_add(options.seeds);
    let stop = AtomicBool::new(false);
    let (sender, outcomes) = mpsc::channel();
    let (mut total, mut failed) = (Total::default(), None);
    thread::scope(|scope| {
        for _ in 0..options.jobs {
            let sender = sender.clone();
            let (next, stop) = (&next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let params = options.params(seed);
                    name_on_panic(&params);
                    if sender.send((seed, synod_sim::run(&params))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut shown = begun;
        for (seed, outcome) in outcomes {
            total.add(&outcome);
            if outcome.failure.is_some() && failed.is_none() {
                stop.store(true, Ordering::Relaxed);
                failed = Some((seed, outcome));
            }
            if shown.elapsed() >= SHOW_EVERY {
                shown = Instant::now();
                progress(&total, options.seeds, begun);
            }
        }
    });
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    (total, failed)
}

thread_local! {
    static REPLAY: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

/// Sees to it that a panic of the simulated program says how to see it again.
fn name_on_panic(params: &Params) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            usual(info);
            REPLAY.with_borrow(|replay| eprintln!("again: {replay}"));
        }));
    });
    REPLAY.set(params.replay());
}

fn progress(total: &Total, seeds: u64, begun: Instant) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    const WIDTH: u64 = 30;
    let full = (total.seeds * WIDTH / seeds) as usize;
    let bar = "#".repeat(full) + &"-".repeat(WIDTH as usize - full);
    let hours = total.simulated_us as f64 / 3.6e9;
    let secs = begun.elapsed().as_secs();
    eprint!("\r\x1b[K[{bar}] {}/{seeds} seeds, {hours:.1} simulated hours, {secs} s", total.seeds);
    let _a_progress_line_may_be_late = std::io::stderr().flush();
}

fn summary(total: &Total, took: Duration, jobs: u16) {
    let secs = took.as_secs_f64().max(0.001);
    let simulated = total.simulated_us as f64 / 1e6;
    let per_core = secs * f64::from(jobs);
    println!("seeds               {:>12}", total.seeds);
    println!("simulated hours     {:>12.2}", simulated / 3600.0);
    println!("speed per core      {:>11.0}x", simulated / per_core);
    println!("operations          {:>12}", total.operations);
    println!("  answered          {:>12}", total.answered);
    println!("  fate unknown      {:>12}", total.unknown);
    println!("  per s and core    {:>12.0}", total.operations as f64 / per_core);
    println!("events              {:>12}", total.events);
    println!("elections won       {:>12}", total.elections);
    println!("snapshots taken     {:>12}", total.snapshots.0);
    println!("snapshots installed {:>12}", total.snapshots.1);
    for fault in Fault::ALL {
        let times = total.injected.get(&fault).copied().unwrap_or_default();
        println!("{:<20}{times:>12}", format!("fault {}", fault.name()));
    }
}

fn verdict(seed: u64, options: &SimOptions, outcome: Outcome) -> Result<()> {
    let Some(failure) = outcome.failure else { return Ok(()) };
    let params = options.params(seed);
    let kinds: Vec<_> = params.faults.chosen(seed).into_iter().map(Fault::name).collect();
    bail!(
        "seed {seed} broke a rule: {failure}\nfaults of this seed: {}\nversion: {}\nagain: {}\nto see it: {} --trace run.html",
        kinds.join(","),
        env!("CARGO_PKG_VERSION"),
        params.replay(),
        params.replay(),
    )
}
