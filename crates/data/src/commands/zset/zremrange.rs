//! ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX key min max

use super::query::{Fixed, Kind, Query, members};
use crate::commands::prelude::*;
use crate::value::zset::Zset;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::SortedSet, "zremrangebylex", 4, zremrangebylex).extent(Extent::Elements(|k, args| members(k, args, 1, fixed(Kind::Lex)))).access(Access::DELETE)
        .syntax("key min max")
        .about("2.8.9", "Removes members in a sorted set within a lexicographical range. Deletes the sorted set if all members were removed."),
    Command::write(Group::SortedSet, "zremrangebyrank", 4, zremrangebyrank).extent(Extent::Elements(|k, args| members(k, args, 1, fixed(Kind::Rank)))).access(Access::DELETE)
        .syntax("key start:integer stop:integer")
        .about("2.0.0", "Removes members in a sorted set within a range of indexes. Deletes the sorted set if all members were removed."),
    Command::write(Group::SortedSet, "zremrangebyscore", 4, zremrangebyscore).extent(Extent::Elements(|k, args| members(k, args, 1, fixed(Kind::Score)))).access(Access::DELETE)
        .syntax("key min:double max:double")
        .about("1.2.0", "Removes members in a sorted set within a range of scores. Deletes the sorted set if all members were removed."),
];

const fn fixed(kind: Kind) -> Fixed {
    Fixed { kind: Some(kind), reverse: Some(false), scores: false }
}

fn zremrangebyrank(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    remove(keyspace, args, Kind::Rank, ctx, out)
}

fn zremrangebyscore(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    remove(keyspace, args, Kind::Score, ctx, out)
}

fn zremrangebylex(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    remove(keyspace, args, Kind::Lex, ctx, out)
}

fn remove(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    kind: Kind,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let query = Query::parse(fixed(kind), &args[2..])?;
    let removed = keyspace.edit::<Zset, _>(args[1], ctx.now, |zset| {
        let positions = query.positions(&zset.view());
        let count = positions.len();
        zset.remove_range(positions);
        Ok(count)
    })?;
    out.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
