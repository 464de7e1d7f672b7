//! HSETNX key field value

use crate::commands::prelude::*;
use crate::value::hash::Hash;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Hash, "hsetnx", 4, hsetnx).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::INSERT)
        .syntax("key field value")
        .about("2.0.0", "Sets the value of a field in a hash only when the field doesn't exist."),
];

fn hsetnx(
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
