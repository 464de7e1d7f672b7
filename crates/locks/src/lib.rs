//! Named locks whose every grant has a *fencing token*: a number greater than that of every grant before it.
//!
//! A lease alone does not protect what a lock guards: its holder may sleep past the end of it and write afterwards. So
//! whoever writes names its token, and the store compares it with the newest grant in the same step as it writes
//! ([`Locks::check`]). That is why the locks of a partition are a part of its keyspace's state and no machine of their own.
//!
//! ```text
//!            acquire                  release by every holder, or the end of its lease
//!   free -----------------> held ----------------------------------------------------> free
//!     \                      |  ^
//!      \                     +--+ renew; acquire shared what is held shared
//!       +---> forgotten, the one that was granted longest ago, when there are too many
//! ```
//!
//! Nothing here knows what time it is. A lease is so many milliseconds *from when it was granted or renewed last*; the
//! partition's leader counts them ([`Locks::leases`]) and proposes the end of the ones that are over, naming the
//! renewal that it counted from, so that a renewal that came in between wins.

mod check;
mod followed;
mod lock;
mod stored;
mod table;

pub use check::Fenced;
pub use lock::{Holder, Lock};
pub use stored::Malformed;
pub use table::{Lease, Locks, TooManyLocks};

/// The most locks that a partition remembers, held and free together.
pub const LOCKS_MAX: usize = 65_536;
/// The longest name of a lock, in bytes.
pub const NAME_BYTES_MAX: usize = 512;
/// The most holders that one lock has at once.
pub const HOLDERS_MAX: usize = 4_096;
/// The longest lease: a day.
pub const LEASE_MS_MAX: u64 = 24 * 60 * 60 * 1000;
