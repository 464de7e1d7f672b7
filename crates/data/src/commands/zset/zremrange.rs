//! ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX key min max

use super::query::{Fixed, Kind, Query};
use crate::commands::prelude::*;
use crate::value::zset::Zset;

pub(crate) fn zremrangebyrank(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    remove(keyspace, args, Kind::Rank, ctx, out)
}

pub(crate) fn zremrangebyscore(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    remove(keyspace, args, Kind::Score, ctx, out)
}

pub(crate) fn zremrangebylex(
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
    let fixed = Fixed { kind: Some(kind), reverse: Some(false), scores: false };
    let query = Query::parse(fixed, &args[2..])?;
    let removed = keyspace.edit::<Zset, _>(args[1], ctx.now, |zset| {
        let positions = query.positions(&zset.view());
        let count = positions.len();
        zset.remove_range(positions);
        Ok(count)
    })?;
    out.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
