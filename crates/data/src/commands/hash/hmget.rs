//! HMGET key field...

use crate::commands::prelude::*;
use crate::value::hash::Hash;

pub(crate) fn hmget(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let hash = keyspace.view::<Hash>(args[1], ctx.now)?;
    out.array(args.len() - 2);
    for field in &args[2..] {
        match hash.as_ref().and_then(|hash| hash.get(field)) {
            Some(value) => value.reply(out),
            None => out.null(),
        }
    }
    Ok(())
}
