//! Changing a list at a key, whichever form it has.

use super::Edit;
use crate::value::View;
use crate::value::Whole;
use crate::value::list::{End, List, PACKED_BYTES_MAX, run};
use crate::value::packed::{self, Encoded, HEADER, Item};
use std::ops::Range;

impl Edit<'_, List> {
    /// Adds an element at an end.
    pub(crate) fn push(&mut self, end: End, text: &[u8]) {
        if let Some(list) = self.full_mut() {
            return match end {
                End::Left => list.push_front(text),
                End::Right => list.push_back(text),
            };
        }
        let View::Packed(packed) = self.view() else { return };
        let element = Encoded::of(text);
        let (len, count) = (packed.len(), packed::count(packed));
        if len + run::span(&element) > PACKED_BYTES_MAX {
            self.unpack();
            return self.push(end, text);
        }
        let at = if end == End::Left { HEADER } else { len };
        let mut spelled = [0; PACKED_BYTES_MAX];
        let spelled = &mut spelled[..run::span(&element)];
        run::write(spelled, &element);
        self.splice(at..at, spelled);
        self.count(count + 1);
    }

    /// Hands up to `limit` elements from an end to `take` and removes them; says how many.
    pub(crate) fn pop(&mut self, end: End, limit: usize, mut take: impl FnMut(Item<'_>)) -> usize {
        let view = self.view();
        let (len, many) = (view.len(), limit.min(view.len()));
        match end {
            End::Left => view.each(0..many, take),
            End::Right => view.each_back(len - many..len, &mut take),
        }
        if many > 0 {
            match end {
                End::Left => self.keep(many..len),
                End::Right => self.keep(0..len - many),
            }
        }
        many
    }

    /// Keeps the elements of `range` only, which lies within the list.
    pub(crate) fn keep(&mut self, range: Range<usize>) {
        if let Some(list) = self.full_mut() {
            return list.keep(range);
        }
        let View::Packed(packed) = self.view() else { return };
        let (run, count) = (&packed[HEADER..], packed::count(packed));
        let end = HEADER + run::offset(run, count, range.end);
        let start = HEADER + run::offset(run, count, range.start);
        let len = packed.len();
        if end < len {
            self.splice(end..len, &[]);
        }
        if start > HEADER {
            self.splice(HEADER..start, &[]);
        }
        self.count(range.len());
    }

    /// Puts an element in place of the one at `index`, which is below the length.
    pub(crate) fn replace(&mut self, index: usize, text: &[u8]) {
        self.middle(text.len(), |list| list.set(index, text));
    }

    /// Puts an element before the one at `index`; at the back when `index` is the length.
    pub(crate) fn insert(&mut self, index: usize, text: &[u8]) {
        self.middle(text.len(), |list| list.insert(index, text));
    }

    /// Removes up to `limit` elements with this text, the first ones or the last ones; says how many.
    pub(crate) fn remove(&mut self, text: &[u8], limit: usize, from_back: bool) -> usize {
        if self.view().position(text).is_none() {
            return 0;
        }
        self.middle(0, |list| list.remove(text, limit, from_back))
    }

    /// Changes the list in its full form and packs it again if it was packed and still may be.
    fn middle<R>(&mut self, grows_by: usize, change: impl FnOnce(&mut List) -> R) -> R {
        let mut small = match self.view() {
            View::Packed(packed) if packed.len() + grows_by + 16 <= PACKED_BYTES_MAX => {
                List::from_packed(packed)
            }
            View::Packed(_) => {
                self.unpack();
                return self.middle(grows_by, change);
            }
            View::Full(_) => match self.full_mut() {
                Some(list) => return change(list),
                None => List::default(),
            },
        };
        let result = change(&mut small);
        self.set(Whole::Packed(small.to_packed()));
        result
    }

    fn unpack(&mut self) {
        if let View::Packed(packed) = self.view() {
            let list = List::from_packed(packed);
            self.set(Whole::Full(list));
        }
    }

    fn count(&mut self, count: usize) {
        if let Some(packed) = self.packed_mut() {
            packed::set_count(packed, count);
        }
    }
}
