//! Looking at a sorted set, whichever form it has.

use super::{Zset, each_packed};
use crate::number::I64Text;
use crate::value::View;
use crate::value::packed::{self, Item};
use std::ops::Range;

impl<'a> View<'a, Zset> {
    /// The number of members.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Packed(packed) => packed::count(packed),
            Self::Full(zset) => zset.members.len(),
        }
    }

    /// The score of a member.
    #[must_use]
    pub(crate) fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Packed(packed) => {
                let (at, _) = packed::find(packed, member, 2)?;
                let score = at + packed::size_at(&packed[at..]);
                Some(packed::item_at(&packed[score..]).score())
            }
            Self::Full(zset) => {
                zset.members.find(member).map(|at| zset.members.entries()[at].score)
            }
        }
    }

    /// The position of a member.
    #[must_use]
    pub(crate) fn rank(&self, member: &[u8]) -> Option<usize> {
        match self {
            Self::Packed(packed) => packed::find(packed, member, 2).map(|(_, n)| n),
            Self::Full(zset) => self.score(member).map(|score| zset.rank_of(score, member)),
        }
    }

    /// How many members are `before`, which holds for a prefix of the order.
    #[must_use]
    pub(crate) fn count_while(&self, mut before: impl FnMut(f64, &[u8]) -> bool) -> usize {
        match self {
            Self::Packed(packed) => {
                let mut n = 0;
                each_packed(packed, |member, score| {
                    n += usize::from(before(score, member.text(&mut I64Text::new(0))));
                });
                n
            }
            Self::Full(zset) => {
                let entries = zset.members.entries();
                zset.order.count_while(|score, id| before(score, &entries[id as usize].text))
            }
        }
    }

    /// Hands the members of a range of positions to `f`, in order.
    pub(crate) fn each(&self, range: Range<usize>, mut f: impl FnMut(Item<'a>, f64)) {
        match self {
            Self::Packed(packed) => {
                let mut n = 0;
                each_packed(packed, |member, score| {
                    if range.contains(&n) {
                        f(member, score);
                    }
                    n += 1;
                });
            }
            Self::Full(zset) => {
                let entries = zset.members.entries();
                zset.order.each(range, |score, id| {
                    f(Item::Bytes(&entries[id as usize].text), score);
                });
            }
        }
    }

    /// As [`Self::each`], last member first.
    pub(crate) fn each_back(&self, range: Range<usize>, mut f: impl FnMut(Item<'a>, f64)) {
        match self {
            Self::Packed(_) => {
                let mut pairs = Vec::with_capacity(range.len());
                self.each(range, |member, score| pairs.push((member, score)));
                pairs.into_iter().rev().for_each(|(member, score)| f(member, score));
            }
            Self::Full(zset) => {
                let entries = zset.members.entries();
                zset.order.each_back(range, |score, id| {
                    f(Item::Bytes(&entries[id as usize].text), score);
                });
            }
        }
    }

    /// The member at a position of the table, not of the order, for scans; `index` is below the
    /// length. A packed sorted set has no table: its order serves.
    #[must_use]
    pub(crate) fn in_table(&self, index: usize) -> (Item<'a>, f64) {
        match self {
            Self::Packed(packed) => {
                let member = &packed[packed::offset_of(packed, index, 2)..];
                let score = &member[packed::size_at(member)..];
                (packed::item_at(member), packed::item_at(score).score())
            }
            Self::Full(zset) => {
                let member = &zset.members.entries()[index];
                (Item::Bytes(&member.text), member.score)
            }
        }
    }

    /// Whether a scan goes through it step by step; a packed one is answered at once.
    #[must_use]
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}
