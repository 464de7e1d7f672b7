//! MSET key value [key value ...], MSETNX likewise

use crate::commands::prelude::*;
use crate::keyspace::Expiry;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::String, "mset", -3, mset).flags(Flags::DENYOOM).keys(1, -1, 2).access(Access::OVERWRITE)
        .syntax("<key value>...")
        .about("1.0.1", "Sets several strings at once."),
    Command::write(Group::String, "msetnx", -3, msetnx).flags(Flags::DENYOOM).keys(1, -1, 2).access(Access::CREATE)
        .syntax("<key value>...")
        .about("1.0.1", "Sets several strings at once, if none of the keys exists."),
];

const MSET_ARITY: Failure = Failure("ERR wrong number of arguments for 'mset' command");
const MSETNX_ARITY: Failure = Failure("ERR wrong number of arguments for 'msetnx' command");

fn mset(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(MSET_ARITY);
    }
    set_all(keyspace, args, ctx);
    out.simple("OK");
    Ok(())
}

fn msetnx(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(MSETNX_ARITY);
    }
    let free = args[1..].iter().step_by(2).all(|key| !keyspace.exists(key, ctx.now));
    if free {
        set_all(keyspace, args, ctx);
    }
    out.integer(i64::from(free));
    Ok(())
}

fn set_all(keyspace: &mut Keyspace, args: &Args<'_>, ctx: &Context) {
    for pair in args[1..].chunks_exact(2) {
        keyspace.set_text(pair[0], pair[1], Expiry::Never, ctx.now);
    }
}
