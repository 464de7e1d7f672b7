//! SISMEMBER key member, SMISMEMBER key member...

use crate::commands::prelude::*;
use crate::value::set::Set;

pub(crate) fn sismember(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let set = keyspace.view::<Set>(args[1], ctx.now)?;
    out.integer(i64::from(set.is_some_and(|set| set.contains(args[2]))));
    Ok(())
}

pub(crate) fn smismember(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let set = keyspace.view::<Set>(args[1], ctx.now)?;
    out.array(args.len() - 2);
    for member in &args[2..] {
        out.integer(i64::from(set.as_ref().is_some_and(|set| set.contains(member))));
    }
    Ok(())
}
