//! HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field..., HPEXPIRE, HEXPIREAT, HPEXPIREAT

use super::named_fields::{self, Unit};
use crate::commands::prelude::*;
use crate::edit::Edit;
use crate::value::hash::Hash;
use synod_types::Millis;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Hash, "hexpire", -6, hexpire).flags(Flags::DENYOOM.and(Flags::FAST))
        .syntax("key seconds:integer [NX | XX | GT | LT] FIELDS <numfields:integer field...>")
        .about("7.4.0", "Sets the expiry of fields, in seconds from now."),
    Command::write(Group::Hash, "hexpireat", -6, hexpireat).flags(Flags::DENYOOM.and(Flags::FAST))
        .syntax("key unix-time-seconds [NX | XX | GT | LT] FIELDS <numfields:integer field...>")
        .about("7.4.0", "Sets the expiry of fields to a Unix time in seconds."),
    Command::write(Group::Hash, "hpexpire", -6, hpexpire).flags(Flags::DENYOOM.and(Flags::FAST))
        .syntax("key milliseconds:integer [NX | XX | GT | LT] FIELDS <numfields:integer field...>")
        .about("7.4.0", "Sets the expiry of fields, in milliseconds from now."),
    Command::write(Group::Hash, "hpexpireat", -6, hpexpireat).flags(Flags::DENYOOM.and(Flags::FAST))
        .syntax("key unix-time-milliseconds [NX | XX | GT | LT] FIELDS <numfields:integer field...>")
        .about("7.4.0", "Sets the expiry of fields to a Unix time in milliseconds."),
];

/// What is answered for a field.
const NO_FIELD: i64 = -2;
const REFUSED: i64 = 0;
const SET: i64 = 1;
const DELETED: i64 = 2;

fn hexpire(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const INVALID: Failure = Failure("ERR invalid expire time in 'hexpire' command");
    change(keyspace, args, ctx, out, (Unit::Seconds, ctx.now), INVALID)
}

fn hpexpire(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const INVALID: Failure = Failure("ERR invalid expire time in 'hpexpire' command");
    change(keyspace, args, ctx, out, (Unit::Millis, ctx.now), INVALID)
}

fn hexpireat(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const INVALID: Failure = Failure("ERR invalid expire time in 'hexpireat' command");
    change(keyspace, args, ctx, out, (Unit::Seconds, Millis(0)), INVALID)
}

fn hpexpireat(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const INVALID: Failure = Failure("ERR invalid expire time in 'hpexpireat' command");
    change(keyspace, args, ctx, out, (Unit::Millis, Millis(0)), INVALID)
}

/// When a new time is accepted.
#[derive(Clone, Copy)]
enum Condition {
    Always,
    Nx,
    Xx,
    Gt,
    Lt,
}

impl Condition {
    fn parse(word: &[u8]) -> Option<Self> {
        [("NX", Self::Nx), ("XX", Self::Xx), ("GT", Self::Gt), ("LT", Self::Lt)]
            .into_iter()
            .find_map(|(name, condition)| args::is(word, name).then_some(condition))
    }

    /// No time counts as one in the infinite future.
    fn accepts(self, before: Option<Millis>, after: Millis) -> bool {
        match self {
            Self::Always => true,
            Self::Nx => before.is_none(),
            Self::Xx => before.is_some(),
            Self::Gt => before.is_some_and(|before| after > before),
            Self::Lt => before.is_none_or(|before| after < before),
        }
    }
}

fn change(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
    (unit, base): (Unit, Millis),
    invalid: Failure,
) -> Outcome {
    const POSITIVE: Failure = Failure("ERR Parameter `numFields` should be greater than 0");
    named_fields::check_kind(keyspace, args[1], ctx)?;
    let time = named_fields::time(args[2], unit, base, invalid)?;
    let (condition, rest) = match Condition::parse(args[3]) {
        Some(condition) => (condition, &args[4..]),
        None => (Condition::Always, &args[3..]),
    };
    let fields = named_fields::fields(rest, POSITIVE)?;
    let answers = keyspace.edit::<Hash, _>(args[1], ctx.now, |hash| {
        let set = |field: &&[u8]| set_time(hash, field, time, condition, ctx.now);
        Ok(fields.iter().map(set).collect::<Vec<i64>>())
    })?;
    let answers = answers.unwrap_or_else(|| vec![NO_FIELD; fields.len()]);
    if answers.contains(&DELETED) {
        keyspace.tell_of_hash("hdel", args[1]);
    } else if answers.contains(&SET) {
        keyspace.tell_of_hash("hexpire", args[1]);
    }
    out.array(answers.len());
    answers.into_iter().for_each(|answer| out.integer(answer));
    Ok(())
}

fn set_time(
    hash: &mut Edit<'_, Hash>,
    field: &[u8],
    time: Millis,
    condition: Condition,
    now: Millis,
) -> i64 {
    match hash.view().deadline(field) {
        None => NO_FIELD,
        Some(before) if !condition.accepts(before, time) => REFUSED,
        Some(_) if time <= now => {
            hash.remove(field);
            DELETED
        }
        Some(before) => {
            hash.set_deadline(field, Some(time));
            if before == Some(time) {
                hash.touch();
            }
            SET
        }
    }
}
