//! MSETEX numkeys key value [key value ...] [NX | XX] [EX s | PX ms | EXAT unix-s | PXAT unix-ms | KEEPTTL]

use super::expire_option::{expire_time, unit};
use crate::commands::prelude::*;
use crate::keyspace::Expiry;
use crate::number::parse_i64;
use synod_types::Millis;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::String, "msetex", -4, msetex).flags(Flags::DENYOOM).keys(0, 0, 2).counted_keys(1).access(Access::OVERWRITE)
        .syntax("numkeys <key value>... [NX | XX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]")
        .about("8.4.0", "Sets several strings at once, with conditions and one expiry for all."),
];

/// When the strings are set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    AllAbsent,
    AllPresent,
}

fn msetex(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const NUMKEYS: Failure = Failure("ERR invalid numkeys value");
    const ARITY: Failure = Failure("ERR wrong number of key-value pairs");
    let count = parse_i64(args[1]).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let end = count.ok_or(NUMKEYS)?.checked_mul(2).and_then(|n| n.checked_add(2)).ok_or(NUMKEYS)?;
    if end > args.len() {
        return Err(ARITY);
    }
    let (condition, expiry) = parse(&args[end..], ctx.now)?;
    let pairs = args[2..end].as_chunks::<2>().0;
    let mut keys = pairs.iter().map(|[key, _]| keyspace.exists(key, ctx.now));
    let accepted = match condition {
        None => true,
        Some(Condition::AllAbsent) => keys.all(|exists| !exists),
        Some(Condition::AllPresent) => keys.all(|exists| exists),
    };
    if accepted {
        for [key, value] in pairs {
            keyspace.set_text(key, value, expiry, ctx.now);
        }
    }
    out.integer(i64::from(accepted));
    Ok(())
}

fn parse(words: &Args<'_>, now: Millis) -> Result<(Option<Condition>, Expiry), Failure> {
    const INVALID: Failure = Failure("ERR invalid expire time in 'msetex' command");
    let (mut condition, mut expiry) = (None, None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if args::is(word, "NX") && condition.is_none() {
            condition = Some(Condition::AllAbsent);
        } else if args::is(word, "XX") && condition.is_none() {
            condition = Some(Condition::AllPresent);
        } else if args::is(word, "KEEPTTL") && expiry.is_none() {
            expiry = Some(Expiry::Keep);
        } else if let Some(unit) = unit(word)
            && expiry.is_none()
        {
            let time = words.next().ok_or(error::SYNTAX)?;
            expiry = Some(Expiry::At(expire_time(time, unit, now, INVALID)?));
        } else {
            return Err(error::SYNTAX);
        }
    }
    Ok((condition, expiry.unwrap_or(Expiry::Never)))
}
