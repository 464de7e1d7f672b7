//! EXISTS key [key ...]; TOUCH key [key ...], which counts alike: there is no access time to change

use crate::commands::prelude::*;

pub(crate) fn exists(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    out.integer(args[1..].iter().filter(|key| keyspace.exists(key, ctx.now)).count() as i64);
    Ok(())
}
