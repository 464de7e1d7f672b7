//! The default tests of redis-benchmark, which others know and can repeat.

use super::Bench;
use super::contest::{Contestant, REDIS_NONE, SYNOD_NONE};
use super::load::{CONNECTIONS, SIZE};
use super::results::{RedisBenchmark, thousands};
use super::servers::Running;
use crate::program::output;
use anyhow::{Context, Result};
use std::process::Command;

/// Depths at which the tests run, with the number of requests of each test.
const DEPTHS: &[(u32, u32)] = &[(1, 100_000), (16, 400_000)];

/// All rounds of both contestants.
pub fn run(bench: &Bench) -> Result<Vec<RedisBenchmark>> {
    let mut all: Vec<RedisBenchmark> = Vec::new();
    for round in 1..=bench.rounds {
        for contestant in [REDIS_NONE, SYNOD_NONE] {
            for (pipeline, requests) in DEPTHS {
                println!(
                    "\nredis-benchmark -P {pipeline}, round {round}/{}: {}",
                    bench.rounds, contestant.name
                );
                let requests = if bench.quick { requests / 10 } else { *requests };
                for (test, rate) in one_run(bench, contestant, *pipeline, requests)? {
                    println!("    {test:<40} {:>11}/s", thousands(rate));
                    let row = find(&mut all, test, *pipeline);
                    let ours = contestant == SYNOD_NONE;
                    if ours { row.ours.push(rate) } else { row.theirs.push(rate) }
                }
            }
        }
    }
    Ok(all)
}

fn find(all: &mut Vec<RedisBenchmark>, test: String, pipeline: u32) -> &mut RedisBenchmark {
    let known = all.iter().position(|row| row.test == test && row.pipeline == pipeline);
    let at = known.unwrap_or_else(|| {
        all.push(RedisBenchmark { test, pipeline, ours: Vec::new(), theirs: Vec::new() });
        all.len() - 1
    });
    &mut all[at]
}

fn one_run(
    bench: &Bench,
    contestant: Contestant,
    pipeline: u32,
    requests: u32,
) -> Result<Vec<(String, f64)>> {
    let running = Running::start(bench, contestant)?;
    let (host, port) = running.addrs[0].split_once(':').context("an address without a port")?;
    let mut command = Command::new("redis-benchmark");
    command
        .args(["-h", host, "-p", port, "--csv"])
        .args(["-c", &CONNECTIONS.to_string(), "-d", &SIZE.to_string()])
        .args(["-n", &requests.to_string(), "-P", &pipeline.to_string()]);
    Ok(output(command)?.lines().filter_map(row).collect())
}

/// The name and the rate of a line of CSV; nothing for the heading.
fn row(line: &str) -> Option<(String, f64)> {
    let mut fields = line.split("\",\"").map(|field| field.trim_matches('"'));
    let (test, rate) = (fields.next()?, fields.next()?);
    Some((test.to_owned(), rate.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_csv_become_rows() {
        assert_eq!(row("\"test\",\"rps\",\"avg_latency_ms\""), None);
        let line = "\"MSET (10 keys)\",\"59171.60\",\"0.435\"";
        assert_eq!(row(line), Some(("MSET (10 keys)".to_owned(), 59_171.6)));
        let comma = "\"LRANGE_100 (first 100 elements)\",\"1.5\",\"0.4\"";
        assert_eq!(row(comma).map(|row| row.1), Some(1.5));
    }
}
