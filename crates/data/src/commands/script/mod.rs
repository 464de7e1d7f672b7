//! Commands that run scripts.

mod eval;
mod fcall;

use crate::table::Command;

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] = &[eval::ROWS, fcall::ROWS];
