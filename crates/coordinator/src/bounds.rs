//! The bounds of what comes from outside, each with its reason.

/// The most participants of one transaction: all of them are asked at the same time.
pub const PARTICIPANTS_MAX: usize = 16;
/// The longest name of a participant, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// The longest URL of a callback, in bytes.
pub const URL_BYTES_MAX: usize = 2_048;
/// The most commands, or statements, of one participant.
pub const WORDS_MAX: usize = 256;
/// The most bytes of a transaction with all that its participants are to do, as JSON.
pub const RECORD_BYTES_MAX: usize = 256 << 10;
/// The shortest time that a transaction may be given until it is decided, in milliseconds.
pub const DEADLINE_MS_MIN: u64 = 100;
/// The longest: prepared databases keep their locks for so long, in milliseconds.
pub const DEADLINE_MS_MAX: u64 = 3_600_000;
/// The same where nothing is said, in milliseconds.
pub const DEADLINE_MS_DEFAULT: u64 = 30_000;
/// The longest idempotency key, in bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;
/// The most transactions of a cluster that are not ended.
pub const OPEN_MAX: usize = 1_024;
/// The most records, with those of transactions that have ended and are remembered.
pub const RECORDS_MAX: usize = 16_384;
/// How long a transaction that has ended is remembered, for those who ask again, in milliseconds.
pub const REMEMBERED_MS: u64 = 600_000;
/// How long a driver has a transaction for itself unless it renews that, in milliseconds.
pub const LEASE_MS: u64 = 5_000;
/// How long one callback or one step in a database may take, in milliseconds.
pub const ATTEMPT_MS_MAX: u64 = 3_000;
/// How long after the first attempt the next one is made, in milliseconds; it doubles.
pub const BACKOFF_MS_MIN: u64 = 100;
/// The longest time between two attempts, in milliseconds.
pub const BACKOFF_MS_MAX: u64 = 30_000;
/// What is kept of an error's text, in bytes.
pub const ERROR_BYTES_MAX: usize = 300;

/// How long to wait after so many attempts that failed, in milliseconds.
#[must_use]
pub fn backoff_ms(attempts: u32) -> u64 {
    let doubled = BACKOFF_MS_MIN << attempts.saturating_sub(1).min(16);
    doubled.min(BACKOFF_MS_MAX)
}
