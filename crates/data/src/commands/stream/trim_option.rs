//! The options MAXLEN, MINID and LIMIT, which XADD and XTRIM share.

use super::id;
use crate::commands::prelude::*;
use crate::value::stream::{Keep, Trim};

/// An approximate trimming without LIMIT removes this many entries at most: a hundred nodes' worth,
/// as in Redis.
const LIMIT_DEFAULT: usize = 10_000;

/// The options as they are read.
#[derive(Clone, Copy, Default)]
pub(super) struct TrimOption {
    keep: Option<Keep>,
    approximate: bool,
    limit: Option<usize>,
}

impl TrimOption {
    /// Reads one option off the front of `args`; false when there is none.
    pub(super) fn take(&mut self, args: &mut &Args<'_>) -> Result<bool, Failure> {
        const BOTH: Failure = Failure(
            "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
        );
        const MAXLEN: Failure = Failure("ERR The MAXLEN argument must be >= 0.");
        const LIMIT: Failure = Failure("ERR The LIMIT argument must be >= 0.");
        let [word, rest @ ..] = *args else { return Ok(false) };
        let is_maxlen = args::is(word, "MAXLEN");
        if rest.is_empty() {
            return Ok(false);
        }
        if is_maxlen || args::is(word, "MINID") {
            if self.keep.is_some() {
                return Err(BOTH);
            }
            let (approximate, rest) = match rest {
                [b"~", rest @ ..] if !rest.is_empty() => (true, rest),
                [b"=", rest @ ..] if !rest.is_empty() => (false, rest),
                _ => (false, rest),
            };
            self.approximate = approximate;
            self.keep = Some(if is_maxlen {
                let n = args::integer(rest[0])?;
                Keep::Newest(usize::try_from(n).map_err(|_| MAXLEN)?)
            } else {
                Keep::From(id(rest[0], 0)?)
            });
            *args = &rest[1..];
        } else if args::is(word, "LIMIT") {
            let n = args::integer(rest[0])?;
            self.limit = Some(usize::try_from(n).map_err(|_| LIMIT)?);
            *args = &rest[1..];
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// What the options ask for, all read; `None` when they ask for nothing and `required` is no failure.
    pub(super) fn finish(self, required: Outcome) -> Result<Option<Trim>, Failure> {
        const ALONE: Failure = Failure(
            "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
        );
        const EXACT: Failure =
            Failure("ERR syntax error, LIMIT cannot be used without the special ~ option");
        let Some(keep) = self.keep else {
            return match self.limit {
                Some(1..) => Err(ALONE),
                None => required.map(|()| None),
                Some(_) => required.and(Err(EXACT)),
            };
        };
        let limit = match (self.limit, self.approximate) {
            (Some(_), false) => return Err(EXACT),
            (Some(limit), true) => limit,
            (None, true) => LIMIT_DEFAULT,
            (None, false) => 0,
        };
        Ok(Some(Trim { keep, approximate: self.approximate, limit }))
    }
}
