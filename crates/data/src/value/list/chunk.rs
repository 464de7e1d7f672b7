//! A piece of a long list: a run in a buffer with room at both ends.
//!
//! ```text
//! | gap | run ........ | spare capacity |
//! ```
//!
//! A push at the front writes into the gap, a pop at the front widens it; at the back the buffer's
//! spare capacity does the same. Either room doubles when it is used up, so pushes and pops at the ends
//! move no other element most of the time.

use super::run::{self, Run};
use crate::allocation::allocation;
use crate::value::packed::Encoded;

/// A chunk is split, or a new one begun, before its run grows past this. One larger element has a chunk
/// to itself.
pub(super) const CHUNK_BYTES_MAX: usize = 8 << 10;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunk {
    buffer: Vec<u8>,
    /// Where the run begins; the bytes before are the gap.
    start: usize,
    /// The elements of the run.
    count: usize,
}

impl Chunk {
    /// A chunk with these elements.
    pub(super) fn new(run: &[u8], count: usize) -> Self {
        Self { buffer: run.to_vec(), start: 0, count }
    }

    pub(super) fn run(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        allocation(self.buffer.capacity())
    }

    /// Whether `element` may be added; an empty chunk takes any.
    pub(super) fn has_room(&self, element: &Encoded<'_>) -> bool {
        self.count == 0 || self.run().len() + run::span(element) <= CHUNK_BYTES_MAX
    }

    pub(super) fn push_back(&mut self, element: &Encoded<'_>) {
        run::put(&mut self.buffer, element);
        self.count += 1;
    }

    pub(super) fn push_front(&mut self, element: &Encoded<'_>) {
        let span = run::span(element);
        if self.start < span {
            self.widen_gap(span);
        }
        self.start -= span;
        run::write(&mut self.buffer[self.start..self.start + span], element);
        self.count += 1;
    }

    /// Makes the gap hold `span` bytes and, while the chunk is small, as many again as the run has.
    fn widen_gap(&mut self, span: usize) {
        let len = self.run().len();
        let room = CHUNK_BYTES_MAX.saturating_sub(len);
        let gap = span.max(len.max(64).min(room));
        let mut buffer = Vec::with_capacity(gap + len);
        buffer.resize(gap, 0);
        buffer.extend_from_slice(self.run());
        self.buffer = buffer;
        self.start = gap;
    }

    /// Keeps the elements of `range` only.
    pub(super) fn keep(&mut self, range: std::ops::Range<usize>) {
        let end = run::offset(self.run(), self.count, range.end);
        let start = run::offset(self.run(), self.count, range.start);
        self.buffer.truncate(self.start + end);
        self.start += start;
        self.count = range.len();
    }

    /// The elements from the nth on.
    pub(super) fn from(&self, n: usize) -> Run<'_> {
        Run(&self.run()[run::offset(self.run(), self.count, n)..])
    }

    /// The elements before the nth.
    pub(super) fn until(&self, n: usize) -> Run<'_> {
        Run(&self.run()[..run::offset(self.run(), self.count, n)])
    }

    /// Puts an element before the nth.
    pub(super) fn insert(&mut self, n: usize, element: &Encoded<'_>) {
        let at = self.start + run::offset(self.run(), self.count, n);
        self.splice(at, 0, element);
        self.count += 1;
    }

    /// Puts an element in place of the nth.
    pub(super) fn set(&mut self, n: usize, element: &Encoded<'_>) {
        let at = self.start + run::offset(self.run(), self.count, n);
        let old = run::span_at(&self.buffer[at..]);
        self.splice(at, old, element);
    }

    fn splice(&mut self, at: usize, old: usize, element: &Encoded<'_>) {
        let new = run::span(element);
        let len = self.buffer.len();
        if new > old {
            self.buffer.resize(len + new - old, 0);
        }
        self.buffer.copy_within(at + old..len, at + new);
        self.buffer.truncate(len - old + new);
        run::write(&mut self.buffer[at..at + new], element);
    }

    /// Removes up to `limit` elements equal to this one, the first ones or the last ones; says how many.
    pub(super) fn remove(&mut self, element: &Encoded<'_>, limit: usize, from_back: bool) -> usize {
        let mut matches = Vec::new();
        let mut at = self.start;
        while at < self.buffer.len() {
            let span = run::span_at(&self.buffer[at..]);
            if element.is_at(&self.buffer[at..]) {
                matches.push(at..at + span);
            }
            at += span;
        }
        let surplus = matches.len().saturating_sub(limit);
        if from_back {
            matches.drain(..surplus);
        } else {
            matches.truncate(limit);
        }
        if let Some(first) = matches.first() {
            let mut to = first.start;
            let ends = matches.iter().skip(1).map(|m| m.start).chain([self.buffer.len()]);
            for (gone, end) in matches.iter().zip(ends) {
                self.buffer.copy_within(gone.end..end, to);
                to += end - gone.end;
            }
            self.buffer.truncate(to);
            self.count -= matches.len();
        }
        matches.len()
    }

    /// Moves the later half of the elements (at least one stays, at least one goes when there are two)
    /// into a chunk of its own.
    pub(super) fn split_off(&mut self) -> Self {
        let half = self.count.div_ceil(2);
        let at = run::offset(self.run(), self.count, half);
        let later = Self::new(&self.run()[at..], self.count - half);
        self.keep(0..half);
        self.fit();
        later
    }

    /// Appends another chunk's elements.
    pub(super) fn append(&mut self, other: &Self) {
        self.buffer.extend_from_slice(other.run());
        self.count += other.count;
    }

    /// Gives back the room at both ends, once the chunk is no longer at an end of the list.
    pub(super) fn fit(&mut self) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.shrink_to_fit();
    }
}
