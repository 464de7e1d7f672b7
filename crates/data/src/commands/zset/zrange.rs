//! ZRANGE key min max [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES], and the older commands
//! that it took the place of

use super::query::{Fixed, Kind, Query, members};
use super::reply_range;
use crate::commands::prelude::*;
use crate::value::zset::Zset;

const RANGE: Fixed = Fixed { kind: None, reverse: None, scores: true };
const REV_RANGE: Fixed = Fixed { kind: Some(Kind::Rank), reverse: Some(true), scores: true };
const BY_SCORE: Fixed = Fixed { kind: Some(Kind::Score), reverse: Some(false), scores: true };
const REV_BY_SCORE: Fixed = Fixed { kind: Some(Kind::Score), reverse: Some(true), scores: true };
const BY_LEX: Fixed = Fixed { kind: Some(Kind::Lex), reverse: Some(false), scores: true };
const REV_BY_LEX: Fixed = Fixed { kind: Some(Kind::Lex), reverse: Some(true), scores: true };

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::SortedSet, "zrange", -4, zrange).extent(Extent::Elements(|k, args| members(k, args, 1, RANGE)))
        .syntax("key start stop [BYSCORE | BYLEX] [REV] [LIMIT <offset count>] [WITHSCORES]")
        .about("1.2.0", "Returns members in a sorted set within a range of indexes."),
    Command::read(Group::SortedSet, "zrangebylex", -4, zrangebylex).extent(Extent::Elements(|k, args| members(k, args, 1, BY_LEX)))
        .syntax("key min max [LIMIT <offset count>]")
        .about("2.8.9", "Returns members in a sorted set within a lexicographical range."),
    Command::read(Group::SortedSet, "zrangebyscore", -4, zrangebyscore).extent(Extent::Elements(|k, args| members(k, args, 1, BY_SCORE)))
        .syntax("key min:double max:double [WITHSCORES] [LIMIT <offset count>]")
        .about("1.0.5", "Returns members in a sorted set within a range of scores."),
    Command::read(Group::SortedSet, "zrevrange", -4, zrevrange).extent(Extent::Elements(|k, args| members(k, args, 1, REV_RANGE)))
        .syntax("key start:integer stop:integer [WITHSCORES]")
        .about("1.2.0","Returns members in a sorted set within a range of indexes in reverse order."),
    Command::read(Group::SortedSet, "zrevrangebylex", -4, zrevrangebylex).extent(Extent::Elements(|k, args| members(k, args, 1, REV_BY_LEX)))
        .syntax("key max min [LIMIT <offset count>]")
        .about("2.8.9","Returns members in a sorted set within a lexicographical range in reverse order."),
    Command::read(Group::SortedSet, "zrevrangebyscore", -4, zrevrangebyscore).extent(Extent::Elements(|k, args| members(k, args, 1, REV_BY_SCORE)))
        .syntax("key max:double min:double [WITHSCORES] [LIMIT <offset count>]")
        .about("2.2.0","Returns members in a sorted set within a range of scores in reverse order."),
];

fn zrange(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    range(keyspace, args, RANGE, ctx, out)
}

fn zrevrange(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    range(keyspace, args, REV_RANGE, ctx, out)
}

fn zrangebyscore(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    range(keyspace, args, BY_SCORE, ctx, out)
}

fn zrevrangebyscore(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    range(keyspace, args, REV_BY_SCORE, ctx, out)
}

fn zrangebylex(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    range(keyspace, args, BY_LEX, ctx, out)
}

fn zrevrangebylex(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    range(keyspace, args, REV_BY_LEX, ctx, out)
}

fn range(
    keyspace: &Keyspace,
    args: &Args<'_>,
    fixed: Fixed,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let query = Query::parse(fixed, &args[2..])?;
    match keyspace.view::<Zset>(args[1], ctx.now)? {
        Some(zset) => {
            let positions = query.positions(&zset);
            reply_range(&zset, positions, query.reverse, query.with_scores, out);
        }
        None => out.array(0),
    }
    Ok(())
}
