//! SETNX key value

use crate::commands::prelude::*;
use crate::keyspace::Expiry;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::String, "setnx", 3, setnx).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::CREATE)
        .syntax("key value")
        .about("1.0.0", "Sets a string, if the key does not exist."),
];

fn setnx(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let spot = keyspace.open(args[1], ctx.now);
    let free = spot.is_free();
    if free {
        keyspace.set_text_at(spot, args[1], args[2], Expiry::Never);
    }
    out.integer(i64::from(free));
    Ok(())
}
