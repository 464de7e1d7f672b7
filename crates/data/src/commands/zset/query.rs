//! What part of a sorted set a command of the ZRANGE family asks for. All of them become a range of
//! positions, so they differ in their arguments only.

use super::bounds::{LexRange, ScoreRange};
use crate::commands::prelude::*;
use crate::value::View;
use crate::value::zset::Zset;
use std::ops::Range;

/// How the bounds are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Positions.
    Rank,
    /// Scores.
    Score,
    /// Members.
    Lex,
}

#[derive(Clone, Copy, Debug)]
enum By<'a> {
    Rank(i64, i64),
    Score(ScoreRange),
    Lex(LexRange<'a>),
}

/// A parsed query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a> {
    by: By<'a>,
    pub(super) reverse: bool,
    pub(super) with_scores: bool,
    /// LIMIT: how many to pass over, how many to take at most; negative: none, all.
    offset: i64,
    count: i64,
}

/// What the command's name has decided already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixed {
    /// `None`: BYSCORE and BYLEX are options.
    pub(super) kind: Option<Kind>,
    /// `None`: REV is an option.
    pub(super) reverse: Option<bool>,
    /// Whether WITHSCORES is an option.
    pub(super) scores: bool,
}

/// How many members a command looks at whose key is the argument `key` and whose query stands behind it.
pub(super) fn members(keyspace: &Keyspace, args: &Args<'_>, key: usize, fixed: Fixed) -> usize {
    let Some(query) = args.get(key + 1..).and_then(|args| Query::parse(fixed, args).ok()) else {
        return 0;
    };
    keyspace.glance::<Zset>(args[key]).map_or(0, |zset| query.positions(&zset).len())
}

impl<'a> Query<'a> {
    /// Reads the two bounds and the options after them.
    pub(super) fn parse(fixed: Fixed, args: &Args<'a>) -> Result<Self, Failure> {
        const LIMIT: Failure = Failure(
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        );
        const SCORES: Failure =
            Failure("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
        let [first, second, rest @ ..] = args else { return Err(error::SYNTAX) };
        let (mut kind, mut reverse) = (fixed.kind, fixed.reverse);
        let (mut with_scores, mut offset, mut count) = (false, 0, -1);
        let mut rest = rest.iter();
        while let Some(word) = rest.next() {
            if fixed.scores && args::is(word, "WITHSCORES") {
                with_scores = true;
            } else if args::is(word, "LIMIT") && rest.len() >= 2 {
                offset = args::integer(rest.next().ok_or(error::SYNTAX)?)?;
                count = args::integer(rest.next().ok_or(error::SYNTAX)?)?;
            } else if reverse.is_none() && args::is(word, "REV") {
                reverse = Some(true);
            } else if kind.is_none() && args::is(word, "BYSCORE") {
                kind = Some(Kind::Score);
            } else if kind.is_none() && args::is(word, "BYLEX") {
                kind = Some(Kind::Lex);
            } else {
                return Err(error::SYNTAX);
            }
        }
        let (kind, reverse) = (kind.unwrap_or(Kind::Rank), reverse.unwrap_or(false));
        if count != -1 && kind == Kind::Rank {
            return Err(LIMIT);
        }
        if with_scores && kind == Kind::Lex {
            return Err(SCORES);
        }
        // The reverse of a range by score or member is given from the far bound to the near one.
        let (min, max) = if reverse { (second, first) } else { (first, second) };
        let by = match kind {
            Kind::Rank => By::Rank(args::integer(first)?, args::integer(second)?),
            Kind::Score => By::Score(ScoreRange::parse(min, max)?),
            Kind::Lex => By::Lex(LexRange::parse(min, max)?),
        };
        Ok(Self { by, reverse, with_scores, offset, count })
    }

    /// The positions asked for, in ascending order whatever the direction.
    pub(super) fn positions(&self, zset: &View<'_, Zset>) -> Range<usize> {
        let len = zset.len();
        match self.by {
            By::Rank(start, stop) => match args::range(start, stop, len) {
                Some(range) if self.reverse => len - range.end..len - range.start,
                Some(range) => range,
                None => 0..0,
            },
            By::Score(range) => self.limit(range.positions(zset)),
            By::Lex(range) => self.limit(range.positions(zset)),
        }
    }

    fn limit(&self, range: Range<usize>) -> Range<usize> {
        let Ok(skip) = usize::try_from(self.offset) else { return 0..0 };
        let left = range.len().saturating_sub(skip);
        let take = usize::try_from(self.count).unwrap_or(left).min(left);
        if take == 0 {
            return 0..0;
        }
        if self.reverse {
            let end = range.end - skip;
            end - take..end
        } else {
            let start = range.start + skip;
            start..start + take
        }
    }
}
