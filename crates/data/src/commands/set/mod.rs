//! Commands on sets.

mod algebra;
mod sadd;
mod scard;
mod sintercard;
mod sismember;
mod smembers;
mod smove;
mod spop;
mod srandmember;
mod srem;
mod sscan;
use crate::command::Command;

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] = &[
    algebra::ROWS,
    sadd::ROWS,
    scard::ROWS,
    sintercard::ROWS,
    sismember::ROWS,
    smembers::ROWS,
    smove::ROWS,
    spop::ROWS,
    srandmember::ROWS,
    srem::ROWS,
    sscan::ROWS,
];
