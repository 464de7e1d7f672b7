//! docs/benchmarks.md: what was measured, as tables, targets that were missed included.

use super::contest::{CONTESTS, Contest, FIELD, Figure, loads};
use super::load::{STOLEN_MAX, TRIES_MAX};
use super::results::{Machine, Results, median, thousands};
use crate::workspace::Workspace;
use std::fmt::Write;

/// How long writes may wait after the leader was killed, in milliseconds.
const OUTAGE_MS_MAX: f64 = 2_000.0;

/// Writing to a String cannot fail; this keeps the results of `write!` out of the way.
macro_rules! line {
    ($out:expr $(, $($arg:tt)*)?) => {{ let _ = writeln!($out $(, $($arg)*)?); }};
}

/// The page.
pub fn page(workspace: &Workspace, results: &Results) -> String {
    let mut out = String::new();
    let mut verdicts = Verdicts::default();
    let mut body = String::new();
    contests(&mut body, results, &mut verdicts);
    failover(&mut body, results, &mut verdicts);
    memory(&mut body, results, &mut verdicts);
    restart(&mut body, results, &mut verdicts);
    all_loads(&mut body, results);
    redis_benchmark(&mut body, results);

    line!(out, "# Benchmarks");
    line!(out);
    line!(
        out,
        "Written by `cargo xtask bench`; raw figures of every round are in benchmarks.json."
    );
    line!(out);
    method(&mut out, results);
    machine(&mut out, &results.machine);
    verdicts.write(&mut out, workspace);
    out.push_str(&body);
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// Which targets were met.
#[derive(Default)]
struct Verdicts {
    met: u32,
    missed: Vec<String>,
}

impl Verdicts {
    /// Notes one target, and gives the word for the table.
    fn note(&mut self, met: bool, what: String) -> &'static str {
        if met {
            self.met += 1;
            return "met";
        }
        self.missed.push(what);
        "**missed**"
    }

    fn write(&self, out: &mut String, workspace: &Workspace) {
        let all = self.met as usize + self.missed.len();
        line!(out, "## Targets");
        line!(out);
        line!(out, "{} of {all} targets were met.", self.met);
        if !self.missed.is_empty() {
            line!(out, "Missed:");
            line!(out);
            self.missed.iter().for_each(|missed| line!(out, "- {missed}"));
            if workspace.root.join("docs/performance.md").exists() {
                line!(out);
                line!(out, "What takes the time is in [performance.md](performance.md).");
            }
        }
        line!(out);
    }
}

fn method(out: &mut String, results: &Results) {
    line!(
        out,
        "Everything ran on one machine, the load generator included, which takes its share of the cores: \
         only ratios within a run mean something. Each system has its turn in each of {} rounds, on empty \
         data and with default settings apart from durability; the figures are medians over the rounds. \
         A load is a closed loop of {} connections with values of {} bytes and {} keys, {} s long; \
         P16 means 16 requests per batch, and latency is that of a whole batch. Cost is the processor time of all \
         server processes per request, as the kernel counts it for their threads; it depends less than a rate on what \
         else the machine does.",
        results.rounds,
        results.connections,
        results.value_bytes,
        thousands(f64::from(results.keys)),
        results.seconds_per_load
    );
    line!(out);
    line!(
        out,
        "Three Synod nodes are addressed as a cluster-aware client does: `CLUSTER SLOTS`, then each key to \
         its leader. All connections to three etcd members go to the leader, where it answers quickest. \
         Reads are linearizable on both."
    );
    line!(out);
    let samples = results.throughput.iter().flat_map(|measured| &measured.samples);
    let stolen = samples.map(|sample| sample.stolen).fold(0.0, f64::max);
    line!(
        out,
        "Where the host of a virtual machine took more than {:.0} % of the processors away during a load, the load \
         was measured again, {TRIES_MAX} times at most, and the least disturbed sample counts. In the samples that \
         count at most {:.1} % were taken.",
        STOLEN_MAX * 100.0,
        stolen * 100.0
    );
    line!(out);
}

fn machine(out: &mut String, machine: &Machine) {
    line!(out, "| | |");
    line!(out, "|---|---|");
    line!(out, "| date | {} |", machine.date);
    line!(out, "| commit | {} |", machine.commit);
    line!(out, "| processor | {} |", machine.cpu);
    line!(out, "| memory | {:.0} GiB |", machine.memory_gib);
    line!(out, "| system | {} |", machine.system);
    line!(out, "| load average before | {:.1} |", machine.load_before);
    line!(out, "| write and flush of 4 KiB | {:.0} µs |", machine.flush_us);
    line!(out, "| versions | {} |", machine.versions.join(", "));
    line!(out);
}

fn contests(out: &mut String, results: &Results, verdicts: &mut Verdicts) {
    let rows: Vec<String> =
        CONTESTS.iter().filter_map(|contest| contest_row(contest, results, verdicts)).collect();
    if rows.is_empty() {
        return;
    }
    line!(out, "## Side by side");
    line!(out);
    line!(out, "| load | ours | | theirs | | ratio | target | |");
    line!(out, "|---|---|--:|---|--:|--:|--:|---|");
    rows.iter().for_each(|row| line!(out, "{row}"));
    line!(out);
}

fn contest_row(contest: &Contest, results: &Results, verdicts: &mut Verdicts) -> Option<String> {
    let Contest { ours, theirs, load, figure, target } = contest;
    let median = |who| match figure {
        Figure::Throughput => results.median_of(who, *load, |sample| sample.ops_per_s),
        Figure::P99 => results.median_of(who, *load, |sample| sample.p99_ms),
        Figure::Cost => results.median_of(who, *load, |sample| sample.server_us),
    };
    let (mine, other) = (median(*ours)?, median(*theirs)?);
    let ratio = mine / other.max(1e-9);
    let (name, unit, aim) = match figure {
        Figure::Throughput => (load.name(), thousands as fn(f64) -> String, "at least"),
        Figure::P99 => (
            format!("{} p99", load.name()),
            (|ms| format!("{ms:.2} ms")) as fn(f64) -> String,
            "at most",
        ),
        Figure::Cost => (
            format!("{} cost", load.name()),
            (|us| format!("{us:.1} µs")) as fn(f64) -> String,
            "at most",
        ),
    };
    let (aimed, verdict) = match target {
        None => (String::new(), ""),
        Some(target) => {
            let met = match figure {
                Figure::Throughput => ratio >= *target,
                Figure::P99 | Figure::Cost => ratio <= *target,
            };
            let what = format!(
                "{name}, {} against {}: {ratio:.2}x, {aim} {target}x was aimed at",
                ours.name, theirs.name
            );
            (format!("{aim} {target}x"), verdicts.note(met, what))
        }
    };
    Some(format!(
        "| {name} | {} | {} | {} | {} | {ratio:.2}x | {aimed} | {verdict} |",
        ours.name,
        unit(mine),
        theirs.name,
        unit(other)
    ))
}

fn failover(out: &mut String, results: &Results, verdicts: &mut Verdicts) {
    if results.failover.is_empty() {
        return;
    }
    line!(out, "## The leader is killed (`kill -9`) under load");
    line!(out);
    line!(
        out,
        "Sixteen keys are written without pause through the two surviving nodes; shown is the longest \
         time that any of them waited for an acknowledgement."
    );
    line!(out);
    line!(out, "| | median | longest | target | |");
    line!(out, "|---|--:|--:|--:|---|");
    for failover in &results.failover {
        let gaps: Vec<f64> = failover.outages.iter().map(|outage| outage.longest_gap_ms).collect();
        let (middle, worst) =
            (median(&gaps).unwrap_or(0.0), gaps.iter().copied().fold(0.0, f64::max));
        let (aimed, verdict) = if failover.contestant.starts_with("synod") {
            let what = format!("writes waited {worst:.0} ms after the leader was killed");
            ("at most 2,000 ms", verdicts.note(worst <= OUTAGE_MS_MAX, what))
        } else {
            ("", "")
        };
        line!(
            out,
            "| {} | {} ms | {} ms | {aimed} | {verdict} |",
            failover.contestant,
            thousands(middle),
            thousands(worst)
        );
    }
    line!(out);
}

fn memory(out: &mut String, results: &Results, verdicts: &mut Verdicts) {
    if results.memory.is_empty() {
        return;
    }
    line!(out, "## Memory per key");
    line!(out);
    line!(
        out,
        "Bytes by which the resident process grows per key, and in brackets what `INFO` says is used. \
         Strings are of {} bytes, collections of ten small elements, keys of 16 bytes.",
        results.value_bytes
    );
    line!(out);
    line!(out, "| kind | keys | synod | redis | ratio | target | |");
    line!(out, "|---|--:|--:|--:|--:|--:|---|");
    for memory in &results.memory {
        let show = |footprint: &super::results::Footprint| match footprint.used_per_key {
            Some(used) => format!("{:.0} ({used:.0})", footprint.resident_per_key),
            None => format!("{:.0}", footprint.resident_per_key),
        };
        let ratio = memory.ours.resident_per_key / memory.theirs.resident_per_key.max(1e-9);
        let what = format!("memory per {}: {ratio:.2}x Redis's", memory.kind);
        let verdict = verdicts.note((ratio * 100.0).round() <= 100.0, what);
        line!(
            out,
            "| {} | {} | {} | {} | {ratio:.2}x | at most 1x | {verdict} |",
            memory.kind,
            thousands(f64::from(memory.keys)),
            show(&memory.ours),
            show(&memory.theirs)
        );
    }
    line!(out);
}

fn restart(out: &mut String, results: &Results, verdicts: &mut Verdicts) {
    let Some(restart) = &results.restart else { return };
    let (Some(ours), Some(theirs)) = (median(&restart.ours), median(&restart.theirs)) else {
        return;
    };
    let ratio = ours / theirs.max(1e-9);
    let what = format!("restart took {ratio:.2}x the time of Redis");
    let verdict = verdicts.note(ratio < 1.0, what);
    line!(out, "## Restart");
    line!(out);
    line!(
        out,
        "From the start of the process to its first answer, with {} strings on disk: Synod from snapshot \
         and log, Redis from its AOF, which it rewrites as it sees fit; both `everysec`, files in the \
         page cache.",
        thousands(f64::from(restart.keys))
    );
    line!(out);
    line!(out, "| synod | redis | ratio | target | |");
    line!(out, "|--:|--:|--:|--:|---|");
    line!(out, "| {ours:.2} s | {theirs:.2} s | {ratio:.2}x | below 1x | {verdict} |");
    line!(out);
}

fn all_loads(out: &mut String, results: &Results) {
    if results.throughput.is_empty() {
        return;
    }
    line!(out, "## Every load");
    line!(out);
    line!(
        out,
        "The last two columns are processor time per request: of all server processes together, and of the load \
         generator."
    );
    line!(out);
    line!(out, "| | load | per second | p50 | p99 | p99.9 | servers | client |");
    line!(out, "|---|---|--:|--:|--:|--:|--:|--:|");
    for contestant in FIELD {
        for load in loads(contestant.system) {
            let ms = |of: fn(&super::load::Sample) -> f64| {
                results.median_of(*contestant, *load, of).unwrap_or(0.0)
            };
            line!(
                out,
                "| {} | {} | {} | {:.2} ms | {:.2} ms | {:.2} ms | {:.1} µs | {:.1} µs |",
                contestant.name,
                load.name(),
                thousands(ms(|sample| sample.ops_per_s)),
                ms(|sample| sample.p50_ms),
                ms(|sample| sample.p99_ms),
                ms(|sample| sample.p999_ms),
                ms(|sample| sample.server_us),
                ms(|sample| sample.client_us)
            );
        }
    }
    line!(out);
}

fn redis_benchmark(out: &mut String, results: &Results) {
    if results.redis_benchmark.is_empty() {
        return;
    }
    line!(out, "## redis-benchmark");
    line!(out);
    line!(
        out,
        "Its default tests, requests per second; one node, nothing on disk before the reply."
    );
    line!(out);
    line!(out, "| test | -P | synod | redis | ratio |");
    line!(out, "|---|--:|--:|--:|--:|");
    for row in &results.redis_benchmark {
        let (ours, theirs) = (median(&row.ours), median(&row.theirs));
        let show = |rate: Option<f64>| rate.map_or("-".to_owned(), thousands);
        let ratio = match (ours, theirs) {
            (Some(ours), Some(theirs)) => format!("{:.2}x", ours / theirs.max(1e-9)),
            _ => "-".to_owned(),
        };
        line!(
            out,
            "| {} | {} | {} | {} | {ratio} |",
            row.test,
            row.pipeline,
            show(ours),
            show(theirs)
        );
    }
    line!(out);
}
