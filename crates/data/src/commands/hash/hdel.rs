//! HDEL key field...

use crate::commands::prelude::*;
use crate::value::hash::Hash;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Hash, "hdel", -3, hdel).flags(Flags::FAST).access(Access::DELETE)
        .syntax("key field...")
        .about("2.0.0", "Deletes one or more fields and their values from a hash. Deletes the hash if no fields remain."),
];

fn hdel(
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
