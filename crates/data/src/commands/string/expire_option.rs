//! The expiry options that SET and GETEX share: EX, PX, EXAT, PXAT.

use crate::commands::prelude::*;
use synod_types::Millis;

/// How an expiry argument is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Millis,
    UnixSeconds,
    UnixMillis,
}

/// The unit that this option word announces, if it is one.
pub(super) fn unit(word: &[u8]) -> Option<Unit> {
    [
        ("EX", Unit::Seconds),
        ("PX", Unit::Millis),
        ("EXAT", Unit::UnixSeconds),
        ("PXAT", Unit::UnixMillis),
    ]
    .into_iter()
    .find_map(|(name, unit)| args::is(word, name).then_some(unit))
}

/// The time that an expiry argument means; `invalid` when it is not positive or too large.
pub(super) fn expire_time(
    arg: &[u8],
    unit: Unit,
    now: Millis,
    invalid: Failure,
) -> Result<Millis, Failure> {
    let n = args::integer(arg)?;
    let scale = if matches!(unit, Unit::Seconds | Unit::UnixSeconds) { 1000 } else { 1 };
    let base = if matches!(unit, Unit::Seconds | Unit::Millis) { now.0 as i64 } else { 0 };
    if n <= 0 {
        return Err(invalid);
    }
    let at = n.checked_mul(scale).and_then(|ms| ms.checked_add(base)).ok_or(invalid)?;
    Ok(Millis(at as u64))
}
