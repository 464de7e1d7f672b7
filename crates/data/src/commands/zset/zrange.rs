//! ZRANGE key min max [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES], and the older commands
//! that it took the place of

use super::query::{Fixed, Kind, Query};
use super::reply_range;
use crate::commands::prelude::*;
use crate::value::zset::Zset;

pub(crate) fn zrange(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let fixed = Fixed { kind: None, reverse: None, scores: true };
    range(keyspace, args, fixed, ctx, out)
}

pub(crate) fn zrevrange(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let fixed = Fixed { kind: Some(Kind::Rank), reverse: Some(true), scores: true };
    range(keyspace, args, fixed, ctx, out)
}

pub(crate) fn zrangebyscore(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let fixed = Fixed { kind: Some(Kind::Score), reverse: Some(false), scores: true };
    range(keyspace, args, fixed, ctx, out)
}

pub(crate) fn zrevrangebyscore(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let fixed = Fixed { kind: Some(Kind::Score), reverse: Some(true), scores: true };
    range(keyspace, args, fixed, ctx, out)
}

pub(crate) fn zrangebylex(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let fixed = Fixed { kind: Some(Kind::Lex), reverse: Some(false), scores: true };
    range(keyspace, args, fixed, ctx, out)
}

pub(crate) fn zrevrangebylex(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let fixed = Fixed { kind: Some(Kind::Lex), reverse: Some(true), scores: true };
    range(keyspace, args, fixed, ctx, out)
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
