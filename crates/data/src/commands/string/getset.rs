//! GETSET key value

use super::reply_text;
use crate::commands::prelude::*;
use crate::keyspace::Expiry;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::String, "getset", 3, getset).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::READ_UPDATE)
        .syntax("key value")
        .about("1.0.0", "Sets a string and answers the one before."),
];

fn getset(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    reply_text(keyspace.text(args[1], ctx.now)?, out);
    keyspace.set_text(args[1], args[2], Expiry::Never, ctx.now);
    Ok(())
}
