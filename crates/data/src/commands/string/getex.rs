//! GETEX key [EX s | PX ms | EXAT unix-s | PXAT unix-ms | PERSIST]

use super::expire_option::{expire_time, unit};
use super::reply_text;
use crate::commands::prelude::*;
use crate::keyspace::Expiry;

const INVALID: Failure = Failure("ERR invalid expire time in 'getex' command");

pub(crate) fn getex(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let expiry = match &args[2..] {
        [] => Expiry::Keep,
        [word] if args::is(word, "PERSIST") => Expiry::Never,
        [word, arg] => {
            let unit = unit(word).ok_or(error::SYNTAX)?;
            Expiry::At(expire_time(arg, unit, ctx.now, INVALID)?)
        }
        _ => return Err(error::SYNTAX),
    };
    let spot = keyspace.open(args[1], ctx.now);
    reply_text(keyspace.object(spot).map(|object| object.text()).transpose()?, out);
    match expiry {
        Expiry::Keep => {}
        Expiry::Never => keyspace.set_expire_at(spot, None, ctx.now),
        Expiry::At(at) => keyspace.set_expire_at(spot, Some(at), ctx.now),
    }
    Ok(())
}
