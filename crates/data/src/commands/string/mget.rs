//! MGET key [key ...]

use super::reply_text;
use crate::commands::prelude::*;

/// A key of another type counts as absent here, as in Redis.
pub(crate) fn mget(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    out.array(args.len() - 1);
    for key in &args[1..] {
        reply_text(keyspace.text(key, ctx.now).unwrap_or(None), out);
    }
    Ok(())
}
