//! What SSCAN, HSCAN and ZSCAN share: the cursor, the options, one step.
//!
//! HSCAN and ZSCAN have a word that leaves the values out, as later versions of Redis and Valkey do.
//!
//! A small collection is answered whole, whatever COUNT says, as in Redis. In a large one the cursor
//! counts down through the dense table (see `value::dense`).

use super::prelude::*;
use crate::Glob;
use crate::number::I64Text;
use crate::value::packed::Item;
use crate::value::scan_step;

/// How many elements a step looks at unless COUNT says otherwise.
const COUNT_DEFAULT: usize = 10;

/// MATCH, COUNT, and the word that leaves values out.
pub(super) struct Options<'a> {
    glob: Option<Glob<'a>>,
    count: usize,
    /// Whether only names are answered.
    pub(super) bare: bool,
}

/// The cursor argument.
pub(super) fn cursor(arg: &[u8]) -> Result<u64, Failure> {
    const INVALID: Failure = Failure("ERR invalid cursor");
    std::str::from_utf8(arg).ok().and_then(|text| text.parse().ok()).ok_or(INVALID)
}

/// The arguments after the cursor. `bare` is the word that leaves values out, where there is one.
pub(super) fn options<'a>(mut rest: &Args<'a>, bare: Option<&str>) -> Result<Options<'a>, Failure> {
    let mut options = Options { glob: None, count: COUNT_DEFAULT, bare: false };
    while let [word, after @ ..] = rest {
        if bare.is_some_and(|bare| args::is(word, bare)) {
            options.bare = true;
            rest = after;
            continue;
        }
        let [value, after @ ..] = after else { return Err(error::SYNTAX) };
        rest = after;
        if args::is(word, "COUNT") {
            let count = args::integer(value)?;
            options.count = usize::try_from(count).map_err(|_| error::SYNTAX)?;
            if count == 0 {
                return Err(error::SYNTAX);
            }
        } else if args::is(word, "MATCH") {
            options.glob = Some(Glob::new(value));
        } else {
            return Err(error::SYNTAX);
        }
    }
    Ok(options)
}

/// Looks at the next elements of a collection of `len`, whose names `name_at` gives (none of what is not seen any more); answers the
/// next cursor and announces `width` replies for each element found. Returns where those are.
pub(super) fn step<'v>(
    cursor: u64,
    options: &Options<'_>,
    (len, is_full): (usize, bool),
    name_at: impl Fn(usize) -> Option<Item<'v>>,
    width: usize,
    out: &mut dyn ReplySink,
) -> Vec<usize> {
    let (range, next) = if is_full { scan_step(cursor, len, options.count) } else { (0..len, 0) };
    let passes = |at: &usize| {
        let glob = options.glob.as_ref();
        name_at(*at).is_some_and(|name| {
            glob.is_none_or(|glob| glob.matches(name.text(&mut I64Text::new(0))))
        })
    };
    let found: Vec<usize> = range.filter(passes).collect();
    reply_head(next, found.len() * width, out);
    found
}

/// The answer for an absent key.
pub(super) fn reply_absent(out: &mut dyn ReplySink) {
    reply_head(0, 0, out);
}

fn reply_head(next: u64, len: usize, out: &mut dyn ReplySink) {
    out.array(2);
    // A position in a table of at most 2^32 elements.
    out.bulk(I64Text::new(next as i64).as_bytes());
    out.array(len);
}
