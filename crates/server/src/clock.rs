//! The machine's clocks and its randomness: the only place where they are asked.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::Read;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use synod_types::{Millis, Now};

/// Clocks that count from the start of the process.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts counting. The monotonic clock begins well above 0, so that "never" can be 0.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { wall: Millis(wall.as_millis() as u64), mono_us: self.mono_us() }
    }

    /// The monotonic clock alone.
    pub fn mono_us(&self) -> u64 {
        1_000_000 + self.start.elapsed().as_micros() as u64
    }
}

/// Nanoseconds since the first call, for what single requests take.
pub fn stopwatch_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// A random number from the operating system.
pub fn random_seed() -> u64 {
    // The standard library keys its hash maps with the system's randomness; this is that key, hashed.
    RandomState::new().build_hasher().finish()
}

/// Bytes from the operating system that nobody can guess.
///
/// # Errors
/// It gives none.
pub fn random_secret() -> std::io::Result<[u8; 32]> {
    let mut secret = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut secret)?;
    Ok(secret)
}
