//! HEXISTS key field

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Hash, "hexists", 3, hexists).flags(Flags::FAST).access(Access::LOOK)
        .syntax("key field")
        .about("2.0.0", "Determines whether a field exists in a hash."),
];

fn hexists(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let value = keyspace.fields(args[1], ctx.now)?.and_then(|hash| hash.get(args[2]));
    out.integer(i64::from(value.is_some()));
    Ok(())
}
