//! TTL key, PTTL key, EXPIRETIME key, PEXPIRETIME key

use crate::commands::prelude::*;
use synod_types::Millis;

pub(crate) fn ttl(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    // Rounded, as in Redis: 1,500 ms are 2 s.
    reply(keyspace, args[1], ctx, out, |at| (remaining(at, ctx.now) + 500) / 1000)
}

pub(crate) fn pttl(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    reply(keyspace, args[1], ctx, out, |at| remaining(at, ctx.now))
}

pub(crate) fn expiretime(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    reply(keyspace, args[1], ctx, out, |at| (at.0.saturating_add(500) / 1000) as i64)
}

pub(crate) fn pexpiretime(
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
