//! The write-ahead log and the snapshot files.
//!
//! One [`Wal`] per worker takes what all groups of that worker must remember: entries, hard state, and
//! from which snapshot each group starts. Snapshots are files of their own beside it. The bytes are
//! described, and the recovery rules argued for, in docs/log-format.md.
//!
//! The crate owns no thread. Whoever flushes calls [`Wal::append`] and [`Wal::sync`], or [`Wal::append_durably`] for
//! both at once, and [`Wal::prepare_next`] and [`Wal::mark_durable`] when there is nothing else to do:
//!
//! 1. Open: [`Wal::open`] gives back what every group remembers, or refuses and changes nothing.
//! 2. The worker fills a [`Batch`] (no disk is touched).
//! 3. `append` each batch in order, then `sync` once, then report everything up to there persisted.
//!    [`AppendError::Full`] wrote nothing: keep the batch and try again. Any other error: end the process.
//! 4. After a snapshot file is finished, append its [`Batch::snapshot`] mark, sync, [`Wal::release`], and
//!    [`snapshot::prune`] the older file. [`Wal::oldest_pins`] names the groups to snapshot next.

mod batch;
pub mod disk;
mod dump;
mod error;
mod evidence;
mod group;
mod identity;
mod ledger;
pub mod record;
mod recover;
mod scan;
mod sector;
mod segment;
pub mod snapshot;
mod wal;

#[cfg(test)]
mod scratch;
#[cfg(test)]
mod tests;

pub use batch::{BATCH_BYTES_MAX, Batch};
pub use disk::{Disk, DiskFile, MemDisk, RealDisk};
pub use dump::{Dump, DumpItem, dump};
pub use error::{AppendError, Damage, OpenError};
pub use evidence::is_missed;
pub use group::{GroupState, Misplaced, Run};
pub use identity::{Identity, IdentityError, Starts, count_start};
pub use recover::{GroupLog, Progress, Recovered, Report};
pub use segment::{Fill, NextSegment};
pub use wal::{Options, Prepared, Wal};
