//! SCARD key

use crate::commands::prelude::*;
use crate::value::set::Set;

pub(crate) fn scard(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let len = keyspace.view::<Set>(args[1], ctx.now)?.map_or(0, |set| set.len());
    out.integer(len as i64);
    Ok(())
}
