//! SMEMBERS key

use crate::commands::prelude::*;
use crate::value::set::Set;

pub(crate) fn smembers(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    match keyspace.view::<Set>(args[1], ctx.now)? {
        Some(set) => {
            out.set(set.len());
            set.each(|member| member.reply(out));
        }
        None => out.set(0),
    }
    Ok(())
}
