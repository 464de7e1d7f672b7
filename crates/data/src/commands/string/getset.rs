//! GETSET key value

use super::reply_text;
use crate::commands::prelude::*;
use crate::keyspace::Expiry;

pub(crate) fn getset(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    reply_text(keyspace.text(args[1], ctx.now)?, out);
    keyspace.set_text(args[1], args[2], Expiry::Never, ctx.now);
    Ok(())
}
