//! ZSCORE key member, ZMSCORE key member...

use crate::commands::prelude::*;
use crate::value::zset::Zset;

pub(crate) fn zscore(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let zset = keyspace.view::<Zset>(args[1], ctx.now)?;
    match zset.and_then(|zset| zset.score(args[2])) {
        Some(score) => out.double(score),
        None => out.null(),
    }
    Ok(())
}

pub(crate) fn zmscore(
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
