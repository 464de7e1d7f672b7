//! Commands on HyperLogLogs: strings in Redis's own layout, so that GET, SET and DUMP carry them both ways.
//!
//! PFCOUNT reads and never writes: Redis keeps the last count in the value, here that place stays marked as out of date.

mod commands;
mod debug;
mod dense;
mod estimate;
mod sketch;
mod sparse;

use crate::commands::prelude::*;

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] = &[commands::ROWS, debug::ROWS];

const NOT_A_SKETCH: Failure = Failure("WRONGTYPE Key is not a valid HyperLogLog string value.");
const CORRUPT: Failure = Failure("INVALIDOBJ Corrupted HLL object detected");
