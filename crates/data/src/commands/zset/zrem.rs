//! ZREM key member...

use crate::commands::prelude::*;
use crate::value::zset::Zset;

pub(crate) fn zrem(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let removed = keyspace.edit::<Zset, _>(args[1], ctx.now, |zset| {
        Ok(args[2..].iter().filter(|member| zset.remove(member)).count())
    })?;
    out.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
