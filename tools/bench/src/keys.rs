//! Keys and where they live: the text of key number n, its hash slot, and a small random generator.

/// How many hash slots a Redis Cluster has.
pub const SLOTS: u16 = 16_384;

/// Letters of a key: `key:` and twelve digits, as redis-benchmark writes it.
pub const KEY_BYTES: usize = 16;

/// The text of key number `n`.
pub fn key(n: u32) -> [u8; KEY_BYTES] {
    let mut text = *b"key:000000000000";
    let (mut at, mut rest) = (KEY_BYTES, n);
    while rest > 0 {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text
}

/// The slot of key number `n`: CRC16 (XMODEM) of its text, which has no hash tag.
pub fn slot(n: u32) -> u16 {
    let crc = key(n).iter().fold(0u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    });
    crc % SLOTS
}

/// Random numbers for drawing keys (xorshift, Marsaglia 2003): the same in every run.
pub struct Random(u64);

impl Random {
    /// The `n`th of the generators, which all draw different numbers.
    pub fn nth(n: u64) -> Self {
        Self((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_slots_are_those_of_redis() {
        assert_eq!(&key(0), b"key:000000000000");
        assert_eq!(&key(4_294_967_295), b"key:004294967295");
        // CLUSTER KEYSLOT of redis-server 7.0.15.
        assert_eq!(slot(1), 8924);
        assert_eq!(slot(99_999), 7382);
    }

    #[test]
    fn random_numbers_stay_below_their_bound_and_reach_all() {
        let mut random = Random::nth(0);
        let mut seen = [false; 10];
        (0..1_000).for_each(|_| seen[random.below(10)] = true);
        assert_eq!(seen, [true; 10]);
    }
}
