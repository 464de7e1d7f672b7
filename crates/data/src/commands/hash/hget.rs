//! HGET key field

use crate::commands::prelude::*;
use crate::value::hash::Hash;

pub(crate) fn hget(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    match keyspace.view::<Hash>(args[1], ctx.now)?.and_then(|hash| hash.get(args[2])) {
        Some(value) => value.reply(out),
        None => out.null(),
    }
    Ok(())
}
