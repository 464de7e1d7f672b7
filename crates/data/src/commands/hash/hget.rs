//! HGET key field

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Hash, "hget", 3, hget).flags(Flags::FAST)
        .syntax("key field")
        .about("2.0.0", "Returns the value of a field in a hash."),
];

fn hget(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    match keyspace.fields(args[1], ctx.now)?.and_then(|hash| hash.get(args[2])) {
        Some(value) => value.reply(out),
        None => out.null(),
    }
    Ok(())
}
