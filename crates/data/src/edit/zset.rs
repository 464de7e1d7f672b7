//! Changing a sorted set at a key, whichever form it has.

use super::Edit;
use crate::number::I64Text;
use crate::value::View;
use crate::value::Whole;
use crate::value::packed::{self, ELEMENT_BYTES_MAX, ENTRIES_MAX, Encoded, HEADER};
use crate::value::zset::Zset;
use std::ops::Range;

impl Edit<'_, Zset> {
    /// Adds a member or changes its score. `score` is not NaN. Returns the score it had.
    pub(crate) fn put(&mut self, member: &[u8], score: f64) -> Option<f64> {
        if let View::Packed(packed) = self.view() {
            let old = packed::find(packed, member, 2).map(|(at, _)| at);
            return self.put_packed(old, member, score);
        }
        let old = self.view().score(member);
        if old != Some(score)
            && let Some(zset) = self.full_mut()
        {
            zset.put(member, score);
        }
        old
    }

    /// As [`Self::put`], in the packed form; the member is at `at`, if anywhere.
    fn put_packed(&mut self, at: Option<usize>, member: &[u8], score: f64) -> Option<f64> {
        let View::Packed(packed) = self.view() else { return None };
        let old = at.map(|at| {
            let (before, size) = packed::read(&packed[at + packed::size_at(&packed[at..])..]);
            (at..at + packed::size_at(&packed[at..]) + size, before.score())
        });
        if old.as_ref().is_some_and(|(_, before)| *before == score) {
            return Some(score);
        }
        let count = packed::count(packed);
        if member.len() > ELEMENT_BYTES_MAX || (old.is_none() && count >= ENTRIES_MAX) {
            let mut zset = Zset::from_packed(packed);
            zset.put(member, score);
            self.set(Whole::Full(zset));
            return old.map(|(_, before)| before);
        }
        let mut spelled = [0; 2 * (ELEMENT_BYTES_MAX + 2)];
        let (element, element_score) = (Encoded::of(member), Encoded::score(score));
        element.write(&mut spelled);
        element_score.write(&mut spelled[element.size()..]);
        let spelled = &spelled[..element.size() + element_score.size()];
        let at = place(packed, member, score);
        let Some((old, before)) = old else {
            self.splice(at..at, spelled);
            self.count(count + 1);
            return None;
        };
        // The member moves to the front or to the back; those in between make room.
        if at <= old.start {
            let moved = [spelled, &packed[at..old.start]].concat();
            self.splice(at..old.end, &moved);
        } else {
            let moved = [&packed[old.end..at], spelled].concat();
            self.splice(old.start..at, &moved);
        }
        Some(before)
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

/// Where in a packed sorted set a member with this score would begin; the old place of the member
/// itself counts as any other.
fn place(packed: &[u8], member: &[u8], score: f64) -> usize {
    let mut at = HEADER;
    while at < packed.len() {
        let (other, size) = packed::read(&packed[at..]);
        let (other_score, score_size) = packed::read(&packed[at + size..]);
        let other_score = other_score.score();
        if other_score > score
            || (other_score == score && other.text(&mut I64Text::new(0)) >= member)
        {
            break;
        }
        at += size + score_size;
    }
    at
}
