//! HSTRLEN key field

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Hash, "hstrlen", 3, hstrlen).flags(Flags::FAST).access(Access::LOOK)
        .syntax("key field")
        .about("3.2.0", "Returns the length of the value of a field."),
];

fn hstrlen(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let value = keyspace.fields(args[1], ctx.now)?.and_then(|hash| hash.get(args[2]));
    out.integer(value.map_or(0, |value| value.text_len()) as i64);
    Ok(())
}
