//! Commands on hashes.

pub(crate) mod hdel;
pub(crate) mod hexists;
pub(crate) mod hget;
pub(crate) mod hgetall;
pub(crate) mod hincrby;
pub(crate) mod hincrbyfloat;
pub(crate) mod hlen;
pub(crate) mod hmget;
pub(crate) mod hrandfield;
pub(crate) mod hscan;
pub(crate) mod hset;
pub(crate) mod hsetnx;
pub(crate) mod hstrlen;
