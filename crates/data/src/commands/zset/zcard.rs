//! ZCARD key

use crate::commands::prelude::*;
use crate::value::zset::Zset;

pub(crate) fn zcard(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let len = keyspace.view::<Zset>(args[1], ctx.now)?.map_or(0, |zset| zset.len());
    out.integer(len as i64);
    Ok(())
}
