//! MGET key [key ...]

use super::reply_text;
use crate::commands::prelude::*;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::String, "mget", -2, mget).flags(Flags::FAST).keys(1, -1, 1)
        .syntax("key...")
        .about("1.0.0", "The strings at several keys."),
];

/// A key of another type counts as absent here, as in Redis.
fn mget(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    out.array(args.len() - 1);
    for key in &args[1..] {
        reply_text(keyspace.text(key, ctx.now).unwrap_or(None), out);
    }
    Ok(())
}
