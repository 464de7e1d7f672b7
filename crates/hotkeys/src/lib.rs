//! Which keys cost most, and which are largest, in bounded memory.
//!
//! ```text
//!   request -- Sampler: one in N --> Heat of its partition: a Sketch for each Measure
//!                                      |                          |
//!   walk over the keyspace --> Largest |                    Summary, merged over
//!                                                          workers and nodes
//! ```
//!
//! Nothing here knows a clock: time is handed in as microseconds that never go backwards. Nothing is replicated: what a
//! leader has seen is its own, and what several have seen is merged where it is asked for.
//!
//! Sources: Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data Streams" (2005),
//! the Space-Saving algorithm; Cormode, Shkapenyuk, Srivastava, Xu, "Forward Decay" (2009); Agarwal et al., "Mergeable
//! Summaries" (2012).

mod heat;
mod key;
mod largest;
mod report;
mod sampler;
mod sketch;
mod summary;
mod tracking;

pub use heat::{Cost, Heat, Measure};
pub use key::{Key, hash_of};
pub use largest::{Largest, Sized};
pub use report::{HotKey, Load, Report};
pub use sampler::{SAMPLE_MAX, Sampler, sample_of};
pub use sketch::Sketch;
pub use summary::{Counted, Summary};
pub use tracking::{COUNT_MAX, ProcessTimes, Totals, Tracked, Tracking, Wanted};

/// How many keys a sketch keeps for a partition and a measure: a key with more than one in so many parts of its partition's
/// load is certain to be among them.
pub const SKETCH_KEYS: usize = 64;
/// How many of the largest keys are kept for a partition.
pub const LARGEST_KEYS: usize = 16;
/// After so long a count is worth half, in microseconds.
pub const HALF_LIFE_US: u64 = 30_000_000;
