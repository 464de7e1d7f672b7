//! STRLEN key

use crate::commands::prelude::*;

pub(crate) fn strlen(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    out.integer(keyspace.text(args[1], ctx.now)?.map_or(0, |text| text.len() as i64));
    Ok(())
}
