//! DEL key [key ...], UNLINK key [key ...]

use crate::commands::prelude::*;

pub(crate) fn del(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let deleted = args[1..].iter().filter(|key| keyspace.delete(key, ctx.now)).count();
    out.integer(deleted as i64);
    Ok(())
}
