//! What the requests for one partition cost, key by key and measure by measure.

use crate::key::{Key, hash_of};
use crate::sketch::Sketch;
use crate::{HALF_LIFE_US, SKETCH_KEYS};

/// By what keys are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// How often they are asked for.
    Ops = 0,
    /// Bytes of requests and replies.
    Bytes = 1,
    /// Microseconds of the processor while requests were executed.
    Cpu = 2,
}

impl Measure {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Ops, Self::Bytes, Self::Cpu];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ops => "ops",
            Self::Bytes => "bytes",
            Self::Cpu => "cpu",
        }
    }
}

/// What a request cost a key, or all requests that one stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Requests.
    pub ops: f64,
    /// Bytes.
    pub bytes: f64,
    /// Microseconds.
    pub cpu_us: f64,
}

impl Cost {
    /// By this measure.
    #[must_use]
    pub fn by(&self, measure: Measure) -> f64 {
        match measure {
            Measure::Ops => self.ops,
            Measure::Bytes => self.bytes,
            Measure::Cpu => self.cpu_us,
        }
    }
}

/// A sketch for each measure.
#[derive(Clone, Debug)]
pub struct Heat {
    sketches: [Sketch; 3],
    since_us: u64,
}

impl Heat {
    /// Nothing has been asked for.
    #[must_use]
    pub fn new(now_us: u64) -> Self {
        let sketch = |_| Sketch::new(SKETCH_KEYS, Some(HALF_LIFE_US), now_us);
        Self { sketches: Measure::ALL.map(sketch), since_us: now_us }
    }

    /// Requests for a key cost so much.
    pub fn add(&mut self, key: &[u8], cost: Cost, now_us: u64) {
        let hash = hash_of(key);
        for (measure, sketch) in Measure::ALL.into_iter().zip(&mut self.sketches) {
            sketch.add_hashed(key, hash, cost.by(measure), now_us);
        }
    }

    /// Each key that is counted by a measure, with its count and the error of that, per second: of a load that is the same all
    /// the time, so much of it.
    pub(crate) fn per_second(
        &self,
        measure: Measure,
        now_us: u64,
    ) -> impl Iterator<Item = (&Key, f64, f64)> {
        let rate = self.to_rate(now_us);
        let counted = self.sketches[measure as usize].counted(now_us);
        counted.map(move |(key, count, error)| (key, count * rate, error * rate))
    }

    /// The keys that are known to be asked for most, and how often a second.
    pub fn hottest(&self, now_us: u64) -> impl Iterator<Item = (&Key, f64)> {
        // What may belong to another key is not counted for this one.
        let counted = self.per_second(Measure::Ops, now_us);
        counted.map(|(key, ops, error)| (key, (ops - error).max(0.0)))
    }

    /// All of it by a measure, per second.
    #[must_use]
    pub fn total_per_second(&self, measure: Measure, now_us: u64) -> f64 {
        self.sketches[measure as usize].total(now_us) * self.to_rate(now_us)
    }

    /// Whether what was asked for is forgotten by now.
    #[must_use]
    pub fn is_cold(&self, now_us: u64) -> bool {
        self.sketches[Measure::Ops as usize].total(now_us) < 0.5
    }

    /// A constant rate adds up to `rate * half life / ln 2` in the long run, and to the share of it that has not faded before
    /// that. What has been seen for less than a second counts as seen for a second.
    fn to_rate(&self, now_us: u64) -> f64 {
        let half_life_s = HALF_LIFE_US as f64 / 1e6;
        let age_s = (now_us.saturating_sub(self.since_us) as f64 / 1e6).max(1.0);
        let share = 1.0 - (-age_s / half_life_s).exp2();
        std::f64::consts::LN_2 / (half_life_s * share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_load_is_told_per_second_at_any_time() {
        let mut heat = Heat::new(0);
        let cost = Cost { ops: 1.0, bytes: 50.0, cpu_us: 2.0 };
        for ms in 1..=120_000u64 {
            heat.add(b"hot", cost, ms * 1000);
            if ms % 10_000 == 0 {
                let rate = |measure| {
                    heat.per_second(measure, ms * 1000).map(|(_, rate, _)| rate).sum::<f64>()
                };
                assert!((rate(Measure::Ops) - 1000.0).abs() < 10.0, "{}", rate(Measure::Ops));
                assert!((rate(Measure::Bytes) - 50_000.0).abs() < 500.0);
                assert!((heat.total_per_second(Measure::Cpu, ms * 1000) - 2000.0).abs() < 20.0);
            }
        }
        assert!(!heat.is_cold(120_000_000));
        assert!(heat.is_cold(120_000_000 + 40 * HALF_LIFE_US));
    }
}
