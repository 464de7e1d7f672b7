//! What the operating system knows of this process, for INFO and metrics.

use crate::config::Config;
use crate::log_writer::LogWriter;
use crate::tls::{Tls, TlsSettings};
use std::collections::BTreeMap;
use std::fs;
use synod_node::Facts;

/// Linux counts CPU time in hundredths of a second for every user program.
const TICKS_PER_S: f64 = 100.0;
const PAGE_BYTES: u64 = 4096;

/// The facts that never change.
pub fn fixed(config: &Config) -> Facts {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let settings: BTreeMap<String, String> = [
        ("bind", config.listen.ip().to_string()),
        ("port", if config.is_tls_only() { 0 } else { config.listen.port() }.to_string()),
        ("dir", config.data.display().to_string()),
        ("durability", config.durability.to_string()),
        ("workers", config.workers.to_string()),
        ("partitions", config.partitions.to_string()),
        ("replicas", config.replicas.to_string()),
        ("engine", config.engine.to_string()),
        ("enable-debug-command", if config.debug_command { "yes" } else { "no" }.to_owned()),
        ("log-writes", config.tuning.log_writes.as_str().to_owned()),
        ("log-flush", config.tuning.log_flush.as_str().to_owned()),
        ("spin-us", config.tuning.spin_us.to_string()),
        ("lease-reads", if config.lease_reads { "yes" } else { "no" }.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    Facts {
        pid: std::process::id(),
        port: config.listen.port(),
        os: format!("{} {} {}", std::env::consts::OS, release.trim(), std::env::consts::ARCH),
        executable: std::env::current_exe().map(|p| p.display().to_string()).unwrap_or_default(),
        durability: config.durability.as_str(),
        allocator: "mimalloc",
        memory_total_bytes: kib_line("/proc/meminfo", "MemTotal:"),
        settings,
        ..Facts::default()
    }
}

/// How the log is written at present.
pub fn refresh_log(facts: &mut Facts, log: &LogWriter) {
    facts.log_writes = if log.is_direct() { "direct" } else { "buffered" };
    facts.log_flush = if log.is_in_loop() { "loop" } else { "thread" };
}

/// The TLS settings as they are now.
pub fn refresh_tls(facts: &mut Facts, tls: Option<&Tls>) {
    let settings = tls.map_or_else(TlsSettings::default, Tls::settings);
    facts.tls_port = settings.port;
    facts.settings.extend(settings.all().map(|(name, value)| (name.to_owned(), value)));
}

/// Refreshes the facts that change.
pub fn refresh(facts: &mut Facts, uptime_s: u64, log_bytes: u64) {
    facts.uptime_s = uptime_s;
    facts.log_bytes = log_bytes;
    facts.rss_bytes = resident_bytes();
    facts.rss_peak_bytes = kib_line("/proc/self/status", "VmHWM:");
    [facts.cpu_user_s, facts.cpu_sys_s] = cpu_s("/proc/self/stat");
    // The worker's event loop asks, so this is its own thread.
    [facts.cpu_loop_user_s, facts.cpu_loop_sys_s] = cpu_s("/proc/thread-self/stat");
}

/// The time spent in user code and in the kernel, in seconds.
fn cpu_s(path: &str) -> [f64; 2] {
    let stat = fs::read_to_string(path).unwrap_or_default();
    // The command name may hold spaces; what follows its closing bracket does not.
    let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
    [(); 2].map(|()| fields.next().and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0) / TICKS_PER_S)
}

fn resident_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|p| p.parse::<u64>().ok()).unwrap_or(0);
    pages * PAGE_BYTES
}

fn kib_line(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024
}
