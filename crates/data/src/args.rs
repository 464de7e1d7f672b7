//! Reading arguments: integers, floats, options; each failure in Redis's words.

use crate::error::{Failure, NOT_FLOAT, NOT_INTEGER};
use crate::number;

/// An integer argument.
///
/// # Errors
/// `NOT_INTEGER` when it is anything else.
pub fn integer(arg: &[u8]) -> Result<i64, Failure> {
    number::parse_i64(arg).ok_or(NOT_INTEGER)
}

/// The number of a database.
///
/// # Errors
/// It is none that fits 32 bits, in Redis's words.
pub fn database(arg: &[u8]) -> Result<i32, Failure> {
    const OUT: Failure =
        Failure("ERR value is out of range, value must between -2147483648 and 2147483647");
    i32::try_from(integer(arg)?).map_err(|_| OUT)
}

/// A count: an integer that is not negative.
///
/// # Errors
/// Redis answers one text whether it is negative or no integer at all.
pub fn count(arg: &[u8]) -> Result<usize, Failure> {
    at_least_zero(arg, Failure("ERR value is out of range, must be positive"))
}

/// An integer that is not negative.
///
/// # Errors
/// `otherwise` when it is anything else.
pub fn at_least_zero(arg: &[u8], otherwise: Failure) -> Result<usize, Failure> {
    number::parse_i64(arg).and_then(|n| usize::try_from(n).ok()).ok_or(otherwise)
}

/// A floating-point argument; infinities are allowed when they are named.
///
/// # Errors
/// `NOT_FLOAT` when it is anything else, a number that 64 bits only hold as an infinity or as zero included.
pub fn float(arg: &[u8]) -> Result<f64, Failure> {
    let x = number::parse_f64(arg).ok_or(NOT_FLOAT)?;
    let mut mantissa = arg.iter().take_while(|b| !matches!(b, b'e' | b'E'));
    let overflows = x.is_infinite() && arg.iter().any(u8::is_ascii_digit);
    let underflows = x == 0.0 && mantissa.any(|b| matches!(b, b'1'..=b'9'));
    if overflows || underflows { Err(NOT_FLOAT) } else { Ok(x) }
}

/// Whether `arg` is this option word, in any case. `word` is in upper case.
#[must_use]
pub fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

/// Turns a Redis index pair (negative counts from the end, both ends included) into a range of
/// `0..len`; `None` when it is empty.
#[must_use]
pub fn range(start: i64, end: i64, len: usize) -> Option<std::ops::Range<usize>> {
    let len = i64::try_from(len).ok()?;
    let start = if start < 0 { (start.saturating_add(len)).max(0) } else { start };
    let end = if end < 0 { end.saturating_add(len) } else { end.min(len - 1) };
    (end >= 0 && start <= end && start < len).then(|| start as usize..end as usize + 1)
}
