//! DELIFEQ key value

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::String, "delifeq", 3, delifeq).flags(Flags::FAST).access(Access::REMOVE)
        .syntax("key value")
        .about("9.0.0", "Deletes a string that is the one given, as who holds a lock does."),
];

fn delifeq(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let text = keyspace.text(args[1], ctx.now)?;
    let equal = text.is_some_and(|text| text.with(|bytes| bytes == args[2]));
    out.integer(i64::from(equal && keyspace.delete(args[1], ctx.now)));
    Ok(())
}
