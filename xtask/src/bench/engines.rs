//! `cargo xtask bench --engines`: the consensus engines against each other, on the same machine and under the same load,
//! with three and with five nodes; the table goes into docs/engines.md.
//!
//! What can be counted is counted elsewhere, in a world without noise (`crates/consensus/tests/comparison`); here is what only
//! real processes tell. Processor time per request says something on a busy machine too, requests per second do not.

use super::Bench;
use super::contest::{Contestant, Durability, SET, SET_P16, System};
use super::load::{self, Outage, Sample};
use super::results::{median, thousands};
use super::servers::Running;
use crate::marked;
use crate::workspace::{ENGINES, Workspace};
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

const PAGE: &str = "docs/engines.md";
const MARK: &str = "engines";
const SIZES: [usize; 2] = [3, 5];
/// Keys that a follower misses while it is away.
const MISSED_KEYS: u32 = 100_000;
/// How long writers write around the end of a leader, in seconds, and when it is killed.
const OUTAGE_S: u32 = 10;
const KILL_AFTER: Duration = Duration::from_secs(3);
/// After so long every partition is led by the node that the map prefers, whoever its engine had elected first.
const LEADERS_PLACED: Duration = Duration::from_secs(6);
/// How long a node may take to have everything.
const CATCH_UP_MAX: Duration = Duration::from_secs(120);

/// One engine with so many nodes: the figures of each round.
#[derive(Default)]
struct Figures {
    one: Vec<Sample>,
    pipelined: Vec<Sample>,
    cpu_us: Vec<f64>,
    frames: Vec<f64>,
    outage_ms: Vec<f64>,
    catch_up_s: Vec<f64>,
}

/// Measures every engine in turn, round after round.
pub fn run(workspace: &Workspace, bench: &Bench, load_before: f64) -> Result<()> {
    let mut tables = String::new();
    for nodes in SIZES {
        let mut all: Vec<Figures> = ENGINES.iter().map(|_| Figures::default()).collect();
        for round in 1..=bench.rounds {
            for (engine, figures) in ENGINES.into_iter().zip(&mut all) {
                let name = format!("{engine} x{nodes}");
                println!("[{round}/{}] {name}", bench.rounds);
                one_turn(bench, engine, nodes, figures)
                    .with_context(|| format!("measuring {name}"))?;
            }
        }
        tables.push_str(&table(nodes, &all));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let _a_string_takes_all = writeln!(
        tables,
        "Medians of {} rounds of {} s; {cores} cores shared by all nodes and the client, load average before the run \
         {load_before:.1}; every write on the disks of a majority before its reply.",
        bench.rounds, bench.seconds
    );
    let page = workspace.root.join(PAGE);
    let before = fs::read_to_string(&page).with_context(|| PAGE.to_owned())?;
    fs::write(&page, marked::insert(&before, MARK, &tables)?).with_context(|| PAGE.to_owned())?;
    println!("\n{tables}\nwritten into {PAGE}");
    Ok(())
}

fn one_turn(
    bench: &Bench,
    engine: &'static str,
    nodes: usize,
    figures: &mut Figures,
) -> Result<()> {
    let durability = Durability::Always;
    let contestant = Contestant { name: engine, system: System::Synod, nodes, durability };
    let mut running = Running::start_with(bench, contestant, &["--engine", engine])?;
    load::fill(bench, &running, "string", bench.keys())?;
    std::thread::sleep(LEADERS_PLACED);

    let (cpu, frames) = (running.cpu_ns()?, running.metric("synod_frames_received_total")?);
    let sample = load::measure(bench, &running, SET)?;
    if sample.refused > 0 {
        bail!("{} writes were refused: {:?}", sample.refused, sample.first_refusal);
    }
    let requests = (sample.ops_per_s * bench.seconds).max(1.0);
    figures.cpu_us.push((running.cpu_ns()? - cpu) as f64 / 1e3 / requests);
    let frames = running.metric("synod_frames_received_total")? - frames;
    figures.frames.push(frames / requests);
    figures.one.push(sample);
    figures.pipelined.push(load::measure(bench, &running, SET_P16)?);

    figures.catch_up_s.push(catch_up(bench, &mut running)?);
    figures.outage_ms.push(outage(bench, &mut running)?);
    Ok(())
}

/// Seconds in which a node has everything that was written while it was away.
fn catch_up(bench: &Bench, running: &mut Running) -> Result<f64> {
    let leader = load::leader(bench, running)?;
    let away = running.addrs.iter().find(|addr| **addr != leader).context("one node only")?.clone();
    running.kill(&away)?;
    let there: Vec<String> = running.addrs.iter().filter(|addr| **addr != away).cloned().collect();
    load::fill_at(bench, running, &there, "string", MISSED_KEYS)?;
    let begun = Instant::now();
    running.start_all()?;
    while begun.elapsed() < CATCH_UP_MAX {
        if running.metric("synod_partition_lag").is_ok_and(|lag| lag == 0.0) {
            return Ok(begun.elapsed().as_secs_f64());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("a node that was away does not catch up")
}

/// How long writes wait after the leader was killed.
fn outage(bench: &Bench, running: &mut Running) -> Result<f64> {
    let leader = load::leader(bench, running)?;
    let survivors: Vec<String> =
        running.addrs.iter().filter(|addr| **addr != leader).cloned().collect();
    let mut writers = load::outage(bench, running, &survivors, OUTAGE_S);
    let writers = writers.stdout(Stdio::piped()).spawn().context("cannot start the writers")?;
    std::thread::sleep(KILL_AFTER);
    running.kill(&leader)?;
    let printed = writers.wait_with_output()?;
    if !printed.status.success() {
        bail!("the writers failed ({})", printed.status);
    }
    let outage: Outage =
        serde_json::from_slice(&printed.stdout).context("the writers printed no figures")?;
    Ok(outage.longest_gap_ms)
}

fn table(nodes: usize, all: &[Figures]) -> String {
    let mut out = format!("| {nodes} nodes | Raft | Multi-Paxos | ZAB |\n|---|---|---|---|\n");
    let mut row = |name: &str, cell: &dyn Fn(&Figures) -> String| {
        let cells: Vec<String> = all.iter().map(cell).collect();
        let _a_string_takes_all = writeln!(out, "| {name} | {} |", cells.join(" | "));
    };
    let mid = |figures: &[f64]| median(figures).unwrap_or(f64::NAN);
    let of = |samples: &[Sample], figure: fn(&Sample) -> f64| {
        mid(&samples.iter().map(figure).collect::<Vec<_>>())
    };
    row("processor time per write, all nodes, µs", &|f| format!("{:.1}", mid(&f.cpu_us)));
    row("frames between nodes per write", &|f| format!("{:.2}", mid(&f.frames)));
    row("writes per second, 50 clients", &|f| thousands(of(&f.one, |s| s.ops_per_s)));
    row("the same, p50 and p99, ms", &|f| {
        format!("{:.2}, {:.2}", of(&f.one, |s| s.p50_ms), of(&f.one, |s| s.p99_ms))
    });
    row("writes per second, 16 in a pipeline", &|f| thousands(of(&f.pipelined, |s| s.ops_per_s)));
    row("longest wait of a write after the leader was killed, ms", &|f| {
        format!("{:.0}", mid(&f.outage_ms))
    });
    row(&format!("seconds to catch up with {} writes", thousands(f64::from(MISSED_KEYS))), &|f| {
        format!("{:.1}", mid(&f.catch_up_s))
    });
    out.push('\n');
    out
}
