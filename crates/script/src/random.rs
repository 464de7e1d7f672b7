//! The random numbers of `math.random`: Redis's own generator, so that a script draws the same ones here and there.
//!
//! The 48-bit linear congruential generator of `drand48` (POSIX), started from the same seed in every script.

/// The largest number drawn, as Redis has it: 2^31 - 1.
const DRAW_MAX: i64 = i32::MAX as i64;
const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;

/// The generator's state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lrand48(u64);

impl Lrand48 {
    /// As `srand48` starts it.
    pub fn seeded(seed: i32) -> Self {
        Self(u64::from(seed as u32) << 16 | 0x330E)
    }

    fn next(&mut self) -> i64 {
        self.0 = self.0.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        (self.0 >> 17) as i64
    }

    /// A number of `0..1`.
    pub fn unit(&mut self) -> f64 {
        (self.next() % DRAW_MAX) as f64 / DRAW_MAX as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `redis-server` 7.0.15 answers for `math.randomseed(5)`, `math.random()` and `math.random(100)`.
    #[test]
    fn the_numbers_are_those_of_redis() {
        let mut random = Lrand48::seeded(5);
        let first = random.unit();
        let second = (random.unit() * 100.0).floor() + 1.0;
        let third = random.unit();
        assert_eq!(format!("{first:.14}"), "0.52483957937213");
        assert_eq!(second, 28.0);
        assert_eq!(format!("{third:.13}"), "0.7885994686692");
    }
}
