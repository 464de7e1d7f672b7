//! GETEX key [EX s | PX ms | EXAT unix-s | PXAT unix-ms | PERSIST]

use super::expire_option::{expire_time, unit};
use super::reply_text;
use crate::commands::prelude::*;
use crate::keyspace::Expiry;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::String, "getex", -2, getex).flags(Flags::FAST).access(Access::READ_UPDATE)
        .syntax("key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]")
        .about("6.2.0", "The string at a key, whose expiry is changed."),
];

const INVALID: Failure = Failure("ERR invalid expire time in 'getex' command");

fn getex(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    // The option is checked first, then the key, and the time only where there is a key to set it on.
    let unit = match &args[2..] {
        [] => None,
        [word] if args::is(word, "PERSIST") => None,
        [word, _] => Some(unit(word).ok_or(error::SYNTAX)?),
        _ => return Err(error::SYNTAX),
    };
    let spot = keyspace.open(args[1], ctx.now);
    let text = keyspace.object(spot).map(|object| object.text()).transpose()?;
    if text.is_none() {
        out.null();
        return Ok(());
    }
    let has_expiry = keyspace.object(spot).is_some_and(|object| object.expire().is_some());
    let expiry = match (unit, args.get(3)) {
        (Some(unit), Some(arg)) => Expiry::At(expire_time(arg, unit, ctx.now, INVALID)?),
        _ if args.len() == 3 && has_expiry => Expiry::Never,
        _ => Expiry::Keep,
    };
    reply_text(text, out);
    match expiry {
        Expiry::Keep => {}
        Expiry::Never => keyspace.set_expire_at(spot, None, ctx.now),
        Expiry::At(at) => keyspace.set_expire_at(spot, Some(at), ctx.now),
    }
    Ok(())
}
