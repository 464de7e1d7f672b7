//! A run of consecutive stream entries in one buffer.
//!
//! ```text
//! entry: | ms - base.ms | seq, less base.seq in the base's millisecond | pairs << 1 | same | elements |
//! ```
//!
//! The three numbers are varints; the base is the id of the first entry. `same` says that the fields
//! are those of the first entry and that only the values follow. The first entry is never `same`.

use super::StreamId;
use crate::allocation::allocation;
use crate::value::packed::{self, Encoded, Item, Items};
use synod_types::varint;

/// The most entries of a node (Redis: `stream-node-max-entries`).
pub(super) const NODE_ENTRIES_MAX: usize = 100;
/// A node is not added to when it would grow past this (Redis: `stream-node-max-bytes`).
pub(super) const NODE_BYTES_MAX: usize = 4096;

/// See the module. A node is never empty.
#[derive(Clone, Debug)]
pub(super) struct Node {
    base: StreamId,
    last: StreamId,
    count: usize,
    bytes: Vec<u8>,
}

/// One entry as it lies in its node.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    /// How many fields it has.
    pub pairs: usize,
    /// Fields and values in turn, or values only when `fields` is there.
    body: &'a [u8],
    /// The first entry's fields and values.
    fields: Option<&'a [u8]>,
}

impl<'a> Entry<'a> {
    /// Hands each field and value to `f`.
    pub(crate) fn each(&self, mut f: impl FnMut(Item<'a>, Item<'a>)) {
        let mut own = Items::bare(self.body);
        let mut shared = self.fields.map(|fields| Items::bare(fields).step_by(2));
        for _ in 0..self.pairs {
            let field = match &mut shared {
                Some(shared) => shared.next(),
                None => own.next(),
            };
            if let (Some(field), Some(value)) = (field, own.next()) {
                f(field, value);
            }
        }
    }
}

/// The entries of a node, first to last.
#[derive(Clone, Debug)]
pub(super) struct Entries<'a> {
    base: StreamId,
    rest: &'a [u8],
    /// The first entry's elements, once it was read.
    fields: Option<&'a [u8]>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let (id, head) = take_head(&mut self.rest, self.base)?;
        let (pairs, same) = ((head >> 1) as usize, head & 1 == 1);
        let mut size = 0;
        for _ in 0..if same { pairs } else { 2 * pairs } {
            size += packed::size_at(&self.rest[size..]);
        }
        let (body, rest) = self.rest.split_at(size);
        self.rest = rest;
        let fields = if same { self.fields } else { None };
        self.fields = self.fields.or(Some(body));
        Some(Entry { id, pairs, body, fields })
    }
}

/// Takes the three numbers in front of an entry.
fn take_head(bytes: &mut &[u8], base: StreamId) -> Option<(StreamId, u64)> {
    let ms = varint::take(bytes)?;
    let seq = varint::take(bytes)?;
    let id = StreamId {
        ms: base.ms.checked_add(ms)?,
        seq: if ms == 0 { base.seq.checked_add(seq)? } else { seq },
    };
    Some((id, varint::take(bytes)?))
}

impl Node {
    /// A node of one entry. `elements` are fields and values in turn.
    pub(super) fn new(id: StreamId, elements: &[&[u8]]) -> Self {
        let mut node = Self { base: id, last: id, count: 0, bytes: Vec::new() };
        node.push(id, elements);
        node
    }

    pub(super) fn base(&self) -> StreamId {
        self.base
    }

    pub(super) fn last(&self) -> StreamId {
        self.last
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn heap(&self) -> usize {
        allocation(self.bytes.capacity())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn entries(&self) -> Entries<'_> {
        Entries { base: self.base, rest: &self.bytes, fields: None }
    }

    /// Whether an entry with these elements may be added.
    pub(super) fn has_room(&self, elements: &[&[u8]]) -> bool {
        let size: usize = elements.iter().map(|element| element.len() + 2).sum();
        self.count < NODE_ENTRIES_MAX && self.bytes.len() + size < NODE_BYTES_MAX
    }

    /// Adds an entry; its id is above all others.
    pub(super) fn push(&mut self, id: StreamId, elements: &[&[u8]]) {
        let ms = id.ms - self.base.ms;
        varint::put(&mut self.bytes, ms);
        varint::put(&mut self.bytes, if ms == 0 { id.seq - self.base.seq } else { id.seq });
        let (same, pairs) = (self.has_fields_of(elements), elements.len() as u64 / 2);
        varint::put(&mut self.bytes, (pairs << 1) | u64::from(same));
        for pair in elements.chunks_exact(2) {
            if !same {
                Encoded::of(pair[0]).put(&mut self.bytes);
            }
            Encoded::of(pair[1]).put(&mut self.bytes);
        }
        self.last = id;
        self.count += 1;
    }

    /// Whether the first entry is there and has just these fields.
    fn has_fields_of(&self, elements: &[&[u8]]) -> bool {
        if self.count == 0 {
            return false;
        }
        let Some(first) = self.entries().next() else { return false };
        let mut at = 0;
        first.pairs == elements.len() / 2
            && elements.chunks_exact(2).all(|pair| {
                let is_same = Encoded::of(pair[0]).is_at(&first.body[at..]);
                at += packed::size_at(&first.body[at..]);
                at += packed::size_at(&first.body[at..]);
                is_same
            })
    }

    /// The node without the entries that are not to be kept; `None` when that leaves none.
    pub(super) fn filtered(&self, mut keep: impl FnMut(StreamId) -> bool) -> Option<Self> {
        let mut node: Option<Self> = None;
        for entry in self.entries().filter(|entry| keep(entry.id)) {
            let mut texts = Vec::with_capacity(2 * entry.pairs);
            entry.each(|field, value| texts.extend([field.to_vec(), value.to_vec()]));
            let elements: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
            match &mut node {
                Some(node) => node.push(entry.id, &elements),
                None => node = Some(Self::new(entry.id, &elements)),
            }
        }
        node
    }

    /// Gives back spare capacity, once the node is full.
    pub(super) fn fit(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// A node of `count` entries from bytes that may be anything.
    pub(super) fn decode(base: StreamId, count: usize, bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut last = None;
        let mut pairs_first = 0;
        for n in 0..count {
            let (id, head) = take_head(&mut rest, base)?;
            let (pairs, same) = (head >> 1, head & 1 == 1);
            if n == 0 {
                pairs_first = pairs;
            }
            let misplaced = if n == 0 { id != base || same } else { last >= Some(id) };
            if misplaced || pairs == 0 || (same && pairs != pairs_first) {
                return None;
            }
            for _ in 0..pairs.checked_mul(if same { 1 } else { 2 })? {
                match packed::take_checked(&mut rest)? {
                    Item::Int(_) | Item::Bytes(_) => {}
                    Item::Score(_) => return None,
                }
            }
            last = Some(id);
        }
        let node = Self { base, last: last?, count, bytes: bytes.to_vec() };
        rest.is_empty().then_some(node)
    }
}
