//! A 64-bit content hash for comparing replicas: the same on every build and machine, independent of
//! how a value happens to be laid out. It is not meant to withstand an adversary.

/// Hashes bytes, starting from `seed`.
#[must_use]
pub fn bytes(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = mix(seed, bytes.len() as u64);
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        let mut eight = [0; 8];
        eight.copy_from_slice(word);
        state = mix(state, u64::from_le_bytes(eight));
    }
    let mut eight = [0; 8];
    eight[..words.remainder().len()].copy_from_slice(words.remainder());
    mix(state, u64::from_le_bytes(eight))
}

/// Folds one number into a hash; the order of folding matters. Where order must not matter, add
/// (wrapping) the hashes of the elements.
#[must_use]
pub const fn mix(state: u64, word: u64) -> u64 {
    scramble(state.rotate_left(17) ^ scramble(word.wrapping_add(0x9e37_79b9_7f4a_7c15)))
}

/// SplitMix64's finaliser: a bijection in which every input bit touches every output bit.
const fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
