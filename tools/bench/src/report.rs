//! What is printed: one line of JSON that `cargo xtask bench` reads.

use crate::driver::Run;
use serde::Serialize;
use std::time::Duration;

/// The figures of one load.
#[derive(Serialize)]
pub struct Report {
    ops_per_s: f64,
    /// Of whole batches, from sending to the last answer.
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    max_ms: f64,
    batches: u64,
    ops: u64,
    missing: u64,
    refused: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_refusal: Option<String>,
    seconds: f64,
    /// Processor time of all servers, and of the load generator, per request in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_us: Option<f64>,
}

impl Report {
    /// The figures of a run.
    pub fn of(run: Run) -> Self {
        let ms = |nanoseconds: u64| nanoseconds as f64 / 1e6;
        let seconds = run.time.as_secs_f64();
        let us = |nanoseconds: u64| nanoseconds as f64 / 1e3 / run.good.max(1) as f64;
        Self {
            ops_per_s: run.good as f64 / seconds.max(1e-9),
            p50_ms: ms(run.latency.quantile(0.5)),
            p99_ms: ms(run.latency.quantile(0.99)),
            p999_ms: ms(run.latency.quantile(0.999)),
            max_ms: ms(run.latency.max()),
            batches: run.latency.len(),
            ops: run.good,
            missing: run.missing,
            refused: run.refused,
            first_refusal: run.first_refusal,
            seconds,
            server_us: run.cost.map(|cost| us(cost.server_ns)),
            client_us: run.cost.map(|cost| us(cost.client_ns)),
        }
    }
}

/// The figures of a failover.
#[derive(Serialize)]
pub struct Outage {
    /// The longest time between two acknowledged writes of one key, over all keys.
    longest_gap_ms: f64,
    /// The same, for the key that waited least.
    shortest_gap_ms: f64,
    acknowledged: u64,
    /// Writes that were refused or not answered in time, and were sent again.
    repeated: u64,
}

/// What one writer saw of a failover.
pub struct Witness {
    /// The longest time between two acknowledgements.
    pub longest_gap: Duration,
    /// How many writes were acknowledged.
    pub acknowledged: u64,
    /// How many had to be sent again.
    pub repeated: u64,
}

impl Outage {
    /// The figures of all writers together.
    pub fn of(witnesses: &[Witness]) -> Self {
        let gaps = || witnesses.iter().map(|witness| witness.longest_gap.as_secs_f64() * 1e3);
        Self {
            longest_gap_ms: gaps().fold(0.0, f64::max),
            shortest_gap_ms: gaps().fold(f64::INFINITY, f64::min),
            acknowledged: witnesses.iter().map(|witness| witness.acknowledged).sum(),
            repeated: witnesses.iter().map(|witness| witness.repeated).sum(),
        }
    }
}
