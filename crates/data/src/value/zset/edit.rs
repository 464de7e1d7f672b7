//! Changing a sorted set at a key, whichever form it has.

use super::{Zset, each_packed, is_before};
use crate::keyspace::{Edit, Whole};
use crate::number::I64Text;
use crate::object::View;
use crate::value::packed::{self, ELEMENT_BYTES_MAX, ENTRIES_MAX, Encoded, HEADER};
use std::ops::Range;

impl Edit<'_, Zset> {
    /// Adds a member or changes its score. `score` is not NaN. Returns the score it had.
    pub(crate) fn put(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = self.view().score(member);
        if old == Some(score) {
            return old;
        }
        if let Some(zset) = self.full_mut() {
            zset.put(member, score);
            return old;
        }
        if old.is_some() {
            self.remove(member);
        }
        let View::Packed(packed) = self.view() else { return old };
        let count = packed::count(packed);
        if count >= ENTRIES_MAX || member.len() > ELEMENT_BYTES_MAX {
            let mut zset = Zset::from_packed(packed);
            zset.put(member, score);
            self.set(Whole::Full(zset));
        } else {
            let at = place(packed, member, score);
            let mut spelled = [0; 2 * (ELEMENT_BYTES_MAX + 2)];
            let (member, score) = (Encoded::of(member), Encoded::score(score));
            member.write(&mut spelled);
            score.write(&mut spelled[member.size()..]);
            self.splice(at..at, &spelled[..member.size() + score.size()]);
            self.count(count + 1);
        }
        old
    }

    /// Removes a member; whether it was there.
    pub(crate) fn remove(&mut self, member: &[u8]) -> bool {
        let Some(rank) = self.view().rank(member) else { return false };
        self.remove_range(rank..rank + 1);
        true
    }

    /// Removes the members of a range of positions, which lies within the sorted set.
    pub(crate) fn remove_range(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        if let Some(zset) = self.full_mut() {
            range.rev().for_each(|rank| zset.remove_at(rank));
            return;
        }
        let View::Packed(packed) = self.view() else { return };
        let start = packed::offset_of(packed, range.start, 2);
        let end = packed::offset_of(packed, range.end, 2);
        let count = packed::count(packed) - range.len();
        self.splice(start..end, &[]);
        self.count(count);
    }

    fn count(&mut self, count: usize) {
        if let Some(packed) = self.packed_mut() {
            packed::set_count(packed, count);
        }
    }
}

/// Where in a packed sorted set a member with this score begins, or would begin.
fn place(packed: &[u8], member: &[u8], score: f64) -> usize {
    let mut rank = 0;
    each_packed(packed, |other, other_score| {
        let mut text = I64Text::new(0);
        rank += usize::from(is_before((other_score, other.text(&mut text)), (score, member)));
    });
    if rank == 0 { HEADER } else { packed::offset_of(packed, rank, 2) }
}
