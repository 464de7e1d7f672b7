//! ZRANGESTORE destination source min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]

use super::query::{Fixed, Query};
use crate::commands::prelude::*;
use crate::value::zset::Zset;

pub(crate) fn zrangestore(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let fixed = Fixed { kind: None, reverse: None, scores: false };
    let query = Query::parse(fixed, &args[3..])?;
    let mut members = Vec::new();
    if let Some(zset) = keyspace.view::<Zset>(args[2], ctx.now)? {
        zset.each(query.positions(&zset), |member, score| members.push((member.to_vec(), score)));
    }
    out.integer(members.len() as i64);
    keyspace.store(args[1], ctx.now, Zset::collect(members));
    Ok(())
}
