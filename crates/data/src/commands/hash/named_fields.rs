//! What commands on single fields share: `FIELDS numfields field...`, and times as they are given.

use crate::commands::prelude::*;
use crate::number::parse_i64;
use crate::value::hash::FIELD_TIME_MS_MAX;
use synod_types::Millis;

/// Redis's words for a number of fields that is none, of most commands.
pub(super) const POSITIVE: Failure = Failure("ERR Number of fields must be a positive integer");

/// Whether times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Millis,
}

/// The fields behind FIELDS and their number. `positive` is the failure when that is none.
pub(super) fn fields<'a, 'k>(
    rest: &'a Args<'k>,
    positive: Failure,
) -> Result<&'a [&'k [u8]], Failure> {
    const MISSING: Failure =
        Failure("ERR Mandatory argument FIELDS is missing or not at the right position");
    const COUNT: Failure =
        Failure("ERR The `numfields` parameter must match the number of arguments");
    let [word, rest @ ..] = rest else { return Err(MISSING) };
    if !args::is(word, "FIELDS") {
        return Err(MISSING);
    }
    let [count, fields @ ..] = rest else { return Err(positive) };
    let count = parse_i64(count).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    if count.ok_or(positive)? == fields.len() { Ok(fields) } else { Err(COUNT) }
}

/// The time that an argument means, counted from `base`. `invalid` is the failure when it is too late a one.
pub(super) fn time(
    arg: &[u8],
    unit: Unit,
    base: Millis,
    invalid: Failure,
) -> Result<Millis, Failure> {
    const NEGATIVE: Failure = Failure("ERR invalid expire time, must be >= 0");
    let n = u64::try_from(args::integer(arg)?).map_err(|_| NEGATIVE)?;
    let scale = if unit == Unit::Seconds { 1000 } else { 1 };
    let at = n.checked_mul(scale).and_then(|ms| ms.checked_add(base.0)).ok_or(invalid)?;
    if at > FIELD_TIME_MS_MAX { Err(invalid) } else { Ok(Millis(at)) }
}

/// An option that says when fields expire: `EX 10` and its kin. `None` when this is none.
pub(super) fn time_option(word: &[u8]) -> Option<(Unit, bool)> {
    [
        ("EX", (Unit::Seconds, true)),
        ("PX", (Unit::Millis, true)),
        ("EXAT", (Unit::Seconds, false)),
        ("PXAT", (Unit::Millis, false)),
    ]
    .into_iter()
    .find_map(|(name, option)| args::is(word, name).then_some(option))
}

/// Fails when the key holds no hash. Commands on single fields look at that before their arguments.
pub(super) fn check_kind(keyspace: &Keyspace, key: &[u8], ctx: &Context) -> Outcome {
    match keyspace.peek(key, ctx.now) {
        Some(object) if object.kind() != crate::value::Kind::Hash => Err(error::WRONG_TYPE),
        _ => Ok(()),
    }
}
