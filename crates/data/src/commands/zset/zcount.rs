//! ZCOUNT key min max, ZLEXCOUNT key min max

use super::bounds::{LexRange, ScoreRange};
use crate::commands::prelude::*;
use crate::value::zset::Zset;

pub(crate) fn zcount(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let range = ScoreRange::parse(args[2], args[3])?;
    let zset = keyspace.view::<Zset>(args[1], ctx.now)?;
    out.integer(zset.map_or(0, |zset| range.positions(&zset).len()) as i64);
    Ok(())
}

pub(crate) fn zlexcount(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let range = LexRange::parse(args[2], args[3])?;
    let zset = keyspace.view::<Zset>(args[1], ctx.now)?;
    out.integer(zset.map_or(0, |zset| range.positions(&zset).len()) as i64);
    Ok(())
}
