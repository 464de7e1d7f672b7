//! LLEN key

use crate::commands::prelude::*;
use crate::value::list::List;

pub(crate) fn llen(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let len = keyspace.view::<List>(args[1], ctx.now)?.map_or(0, |list| list.len());
    out.integer(len as i64);
    Ok(())
}
