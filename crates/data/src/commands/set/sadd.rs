//! SADD key member...

use crate::commands::prelude::*;
use crate::value::set::Set;

pub(crate) fn sadd(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let added = keyspace.edit_or_create::<Set, _>(args[1], ctx.now, |set| {
        Ok(args[2..].iter().filter(|member| set.add(member)).count())
    })?;
    out.integer(added as i64);
    Ok(())
}
