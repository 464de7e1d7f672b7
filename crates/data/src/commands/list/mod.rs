//! Commands on lists.

mod blocking;
mod lindex;
mod linsert;
mod llen;
mod lmove;
mod lpos;
mod lrange;
mod lrem;
mod lset;
mod ltrim;
mod pop;
mod push;
use crate::command::Command;

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] = &[
    blocking::ROWS,
    lindex::ROWS,
    linsert::ROWS,
    llen::ROWS,
    lmove::ROWS,
    lpos::ROWS,
    lrange::ROWS,
    lrem::ROWS,
    lset::ROWS,
    ltrim::ROWS,
    pop::ROWS,
    push::ROWS,
];

/// Where a Redis index (negative counts from the end) points in a list of `len` elements.
fn position(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add_unsigned(len as u64)? } else { index };
    usize::try_from(index).ok().filter(|at| *at < len)
}
