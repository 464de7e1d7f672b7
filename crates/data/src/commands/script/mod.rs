//! Commands that run scripts.

mod eval;
mod fcall;
mod functions;

use crate::command::Command;

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] = &[eval::ROWS, fcall::ROWS];
