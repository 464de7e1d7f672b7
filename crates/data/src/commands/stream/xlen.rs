//! XLEN key

use crate::commands::prelude::*;
use crate::value::stream::Stream;

pub(crate) fn xlen(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let view = keyspace.view::<Stream>(args[1], ctx.now)?;
    let len = view.and_then(|view| view.stream()).map_or(0, Stream::len);
    out.integer(len as i64);
    Ok(())
}
