//! ZRANGESTORE destination source min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]

use super::query::{Fixed, Query, members};
use crate::commands::prelude::*;
use crate::value::zset::Zset;

const FIXED: Fixed = Fixed { kind: None, reverse: None, scores: false };

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::SortedSet, "zrangestore", -5, zrangestore).extent(Extent::Elements(|k, args| members(k, args, 2, FIXED))).flags(Flags::DENYOOM).keys(1, 2, 1).accesses(Access::OVERWRITE, Access::READ)
        .syntax("dst src min max [BYSCORE | BYLEX] [REV] [LIMIT <offset count>]")
        .about("6.2.0", "Stores a range of members from sorted set in a key."),
];

fn zrangestore(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let query = Query::parse(FIXED, &args[3..])?;
    let mut members = Vec::new();
    if let Some(zset) = keyspace.view::<Zset>(args[2], ctx.now)? {
        zset.each(query.positions(&zset), |member, score| members.push((member.to_vec(), score)));
    }
    out.integer(members.len() as i64);
    keyspace.store(args[1], ctx.now, Zset::collect(members));
    Ok(())
}
