//! The hash that rings and tables stand on. Nodes must agree on it, hence it is our own and never to be changed.

/// The finalizer of splitmix64 (Steele, Lea, Flood 2014): every input bit moves every output bit.
pub(crate) const fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

pub(crate) const fn hash_pair(a: u64, b: u64) -> u64 {
    mix(mix(a) ^ b.rotate_left(32))
}

/// A key's place on the 64 bits. Whoever can choose keys can make them meet: it is no defence against that.
#[must_use]
pub fn key_hash(key: &[u8]) -> u64 {
    let (words, tail) = key.as_chunks::<8>();
    let mut last = [0; 8];
    last[..tail.len()].copy_from_slice(tail);
    let words = words.iter().chain(std::iter::once(&last)).map(|word| u64::from_le_bytes(*word));
    // The length tells a key from the same one with zeros behind it.
    words.fold(key.len() as u64, hash_pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_what_it_always_was() {
        // Changing it would move partitions of clusters that exist.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf); // splitmix64's first output from seed 0
        assert_ne!(key_hash(b""), key_hash(b"\0"));
        assert_ne!(key_hash(b"12345678"), key_hash(b"12345678\0"));
    }
}
