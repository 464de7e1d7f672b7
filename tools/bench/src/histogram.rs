//! Latencies, counted in buckets whose width grows with the value: 32 per doubling, so a quantile is
//! read with an error below 3.2 percent, and memory does not grow with the number of samples.

/// Buckets per doubling, as a power of two.
const SUB_BITS: u32 = 5;
const SUB: u64 = 1 << SUB_BITS;

/// Counts of values; values are nanoseconds here, but nothing depends on it.
#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    /// An empty one.
    pub fn new() -> Self {
        let buckets = bucket(u64::MAX) + 1;
        Self { counts: vec![0; buckets], total: 0, max: 0 }
    }

    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// How many values were counted.
    pub fn len(&self) -> u64 {
        self.total
    }

    /// The largest value, exactly.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The upper end of the bucket below which the share `q` (0 to 1) of all values lies; 0 when empty.
    pub fn quantile(&self, q: f64) -> u64 {
        let wanted = ((self.total as f64 * q).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper(at).min(self.max);
            }
        }
        self.max
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        (self.total, self.max) = (0, 0);
    }
}

fn bucket(value: u64) -> usize {
    let doublings = (u64::BITS - value.leading_zeros()).saturating_sub(SUB_BITS + 1);
    let within = value >> doublings;
    (u64::from(doublings) * SUB + within) as usize
}

/// The largest value that falls into a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * SUB {
        return bucket;
    }
    let doublings = bucket / SUB - 1;
    let within = bucket % SUB + SUB;
    ((u128::from(within) + 1) << doublings).saturating_sub(1).min(u128::from(u64::MAX)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_contiguous_and_narrow() {
        let mut last = 0;
        for value in (0..70_000).chain([u64::from(u32::MAX), 1 << 62, u64::MAX]) {
            let at = bucket(value);
            assert!(at == last || at == last + 1 || value > 70_000, "{value}");
            assert!(upper(at) >= value);
            assert!(upper(at) as f64 <= value as f64 * (1.0 + 1.0 / SUB as f64) + 1.0, "{value}");
            last = at;
        }
    }

    #[test]
    fn quantiles_of_a_ramp() {
        let mut histogram = Histogram::new();
        (1..=10_000).for_each(|value| histogram.record(value));
        for (q, exact) in [(0.5, 5_000.0), (0.99, 9_900.0), (1.0, 10_000.0)] {
            let got = histogram.quantile(q) as f64;
            assert!((got / exact - 1.0).abs() < 0.033, "{q}: {got}");
        }
        assert_eq!((histogram.len(), histogram.max()), (10_000, 10_000));
        assert_eq!(Histogram::new().quantile(0.5), 0);
    }
}
