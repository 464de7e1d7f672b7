//! `cargo xtask bench --before PROGRAM`: two builds of Synod, turn and turn about, under the same loads. It shows what a change
//! costs, which runs on different days do not: machines differ by more than a request takes.

use super::Bench;
use super::contest::{Contestant, Load, SYNOD_3_ALWAYS, SYNOD_ALWAYS, SYNOD_NONE};
use super::load::Sample;
use super::results::{median, thousands};
use super::throughput;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// How the builds are set up.
const SET_UPS: [Contestant; 3] = [SYNOD_NONE, SYNOD_ALWAYS, SYNOD_3_ALWAYS];

/// What was measured of one load in one set-up, before and after; the index is that of [`SET_UPS`].
type Figures = BTreeMap<(usize, Load), [Vec<Sample>; 2]>;

/// Measures both builds in every round, each first in every other one, and writes the table.
pub fn run(bench: &Bench, before: &Path, out: &Path) -> Result<()> {
    let before = before.canonicalize().with_context(|| format!("{}", before.display()))?;
    let builds = [bench.of(before), bench.of(bench.synod.clone())];
    let mut figures = Figures::new();
    for round in 0..bench.rounds as usize {
        for (at, set_up) in SET_UPS.into_iter().enumerate() {
            for turn in 0..2 {
                let build = (round + turn) % 2;
                let name = ["before", "after"][build];
                println!("\n[{}/{}] {}, {name}", round + 1, bench.rounds, set_up.name);
                for (load, sample) in throughput::one_turn(&builds[build], set_up)? {
                    figures.entry((at, load)).or_default()[build].push(sample);
                }
            }
        }
    }
    let table = table(bench, &figures);
    let file = out.join("before-and-after.md");
    fs::create_dir_all(out)?;
    fs::write(&file, &table).with_context(|| format!("{}", file.display()))?;
    println!("\n{table}\nwrote {}", file.display());
    Ok(())
}

impl Bench {
    /// The same with another program.
    fn of(&self, synod: PathBuf) -> Self {
        let Self { client, scratch, .. } = self;
        Self { synod, client: client.clone(), scratch: scratch.clone(), ..*self }
    }
}

fn table(bench: &Bench, figures: &Figures) -> String {
    let mut out =
        "| | | before: a second | after | ratio | processor time each, before | after | ratio |\n\
                   |---|---|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
    for ((at, load), samples) in figures {
        let mid = |build: usize, figure: fn(&Sample) -> f64| {
            let all: Vec<f64> = samples[build].iter().map(figure).collect();
            median(&all).unwrap_or(f64::NAN)
        };
        let rates = [0, 1].map(|build| mid(build, |sample| sample.ops_per_s));
        let costs = [0, 1].map(|build| mid(build, |sample| sample.server_us));
        let _a_string_takes_all = writeln!(
            out,
            "| {} | {} | {} | {} | {:.2}x | {:.2} µs | {:.2} µs | {:.2}x |",
            SET_UPS[*at].name,
            load.name(),
            thousands(rates[0]),
            thousands(rates[1]),
            rates[1] / rates[0],
            costs[0],
            costs[1],
            costs[1] / costs[0],
        );
    }
    let _a_string_takes_all =
        writeln!(out, "\nMedians of {} rounds of {} s.", bench.rounds, bench.seconds);
    out
}
