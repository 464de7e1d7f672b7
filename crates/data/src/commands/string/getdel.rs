//! GETDEL key

use super::reply_text;
use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::String, "getdel", 2, getdel).flags(Flags::FAST).access(Access::TAKE)
        .syntax("key")
        .about("6.2.0", "The string at a key, which is deleted."),
];

fn getdel(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    reply_text(keyspace.text(args[1], ctx.now)?, out);
    keyspace.delete(args[1], ctx.now);
    Ok(())
}
