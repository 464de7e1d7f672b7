//! INCR key, DECR key, INCRBY key n, DECRBY key n

use crate::commands::prelude::*;
use crate::keyspace::Expiry;
use crate::number::parse_i64;
use crate::object::Text;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::String, "decr", 2, decr).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::READ_UPDATE)
        .syntax("key")
        .about("1.0.0", "Subtracts one from an integer; an absent key counts as 0."),
    Command::write(Group::String, "decrby", 3, decrby).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::READ_UPDATE)
        .syntax("key decrement")
        .about("1.0.0", "Subtracts a number from an integer; an absent key counts as 0."),
    Command::write(Group::String, "incr", 2, incr).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::READ_UPDATE)
        .syntax("key")
        .about("1.0.0", "Adds one to an integer; an absent key counts as 0."),
    Command::write(Group::String, "incrby", 3, incrby).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::READ_UPDATE)
        .syntax("key increment")
        .about("1.0.0", "Adds a number to an integer; an absent key counts as 0."),
];

fn incr(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    add(keyspace, args[1], 1, ctx, out)
}

fn decr(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    add(keyspace, args[1], -1, ctx, out)
}

fn incrby(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    add(keyspace, args[1], args::integer(args[2])?, ctx, out)
}

fn decrby(
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
