//! Killing the leader under load: how long do writes wait?

use super::Bench;
use super::contest::{Contestant, ETCD_3, SYNOD_3_ALWAYS};
use super::load::{self, Outage};
use super::results::Failover;
use super::servers::Running;
use anyhow::{Context, Result, bail};
use std::process::Stdio;
use std::time::Duration;

/// How long writers write.
const SECONDS: u32 = 12;
/// When the leader is killed, from their start.
const KILL_AFTER: Duration = Duration::from_secs(3);

/// Both contestants, in turn.
pub fn run(bench: &Bench) -> Result<Vec<Failover>> {
    let mut all: Vec<Failover> = [SYNOD_3_ALWAYS, ETCD_3]
        .map(|who| Failover { contestant: who.name.to_owned(), outages: Vec::new() })
        .into();
    for round in 1..=bench.rounds {
        for (who, failover) in [SYNOD_3_ALWAYS, ETCD_3].into_iter().zip(&mut all) {
            let outage = one_kill(bench, who)?;
            println!(
                "kill -9 of the leader, round {round}/{}: {:<18} {:.0} ms without writes",
                bench.rounds, who.name, outage.longest_gap_ms
            );
            failover.outages.push(outage);
        }
    }
    Ok(all)
}

fn one_kill(bench: &Bench, contestant: Contestant) -> Result<Outage> {
    let mut running = Running::start(bench, contestant)?;
    let leader = load::leader(bench, &running)?;
    let survivors: Vec<String> =
        running.addrs.iter().filter(|addr| **addr != leader).cloned().collect();
    let mut writers = load::outage(bench, &running, &survivors, SECONDS);
    let writers = writers.stdout(Stdio::piped()).spawn().context("cannot start the writers")?;
    std::thread::sleep(KILL_AFTER);
    running.kill(&leader)?;
    let printed = writers.wait_with_output()?;
    if !printed.status.success() {
        bail!("the writers failed ({})", printed.status);
    }
    serde_json::from_slice(&printed.stdout).context("the writers printed no figures")
}
