//! HSETNX key field value

use crate::commands::prelude::*;
use crate::value::hash::Hash;

pub(crate) fn hsetnx(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let added = keyspace.edit_or_create::<Hash, _>(args[1], ctx.now, |hash| {
        Ok(hash.view().get(args[2]).is_none() && hash.put(args[2], args[3]))
    })?;
    out.integer(i64::from(added));
    Ok(())
}
