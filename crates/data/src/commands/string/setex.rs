//! SETEX key seconds value, PSETEX key milliseconds value

use super::expire_option::{Unit, expire_time};
use crate::commands::prelude::*;
use crate::keyspace::Expiry;

const SETEX_INVALID: Failure = Failure("ERR invalid expire time in 'setex' command");
const PSETEX_INVALID: Failure = Failure("ERR invalid expire time in 'psetex' command");

pub(crate) fn setex(
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

pub(crate) fn psetex(
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
