//! SETEX key seconds value, PSETEX key milliseconds value

use super::expire_option::{Unit, expire_time};
use crate::commands::prelude::*;
use crate::keyspace::Expiry;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::String, "psetex", 4, psetex).flags(Flags::DENYOOM).access(Access::OVERWRITE)
        .syntax("key milliseconds value")
        .about("2.6.0", "Sets a string that expires, in milliseconds."),
    Command::write(Group::String, "setex", 4, setex).flags(Flags::DENYOOM).access(Access::OVERWRITE)
        .syntax("key seconds value")
        .about("2.0.0", "Sets a string that expires, in seconds."),
];

const SETEX_INVALID: Failure = Failure("ERR invalid expire time in 'setex' command");
const PSETEX_INVALID: Failure = Failure("ERR invalid expire time in 'psetex' command");

fn setex(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let at = expire_time(args[2], Unit::Seconds, ctx.now, SETEX_INVALID)?;
    keyspace.set_text(args[1], args[3], Expiry::At(at), ctx.now);
    out.simple("OK");
    Ok(())
}

fn psetex(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let at = expire_time(args[2], Unit::Millis, ctx.now, PSETEX_INVALID)?;
    keyspace.set_text(args[1], args[3], Expiry::At(at), ctx.now);
    out.simple("OK");
    Ok(())
}
