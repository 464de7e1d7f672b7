//! How long requests take, in powers of two of a microsecond.

use synod_types::varint;

/// The number of buckets: 1 us to about 67 s.
const BUCKETS: usize = 27;

/// Counts of durations. Bucket `i` holds those of at most `2^i` microseconds that are in no smaller one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    /// All of them.
    pub count: u64,
    /// Their sum, in microseconds.
    pub sum_us: u64,
}

impl Histogram {
    /// Counts `times` requests that took so long each.
    #[inline]
    pub fn record(&mut self, us: u64, times: u64) {
        let bucket = (u64::BITS - us.saturating_sub(1).leading_zeros()) as usize;
        self.counts[bucket.min(BUCKETS - 1)] += times;
        self.count += times;
        self.sum_us += us * times;
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(mine, theirs)| *mine += theirs);
        self.count += other.count;
        self.sum_us += other.sum_us;
    }

    /// The upper limit of each bucket that is not empty, in microseconds, and how many took at most as long.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut sum = 0;
        self.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(move |(i, count)| {
            sum += count;
            (1 << i, sum)
        })
    }

    /// What so many of a thousand took at most, in microseconds: the upper limit of a bucket.
    #[must_use]
    pub fn percentile(&self, permille: u64) -> u64 {
        let rank = (self.count * permille).div_ceil(1000).max(1);
        self.cumulative().find(|(_, sum)| *sum >= rank).map_or(0, |(us, _)| us)
    }

    /// Appends the counts: how many buckets there are up to the last that is not empty, and these, and the sum.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let used = self.counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
        varint::put(out, used as u64);
        self.counts[..used].iter().for_each(|count| varint::put(out, *count));
        varint::put(out, self.sum_us);
    }

    /// Takes counts off the front.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mut histogram = Self::default();
        let used = usize::try_from(varint::take(bytes)?).ok()?;
        for count in histogram.counts.get_mut(..used)? {
            *count = varint::take(bytes)?;
        }
        histogram.count = histogram.counts.iter().sum();
        histogram.sum_us = varint::take(bytes)?;
        Some(histogram)
    }

    /// The upper limit of each bucket but the last, in microseconds, and its count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        self.counts[..BUCKETS - 1].iter().enumerate().map(|(i, count)| (1 << i, *count))
    }
}

/// Durations of reads and writes. A request answered in the turn that took it is counted when the turn's length is
/// known.
#[derive(Debug, Default)]
pub struct Latency {
    now_us: u64,
    /// How long the request that was answered last has taken.
    last_us: u64,
    reads: Histogram,
    writes: Histogram,
    reads_at_once: u64,
    writes_at_once: u64,
}

impl Latency {
    /// A turn begins.
    pub fn begin_turn(&mut self, now_us: u64) {
        self.now_us = now_us;
    }

    /// How long the request that was answered last has taken, in microseconds.
    #[must_use]
    pub fn last_us(&self) -> u64 {
        self.last_us
    }

    /// The durations of reads.
    #[must_use]
    pub fn reads(&self) -> Histogram {
        self.reads
    }

    /// The durations of writes.
    #[must_use]
    pub fn writes(&self) -> Histogram {
        self.writes
    }

    /// A request that came at `since_us` was answered.
    #[inline]
    pub fn done(&mut self, read: bool, since_us: u64) {
        let us = self.now_us.saturating_sub(since_us);
        self.last_us = us;
        match (read, us) {
            (true, 0) => self.reads_at_once += 1,
            (false, 0) => self.writes_at_once += 1,
            (true, us) => self.reads.record(us, 1),
            (false, us) => self.writes.record(us, 1),
        }
    }

    /// The turn took so long: so did what was answered in the turn that took it.
    pub fn turn_took(&mut self, us: u64) {
        self.reads.record(us, std::mem::take(&mut self.reads_at_once));
        self.writes.record(us, std::mem::take(&mut self.writes_at_once));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_in_the_smallest_bucket_that_holds_it() {
        let mut histogram = Histogram::default();
        for us in [0, 1, 2, 3, 4, 5, u64::from(u32::MAX)] {
            histogram.record(us, 1);
        }
        let buckets: Vec<_> = histogram.buckets().take(4).collect();
        assert_eq!(buckets, [(1, 2), (2, 1), (4, 2), (8, 1)]);
        assert_eq!(histogram.count, 7);
        let cumulative: Vec<_> = histogram.cumulative().collect();
        assert_eq!(cumulative, [(1, 2), (2, 3), (4, 5), (8, 6), (1 << 26, 7)]);
        assert_eq!([0, 500, 700, 1000].map(|part| histogram.percentile(part)), [1, 4, 4, 1 << 26]);
        let mut bytes = Vec::new();
        histogram.encode(&mut bytes);
        assert_eq!(Histogram::decode(&mut &bytes[..]), Some(histogram));
        for cut in 0..bytes.len() {
            assert_eq!(Histogram::decode(&mut &bytes[..cut]), None);
        }
        assert_eq!(Histogram::default().percentile(500), 0);
    }
}
