//! STRLEN key

use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::String, "strlen", 2, strlen).flags(Flags::FAST).access(Access::LOOK)
        .syntax("key")
        .about("2.2.0", "The length of a string."),
];

fn strlen(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    out.integer(keyspace.text(args[1], ctx.now)?.map_or(0, |text| text.len() as i64));
    Ok(())
}
