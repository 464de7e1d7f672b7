//! Commands on hashes.

mod hdel;
mod hexists;
mod hexpire;
mod hget;
mod hgetall;
mod hgetdel;
mod hgetex;
mod hincrby;
mod hincrbyfloat;
mod hlen;
mod hmget;
mod hpersist;
mod hrandfield;
mod hscan;
mod hset;
mod hsetex;
mod hsetnx;
mod hstrlen;
mod httl;
mod named_fields;
use crate::command::Command;

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] = &[
    hdel::ROWS,
    hexists::ROWS,
    hexpire::ROWS,
    hget::ROWS,
    hgetall::ROWS,
    hgetdel::ROWS,
    hgetex::ROWS,
    hincrby::ROWS,
    hincrbyfloat::ROWS,
    hlen::ROWS,
    hmget::ROWS,
    hpersist::ROWS,
    hrandfield::ROWS,
    hscan::ROWS,
    hset::ROWS,
    hsetex::ROWS,
    hsetnx::ROWS,
    hstrlen::ROWS,
    httl::ROWS,
];
