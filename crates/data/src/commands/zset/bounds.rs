//! The bounds of a range of scores (`(1`, `+inf`) or of members (`[a`, `(b`, `-`, `+`).

use crate::commands::prelude::*;
use crate::number::parse_f64;
use crate::value::View;
use crate::value::zset::Zset;
use std::ops::Range;

/// Scores between two bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoreRange {
    min: f64,
    min_open: bool,
    max: f64,
    max_open: bool,
}

impl ScoreRange {
    pub(super) fn parse(min: &[u8], max: &[u8]) -> Result<Self, Failure> {
        let bound = |arg: &[u8]| {
            let (text, open) = match arg {
                [b'(', rest @ ..] => (rest, true),
                _ => (arg, false),
            };
            let bound = parse_f64(text).ok_or(Failure("ERR min or max is not a float"))?;
            Ok((bound, open))
        };
        let ((min, min_open), (max, max_open)) = (bound(min)?, bound(max)?);
        Ok(Self { min, min_open, max, max_open })
    }

    /// The positions of the members whose score is in the range.
    pub(super) fn positions(&self, zset: &View<'_, Zset>) -> Range<usize> {
        let start = zset.count_while(|s, _| s < self.min || (self.min_open && s == self.min));
        let end = zset.count_while(|s, _| s < self.max || (!self.max_open && s == self.max));
        start..end.max(start)
    }
}

#[derive(Clone, Copy, Debug)]
enum Bound<'a> {
    /// Before every member.
    Lowest,
    /// After every member.
    Highest,
    /// At this text; the text itself is out when open.
    At { text: &'a [u8], open: bool },
}

impl<'a> Bound<'a> {
    fn parse(arg: &'a [u8]) -> Result<Self, Failure> {
        match arg {
            b"-" => Ok(Self::Lowest),
            b"+" => Ok(Self::Highest),
            [b'(', text @ ..] => Ok(Self::At { text, open: true }),
            [b'[', text @ ..] => Ok(Self::At { text, open: false }),
            _ => Err(Failure("ERR min or max not valid string range item")),
        }
    }

    /// Whether `member` stands before the bound; at the bound itself `when_equal`.
    fn is_after(self, member: &[u8], when_equal: impl FnOnce(bool) -> bool) -> bool {
        match self {
            Self::Lowest => false,
            Self::Highest => true,
            Self::At { text, open } => member < text || (member == text && when_equal(open)),
        }
    }
}

/// Members between two bounds, in a sorted set whose scores are all the same; in another the answer
/// is some range, as in Redis.
#[derive(Clone, Copy, Debug)]
pub(super) struct LexRange<'a> {
    min: Bound<'a>,
    max: Bound<'a>,
}

impl<'a> LexRange<'a> {
    pub(super) fn parse(min: &'a [u8], max: &'a [u8]) -> Result<Self, Failure> {
        Ok(Self { min: Bound::parse(min)?, max: Bound::parse(max)? })
    }

    /// The positions of the members in the range.
    pub(super) fn positions(&self, zset: &View<'_, Zset>) -> Range<usize> {
        let start = zset.count_while(|_, member| self.min.is_after(member, |open| open));
        let end = zset.count_while(|_, member| self.max.is_after(member, |open| !open));
        start..end.max(start)
    }
}
