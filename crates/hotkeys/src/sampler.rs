//! One in so many, without a pattern that a periodic load could hide behind.

/// The distance to the next of one in `n` on average: evenly drawn from 1 to 2n - 1.
fn gap(n: u32, random: u64) -> u32 {
    let span = 2 * u64::from(n) - 1;
    // The upper half of a product maps evenly enough: `span` is small against 2^64.
    (1 + ((u128::from(random) * u128::from(span)) >> 64) as u64) as u32
}

/// The most that a sampler leaves out between two.
pub const SAMPLE_MAX: u32 = 1 << 20;

/// Picks requests.
#[derive(Clone, Debug)]
pub struct Sampler {
    /// One in so many; 0: none.
    every: u32,
    /// The request that is picked next is so many away.
    left: u32,
    random: u64,
}

/// A sampler of one in so many, 0 for none.
#[must_use]
pub fn sample_of(every: u32, seed: u64) -> Sampler {
    let mut sampler = Sampler { every: 0, left: 0, random: seed };
    sampler.set(every);
    sampler
}

impl Sampler {
    /// One in so many from now on; 0: none.
    pub fn set(&mut self, every: u32) {
        self.every = every.min(SAMPLE_MAX);
        self.draw();
    }

    /// How many requests each that is picked stands for.
    #[must_use]
    pub fn every(&self) -> u32 {
        self.every
    }

    /// Whether the next request is picked.
    #[inline]
    pub fn pick(&mut self) -> bool {
        self.left = self.left.wrapping_sub(1);
        self.left == 0 && self.picked()
    }

    #[cold]
    fn picked(&mut self) -> bool {
        self.draw();
        self.every > 0
    }

    fn draw(&mut self) {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        self.left = if self.every == 0 { 0 } else { gap(self.every, mixed ^ (mixed >> 32)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_so_many_is_picked_whatever_the_period_of_the_load() {
        for every in [1, 2, 16, 100] {
            let mut sampler = sample_of(every, 7);
            // Of a load that repeats after `every` requests, each place is met about as often.
            let mut met = vec![0u32; every as usize];
            let rounds = 40_000;
            (0..rounds * every).filter(|_| sampler.pick()).zip(0..).count();
            for at in 0..rounds * every {
                met[(at % every) as usize] += u32::from(sampler.pick());
            }
            let expected = f64::from(rounds) / f64::from(every);
            for count in met {
                assert!(
                    (f64::from(count) - expected).abs() < 6.0 * expected.sqrt() + 1.0,
                    "{count} of {expected}"
                );
            }
        }
        let mut off = sample_of(0, 7);
        assert!((0..1000).all(|_| !off.pick()));
        off.set(1);
        assert!((0..1000).all(|_| off.pick()));
    }
}
