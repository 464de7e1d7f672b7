//! HLEN key

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Hash, "hlen", 2, hlen).flags(Flags::FAST).access(Access::LOOK)
        .syntax("key")
        .about("2.0.0", "Returns the number of fields in a hash."),
];

fn hlen(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let len = keyspace.fields(args[1], ctx.now)?.map_or(0, |hash| hash.len());
    out.integer(len as i64);
    Ok(())
}
