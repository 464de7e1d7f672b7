//! ZCARD key

use crate::commands::prelude::*;
use crate::value::zset::Zset;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::SortedSet, "zcard", 2, zcard).flags(Flags::FAST).access(Access::LOOK)
        .syntax("key")
        .about("1.2.0", "Returns the number of members in a sorted set."),
];

fn zcard(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let len = keyspace.view::<Zset>(args[1], ctx.now)?.map_or(0, |zset| zset.len());
    out.integer(len as i64);
    Ok(())
}
