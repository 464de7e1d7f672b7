//! LINDEX key index

use super::position;
use crate::commands::prelude::*;
use crate::value::list::List;

pub(crate) fn lindex(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    // Redis looks for the key before it reads the index.
    let Some(list) = keyspace.view::<List>(args[1], ctx.now)? else {
        out.null();
        return Ok(());
    };
    let index = args::integer(args[2])?;
    match position(index, list.len()).and_then(|at| list.get(at)) {
        Some(item) => item.reply(out),
        None => out.null(),
    }
    Ok(())
}
