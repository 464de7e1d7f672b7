//! ZSCORE key member, ZMSCORE key member...

use crate::commands::prelude::*;
use crate::value::zset::Zset;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::SortedSet, "zmscore", -3, zmscore).flags(Flags::FAST)
        .syntax("key member...")
        .about("6.2.0", "Returns the score of one or more members in a sorted set."),
    Command::read(Group::SortedSet, "zscore", 3, zscore).flags(Flags::FAST)
        .syntax("key member")
        .about("1.2.0", "Returns the score of a member in a sorted set."),
];

fn zscore(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let zset = keyspace.view::<Zset>(args[1], ctx.now)?;
    match zset.and_then(|zset| zset.score(args[2])) {
        Some(score) => out.double(score),
        None => out.null(),
    }
    Ok(())
}

fn zmscore(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let zset = keyspace.view::<Zset>(args[1], ctx.now)?;
    out.array(args.len() - 2);
    for member in &args[2..] {
        match zset.as_ref().and_then(|zset| zset.score(member)) {
            Some(score) => out.double(score),
            None => out.null(),
        }
    }
    Ok(())
}
