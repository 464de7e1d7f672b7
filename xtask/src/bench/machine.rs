//! Where and with what a run was made: without it a figure means nothing.

use super::Bench;
use super::results::Machine;
use crate::program::output;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Flushes that are timed.
const FLUSHES: usize = 200;

/// The load average above which a machine is called busy.
const IDLE_MAX: f64 = 0.7;

/// The machine, and the versions of everything that is measured.
/// `load_before` is what [`load`] said before anything was built.
pub fn describe(workspace: &Workspace, bench: &Bench, load_before: f64) -> Result<Machine> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = field(&cpuinfo, "model name").unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = field(&meminfo, "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok());
    let kib: u64 = kib.unwrap_or(0);
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let mut git = Command::new("git");
    git.args(["rev-parse", "--short", "HEAD"]).current_dir(&workspace.root);
    Ok(Machine {
        date: said("date", &["-u", "+%Y-%m-%d"])?,
        cpu: format!("{model}, {cores} cores"),
        memory_gib: kib as f64 / f64::from(1 << 20),
        system: format!(
            "{}, Linux {}",
            name.unwrap_or("unknown").trim_matches('"'),
            said("uname", &["-r"])?
        ),
        load_before,
        flush_us: flush_us(&bench.scratch)?,
        commit: output(git)?.trim().to_owned(),
        versions: versions(bench)?,
    })
}

/// The load average of the last minute. Anything but an idle machine makes figures of little worth.
pub fn load() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg").context("/proc/loadavg")?;
    let load = text.split(' ').next().and_then(|load| load.parse().ok()).context("no load")?;
    if load > IDLE_MAX {
        eprintln!("warning: the machine is busy (load {load}); the figures will say little");
    }
    Ok(load)
}

/// What the processors have done since the machine started, in ticks.
#[derive(Clone, Copy)]
pub struct Ticks {
    total: u64,
    stolen: u64,
}

impl Ticks {
    /// As they are now; nothing where the system does not tell.
    pub fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        // user nice system idle iowait irq softirq steal; what follows is part of the first two
        let ticks: Vec<u64> =
            line.split_whitespace().skip(1).take(8).filter_map(|n| n.parse().ok()).collect();
        Self { total: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or(0) }
    }

    /// The share of time, 0 to 1, that the host of a virtual machine has given to others since.
    pub fn stolen_since(self) -> f64 {
        let now = Self::now();
        let total = now.total.saturating_sub(self.total).max(1);
        now.stolen.saturating_sub(self.stolen) as f64 / total as f64
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

fn said(program: &str, args: &[&str]) -> Result<String> {
    let mut command = Command::new(program);
    command.args(args);
    Ok(output(command)?.trim().to_owned())
}

fn versions(bench: &Bench) -> Result<Vec<String>> {
    let synod = bench.synod.display().to_string();
    let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let redis = first(said("redis-server", &["--version"])?);
    let short = redis.split(' ').find_map(|word| word.strip_prefix("v=")).unwrap_or(&redis);
    Ok(vec![
        first(said(&synod, &["--version"])?),
        format!("redis-server {short}"),
        first(said("memcached", &["--version"])?),
        first(said("etcd", &["--version"])?).replace("etcd Version:", "etcd"),
    ])
}

/// The median time of writing 4 KiB and flushing it, where the servers keep their data.
fn flush_us(folder: &Path) -> Result<f64> {
    let path = folder.join("flush");
    let mut file = File::create(&path).with_context(|| format!("{}", path.display()))?;
    let mut times = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        let began = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
    }
    fs::remove_file(&path)?;
    times.sort_by(f64::total_cmp);
    Ok(times[FLUSHES / 2])
}
