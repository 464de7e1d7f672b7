//! GET key

use super::reply_text;
use crate::commands::prelude::*;

pub(crate) fn get(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    reply_text(keyspace.text(args[1], ctx.now)?, out);
    Ok(())
}
