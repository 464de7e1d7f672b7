//! Coming back: how long a server takes from its start until it answers, with its data on disk.

use super::Bench;
use super::contest::{Contestant, REDIS_EVERYSEC, SYNOD_EVERYSEC};
use super::load;
use super::results::Restart;
use super::servers::Running;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Keys that are there when the server comes back.
const KEYS: u32 = 1_000_000;
/// How long it may take.
const START_MAX: Duration = Duration::from_secs(300);
/// Time for work that writing started and that goes on behind it (Redis: rewriting its AOF).
const SETTLE: Duration = Duration::from_secs(5);

/// Both contestants, one after the other, each as often as there are rounds.
pub fn run(bench: &Bench) -> Result<Restart> {
    let keys = if bench.quick { KEYS / 10 } else { KEYS };
    let mut restart = Restart { keys, ours: Vec::new(), theirs: Vec::new() };
    println!("\nrestart with {keys} keys");
    restart.theirs = times(bench, REDIS_EVERYSEC, keys)?;
    restart.ours = times(bench, SYNOD_EVERYSEC, keys)?;
    Ok(restart)
}

fn times(bench: &Bench, contestant: Contestant, keys: u32) -> Result<Vec<f64>> {
    let mut running = Running::start(bench, contestant)?;
    let sample = load::fill(bench, &running, "string", keys)?;
    if sample.refused > 0 {
        bail!("{} refused writes: {:?}", contestant.name, sample.first_refusal);
    }
    std::thread::sleep(SETTLE);
    let mut times = Vec::new();
    for _ in 0..bench.rounds {
        running.stop()?;
        let began = Instant::now();
        running.start_all()?;
        wait_for_keys(&running.addrs[0], keys, began)?;
        let time = began.elapsed().as_secs_f64();
        println!("    {:<20} {time:.2} s", contestant.name);
        times.push(time);
    }
    Ok(times)
}

/// Waits until the server serves all keys again: the last one is read and all are counted.
fn wait_for_keys(addr: &str, keys: u32, began: Instant) -> Result<()> {
    let last = format!("EXISTS key:{:012}", keys - 1);
    loop {
        if ask(addr, &last).is_ok_and(|reply| reply == ":1") {
            break;
        }
        if began.elapsed() > START_MAX {
            bail!("no answer within {} s", START_MAX.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let count = ask(addr, "DBSIZE")?;
    if count != format!(":{keys}") {
        bail!("DBSIZE is {count} after a restart with {keys} keys");
    }
    Ok(())
}

fn ask(addr: &str, inline: &str) -> Result<String> {
    let mut socket = TcpStream::connect(addr)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.write_all(format!("{inline}\r\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line).context("no reply")?;
    Ok(line.trim_end().to_owned())
}
