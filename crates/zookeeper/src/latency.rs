//! How long requests take, from the moment they are here until their reply leaves.

/// Shortest, mean and longest, since the words were last told to begin anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Latency {
    count: u64,
    sum_us: u64,
    min_us: u64,
    max_us: u64,
}

impl Latency {
    pub fn add(&mut self, took_us: u64) {
        self.min_us = if self.count == 0 { took_us } else { self.min_us.min(took_us) };
        self.max_us = self.max_us.max(took_us);
        self.count += 1;
        self.sum_us = self.sum_us.saturating_add(took_us);
    }

    /// In milliseconds, as ZooKeeper tells them: whole ones but for the mean.
    pub fn min_ms(&self) -> u64 {
        self.min_us / 1_000
    }

    pub fn max_ms(&self) -> u64 {
        self.max_us / 1_000
    }

    pub fn mean_ms(&self) -> String {
        let mean_us = self.sum_us.checked_div(self.count).unwrap_or_default();
        format!("{}.{:03}", mean_us / 1_000, mean_us % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_the_mean_and_the_longest_are_told_in_milliseconds() {
        let mut latency = Latency::default();
        assert_eq!((latency.min_ms(), latency.mean_ms(), latency.max_ms()), (0, "0.000".into(), 0));
        for took_us in [2_500, 900, 12_050] {
            latency.add(took_us);
        }
        assert_eq!(
            (latency.min_ms(), latency.mean_ms(), latency.max_ms()),
            (0, "5.150".into(), 12)
        );
    }
}
