//! Which keys were used lately and how often, for the policies that evict by it: two tables of a fixed size, in which a
//! key has a place in each of two rows. Keys that share a place look like the more used of them, so the better of two
//! rows is taken (a count-min sketch, as in TinyLFU). Nothing is stored with the keys and nothing is replicated: a new
//! leader begins to learn anew.

use std::hash::{DefaultHasher, Hasher};

/// Places in each row.
const PLACES: usize = 1 << 18;
/// How fast a counter gets slower to grow: the default of Redis's `lfu-log-factor`.
const LOG_FACTOR: u64 = 10;
/// The counter of a key that was never seen, so that a new one is not the first to go (Redis: `LFU_INIT_VAL`).
const FREQUENCY_INIT: u8 = 5;
/// Seconds after which every counter loses one (Redis's default `lfu-decay-time` is a minute).
const DECAY_S: u64 = 60;

/// The last uses of keys as one worker saw them.
#[derive(Debug)]
pub(super) struct AccessLog {
    /// When a key of each place was last used, in seconds modulo 2^16.
    seen_s: [Box<[u16]>; 2],
    /// A logarithmic count of uses.
    counts: [Box<[u8]>; 2],
    decayed_s: u64,
    seed: u64,
}

impl AccessLog {
    /// Every key counts as used now.
    pub fn new(now_s: u64) -> Self {
        let seen = || vec![now_s as u16; PLACES].into_boxed_slice();
        let counts = || vec![FREQUENCY_INIT; PLACES].into_boxed_slice();
        Self { seen_s: [seen(), seen()], counts: [counts(), counts()], decayed_s: now_s, seed: 1 }
    }

    /// A key is used.
    pub fn touch(&mut self, key: &[u8], now_s: u64) {
        for (row, at) in places(key).into_iter().enumerate() {
            self.seen_s[row][at] = now_s as u16;
            let count = self.counts[row][at];
            let above = u64::from(count.saturating_sub(FREQUENCY_INIT));
            self.seed =
                self.seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            if (self.seed >> 33).is_multiple_of(above * LOG_FACTOR + 1) {
                self.counts[row][at] = count.saturating_add(1);
            }
        }
    }

    /// Seconds since the key was last used, as far as 18 hours back.
    pub fn idle_s(&self, key: &[u8], now_s: u64) -> u16 {
        let idle = |row: usize, at: usize| (now_s as u16).wrapping_sub(self.seen_s[row][at]);
        let [a, b] = places(key);
        idle(0, a).max(idle(1, b))
    }

    /// How often the key is used: the logarithmic counter of Redis's LFU.
    pub fn frequency(&self, key: &[u8]) -> u8 {
        let [a, b] = places(key);
        self.counts[0][a].min(self.counts[1][b])
    }

    /// Lets counters fall as time passes; once a second or so.
    pub fn decay(&mut self, now_s: u64) {
        if now_s < self.decayed_s + DECAY_S {
            return;
        }
        self.decayed_s = now_s;
        self.counts.iter_mut().flatten().for_each(|count| *count = count.saturating_sub(1));
    }
}

fn places(key: &[u8]) -> [usize; 2] {
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    let hash = hasher.finish();
    [hash as usize % PLACES, (hash >> 32) as usize % PLACES]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_used_lately_and_often_is_told_from_others() {
        let mut log = AccessLog::new(100);
        (0..1_000).for_each(|_| log.touch(b"hot", 160));
        log.touch(b"once", 130);
        assert_eq!((log.idle_s(b"hot", 190), log.idle_s(b"once", 190)), (30, 60));
        assert_eq!(log.idle_s(b"never", 190), 90);
        assert!(log.frequency(b"hot") > log.frequency(b"once") + 5);
        let before = log.frequency(b"hot");
        log.decay(100 + DECAY_S);
        assert_eq!(log.frequency(b"hot"), before - 1);
        log.decay(100 + DECAY_S + 1);
        assert_eq!(log.frequency(b"hot"), before - 1);
    }

    #[test]
    fn idle_time_goes_on_where_the_seconds_wrap_round() {
        let mut log = AccessLog::new(65_530);
        log.touch(b"k", 65_530);
        assert_eq!(log.idle_s(b"k", 65_540), 10);
    }
}
