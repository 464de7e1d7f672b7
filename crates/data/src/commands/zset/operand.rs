//! What ZUNION, ZINTER and ZDIFF read: sorted sets, and sets, whose members count as scored 1.

use crate::commands::prelude::*;
use crate::value::Kind;
use crate::value::View;
use crate::value::packed::Item;
use crate::value::set::Set;
use crate::value::zset::Zset;
use synod_types::Millis;

/// One input.
pub(super) enum Operand<'k> {
    /// No such key.
    Absent,
    Set(View<'k, Set>),
    Zset(View<'k, Zset>),
}

impl<'k> Operand<'k> {
    pub(super) fn at(keyspace: &'k Keyspace, key: &[u8], now: Millis) -> Result<Self, Failure> {
        match keyspace.kind(key, now) {
            None => Ok(Self::Absent),
            Some(Kind::Set) => Ok(keyspace.view(key, now)?.map_or(Self::Absent, Self::Set)),
            Some(_) => Ok(keyspace.view(key, now)?.map_or(Self::Absent, Self::Zset)),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Absent => 0,
            Self::Set(set) => set.len(),
            Self::Zset(zset) => zset.len(),
        }
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Absent => None,
            Self::Set(set) => set.contains(member).then_some(1.0),
            Self::Zset(zset) => zset.score(member),
        }
    }

    pub(super) fn each(&self, mut f: impl FnMut(Item<'k>, f64)) {
        match self {
            Self::Absent => {}
            Self::Set(set) => set.each(|member| f(member, 1.0)),
            Self::Zset(zset) => zset.each(0..zset.len(), f),
        }
    }
}
