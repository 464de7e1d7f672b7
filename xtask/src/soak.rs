//! Many seeds of the simulator: a quick run for every change, the run of the gate, longer ones whose summary stands in
//! docs/testing.md, and a comparison of builds.

use crate::marked;
use crate::program::{check, output, show};
use crate::workspace::{ENGINES, Workspace};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

/// The page that shows the last long run, and the name of the marks between which it does.
const PAGE: &str = "docs/testing.md";
const MARK: &str = "soak";

/// Seeds for each engine, and simulated seconds of trouble for each seed.
type Size = (u64, u64);
/// What a change goes through while it is worked on, in a minute or two.
const QUICK: Size = (170, 60);
/// What the gate goes through: many short runs, most of which differ in what strikes first, and some long ones. In a run of
/// three minutes a log turns over, sets and lists become long, and members of a group are damaged, brought up and deposed
/// several times.
const GATE: [Size; 2] = [(2_000, 10), (70, 180)];
/// What the gate goes through of each of [`OTHERS`].
const GATE_OTHERS: Size = (60, 10);
/// What clients do in the runs besides those in which they read and write keys; one in so many seeds of them is run, for
/// a run with users costs ten times as much as one with locks.
const OTHERS: [(&str, u64); 6] =
    [("bank", 1), ("copies", 1), ("locks", 1), ("queues", 1), ("tree", 1), ("users", 6)];
/// What a release goes through, 100 simulated hours; its result stands in docs/testing.md.
const LONG: Size = (670, 180);
/// What a developer waits for (`cargo xtask test --quick`).
const GLANCE: Size = (20, 60);
/// A run that meets every kind of fault, for the comparison of builds.
const COMPARED: &[&str] = &["--seed", "11", "--seconds", "20", "--faults", "all"];

/// How long a soak is: that of the gate, unless it is told.
#[derive(clap::Args)]
pub struct Options {
    /// How many seeds for each engine, instead of what the gate goes through.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long the trouble of each lasts, in simulated seconds.
    #[arg(long, default_value_t = QUICK.1, requires = "seeds")]
    seconds: u64,
    /// How many run at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: u16,
    /// The short run for a change: 170 seeds of 60 s for each engine.
    #[arg(long, conflicts_with_all = ["seeds", "seconds"])]
    quick: bool,
    /// The run for a release: 670 seeds of 180 s for each engine, 100 simulated hours.
    #[arg(long, conflicts_with_all = ["seeds", "seconds", "quick"])]
    long: bool,
    /// Write the summary into docs/testing.md.
    #[arg(long)]
    record: bool,
}

impl Default for Options {
    /// The run of the gate.
    fn default() -> Self {
        Self {
            seeds: None,
            seed: 1,
            seconds: QUICK.1,
            jobs: 2,
            quick: false,
            long: false,
            record: false,
        }
    }
}

impl Options {
    /// A glance: enough to see that a change broke something that every seed meets.
    pub fn glance() -> Self {
        Self { seeds: Some(GLANCE.0), seconds: GLANCE.1, ..Self::default() }
    }

    /// What clients do, and for how many seeds: a fourteenth of those with keys for each other workload.
    fn sizes(&self) -> Vec<(&'static str, Size)> {
        let some = |(seeds, seconds): Size| (seeds.div_ceil(14), seconds);
        let (keys, others) = match (self.quick, self.long, self.seeds) {
            (true, _, _) => (vec![QUICK], some(QUICK)),
            (_, true, _) => (vec![LONG], some(LONG)),
            (_, _, Some(seeds)) => (vec![(seeds, self.seconds)], some((seeds, self.seconds))),
            _ => (GATE.to_vec(), GATE_OTHERS),
        };
        let keys = keys.into_iter().map(|size| ("keys", size));
        let (seeds, seconds) = others;
        let size = |one_in: u64| (seeds.div_ceil(one_in), seconds);
        keys.chain(OTHERS.map(|(workload, one_in)| (workload, size(one_in)))).collect()
    }
}

/// A seed must be the same run in every build: optimised or not, every event is the same.
pub fn builds_agree(workspace: &Workspace) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["build", "--workspace", "--bin", "synod"]);
    check(build)?;
    workspace.build_synod()?;
    let hash = |profile: &str| -> Result<String> {
        let mut run = Command::new(workspace.target.join(profile).join("synod"));
        run.arg("sim").args(COMPARED).arg("--json");
        let summary: Value = serde_json::from_str(&output(run)?)?;
        let hash = summary["hash"].as_str().context("the summary has no hash")?;
        Ok(format!("{hash}, {} events", summary["events"]))
    };
    let (debug, release) = (hash("debug")?, hash("release")?);
    println!("debug:   {debug}\nrelease: {release}");
    if debug != release {
        bail!("the same seed is another run in another build: synod sim {}", COMPARED.join(" "));
    }
    Ok(())
}

/// Many seeds, as many for each engine, and what became of them. No two runs have the same seed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    workspace.build_synod()?;
    let (mut first, mut tables, mut failed) = (options.seed, String::new(), Vec::new());
    for (workload, size) in options.sizes() {
        for engine in ENGINES {
            let (table, clean) = sweep(workspace, options, (workload, engine), (first, size))?;
            println!("{table}");
            tables.push_str(&table);
            tables.push('\n');
            first += size.0;
            if !clean {
                failed.push(format!("{workload} by {engine}"));
            }
        }
    }
    if options.record {
        let page = workspace.root.join(PAGE);
        let before = fs::read_to_string(&page).with_context(|| PAGE.to_owned())?;
        fs::write(&page, marked::insert(&before, MARK, &tables)?)
            .with_context(|| PAGE.to_owned())?;
        println!("written into {PAGE}");
    }
    if !failed.is_empty() {
        bail!(
            "a seed of {failed:?} failed; its own words above name the command that shows it again"
        );
    }
    Ok(())
}

/// The seeds of one workload and engine: their table, and whether all kept all rules.
fn sweep(
    workspace: &Workspace,
    options: &Options,
    (workload, engine): (&str, &str),
    (first, (seeds, seconds)): (u64, Size),
) -> Result<(String, bool)> {
    let number = |n: u64| n.to_string();
    let mut run = Command::new(workspace.synod());
    run.arg("sim")
        .args(["--workload", workload, "--engine", engine])
        .args(["--seed", &number(first), "--seeds", &number(seeds)])
        .args(["--seconds", &number(seconds), "--jobs", &options.jobs.to_string()])
        .current_dir(&workspace.root);
    let shown = show(&run);
    println!("{shown}");
    let ended =
        run.arg("--json").stderr(Stdio::inherit()).output().context("cannot start synod")?;
    let text = String::from_utf8_lossy(&ended.stdout);
    let summary: Value = serde_json::from_str(&text).context("synod sim printed no summary")?;
    Ok((table(&shown, &summary), ended.status.success()))
}

/// The summary as Markdown.
fn table(command: &str, summary: &Value) -> String {
    const FIGURES: &[&str] = &[
        "commit",
        "seeds",
        "seeds_run_twice",
        "seeds_that_failed",
        "simulated_hours",
        "operations",
        "operations_answered",
        "operations_of_unknown_fate",
        "events",
        "elections_won",
        "snapshots_taken",
        "snapshots_installed",
        "starts_refused_on_damaged_disks",
        "wall_seconds",
        "processor_seconds",
        "simulated_seconds_per_processor_second",
        "simulated_seconds_per_second_and_core",
        "operations_per_second_and_core",
    ];
    let mut text = format!("`{command}`\n\n| figure | value |\n|---|---|\n");
    let mut row = |name: String, value: &Value| {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(n) if n.is_f64() => format!("{:.1}", n.as_f64().unwrap_or_default()),
            other => other.to_string(),
        };
        // Writing to a string does not fail.
        _ = writeln!(text, "| {name} | {value} |");
    };
    for name in FIGURES {
        row(name.replace('_', " "), &summary[*name]);
    }
    for (fault, times) in summary["faults"].as_object().into_iter().flatten() {
        row(format!("fault `{fault}`"), times);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_a_table() {
        let summary: Value = serde_json::json!({
            "seeds": 3, "simulated_hours": 0.25, "commit": "abc", "faults": { "loss": 7 },
        });
        let new = table("synod sim", &summary);
        for row in ["| seeds | 3 |", "| simulated hours | 0.2 |", "| fault `loss` | 7 |"] {
            assert!(new.contains(row), "{row} is not in {new}");
        }
    }
}
