//! What a run measured, in the shape of benchmarks.json.

use super::Bench;
use super::contest::{Contestant, Load};
use super::load::{CONNECTIONS, Outage, SIZE, Sample};
use serde::Serialize;

/// Everything of one run.
#[derive(Serialize)]
pub struct Results {
    pub machine: Machine,
    pub rounds: u32,
    pub seconds_per_load: f64,
    pub connections: u32,
    pub value_bytes: u32,
    pub keys: u32,
    pub minutes: f64,
    pub throughput: Vec<Measured>,
    pub redis_benchmark: Vec<RedisBenchmark>,
    pub memory: Vec<Memory>,
    pub restart: Option<Restart>,
    pub failover: Vec<Failover>,
}

impl Results {
    /// Nothing measured yet.
    pub fn new(machine: Machine, bench: &Bench) -> Self {
        Self {
            machine,
            rounds: bench.rounds,
            seconds_per_load: bench.seconds,
            connections: CONNECTIONS,
            value_bytes: SIZE,
            keys: bench.keys(),
            minutes: 0.0,
            throughput: Vec::new(),
            redis_benchmark: Vec::new(),
            memory: Vec::new(),
            restart: None,
            failover: Vec::new(),
        }
    }

    /// The median of a figure of one contestant under one load; nothing when it was not measured.
    pub fn median_of(
        &self,
        contestant: Contestant,
        load: Load,
        figure: impl Fn(&Sample) -> f64,
    ) -> Option<f64> {
        let measured = self.throughput.iter().find(|m| m.is(contestant, load))?;
        let figures: Vec<f64> = measured.samples.iter().map(figure).collect();
        median(&figures)
    }
}

/// Where a run was made.
#[derive(Serialize)]
pub struct Machine {
    pub date: String,
    pub cpu: String,
    pub memory_gib: f64,
    pub system: String,
    /// How many threads wanted to run in the minute before the run.
    pub load_before: f64,
    /// Median of writing 4 KiB and flushing it.
    pub flush_us: f64,
    pub commit: String,
    pub versions: Vec<String>,
}

/// One contestant under one load, a sample for each round.
#[derive(Serialize)]
pub struct Measured {
    pub contestant: String,
    pub load: Load,
    pub samples: Vec<Sample>,
}

impl Measured {
    /// No sample yet.
    pub fn new(contestant: Contestant, load: Load) -> Self {
        Self { contestant: contestant.name.to_owned(), load, samples: Vec::new() }
    }

    /// Whether it is this one.
    pub fn is(&self, contestant: Contestant, load: Load) -> bool {
        self.contestant == contestant.name && self.load == load
    }
}

/// One test of redis-benchmark: requests per second, for each round.
#[derive(Serialize)]
pub struct RedisBenchmark {
    pub test: String,
    pub pipeline: u32,
    pub ours: Vec<f64>,
    pub theirs: Vec<f64>,
}

/// Bytes per key of one kind of value.
#[derive(Serialize)]
pub struct Memory {
    pub kind: String,
    pub keys: u32,
    pub ours: Footprint,
    pub theirs: Footprint,
}

/// Bytes per key, as the system and as the server see it.
#[derive(Serialize)]
pub struct Footprint {
    pub resident_per_key: f64,
    pub used_per_key: Option<f64>,
}

/// Seconds from start to the first answer, for each round.
#[derive(Serialize)]
pub struct Restart {
    pub keys: u32,
    pub ours: Vec<f64>,
    pub theirs: Vec<f64>,
}

/// Times without writes after a kill, for each round.
#[derive(Serialize)]
pub struct Failover {
    pub contestant: String,
    pub outages: Vec<Outage>,
}

/// The middle of the figures; of an even number, the mean of the two in the middle.
pub fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        len if len % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// A whole number with separators: `1,234,567`.
pub fn thousands(figure: f64) -> String {
    let digits = format!("{:.0}", figure.max(0.0));
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_separators() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        for (figure, text) in
            [(0.4, "0"), (999.0, "999"), (1e3, "1,000"), (1_234_567.0, "1,234,567")]
        {
            assert_eq!(thousands(figure), text);
        }
    }
}
