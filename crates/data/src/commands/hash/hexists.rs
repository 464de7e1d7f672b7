//! HEXISTS key field

use crate::commands::prelude::*;
use crate::value::hash::Hash;

pub(crate) fn hexists(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let value = keyspace.view::<Hash>(args[1], ctx.now)?.and_then(|hash| hash.get(args[2]));
    out.integer(i64::from(value.is_some()));
    Ok(())
}
