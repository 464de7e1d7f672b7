//! Lists: packed, a run of elements behind a count; full, a deque of chunks.
//!
//! Both ends are O(1), whatever the length. An index or a middle edit walks the chunks, as Redis's
//! quicklist does, but only counts them until the right one is reached.

mod chunk;
pub(crate) mod run;
#[cfg(test)]
mod tests;
mod view;

use super::{Collection, Kind, Stored, Value, packed};
use crate::allocation::allocation;
use crate::digest;
use crate::number::I64Text;
use chunk::Chunk;
use packed::{Encoded, HEADER, Item};
use run::Run;
use std::collections::VecDeque;
use std::ops::Range;
use synod_types::varint;

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The front, where LPUSH and LPOP work.
    Left,
    /// The back.
    Right,
}

/// A packed list becomes a full one before it grows past this: every edit of it copies it.
pub(crate) const PACKED_BYTES_MAX: usize = 1 << 10;

/// A list in its own structure.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The elements in order; no chunk is empty.
    chunks: VecDeque<Chunk>,
    /// The sum of the chunks' counts.
    len: usize,
    /// The sum of the chunks' heap.
    heap: usize,
}

impl List {
    /// The list of the elements of a packed one.
    #[must_use]
    pub(crate) fn from_packed(packed: &[u8]) -> Self {
        let mut list = Self::default();
        if packed::count(packed) > 0 {
            list.add_back(Chunk::new(&packed[HEADER..], packed::count(packed)));
        }
        list
    }

    /// The packed list of its elements, which must be few.
    pub(crate) fn to_packed(&self) -> Vec<u8> {
        let mut packed = Self::PACKED_EMPTY.to_vec();
        self.chunks.iter().for_each(|chunk| packed.extend_from_slice(chunk.run()));
        packed::set_count(&mut packed, self.len);
        packed
    }

    /// Adds an element at the front.
    pub(crate) fn push_front(&mut self, text: &[u8]) {
        let element = Encoded::of(text);
        if !self.chunks.front().is_some_and(|c| c.has_room(&element)) {
            self.edit(0, Chunk::fit);
            self.chunks.push_front(Chunk::default());
        }
        self.edit(0, |chunk| chunk.push_front(&element));
        self.len += 1;
    }

    /// Adds an element at the back.
    pub(crate) fn push_back(&mut self, text: &[u8]) {
        let element = Encoded::of(text);
        if !self.chunks.back().is_some_and(|c| c.has_room(&element)) {
            self.edit(self.chunks.len().wrapping_sub(1), Chunk::fit);
            self.chunks.push_back(Chunk::default());
        }
        self.edit(self.chunks.len() - 1, |chunk| chunk.push_back(&element));
        self.len += 1;
    }

    /// Puts an element in place of the one at `index`, which is below the length.
    pub(crate) fn set(&mut self, index: usize, text: &[u8]) {
        let element = Encoded::of(text);
        let (at, n) = self.locate(index);
        self.edit(at, |chunk| chunk.set(n, &element));
        self.split_if_large(at);
    }

    /// Puts an element before the one at `index`; at the back when `index` is the length.
    pub(crate) fn insert(&mut self, index: usize, text: &[u8]) {
        if index >= self.len {
            return self.push_back(text);
        }
        let element = Encoded::of(text);
        let (at, n) = self.locate(index);
        self.edit(at, |chunk| chunk.insert(n, &element));
        self.len += 1;
        self.split_if_large(at);
    }

    /// Keeps the elements of `range` only.
    pub(crate) fn keep(&mut self, range: Range<usize>) {
        self.drop_back(self.len.saturating_sub(range.end));
        self.drop_front(range.start.min(self.len));
    }

    /// Drops the first `count` elements, or as many as there are.
    fn drop_front(&mut self, mut count: usize) {
        while let Some(held) = self.chunks.front().map(Chunk::count) {
            if count < held {
                self.edit(0, |chunk| chunk.keep(count..held));
                self.len -= count;
                return;
            }
            self.drop_chunk(0);
            count -= held;
        }
    }

    /// Drops the last `count` elements, or as many as there are.
    fn drop_back(&mut self, mut count: usize) {
        while let Some(held) = self.chunks.back().map(Chunk::count) {
            if count < held {
                self.edit(self.chunks.len() - 1, |chunk| chunk.keep(0..held - count));
                self.len -= count;
                return;
            }
            self.drop_chunk(self.chunks.len() - 1);
            count -= held;
        }
    }

    /// Removes up to `limit` elements with this text, the first ones or the last ones; says how many.
    pub(crate) fn remove(&mut self, text: &[u8], limit: usize, from_back: bool) -> usize {
        let element = Encoded::of(text);
        let mut left = limit;
        let mut at = if from_back { self.chunks.len() } else { 0 };
        while left > 0 {
            if from_back {
                if at == 0 {
                    break;
                }
                at -= 1;
            } else if at >= self.chunks.len() {
                break;
            }
            let removed = self.edit(at, |chunk| chunk.remove(&element, left, from_back));
            left -= removed;
            self.len -= removed;
            let before = self.chunks.len();
            if removed > 0 {
                self.drop_if_empty(at);
                self.join(at);
            }
            if !from_back && self.chunks.len() == before {
                at += 1;
            }
        }
        limit - left
    }

    /// Hands each element of `range`, which lies within the list, to `f`, in order.
    fn each<'a>(&'a self, range: Range<usize>, mut f: impl FnMut(Item<'a>)) {
        let (first, mut skip) = self.locate(range.start);
        let mut left = range.len();
        for chunk in self.chunks.range(first..) {
            let many = left.min(chunk.count() - skip);
            chunk.from(skip).take(many).for_each(&mut f);
            (left, skip) = (left - many, 0);
            if left == 0 {
                break;
            }
        }
    }

    /// As [`Self::each`], last element first.
    fn each_back<'a>(&'a self, range: Range<usize>, mut f: impl FnMut(Item<'a>)) {
        let Some(last) = range.end.checked_sub(1) else { return };
        let (at, within) = self.locate(last);
        let (mut end, mut left) = (within + 1, range.len());
        for at in (0..=at).rev() {
            let chunk = &self.chunks[at];
            let many = left.min(end.min(chunk.count()));
            chunk.until(end.min(chunk.count())).rev().take(many).for_each(&mut f);
            (left, end) = (left - many, usize::MAX);
            if left == 0 {
                break;
            }
        }
    }

    /// Which chunk the element at `index` is in, and where in it; the end for the length.
    fn locate(&self, index: usize) -> (usize, usize) {
        if index > self.len / 2 {
            let mut after = self.len;
            for (at, chunk) in self.chunks.iter().enumerate().rev() {
                after -= chunk.count();
                if index >= after {
                    return (at, index - after);
                }
            }
        }
        let mut before = 0;
        for (at, chunk) in self.chunks.iter().enumerate() {
            if index - before < chunk.count() {
                return (at, index - before);
            }
            before += chunk.count();
        }
        (self.chunks.len(), 0)
    }

    /// Runs `f` on a chunk (if there is one at `at`) and keeps the heap's sum right.
    fn edit<R: Default>(&mut self, at: usize, f: impl FnOnce(&mut Chunk) -> R) -> R {
        let Some(chunk) = self.chunks.get_mut(at) else { return R::default() };
        self.heap -= chunk.heap();
        let result = f(chunk);
        self.heap += chunk.heap();
        result
    }

    fn add_back(&mut self, chunk: Chunk) {
        self.len += chunk.count();
        self.heap += chunk.heap();
        self.chunks.push_back(chunk);
    }

    fn drop_chunk(&mut self, at: usize) {
        if let Some(chunk) = self.chunks.remove(at) {
            self.len -= chunk.count();
            self.heap -= chunk.heap();
        }
    }

    fn drop_if_empty(&mut self, at: usize) {
        if self.chunks.get(at).is_some_and(|c| c.count() == 0) {
            self.drop_chunk(at);
        }
    }

    /// Splits a chunk that an edit has made too large. A chunk of two elements may be too large again:
    /// then each has its own.
    fn split_if_large(&mut self, at: usize) {
        let large = |c: &Chunk| c.count() > 1 && c.run().len() > chunk::CHUNK_BYTES_MAX;
        if self.chunks.get(at).is_some_and(large) {
            let later = self.edit(at, Chunk::split_off);
            self.heap += later.heap();
            self.chunks.insert(at + 1, later);
            self.split_if_large(at + 1);
            self.split_if_large(at);
        }
    }

    /// Joins a chunk with the one after it when both together fill less than half of one, so that
    /// removals do not leave a trail of tiny chunks.
    fn join(&mut self, at: usize) {
        let (Some(this), Some(next)) = (self.chunks.get(at), self.chunks.get(at + 1)) else {
            return;
        };
        if this.run().len() + next.run().len() > chunk::CHUNK_BYTES_MAX / 2 {
            return;
        }
        if let Some(next) = self.chunks.remove(at + 1) {
            self.heap -= next.heap();
            self.edit(at, |chunk| chunk.append(&next));
        }
    }
}

fn digest_of<'a>(items: impl Iterator<Item = Item<'a>>) -> u64 {
    items.fold(0, |state, item| digest::bytes(state, item.text(&mut I64Text::new(0))))
}

impl Stored for List {
    fn kind(&self) -> Kind {
        Kind::List
    }

    fn is_gone(&self) -> bool {
        self.len == 0
    }

    fn encoding(&self) -> &'static str {
        "quicklist"
    }

    fn digest(&self) -> u64 {
        digest_of(self.chunks.iter().flat_map(|chunk| chunk.from(0)))
    }

    fn heap_bytes(&self) -> usize {
        allocation(self.chunks.capacity() * size_of::<Chunk>()) + self.heap
    }

    /// Each chunk as its count, its length and its run: a replica gets the same chunks.
    fn encode(&self, out: &mut Vec<u8>) {
        for chunk in &self.chunks {
            varint::put(out, chunk.count() as u64);
            varint::put_bytes(out, chunk.run());
        }
    }
}

impl Collection for List {
    const KIND: Kind = Kind::List;
    const PACKED_EMPTY: &'static [u8] = &[0; HEADER];

    fn of(value: &Value) -> Option<&Self> {
        match value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        match value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    fn into_value(self) -> Value {
        Value::List(self)
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut list = Self::default();
        while !bytes.is_empty() {
            let count = usize::try_from(varint::take(&mut bytes)?).ok()?;
            let run = varint::take_bytes(&mut bytes)?;
            if count == 0 || !run::is_valid(run, count) {
                return None;
            }
            list.add_back(Chunk::new(run, count));
        }
        (!list.is_gone()).then_some(list)
    }

    fn packed_is_valid(packed: &[u8]) -> bool {
        (HEADER..=PACKED_BYTES_MAX).contains(&packed.len())
            && run::is_valid(&packed[HEADER..], packed::count(packed))
    }

    fn packed_is_gone(packed: &[u8]) -> bool {
        packed::count(packed) == 0
    }

    fn packed_encoding(_: &[u8]) -> &'static str {
        "listpack"
    }

    fn packed_digest(packed: &[u8]) -> u64 {
        digest_of(Run(&packed[HEADER..]))
    }
}
