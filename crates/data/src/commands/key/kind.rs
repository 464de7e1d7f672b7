//! TYPE key

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Generic, "type", 2, kind).flags(Flags::FAST).access(Access::LOOK)
        .syntax("key")
        .about("1.0.0", "The type of the value at a key."),
];

fn kind(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    out.simple(keyspace.kind(args[1], ctx.now).map_or("none", |kind| kind.name()));
    Ok(())
}
