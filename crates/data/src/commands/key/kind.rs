//! TYPE key

use crate::commands::prelude::*;

pub(crate) fn kind(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    out.simple(keyspace.kind(args[1], ctx.now).map_or("none", |kind| kind.name()));
    Ok(())
}
