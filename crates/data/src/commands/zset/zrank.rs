//! ZRANK key member, ZREVRANK key member

use crate::commands::prelude::*;
use crate::value::zset::Zset;

pub(crate) fn zrank(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let zset = keyspace.view::<Zset>(args[1], ctx.now)?;
    match zset.and_then(|zset| zset.rank(args[2])) {
        Some(rank) => out.integer(rank as i64),
        None => out.null(),
    }
    Ok(())
}

pub(crate) fn zrevrank(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let zset = keyspace.view::<Zset>(args[1], ctx.now)?;
    match zset.and_then(|zset| Some(zset.len() - 1 - zset.rank(args[2])?)) {
        Some(rank) => out.integer(rank as i64),
        None => out.null(),
    }
    Ok(())
}
