//! HTTL key FIELDS numfields field..., HPTTL, HEXPIRETIME, HPEXPIRETIME

use super::named_fields::{self, POSITIVE};
use crate::commands::prelude::*;
use synod_types::Millis;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Hash, "hexpiretime", -5, hexpiretime).flags(Flags::FAST)
        .syntax("key FIELDS <numfields:integer field...>")
        .about("7.4.0", "The Unix times in seconds at which fields expire."),
    Command::read(Group::Hash, "hpexpiretime", -5, hpexpiretime).flags(Flags::FAST)
        .syntax("key FIELDS <numfields:integer field...>")
        .about("7.4.0", "The Unix times in milliseconds at which fields expire."),
    Command::read(Group::Hash, "hpttl", -5, hpttl).flags(Flags::FAST)
        .syntax("key FIELDS <numfields:integer field...>")
        .about("7.4.0", "The milliseconds that fields have left."),
    Command::read(Group::Hash, "httl", -5, httl).flags(Flags::FAST)
        .syntax("key FIELDS <numfields:integer field...>")
        .about("7.4.0", "The seconds that fields have left."),
];

const NO_FIELD: i64 = -2;
const NO_TIME: i64 = -1;

fn httl(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    reply(keyspace, args, ctx, out, |at| seconds(at.0.saturating_sub(ctx.now.0)))
}

fn hpttl(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    reply(keyspace, args, ctx, out, |at| at.0.saturating_sub(ctx.now.0) as i64)
}

fn hexpiretime(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    reply(keyspace, args, ctx, out, |at| seconds(at.0))
}

fn hpexpiretime(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    reply(keyspace, args, ctx, out, |at| at.0 as i64)
}

/// Rounded up, as in Redis.
fn seconds(ms: u64) -> i64 {
    ms.div_ceil(1000) as i64
}

/// -2 for an absent field, -1 for one that does not expire, else what `answer` makes of the time.
fn reply(
    keyspace: &Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
    answer: impl Fn(Millis) -> i64,
) -> Outcome {
    let hash = keyspace.fields(args[1], ctx.now)?;
    let fields = named_fields::fields(&args[2..], POSITIVE)?;
    out.array(fields.len());
    for field in fields {
        out.integer(match hash.as_ref().and_then(|hash| hash.deadline(field)) {
            None => NO_FIELD,
            Some(None) => NO_TIME,
            Some(Some(at)) => answer(at),
        });
    }
    Ok(())
}
