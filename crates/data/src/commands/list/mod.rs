//! Commands on lists.

pub(crate) mod lindex;
pub(crate) mod linsert;
pub(crate) mod llen;
pub(crate) mod lmove;
pub(crate) mod lpos;
pub(crate) mod lrange;
pub(crate) mod lrem;
pub(crate) mod lset;
pub(crate) mod ltrim;
pub(crate) mod pop;
pub(crate) mod push;

/// Where a Redis index (negative counts from the end) points in a list of `len` elements.
fn position(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add_unsigned(len as u64)? } else { index };
    usize::try_from(index).ok().filter(|at| *at < len)
}
