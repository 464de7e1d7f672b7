//! ZCOUNT key min max, ZLEXCOUNT key min max

use super::bounds::{LexRange, ScoreRange};
use crate::commands::prelude::*;
use crate::value::zset::Zset;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::SortedSet, "zcount", 4, zcount).flags(Flags::FAST)
        .syntax("key min:double max:double")
        .about("2.0.0","Returns the count of members in a sorted set that have scores within a range."),
    Command::read(Group::SortedSet, "zlexcount", 4, zlexcount).flags(Flags::FAST)
        .syntax("key min max")
        .about("2.8.9","Returns the number of members in a sorted set within a lexicographical range."),
];

fn zcount(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let range = ScoreRange::parse(args[2], args[3])?;
    let zset = keyspace.view::<Zset>(args[1], ctx.now)?;
    out.integer(zset.map_or(0, |zset| range.positions(&zset).len()) as i64);
    Ok(())
}

fn zlexcount(
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
