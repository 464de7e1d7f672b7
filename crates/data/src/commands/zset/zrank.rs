//! ZRANK key member, ZREVRANK key member

use crate::commands::prelude::*;
use crate::value::zset::Zset;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::SortedSet, "zrank", 3, zrank).flags(Flags::FAST)
        .syntax("key member")
        .about("2.0.0","Returns the index of a member in a sorted set ordered by ascending scores."),
    Command::read(Group::SortedSet, "zrevrank", 3, zrevrank).flags(Flags::FAST)
        .syntax("key member")
        .about("2.0.0","Returns the index of a member in a sorted set ordered by descending scores."),
];

fn zrank(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let zset = keyspace.view::<Zset>(args[1], ctx.now)?;
    match zset.and_then(|zset| zset.rank(args[2])) {
        Some(rank) => out.integer(rank as i64),
        None => out.null(),
    }
    Ok(())
}

fn zrevrank(
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
