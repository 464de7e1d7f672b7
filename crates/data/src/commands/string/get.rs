//! GET key

use super::reply_text;
use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::String, "get", 2, get).flags(Flags::FAST)
        .syntax("key")
        .about("1.0.0", "The string at a key."),
];

fn get(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    reply_text(keyspace.text(args[1], ctx.now)?, out);
    Ok(())
}
