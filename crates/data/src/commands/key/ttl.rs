//! TTL key, PTTL key, EXPIRETIME key, PEXPIRETIME key

use crate::commands::prelude::*;
use synod_types::Millis;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Generic, "expiretime", 2, expiretime).flags(Flags::FAST)
        .syntax("key")
        .about("7.0.0", "The Unix time in seconds at which a key expires."),
    Command::read(Group::Generic, "pexpiretime", 2, pexpiretime).flags(Flags::FAST)
        .syntax("key")
        .about("7.0.0", "The Unix time in milliseconds at which a key expires."),
    Command::read(Group::Generic, "pttl", 2, pttl).flags(Flags::FAST)
        .syntax("key")
        .about("2.6.0", "The milliseconds a key has left."),
    Command::read(Group::Generic, "ttl", 2, ttl).flags(Flags::FAST)
        .syntax("key")
        .about("1.0.0", "The seconds a key has left."),
];

fn ttl(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    // Rounded, as in Redis: 1,500 ms are 2 s.
    reply(keyspace, args[1], ctx, out, |at| (remaining(at, ctx.now) + 500) / 1000)
}

fn pttl(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    reply(keyspace, args[1], ctx, out, |at| remaining(at, ctx.now))
}

fn expiretime(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    reply(keyspace, args[1], ctx, out, |at| (at.0.saturating_add(500) / 1000) as i64)
}

fn pexpiretime(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    reply(keyspace, args[1], ctx, out, |at| at.0 as i64)
}

fn remaining(at: Millis, now: Millis) -> i64 {
    at.0.saturating_sub(now.0) as i64
}

/// -2 for an absent key, -1 for one without expiry, else what `answer` makes of the time.
fn reply(
    keyspace: &Keyspace,
    key: &[u8],
    ctx: &Context,
    out: &mut dyn ReplySink,
    answer: impl FnOnce(Millis) -> i64,
) -> Outcome {
    out.integer(match keyspace.get(key, ctx.now).map(|object| object.expire()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => answer(at),
    });
    Ok(())
}
