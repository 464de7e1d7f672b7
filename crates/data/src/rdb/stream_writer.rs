//! Writing a stream: its entries in listpacks of up to a hundred, its counters, its consumer groups.
//!
//! ```text
//! listpack: entries, deleted, fields, field..., 0 | flags, ms, seq, [fields, field, value... or value...], length | ...
//! ```
//! `ms` and `seq` count from the id under which the listpack stands.

use super::listpack::Writer;
use super::value_writer::{put_number, put_string};
use crate::number::I64Text;
use crate::value::stream::group::{Group, Pending};
use crate::value::stream::{Entry, Stream, StreamId};
use std::ops::ControlFlow;

/// The entry has the fields of the listpack's first one, and only its values follow.
pub(super) const SAME_FIELDS: i64 = 2;
/// How many entries a listpack has at most (Redis: `stream-node-max-entries`).
const NODE_ENTRIES_MAX: usize = 100;

/// An entry's fields and values.
type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

pub(super) fn put(out: &mut Vec<u8>, stream: &Stream) {
    put_number(out, stream.len().div_ceil(NODE_ENTRIES_MAX) as u64);
    let mut node: Vec<(StreamId, Pairs)> = Vec::new();
    stream.walk(StreamId::MIN, StreamId::MAX, false, |entry| {
        if node.len() == NODE_ENTRIES_MAX {
            put_node(out, &node);
            node.clear();
        }
        node.push((entry.id, pairs_of(&entry)));
        ControlFlow::Continue(())
    });
    if !node.is_empty() {
        put_node(out, &node);
    }
    put_number(out, stream.len() as u64);
    put_id(out, stream.last());
    put_id(out, stream.first());
    put_id(out, stream.deleted_max());
    put_number(out, stream.added());
    put_number(out, stream.groups().len() as u64);
    stream.groups().iter().for_each(|(name, group)| put_group(out, name, group));
}

fn pairs_of(entry: &Entry<'_>) -> Pairs {
    let mut pairs = Vec::with_capacity(entry.pairs);
    entry.each(|field, value| pairs.push((field.to_vec(), value.to_vec())));
    pairs
}

fn put_node(out: &mut Vec<u8>, entries: &[(StreamId, Pairs)]) {
    let (base, first) = &entries[0];
    let mut listpack = Writer::new();
    listpack.integer(entries.len() as i64);
    listpack.integer(0);
    listpack.integer(first.len() as i64);
    first.iter().for_each(|(field, _)| listpack.text(field));
    listpack.integer(0);
    for (id, pairs) in entries {
        let same = pairs.len() == first.len()
            && pairs.iter().zip(first).all(|((field, _), (other, _))| field == other);
        listpack.integer(if same { SAME_FIELDS } else { 0 });
        listpack.text(difference(id.ms, base.ms).as_bytes());
        listpack.text(difference(id.seq, base.seq).as_bytes());
        if !same {
            listpack.integer(pairs.len() as i64);
        }
        for (field, value) in pairs {
            if !same {
                listpack.text(field);
            }
            listpack.text(value);
        }
        let elements = if same { 3 + pairs.len() } else { 4 + 2 * pairs.len() };
        listpack.integer(elements as i64);
    }
    let mut key = [0; 16];
    key[..8].copy_from_slice(&base.ms.to_be_bytes());
    key[8..].copy_from_slice(&base.seq.to_be_bytes());
    put_number(out, 16);
    out.extend_from_slice(&key);
    let listpack = listpack.finish();
    put_number(out, listpack.len() as u64);
    out.extend_from_slice(&listpack);
}

/// The distance of two parts of an id, as the 64-bit integer whose bits it has.
fn difference(part: u64, base: u64) -> I64Text {
    I64Text::new(part.wrapping_sub(base) as i64)
}

fn put_id(out: &mut Vec<u8>, id: StreamId) {
    put_number(out, id.ms);
    put_number(out, id.seq);
}

fn put_raw_id(out: &mut Vec<u8>, id: StreamId) {
    out.extend_from_slice(&id.ms.to_be_bytes());
    out.extend_from_slice(&id.seq.to_be_bytes());
}

fn put_group(out: &mut Vec<u8>, name: &[u8], group: &Group) {
    put_string(out, name);
    put_id(out, group.last);
    // Redis's -1: it is not known.
    put_number(out, group.read.unwrap_or(u64::MAX));
    put_number(out, group.pending().len() as u64);
    for (id, Pending { delivered, times, .. }) in group.pending() {
        put_raw_id(out, *id);
        out.extend_from_slice(&delivered.0.to_le_bytes());
        put_number(out, *times);
    }
    put_number(out, group.consumers().len() as u64);
    for (name, consumer) in group.consumers() {
        put_string(out, name);
        out.extend_from_slice(&consumer.seen.0.to_le_bytes());
        put_number(out, consumer.pending().len() as u64);
        consumer.pending().iter().for_each(|id| put_raw_id(out, *id));
    }
}
