//! What to evict when memory is short: Redis's policies by Redis's names.

use super::access::AccessLog;
use synod_data::Candidate;
use synod_types::Millis;

/// `maxmemory-policy`. The numbers are those of the setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum EvictionPolicy {
    /// Writes that may need memory are refused.
    #[default]
    NoEviction,
    /// The key that was not used for the longest time.
    AllKeysLru,
    /// The key that is used most rarely.
    AllKeysLfu,
    /// Any key.
    AllKeysRandom,
    /// Of the keys with an expiry time, the one not used for the longest time.
    VolatileLru,
    /// Of the keys with an expiry time, the one used most rarely.
    VolatileLfu,
    /// Any key with an expiry time.
    VolatileRandom,
    /// The key that expires first.
    VolatileTtl,
}

impl EvictionPolicy {
    /// The names, in the order of the numbers.
    pub const NAMES: [&'static str; 8] = [
        "noeviction",
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
    ];

    const ALL: [Self; 8] = [
        Self::NoEviction,
        Self::AllKeysLru,
        Self::AllKeysLfu,
        Self::AllKeysRandom,
        Self::VolatileLru,
        Self::VolatileLfu,
        Self::VolatileRandom,
        Self::VolatileTtl,
    ];

    /// The policy of this number; an unknown one evicts nothing.
    pub fn of(number: i64) -> Self {
        let at = usize::try_from(number).unwrap_or(0);
        Self::ALL.get(at).copied().unwrap_or_default()
    }

    /// Whether only keys with an expiry time may go.
    pub fn volatile(self) -> bool {
        use EvictionPolicy as P;
        matches!(self, P::VolatileLru | P::VolatileLfu | P::VolatileRandom | P::VolatileTtl)
    }

    /// Whether it goes by the use of keys.
    pub fn by_access(self) -> bool {
        use EvictionPolicy as P;
        matches!(self, P::AllKeysLru | P::AllKeysLfu | P::VolatileLru | P::VolatileLfu)
    }

    /// How willingly the key is given up, relative to others of a sample.
    pub(super) fn weigh(
        self,
        candidate: &Candidate<'_>,
        access: Option<&AccessLog>,
        now_s: u64,
    ) -> u64 {
        match (self, access) {
            (Self::AllKeysLru | Self::VolatileLru, Some(access)) => {
                u64::from(access.idle_s(candidate.key, now_s))
            }
            (Self::AllKeysLfu | Self::VolatileLfu, Some(access)) => {
                u64::from(u8::MAX - access.frequency(candidate.key))
            }
            (Self::VolatileTtl, _) => u64::MAX - candidate.expire.unwrap_or(Millis(u64::MAX)).0,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_has_its_name_and_gives_up_the_right_key() {
        for (number, name) in EvictionPolicy::NAMES.iter().enumerate() {
            let policy = EvictionPolicy::of(number as i64);
            assert_eq!(policy.volatile(), name.starts_with("volatile"), "{name}");
            assert_eq!(
                policy.by_access(),
                name.ends_with("lru") || name.ends_with("lfu"),
                "{name}"
            );
        }
        let mut access = AccessLog::new(0);
        access.touch(b"new", 50);
        (0..100).for_each(|_| access.touch(b"often", 10));
        let key = |key, expire| Candidate { key, bytes: 1, expire: Some(Millis(expire)) };
        let (new, often) = (key(b"new", 9), key(b"often", 5));
        let rather = |number| {
            let weigh = |c| EvictionPolicy::of(number).weigh(c, Some(&access), 60);
            weigh(&often) > weigh(&new)
        };
        assert!(rather(1), "lru: the one not used lately");
        assert!(!rather(2), "lfu: the one used rarely");
        assert!(rather(7), "ttl: the one that expires first");
    }
}
