//! Commands on sets.

pub(crate) mod algebra;
pub(crate) mod sadd;
pub(crate) mod scard;
pub(crate) mod sintercard;
pub(crate) mod sismember;
pub(crate) mod smembers;
pub(crate) mod smove;
pub(crate) mod spop;
pub(crate) mod srandmember;
pub(crate) mod srem;
pub(crate) mod sscan;
