//! Calling the load generator in tools/bench, and reading its figures.

use super::Bench;
use super::contest::{Load, System};
use super::machine::Ticks;
use super::servers::Running;
use crate::program::{check, output};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::process::Command;

/// Connections of every load.
pub const CONNECTIONS: u32 = 50;
/// Bytes of every value.
pub const SIZE: u32 = 64;
/// With a larger share of the processors stolen than this, a load is measured again,
pub const STOLEN_MAX: f64 = 0.02;
/// so often at most.
pub const TRIES_MAX: u32 = 5;
/// Keys written to see whether a server is ready: enough to reach every partition of a small cluster.
const PROBE_KEYS: u32 = 256;

/// The figures of one load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// Requests done per second.
    pub ops_per_s: f64,
    /// Latency of batches, median.
    pub p50_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// 99.9th percentile.
    pub p999_ms: f64,
    /// Reads that found nothing.
    pub missing: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// The share of the processors' time, 0 to 1, that the host gave to other machines meanwhile.
    #[serde(default)]
    pub stolen: f64,
    /// Processor time of all server processes per request, in microseconds.
    #[serde(default)]
    pub server_us: f64,
    /// Processor time of the load generator per request, in microseconds.
    #[serde(default)]
    pub client_us: f64,
    /// Why the first was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_refusal: Option<String>,
}

/// The figures of a failover.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outage {
    /// The longest any key waited for an acknowledged write.
    pub longest_gap_ms: f64,
    /// The longest wait of the key that waited least.
    pub shortest_gap_ms: f64,
    /// Writes acknowledged.
    pub acknowledged: u64,
    /// Writes sent again.
    pub repeated: u64,
}

/// Builds the load generator and says where it is.
pub fn build(workspace: &Workspace, etcd: bool) -> Result<PathBuf> {
    let target = workspace.target.join("tools");
    let mut build = workspace.cargo();
    build
        .args(["build", "--release", "--quiet", "--locked"])
        .args(etcd.then_some(["--features", "etcd"]).into_iter().flatten())
        .args(["--manifest-path", "tools/bench/Cargo.toml"])
        .env("CARGO_TARGET_DIR", &target);
    println!("building the load generator");
    check(build)?;
    Ok(target.join("release/synod-bench"))
}

fn client(bench: &Bench, task: &str, running: &Running, addrs: &[String]) -> Command {
    let mut command = Command::new(&bench.client);
    command.arg(task).args(["--protocol", running.contestant.system.protocol()]);
    command.args(["--addr", &addrs.join(",")]);
    command
}

fn ask<T: DeserializeOwned>(command: Command) -> Result<T> {
    let printed = output(command)?;
    serde_json::from_str(&printed).with_context(|| format!("synod-bench printed {printed:?}"))
}

/// Writes a few keys; an error when any is refused.
pub fn probe(bench: &Bench, running: &Running) -> Result<()> {
    let sample = fill(bench, running, "string", PROBE_KEYS)?;
    if let Some(refusal) = sample.first_refusal {
        bail!("{refusal}");
    }
    Ok(())
}

/// Writes the keys 0 to `keys - 1`, of a kind as synod-bench calls it.
pub fn fill(bench: &Bench, running: &Running, kind: &str, keys: u32) -> Result<Sample> {
    fill_at(bench, running, &running.addrs, kind, keys)
}

/// The same, at these nodes only.
pub fn fill_at(
    bench: &Bench,
    running: &Running,
    addrs: &[String],
    kind: &str,
    keys: u32,
) -> Result<Sample> {
    let mut fill = client(bench, "fill", running, addrs);
    fill.args(["--kind", kind, "--keys", &keys.to_string(), "--size", &SIZE.to_string()]);
    ask(fill)
}

/// Puts a server under a load.
pub fn measure(bench: &Bench, running: &Running, load: Load) -> Result<Sample> {
    let system = running.contestant.system;
    let several = running.addrs.len() > 1;
    // Both clusters are asked where it is quickest: at the leader.
    let addrs = match system {
        System::Etcd if several => vec![leader(bench, running)?],
        _ => running.addrs.clone(),
    };
    let mut command = client(bench, "load", running, &addrs);
    command
        .args(["--op", load.op, "--pipeline", &load.pipeline.to_string()])
        .args(["--connections", &CONNECTIONS.to_string(), "--size", &SIZE.to_string()])
        .args(["--keys", &bench.keys().to_string(), "--seconds", &bench.seconds.to_string()])
        .args(["--pids", &running.pids().join(",")]);
    if system == System::Synod && several {
        command.arg("--cluster");
    }
    let before = Ticks::now();
    let mut sample: Sample = ask(command)?;
    sample.stolen = before.stolen_since();
    Ok(sample)
}

/// Puts a server under a load, again when too much of the machine was given to others meanwhile; the least disturbed
/// sample counts. Refusals and missing keys count whenever they occur.
pub fn measure_undisturbed(bench: &Bench, running: &Running, load: Load) -> Result<Sample> {
    let mut best = measure(bench, running, load)?;
    for _ in 1..TRIES_MAX {
        if best.stolen <= STOLEN_MAX || best.refused > 0 || best.missing > 0 {
            break;
        }
        let again = measure(bench, running, load)?;
        if again.stolen < best.stolen || again.refused > 0 || again.missing > 0 {
            best = again;
        }
    }
    Ok(best)
}

/// The address of the node that leads (the first slot).
pub fn leader(bench: &Bench, running: &Running) -> Result<String> {
    #[derive(Deserialize)]
    struct Answer {
        leader: String,
    }
    ask::<Answer>(client(bench, "leader", running, &running.addrs)).map(|answer| answer.leader)
}

/// The command that writes to `addrs` for some seconds while somebody kills another node.
pub fn outage(bench: &Bench, running: &Running, addrs: &[String], seconds: u32) -> Command {
    let mut command = client(bench, "failover", running, addrs);
    command.args(["--seconds", &seconds.to_string()]);
    command
}
