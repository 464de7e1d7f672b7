//! The hash function of the machines' tables, with a secret of the process.
//!
//! How a table hashes is never observed: what clients see, snapshots hold and digests sum up follows an order that is kept
//! beside the tables. So each process may hash in its own way, and a client cannot prepare keys or members
//! that collide. Where nobody gives a secret, as in tests and the simulator, a fixed one is used.

use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

static SECRET: OnceLock<SharedSeed> = OnceLock::new();
const FIXED: u64 = 0x5359_4e4f_4421;

/// Gives the process its secret. Call it once, before the first keyspace is made: `false` when it comes too late,
/// and then it changes nothing.
pub fn seed_hashes(secret: u64) -> bool {
    SECRET.set(SharedSeed::from_u64(secret)).is_ok()
}

/// The hash function.
#[inline]
#[must_use]
pub fn state() -> SeedableRandomState {
    SeedableRandomState::with_seed(0, SECRET.get_or_init(|| SharedSeed::from_u64(FIXED)))
}

/// The hash of a key, a member or a path.
#[inline]
#[must_use]
pub fn hash(state: &SeedableRandomState, key: &[u8]) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write(key);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_make_different_functions() {
        let fixed = SharedSeed::from_u64(FIXED);
        let other = SharedSeed::from_u64(FIXED + 1);
        let of = |seed: &SharedSeed, key: &[u8]| {
            // The seeds of this test live as long as the process.
            let seed: &'static SharedSeed = Box::leak(Box::new(seed.clone()));
            hash(&SeedableRandomState::with_seed(0, seed), key)
        };
        assert_eq!(of(&fixed, b"key"), of(&fixed, b"key"));
        assert_ne!(of(&fixed, b"key"), of(&other, b"key"));
    }

    #[test]
    fn a_late_secret_is_refused() {
        let _first = state();
        assert!(!seed_hashes(1));
    }
}
