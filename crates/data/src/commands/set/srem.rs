//! SREM key member...

use crate::commands::prelude::*;
use crate::value::set::Set;

pub(crate) fn srem(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let removed = keyspace.edit::<Set, _>(args[1], ctx.now, |set| {
        Ok(args[2..].iter().filter(|member| set.remove(member)).count())
    })?;
    out.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
