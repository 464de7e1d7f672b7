//! ZREM key member...

use crate::commands::prelude::*;
use crate::value::zset::Zset;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::SortedSet, "zrem", -3, zrem).flags(Flags::FAST).access(Access::DELETE)
        .syntax("key member...")
        .about("1.2.0", "Removes one or more members from a sorted set. Deletes the sorted set if all members were removed."),
];

fn zrem(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let removed = keyspace.edit::<Zset, _>(args[1], ctx.now, |zset| {
        Ok(args[2..].iter().filter(|member| zset.remove(member)).count())
    })?;
    out.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
