//! What the commands have in common that may wait until a key holds something.
//!
//! A handler that finds nothing fails with [`error::WAITING`] and has changed nothing: who ran it arms the wait. The
//! reading of `timeout`, of a counted list of keys and of `COUNT` is here, since lists and sorted sets share it.

use crate::commands::prelude::*;
use crate::number;
use crate::value::Collection;

/// A `timeout` in seconds, in milliseconds; `None`: for ever.
///
/// # Errors
/// Redis has three texts.
pub(crate) fn timeout_ms(arg: &[u8]) -> Result<Option<u64>, Failure> {
    const NO_FLOAT: Failure = Failure("ERR timeout is not a float or out of range");
    const TOO_LARGE: Failure = Failure("ERR timeout is out of range");
    const NEGATIVE: Failure = Failure("ERR timeout is negative");
    let seconds = number::parse_f64(arg).ok_or(NO_FLOAT)?;
    let ms = (seconds * 1000.0).ceil();
    if ms >= i64::MAX as f64 {
        return Err(TOO_LARGE);
    }
    if ms < 0.0 {
        return Err(NEGATIVE);
    }
    Ok((ms > 0.0).then_some(ms as u64))
}

/// `numkeys key... word [COUNT n]` from `at` on.
pub(crate) struct Counted<'a> {
    pub keys: &'a [&'a [u8]],
    pub word: &'a [u8],
    pub count: usize,
}

/// Reads the arguments from `numkeys` on, which stands at `at`; behind the keys stands one of the words.
///
/// # Errors
/// In Redis's order and words.
pub(crate) fn counted<'a>(
    args: &'a Args<'a>,
    at: usize,
    words: [&str; 2],
) -> Result<Counted<'a>, Failure> {
    const NUMKEYS: Failure = Failure("ERR numkeys should be greater than 0");
    const COUNT: Failure = Failure("ERR count should be greater than 0");
    let positive = |arg: &[u8]| number::parse_i64(arg).and_then(|n| usize::try_from(n).ok());
    let many = positive(args[at]).filter(|n| *n > 0).ok_or(NUMKEYS)?;
    let end = (at + 1).checked_add(many).filter(|end| *end < args.len()).ok_or(error::SYNTAX)?;
    if !words.iter().any(|word| args::is(args[end], word)) {
        return Err(error::SYNTAX);
    }
    let count = match &args[end + 1..] {
        [] => 1,
        [word, n] if args::is(word, "COUNT") => positive(n).filter(|n| *n > 0).ok_or(COUNT)?,
        _ => return Err(error::SYNTAX),
    };
    Ok(Counted { keys: &args[at + 1..end], word: args[end], count })
}

/// The first of the keys that holds a `K`.
///
/// # Errors
/// `WRONG_TYPE` where a key before it holds something else.
pub(crate) fn first_held<'a, K: Collection>(
    keyspace: &Keyspace,
    keys: &[&'a [u8]],
    ctx: &Context,
) -> Result<Option<&'a [u8]>, Failure> {
    for key in keys {
        if keyspace.view::<K>(key, ctx.now)?.is_some() {
            return Ok(Some(key));
        }
    }
    Ok(None)
}
