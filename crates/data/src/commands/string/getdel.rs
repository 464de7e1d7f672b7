//! GETDEL key

use super::reply_text;
use crate::commands::prelude::*;

pub(crate) fn getdel(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    reply_text(keyspace.text(args[1], ctx.now)?, out);
    keyspace.delete(args[1], ctx.now);
    Ok(())
}
