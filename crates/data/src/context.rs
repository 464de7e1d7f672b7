//! What a command is given: its arguments, and the entry's time and randomness, decided by the leader.

pub use synod_machine::Context;

/// The arguments of one command; `args[0]` is its name, in any case.
pub type Args<'a> = [&'a [u8]];

/// The next number of a random sequence (SplitMix64; Steele, Lea, Flood 2014). `seed` moves on.
#[must_use]
pub fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in `0..bound`; `bound` 0 gives 0. The bias is below 2^-32 for every real length.
#[must_use]
pub fn random_below(seed: &mut u64, bound: usize) -> usize {
    ((u128::from(random(seed)) * bound as u128) >> 64) as usize
}
