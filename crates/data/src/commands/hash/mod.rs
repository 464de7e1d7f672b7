//! Commands on hashes.

mod hdel;
mod hexists;
mod hget;
mod hgetall;
mod hgetdel;
mod hincrby;
mod hincrbyfloat;
mod hlen;
mod hmget;
mod hrandfield;
mod hscan;
mod hset;
mod hsetnx;
mod hstrlen;
use crate::table::Command;

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] = &[
    hdel::ROWS,
    hexists::ROWS,
    hget::ROWS,
    hgetall::ROWS,
    hgetdel::ROWS,
    hincrby::ROWS,
    hincrbyfloat::ROWS,
    hlen::ROWS,
    hmget::ROWS,
    hrandfield::ROWS,
    hscan::ROWS,
    hset::ROWS,
    hsetnx::ROWS,
    hstrlen::ROWS,
];
