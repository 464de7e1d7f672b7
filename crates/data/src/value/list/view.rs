//! Looking at a list, whichever form it has.

use super::List;
use super::run::{self, Run};
use crate::value::View;
use crate::value::packed::{self, HEADER, Item};
use std::ops::{ControlFlow, Range};

impl<'a> View<'a, List> {
    /// The number of elements.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Packed(packed) => packed::count(packed),
            Self::Full(list) => list.len,
        }
    }

    /// Hands each element of `range`, which lies within the list, to `f`, in order.
    pub(crate) fn each(&self, range: Range<usize>, f: impl FnMut(Item<'a>)) {
        match self {
            Self::Packed(packed) => packed_range(packed, range).for_each(f),
            Self::Full(list) => list.each(range, f),
        }
    }

    /// As [`Self::each`], last element first.
    pub(crate) fn each_back(&self, range: Range<usize>, f: impl FnMut(Item<'a>)) {
        match self {
            Self::Packed(packed) => packed_range(packed, range).rev().for_each(f),
            Self::Full(list) => list.each_back(range, f),
        }
    }

    /// The element at `index`.
    #[must_use]
    pub(crate) fn get(&self, index: usize) -> Option<Item<'a>> {
        if index >= self.len() {
            return None;
        }
        match self {
            Self::Packed(packed) => packed_range(packed, index..index + 1).next(),
            Self::Full(list) => {
                let (at, n) = list.locate(index);
                list.chunks[at].from(n).next()
            }
        }
    }

    /// Hands each element with its position to `f`, from the front or from the back, until it breaks.
    pub(crate) fn walk(
        &self,
        from_back: bool,
        mut f: impl FnMut(usize, Item<'a>) -> ControlFlow<()>,
    ) {
        let len = self.len();
        let mut n = 0;
        let mut step = |item| {
            n += 1;
            f(if from_back { len - n } else { n - 1 }, item)
        };
        // Breaking off is all that the result says.
        let _ = match (self, from_back) {
            (Self::Packed(packed), false) => Run(&packed[HEADER..]).try_for_each(&mut step),
            (Self::Packed(packed), true) => Run(&packed[HEADER..]).rev().try_for_each(&mut step),
            (Self::Full(list), false) => {
                list.chunks.iter().flat_map(|chunk| chunk.from(0)).try_for_each(&mut step)
            }
            (Self::Full(list), true) => {
                let backwards = list.chunks.iter().rev().flat_map(|chunk| chunk.from(0).rev());
                { backwards }.try_for_each(&mut step)
            }
        };
    }

    /// The position of the first element with this text.
    #[must_use]
    pub(crate) fn position(&self, text: &[u8]) -> Option<usize> {
        // The spelling is canonical, so equal texts are equal items.
        let wanted = packed::item_of(text);
        let mut found = None;
        self.walk(false, |at, item| {
            if item != wanted {
                return ControlFlow::Continue(());
            }
            found = Some(at);
            ControlFlow::Break(())
        });
        found
    }
}

/// The elements of a part of a packed list.
fn packed_range(packed: &[u8], range: Range<usize>) -> Run<'_> {
    let (run, count) = (&packed[HEADER..], packed::count(packed));
    let end = run::offset(run, count, range.end);
    Run(&run[run::offset(run, count, range.start)..end])
}
