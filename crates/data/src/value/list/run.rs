//! A run of elements that can be walked from both ends: the inside of a packed list and of a chunk.
//!
//! ```text
//! | element | its size | element | its size | ...
//! ```
//!
//! The element is spelled as in `packed`. Its size follows in seven-bit groups, to be read backwards:
//! the last byte holds the lowest bits, and a set top bit says that one more byte stands before.

use crate::value::packed::{self, Encoded, Item};

/// The bytes that the size of an element of `size` bytes takes.
#[inline]
const fn back_len(size: usize) -> usize {
    if size < 0x80 {
        return 1;
    }
    (64 - (size as u64 | 1).leading_zeros() as usize).div_ceil(7)
}

/// The bytes that `element` takes in a run.
pub(crate) fn span(element: &Encoded<'_>) -> usize {
    element.size() + back_len(element.size())
}

/// Writes an element over the front of `room`, which is exactly [`span`] long.
pub(crate) fn write(room: &mut [u8], element: &Encoded<'_>) {
    let size = element.size();
    element.write(room);
    let mut rest = size;
    for (n, byte) in room[size..].iter_mut().rev().enumerate() {
        let more = if n + 1 < back_len(size) { 0x80 } else { 0 };
        *byte = (rest & 0x7f) as u8 | more;
        rest >>= 7;
    }
}

/// Appends an element to a run.
pub(super) fn put(run: &mut Vec<u8>, element: &Encoded<'_>) {
    let at = run.len();
    run.resize(at + span(element), 0);
    write(&mut run[at..], element);
}

/// The bytes of the element at the front of a run that is not empty.
pub(super) fn span_at(run: &[u8]) -> usize {
    let size = packed::size_at(run);
    size + back_len(size)
}

/// Where the last element of a run that is not empty begins.
pub(super) fn last_at(run: &[u8]) -> usize {
    let mut at = run.len() - 1;
    let mut size = usize::from(run[at] & 0x7f);
    let mut shift = 7;
    while run[at] & 0x80 != 0 {
        at -= 1;
        size |= usize::from(run[at] & 0x7f) << shift;
        shift += 7;
    }
    at - size
}

/// Where the nth of `count` elements begins, found from the nearer end; `n <= count`.
pub(crate) fn offset(run: &[u8], count: usize, n: usize) -> usize {
    if n <= count / 2 {
        (0..n).fold(0, |at, _| at + span_at(&run[at..]))
    } else {
        (n..count).fold(run.len(), |at, _| last_at(&run[..at]))
    }
}

/// Whether the bytes are exactly `count` elements with their sizes, none of them a score.
pub(super) fn is_valid(mut run: &[u8], count: usize) -> bool {
    for _ in 0..count {
        let before = run.len();
        match packed::take_checked(&mut run) {
            Some(Item::Int(_) | Item::Bytes(_)) => {}
            _ => return false,
        }
        let size = before - run.len();
        let Some((back, rest)) = run.split_at_checked(back_len(size)) else { return false };
        let read = back.iter().enumerate().fold(0, |sum, (n, byte)| {
            if (n > 0) == (byte & 0x80 != 0) { sum << 7 | usize::from(byte & 0x7f) } else { sum }
        });
        if read != size {
            return false;
        }
        run = rest;
    }
    run.is_empty()
}

/// The elements of a run, from either end.
#[derive(Clone, Debug)]
pub(super) struct Run<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Run<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let (item, size) = packed::read(self.0);
        self.0 = &self.0[size + back_len(size)..];
        Some(item)
    }
}

impl DoubleEndedIterator for Run<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let (rest, last) = self.0.split_at(last_at(self.0));
        self.0 = rest;
        Some(packed::item_at(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_run_reads_the_same_from_both_ends(
            texts in proptest::collection::vec(("[0-9a]{0,4}", 0usize..20_000), 0..8),
        ) {
            let mut run = Vec::new();
            let texts: Vec<_> = texts
                .into_iter()
                .map(|(text, repeat)| text.repeat(if repeat > 19_000 { repeat } else { repeat % 40 }))
                .collect();
            for text in &texts {
                put(&mut run, &Encoded::of(text.as_bytes()));
            }
            let forward: Vec<_> = Run(&run).map(Item::to_vec).collect();
            let mut backward: Vec<_> = Run(&run).rev().map(Item::to_vec).collect();
            backward.reverse();
            prop_assert!(forward.iter().eq(texts.iter().map(|t| t.as_bytes())));
            prop_assert_eq!(forward, backward);
            prop_assert!(is_valid(&run, texts.len()));
            prop_assert!(!is_valid(&run, texts.len() + 1));
            for n in 0..=texts.len() {
                let forward = (0..n).fold(0, |at, _| at + span_at(&run[at..]));
                prop_assert_eq!(offset(&run, texts.len(), n), forward);
            }
            for at in 0..run.len().min(200) {
                let mut damaged = run.clone();
                damaged[at] ^= 0x80;
                if is_valid(&damaged, texts.len()) {
                    prop_assert_eq!(Run(&damaged).rev().count(), texts.len());
                }
            }
        }
    }
}
