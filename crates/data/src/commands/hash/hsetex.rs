//! HSETEX key [FNX | FXX] [EX s | PX ms | EXAT unix-s | PXAT unix-ms | KEEPTTL] FIELDS numfields field value...

use super::named_fields;
use crate::commands::prelude::*;
use crate::edit::Edit;
use crate::number::parse_i64;
use crate::value::hash::Hash;
use synod_types::Millis;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Hash, "hsetex", -6, hsetex).flags(Flags::DENYOOM.and(Flags::FAST))
        .syntax("key [FNX | FXX] [EX seconds:integer | PX milliseconds:integer | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL] FIELDS numfields:integer <field value>...")
        .about("8.0.0", "Sets the values of fields and their expiry, by a condition."),
];

/// What becomes of the fields' times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Time {
    Never,
    Keep,
    At(Millis),
}

/// Which fields must be there: all or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    AllThere,
    NoneThere,
}

#[derive(Debug)]
struct Call<'a, 'k> {
    condition: Option<Condition>,
    time: Time,
    pairs: &'a [&'k [u8]],
}

/// Why it is refused.
enum Refusal<'k> {
    Plain(Failure),
    Unknown(&'k [u8]),
}

impl From<Failure> for Refusal<'_> {
    fn from(failure: Failure) -> Self {
        Self::Plain(failure)
    }
}

fn hsetex(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let call = match parse(args, ctx) {
        Ok(call) => call,
        Err(Refusal::Plain(failure)) => return Err(failure),
        Err(Refusal::Unknown(word)) => {
            out.error(&format!("ERR unknown argument: {}", String::from_utf8_lossy(word)));
            return Ok(());
        }
    };
    let done = keyspace.edit_or_create::<Hash, _>(args[1], ctx.now, |hash| {
        let passes = is_met(hash, &call);
        if passes {
            call.pairs.chunks_exact(2).for_each(|pair| set(hash, pair, call.time, ctx.now));
        }
        Ok(passes)
    })?;
    if done {
        keyspace.tell_of_hash("hset", args[1]);
        match call.time {
            Time::At(time) if time <= ctx.now => keyspace.tell_of_hash("hdel", args[1]),
            Time::At(_) => keyspace.tell_of_hash("hexpire", args[1]),
            Time::Never | Time::Keep => {}
        }
    }
    out.integer(i64::from(done));
    Ok(())
}

fn is_met(hash: &Edit<'_, Hash>, call: &Call<'_, '_>) -> bool {
    let mut there = call.pairs.chunks_exact(2).map(|pair| hash.view().get(pair[0]).is_some());
    match call.condition {
        None => true,
        Some(Condition::AllThere) => there.all(|there| there),
        Some(Condition::NoneThere) => !there.any(|there| there),
    }
}

/// A field that is set to a time in the past is deleted at once.
fn set(hash: &mut Edit<'_, Hash>, pair: &[&[u8]], time: Time, now: Millis) {
    match time {
        Time::Never => _ = hash.put(pair[0], pair[1]),
        Time::Keep => _ = hash.put_keeping(pair[0], pair[1]),
        Time::At(at) => {
            hash.put_keeping(pair[0], pair[1]);
            if at <= now {
                hash.remove(pair[0]);
            } else {
                hash.set_deadline(pair[0], Some(at));
            }
        }
    }
}

fn parse<'a, 'k>(args: &'a Args<'k>, ctx: &Context) -> Result<Call<'a, 'k>, Refusal<'k>> {
    const INVALID: Failure = Failure("ERR invalid expire time in 'hsetex' command");
    const ONE_TIME: Failure =
        Failure("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
    const ONE_CONDITION: Failure = Failure("ERR Only one of FXX or FNX arguments can be specified");
    const NO_TIME: Failure = Failure("ERR missing expire time");
    let (mut condition, mut time) = (None, Time::Never);
    let mut rest = &args[2..];
    while let [word, after @ ..] = rest {
        rest = after;
        if args::is(word, "FIELDS") {
            return Ok(Call { condition, time, pairs: pairs(rest)? });
        } else if args::is(word, "FXX") || args::is(word, "FNX") {
            let all = args::is(word, "FXX");
            if condition.is_some() {
                return Err(ONE_CONDITION.into());
            }
            condition = Some(if all { Condition::AllThere } else { Condition::NoneThere });
        } else if args::is(word, "KEEPTTL") {
            if time != Time::Never {
                return Err(ONE_TIME.into());
            }
            time = Time::Keep;
        } else if let Some((unit, from_now)) = named_fields::time_option(word) {
            if time != Time::Never {
                return Err(ONE_TIME.into());
            }
            let [arg, after @ ..] = rest else { return Err(NO_TIME.into()) };
            rest = after;
            let base = if from_now { ctx.now } else { Millis(0) };
            time = Time::At(named_fields::time(arg, unit, base, INVALID)?);
        } else {
            return Err(Refusal::Unknown(word));
        }
    }
    Err(ARITY.into())
}

const ARITY: Failure = Failure("ERR wrong number of arguments for 'hsetex' command");

/// Fields and values behind FIELDS and their number.
fn pairs<'a, 'k>(rest: &'a [&'k [u8]]) -> Result<&'a [&'k [u8]], Failure> {
    const COUNT: Failure = Failure("ERR invalid number of fields");
    let [count, pairs @ ..] = rest else { return Err(ARITY) };
    if pairs.len() < 2 {
        return Err(ARITY);
    }
    let count = parse_i64(count).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let wanted = count.ok_or(COUNT)?.checked_mul(2);
    if wanted == Some(pairs.len()) { Ok(pairs) } else { Err(ARITY) }
}
