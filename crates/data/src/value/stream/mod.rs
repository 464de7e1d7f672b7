//! Streams: entries in the order of their ids, in nodes of up to a hundred.
//!
//! A stream has no packed form: the empty one exists only while a new key is being made. It may be
//! empty and stay, because its last id must not be given out again.

pub(crate) mod group;
mod id;
mod node;
mod progress;
#[cfg(test)]
mod tests;
mod trim;

pub use id::{IdText, StreamId};
pub use node::Entry;
pub use trim::{Keep, Trim};

use super::{Collection, Kind, Stored, Value};
use crate::allocation::allocation;
use crate::digest;
use crate::number::I64Text;
use crate::value::View;
use group::Groups;
use node::Node;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use synod_types::varint;

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// The nodes under their first ids; a node's ids are below the next one's first.
    nodes: BTreeMap<StreamId, Node>,
    /// The sum of the nodes' counts.
    len: usize,
    /// The highest id ever added; at or above every entry's.
    last: StreamId,
    /// The highest id ever deleted by XDEL.
    deleted_max: StreamId,
    /// How many entries were ever added.
    added: u64,
    /// The sum of the nodes' heap.
    heap: usize,
    groups: Groups,
}

impl Stream {
    /// The number of entries.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The highest id ever added.
    #[must_use]
    pub(crate) fn last(&self) -> StreamId {
        self.last
    }

    /// The highest id ever deleted by XDEL.
    #[must_use]
    pub(crate) fn deleted_max(&self) -> StreamId {
        self.deleted_max
    }

    /// How many entries were ever added.
    #[must_use]
    pub(crate) fn added(&self) -> u64 {
        self.added
    }

    /// How many nodes hold them.
    #[must_use]
    pub(crate) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The lowest id of an entry; the lowest of all when there is none.
    #[must_use]
    pub(crate) fn first(&self) -> StreamId {
        self.nodes.first_key_value().map_or(StreamId::MIN, |(base, _)| *base)
    }

    /// The highest id of an entry; the lowest of all when there is none.
    #[must_use]
    pub(crate) fn top(&self) -> StreamId {
        self.nodes.last_key_value().map_or(StreamId::MIN, |(_, node)| node.last())
    }

    /// The entry with this id.
    #[must_use]
    pub(crate) fn entry(&self, id: StreamId) -> Option<Entry<'_>> {
        let (_, node) = self.nodes.range(..=id).next_back()?;
        node.entries().find(|entry| entry.id == id)
    }

    /// The consumer groups.
    #[must_use]
    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Changes a group, while the rest of the stream can be looked at.
    pub(crate) fn change_group<R>(
        &mut self,
        name: &[u8],
        change: impl FnOnce(&Self, &mut group::Group) -> R,
    ) -> Option<R> {
        let mut groups = std::mem::take(&mut self.groups);
        let result = groups.change(name, |group| change(self, group));
        self.groups = groups;
        result
    }

    /// The consumer groups, for a change.
    pub(crate) fn groups_mut(&mut self) -> &mut Groups {
        &mut self.groups
    }

    /// Sets what XSETID sets. The caller made sure that no entry is above `last`.
    pub(crate) fn set_counters(
        &mut self,
        last: StreamId,
        added: Option<u64>,
        deleted_max: Option<StreamId>,
    ) {
        self.last = last;
        self.added = added.unwrap_or(self.added);
        self.deleted_max = deleted_max.unwrap_or(self.deleted_max);
    }

    /// Adds an entry; `id` is above [`Self::last`]. `elements` are fields and values in turn.
    pub(crate) fn push(&mut self, id: StreamId, elements: &[&[u8]]) {
        self.len += 1;
        self.added += 1;
        self.last = id;
        if let Some(mut newest) = self.nodes.last_entry() {
            let node = newest.get_mut();
            self.heap -= node.heap();
            let has_room = node.has_room(elements);
            if has_room {
                node.push(id, elements);
            } else {
                node.fit();
            }
            self.heap += node.heap();
            if has_room {
                return;
            }
        }
        self.put_node(Node::new(id, elements));
    }

    /// Deletes an entry; whether it was there.
    pub(crate) fn delete(&mut self, id: StreamId) -> bool {
        let Some((base, node)) = self.nodes.range(..=id).next_back() else { return false };
        if !node.entries().any(|entry| entry.id == id) {
            return false;
        }
        let (base, kept) = (*base, node.filtered(|other| other != id));
        self.replace_node(base, kept);
        self.deleted_max = self.deleted_max.max(id);
        true
    }

    /// Removes the oldest entries; how many.
    pub(crate) fn trim(&mut self, trim: Trim) -> usize {
        let before = self.len;
        while let Some(oldest) = self.nodes.first_entry() {
            let (node, removed) = (oldest.get(), before - self.len);
            if trim.limit > 0 && removed + node.count() > trim.limit {
                break;
            }
            let surplus = trim.surplus(self.len, node);
            if surplus == node.count() {
                self.heap -= node.heap();
                self.len -= surplus;
                oldest.remove();
                continue;
            }
            if surplus > 0 && !trim.approximate {
                let mut left = surplus;
                let kept = node.filtered(|_| {
                    let gone = left > 0;
                    left -= usize::from(gone);
                    !gone
                });
                let base = *oldest.key();
                self.replace_node(base, kept);
            }
            break;
        }
        before - self.len
    }

    fn put_node(&mut self, node: Node) {
        self.heap += node.heap();
        self.nodes.insert(node.base(), node);
    }

    fn replace_node(&mut self, base: StreamId, with: Option<Node>) {
        if let Some(old) = self.nodes.remove(&base) {
            self.heap -= old.heap();
            self.len -= old.count();
        }
        if let Some(mut node) = with {
            node.fit();
            self.len += node.count();
            self.put_node(node);
        }
    }

    /// Hands the entries from `start` to `end`, both included, to `f` until it breaks.
    pub(crate) fn walk<'a>(
        &'a self,
        start: StreamId,
        end: StreamId,
        backwards: bool,
        mut f: impl FnMut(Entry<'a>) -> ControlFlow<()>,
    ) {
        if start > end {
            return;
        }
        let first = self.nodes.range(..=start).next_back().map_or(start, |(base, _)| *base);
        let nodes = self.nodes.range(first..=end);
        let within = |entry: &Entry<'_>| start <= entry.id && entry.id <= end;
        // Breaking off is all that the result says.
        let _ = if backwards {
            nodes.rev().try_for_each(|(_, node)| {
                let entries: Vec<_> = node.entries().filter(within).collect();
                entries.into_iter().rev().try_for_each(&mut f)
            })
        } else {
            nodes
                .map(|(_, node)| node)
                .try_for_each(|node| node.entries().filter(within).try_for_each(&mut f))
        };
    }
}

impl<'a> View<'a, Stream> {
    /// The stream; `None` while a new key is being made.
    #[must_use]
    pub(crate) fn stream(&self) -> Option<&'a Stream> {
        match self {
            Self::Packed(_) => None,
            Self::Full(stream) => Some(stream),
        }
    }
}

impl Stored for Stream {
    fn kind(&self) -> Kind {
        Kind::Stream
    }

    fn is_gone(&self) -> bool {
        false
    }

    fn encoding(&self) -> &'static str {
        "stream"
    }

    fn digest(&self) -> u64 {
        let mut state = [self.last, self.deleted_max]
            .iter()
            .fold(self.added, |state, id| digest::mix(digest::mix(state, id.ms), id.seq));
        self.walk(StreamId::MIN, StreamId::MAX, false, |entry| {
            state = digest::mix(digest::mix(state, entry.id.ms), entry.id.seq);
            entry.each(|field, value| {
                state = digest::bytes(state, field.text(&mut I64Text::new(0)));
                state = digest::bytes(state, value.text(&mut I64Text::new(0)));
            });
            ControlFlow::Continue(())
        });
        self.groups.digest(state)
    }

    fn heap_bytes(&self) -> usize {
        self.nodes.len() * allocation(size_of::<(StreamId, Node)>())
            + self.heap
            + self.groups.heap()
    }

    /// The counters, then each node as its base, its count and its bytes: approximate trimming goes by
    /// nodes, so a replica gets the same ones. The groups come last, behind a node of no entries.
    fn encode(&self, out: &mut Vec<u8>) {
        put_id(out, self.last);
        put_id(out, self.deleted_max);
        varint::put(out, self.added);
        for node in self.nodes.values() {
            put_id(out, node.base());
            varint::put(out, node.count() as u64);
            varint::put_bytes(out, node.bytes());
        }
        if self.groups.len() > 0 {
            // No node is empty: this is where the groups begin.
            put_id(out, StreamId::MIN);
            varint::put(out, 0);
            self.groups.encode(out);
        }
    }
}

fn put_id(out: &mut Vec<u8>, id: StreamId) {
    varint::put(out, id.ms);
    varint::put(out, id.seq);
}

fn take_id(bytes: &mut &[u8]) -> Option<StreamId> {
    Some(StreamId { ms: varint::take(bytes)?, seq: varint::take(bytes)? })
}

impl Collection for Stream {
    const KIND: Kind = Kind::Stream;
    const PACKED_EMPTY: &'static [u8] = &[];

    fn of(value: &Value) -> Option<&Self> {
        match value {
            Value::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        match value {
            Value::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    fn into_value(self) -> Value {
        Value::Stream(self)
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut stream = Self {
            last: take_id(&mut bytes)?,
            deleted_max: take_id(&mut bytes)?,
            added: varint::take(&mut bytes)?,
            ..Self::default()
        };
        let mut before = StreamId::MIN;
        while !bytes.is_empty() {
            let base = take_id(&mut bytes)?;
            let count = usize::try_from(varint::take(&mut bytes)?).ok()?;
            if count == 0 && base == StreamId::MIN && !bytes.is_empty() {
                stream.groups = Groups::decode(bytes)?;
                break;
            }
            let node = Node::decode(base, count, varint::take_bytes(&mut bytes)?)?;
            if base <= before || node.last() > stream.last {
                return None;
            }
            before = node.last();
            stream.len += count;
            stream.put_node(node);
        }
        Some(stream)
    }

    fn packed_is_valid(_: &[u8]) -> bool {
        false
    }

    fn packed_is_gone(_: &[u8]) -> bool {
        true
    }

    fn packed_encoding(_: &[u8]) -> &'static str {
        "stream"
    }

    fn packed_digest(_: &[u8]) -> u64 {
        0
    }
}
