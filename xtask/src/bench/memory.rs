//! Memory per key: the growth of the process while a known number of keys is written into an empty
//! server, and what the server itself says it uses.

use super::Bench;
use super::contest::{Contestant, REDIS_NONE, SYNOD_NONE};
use super::load;
use super::results::{Footprint, Memory};
use super::servers::Running;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What is written, as synod-bench calls it, and how often.
const KINDS: &[(&str, u32)] = &[
    ("string", 1_000_000),
    ("hash", 100_000),
    ("list", 100_000),
    ("set", 100_000),
    ("zset", 100_000),
];

/// Time for a server to finish what it does after the last write.
const SETTLE: Duration = Duration::from_secs(2);

/// Every kind, for both contestants.
pub fn run(bench: &Bench) -> Result<Vec<Memory>> {
    let mut all = Vec::new();
    for (kind, keys) in KINDS {
        let keys = if bench.quick { keys / 10 } else { *keys };
        println!("\nmemory of {keys} keys of kind {kind}");
        let ours = footprint(bench, SYNOD_NONE, kind, keys)?;
        let theirs = footprint(bench, REDIS_NONE, kind, keys)?;
        all.push(Memory { kind: (*kind).to_owned(), keys, ours, theirs });
    }
    Ok(all)
}

fn footprint(bench: &Bench, contestant: Contestant, kind: &str, keys: u32) -> Result<Footprint> {
    let running = Running::start(bench, contestant)?;
    std::thread::sleep(SETTLE);
    let used = || used_memory(&running.addrs[0]);
    let (resident_before, used_before) = (running.resident_bytes()?, used()?);
    // The probe wrote strings under the first keys; they must not be in the way of other kinds.
    flush(&running.addrs[0])?;
    let sample = load::fill(bench, &running, kind, keys)?;
    if sample.refused > 0 {
        bail!("{} refused writes: {:?}", contestant.name, sample.first_refusal);
    }
    std::thread::sleep(SETTLE);
    let growth = |after: u64, before: u64| after.saturating_sub(before) as f64 / f64::from(keys);
    let footprint = Footprint {
        resident_per_key: growth(running.resident_bytes()?, resident_before),
        used_per_key: match (used()?, used_before) {
            (Some(after), Some(before)) => Some(growth(after, before)),
            _ => None,
        },
    };
    println!(
        "    {:<16} {:.1} bytes per key resident",
        contestant.name, footprint.resident_per_key
    );
    Ok(footprint)
}

fn ask(addr: &str, inline: &str) -> Result<BufReader<TcpStream>> {
    let mut socket = TcpStream::connect(addr).with_context(|| format!("connect to {addr}"))?;
    socket.set_read_timeout(Some(Duration::from_secs(60)))?;
    socket.write_all(format!("{inline}\r\n").as_bytes())?;
    Ok(BufReader::new(socket))
}

fn flush(addr: &str) -> Result<()> {
    let mut line = String::new();
    ask(addr, "FLUSHALL")?.read_line(&mut line)?;
    if !line.starts_with("+OK") {
        bail!("FLUSHALL answered {line:?}");
    }
    Ok(())
}

/// `used_memory` of INFO, where there is one.
fn used_memory(addr: &str) -> Result<Option<u64>> {
    let mut reply = ask(addr, "INFO memory")?;
    let mut line = String::new();
    reply.read_line(&mut line)?;
    let len: u64 = line.trim_start_matches('$').trim().parse().context("INFO is no string")?;
    let mut text = String::new();
    reply.take(len).read_to_string(&mut text)?;
    let used = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(used.and_then(|used| used.trim().parse().ok()))
}
