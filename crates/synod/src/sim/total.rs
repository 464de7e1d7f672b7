//! What all seeds came to, as a table and as JSON.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use synod_sim::{CrashPoint, CrashPoints, Fault, Outcome, Params};

/// The commit that this program was built from; empty when nobody knows.
const COMMIT: &str = env!("SYNOD_COMMIT");

/// This program, as a failure names it.
pub fn version() -> String {
    let version = env!("CARGO_PKG_VERSION");
    if COMMIT.is_empty() { version.to_owned() } else { format!("{version}, commit {COMMIT}") }
}

/// How long processors have worked for this program.
fn processor_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// What all seeds came to.
#[derive(Default)]
pub struct Total {
    /// Seeds that ran.
    pub seeds: u64,
    /// Those that ran twice, to see whether they do the same.
    pub verified: u64,
    /// Those that broke a rule.
    pub failures: Vec<(Params, Outcome)>,
    /// The outcome, if there was one seed and it kept all rules.
    pub only: Option<Outcome>,
    /// Simulated time, in microseconds.
    pub simulated_us: u64,
    events: u64,
    operations: u64,
    answered: u64,
    unknown: u64,
    elections: u64,
    grants: (u64, u64),
    snapshots: (u64, u64),
    refused_starts: u64,
    injected: BTreeMap<Fault, u64>,
    crash_points: CrashPoints,
    /// The sum of the hashes of all runs, so that their order does not matter.
    hash: u64,
}

impl Total {
    /// Counts one seed.
    pub fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.simulated_us += outcome.simulated_us;
        self.events += outcome.events;
        self.operations += outcome.operations;
        self.answered += outcome.answered;
        self.unknown += outcome.unknown;
        self.elections += outcome.elections;
        self.grants.0 += outcome.grants.0;
        self.grants.1 += outcome.grants.1;
        self.snapshots.0 += outcome.snapshots.0;
        self.snapshots.1 += outcome.snapshots.1;
        self.refused_starts += outcome.refused_starts;
        self.hash = self.hash.wrapping_add(outcome.hash);
        for (fault, times) in &outcome.injected {
            *self.injected.entry(*fault).or_default() += times;
        }
        for (point, times) in &outcome.crash_points {
            *self.crash_points.entry(*point).or_default() += times;
        }
    }

    /// Every figure with its name, in the order of the table. Speeds are per core that was in use.
    fn figures(&self, took: Duration, jobs: u16) -> Vec<(&'static str, f64, usize)> {
        let simulated = self.simulated_us as f64 / 1e6;
        let core_seconds = took.as_secs_f64().max(0.001) * f64::from(jobs);
        let busy = processor_seconds().max(0.001);
        let whole = |n: u64| n as f64;
        vec![
            ("seeds", whole(self.seeds), 0),
            ("seeds run twice", whole(self.verified), 0),
            ("seeds that failed", self.failures.len() as f64, 0),
            ("simulated hours", simulated / 3600.0, 2),
            ("operations", whole(self.operations), 0),
            ("operations answered", whole(self.answered), 0),
            ("operations of unknown fate", whole(self.unknown), 0),
            ("events", whole(self.events), 0),
            ("elections won", whole(self.elections), 0),
            ("grants of locks", whole(self.grants.0), 0),
            ("writes under old tokens refused", whole(self.grants.1), 0),
            ("snapshots taken", whole(self.snapshots.0), 0),
            ("snapshots installed", whole(self.snapshots.1), 0),
            ("starts refused on damaged disks", whole(self.refused_starts), 0),
            ("wall seconds", took.as_secs_f64(), 1),
            // On a machine that has other work these tell more than the two below.
            ("processor seconds", busy, 1),
            ("simulated seconds per processor second", simulated / busy, 1),
            ("simulated seconds per second and core", simulated / core_seconds, 1),
            ("operations per second and core", whole(self.operations) / core_seconds, 0),
        ]
    }

    fn faults(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Fault::ALL.iter().map(|f| (f.name(), self.injected.get(f).copied().unwrap_or_default()))
    }

    /// How many crash points there are, and those at which no machine died.
    fn crash_points_missed(&self) -> (usize, Vec<String>) {
        let all = CrashPoint::all();
        let missed = all.iter().filter(|point| !self.crash_points.contains_key(point));
        (all.len(), missed.map(ToString::to_string).collect())
    }

    /// Prints the table.
    pub fn print(&self, took: Duration, jobs: u16) {
        for (name, value, digits) in self.figures(took, jobs) {
            println!("{name:<38}{value:>14.digits$}");
        }
        for (name, times) in self.faults() {
            println!("{:<38}{times:>14}", format!("fault {name}"));
        }
        let (all, missed) = self.crash_points_missed();
        println!("crash points reached: {} of {all}", all - missed.len());
        if !missed.is_empty() && missed.len() < all {
            println!("  never: {}", missed.join(", "));
        }
    }

    /// The same as one JSON object; names with `_` for blanks.
    pub fn json(&self, took: Duration, jobs: u16) -> Value {
        let mut object = Map::new();
        for (name, value, digits) in self.figures(took, jobs) {
            let value = if digits == 0 { json!(value.round() as u64) } else { json!(value) };
            object.insert(name.replace(' ', "_"), value);
        }
        let faults: Map<_, _> =
            self.faults().map(|(n, times)| (n.to_owned(), json!(times))).collect();
        object.insert("faults".into(), faults.into());
        let (all, missed) = self.crash_points_missed();
        object.insert("crash_points".into(), all.into());
        object.insert("crash_points_reached".into(), (all - missed.len()).into());
        object.insert("crash_points_never_reached".into(), missed.into());
        object.insert("version".into(), env!("CARGO_PKG_VERSION").into());
        object.insert("commit".into(), COMMIT.into());
        object.insert("hash".into(), format!("{:016x}", self.hash).into());
        let failures = self.failures.iter().filter_map(|(params, outcome)| {
            let failure = outcome.failure.as_ref()?;
            Some(json!({
                "seed": params.seed,
                "rule": failure.rule,
                "detail": failure.detail,
                "at_us": failure.at_us,
                "again": params.replay(),
            }))
        });
        object.insert("failures".into(), failures.collect());
        object.into()
    }
}
