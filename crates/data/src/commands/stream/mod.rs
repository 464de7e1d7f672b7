//! Commands on streams.

mod trim_option;
mod xadd;
mod xdel;
mod xlen;
mod xrange;
mod xtrim;

use crate::commands::prelude::*;
use crate::value::stream::StreamId;

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] =
    &[xadd::ROWS, xdel::ROWS, xlen::ROWS, xrange::ROWS, xtrim::ROWS];

const INVALID_ID: Failure = Failure("ERR Invalid stream ID specified as stream command argument");

/// An id argument; `seq` is the sequence number when none is given.
fn id(arg: &[u8], seq: u64) -> Result<StreamId, Failure> {
    let (ms, given) = StreamId::parse(arg).ok_or(INVALID_ID)?;
    Ok(StreamId { ms, seq: given.unwrap_or(seq) })
}
