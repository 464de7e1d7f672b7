//! INCR key, DECR key, INCRBY key n, DECRBY key n

use crate::commands::prelude::*;
use crate::keyspace::Expiry;
use crate::number::parse_i64;
use crate::object::Text;

pub(crate) fn incr(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    add(keyspace, args[1], 1, ctx, out)
}

pub(crate) fn decr(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    add(keyspace, args[1], -1, ctx, out)
}

pub(crate) fn incrby(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    add(keyspace, args[1], args::integer(args[2])?, ctx, out)
}

pub(crate) fn decrby(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let by = args::integer(args[2])?.checked_neg().ok_or(error::DECREMENT_OVERFLOW)?;
    add(keyspace, args[1], by, ctx, out)
}

fn add(
    keyspace: &mut Keyspace,
    key: &[u8],
    by: i64,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let spot = keyspace.open(key, ctx.now);
    let before = match keyspace.object(spot).map(|object| object.text()).transpose()? {
        None => 0,
        Some(Text::Integer(n)) => n,
        Some(Text::Bytes(bytes)) => parse_i64(bytes).ok_or(error::NOT_INTEGER)?,
    };
    let after = before.checked_add(by).ok_or(error::OVERFLOW)?;
    keyspace.set_integer_at(spot, key, after, Expiry::Keep);
    out.integer(after);
    Ok(())
}
