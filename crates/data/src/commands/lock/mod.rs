//! Named locks and the writes that they fence. They are Synod's own; Redis has none.

pub(crate) mod fence;
pub(crate) mod grant;

use crate::commands::prelude::*;
use crate::number;
pub use grant::{TreeCall, tree_call};

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] = &[fence::ROWS, grant::ROWS];

/// Reads a token.
fn token(arg: &[u8]) -> Result<u64, Failure> {
    const NO_TOKEN: Failure = Failure("ERR a token is a positive integer");
    number::parse_i64(arg).and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0).ok_or(NO_TOKEN)
}
