//! Requests per second and latencies: every contestant in turn, round after round, so that a slow minute
//! of the machine falls on all of them.

use super::Bench;
use super::contest::{Contestant, FIELD, Load, loads};
use super::load::{self, Sample};
use super::results::{Measured, thousands};
use super::servers::Running;
use anyhow::{Context, Result, bail};

/// All rounds of the whole field.
pub fn run(bench: &Bench) -> Result<Vec<Measured>> {
    let mut all: Vec<Measured> = Vec::new();
    let turns = bench.rounds as usize * FIELD.len();
    for turn in 0..turns {
        let contestant = FIELD[turn % FIELD.len()];
        println!("\n[{}/{turns}] {}", turn + 1, contestant.name);
        let samples = one_turn(bench, contestant)
            .with_context(|| format!("measuring {}", contestant.name))?;
        for (load, sample) in samples {
            let known = all.iter().position(|m| m.is(contestant, load));
            let at = known.unwrap_or_else(|| {
                all.push(Measured::new(contestant, load));
                all.len() - 1
            });
            all[at].samples.push(sample);
        }
    }
    Ok(all)
}

/// A contestant under each of its loads.
pub fn one_turn(bench: &Bench, contestant: Contestant) -> Result<Vec<(Load, Sample)>> {
    let running = Running::start(bench, contestant)?;
    load::fill(bench, &running, "string", bench.keys())?;
    let mut samples = Vec::new();
    for load in loads(contestant.system) {
        let sample = load::measure_undisturbed(bench, &running, *load)?;
        println!(
            "    {:<8} {:>11}/s   p50 {:.2} ms   p99 {:.2} ms   {:.1} µs each (client {:.1})   {:.0} % stolen",
            load.name(),
            thousands(sample.ops_per_s),
            sample.p50_ms,
            sample.p99_ms,
            sample.server_us,
            sample.client_us,
            sample.stolen * 100.0
        );
        if sample.refused > 0 {
            let why = sample.first_refusal.as_deref().unwrap_or("no reason given");
            bail!("{}: {} requests were refused: {why}", load.name(), sample.refused);
        }
        if sample.missing > 0 {
            bail!("{}: {} keys that were written are not found", load.name(), sample.missing);
        }
        samples.push((*load, sample));
    }
    Ok(samples)
}
