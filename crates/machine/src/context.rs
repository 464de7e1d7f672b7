//! What an operation knows besides its body: the entry's time and randomness, decided by the leader.

use synod_types::Millis;

/// Decided once by the leader and carried in the entry, so that replicas never differ.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    /// The time at which the operation happens.
    pub now: Millis,
    /// Randomness for this operation alone.
    pub seed: u64,
}
