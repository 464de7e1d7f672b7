//! HDEL key field...

use crate::commands::prelude::*;
use crate::value::hash::Hash;

pub(crate) fn hdel(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let removed = keyspace.edit::<Hash, _>(args[1], ctx.now, |hash| {
        Ok(args[2..].iter().filter(|field| hash.remove(field)).count())
    })?;
    out.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
