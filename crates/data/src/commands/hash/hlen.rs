//! HLEN key

use crate::commands::prelude::*;
use crate::value::hash::Hash;

pub(crate) fn hlen(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let len = keyspace.view::<Hash>(args[1], ctx.now)?.map_or(0, |hash| hash.len());
    out.integer(len as i64);
    Ok(())
}
