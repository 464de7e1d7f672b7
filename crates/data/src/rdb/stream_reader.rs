//! Reading a stream of any version. See `stream_writer` for the form; entries may be marked as deleted.

use super::listpack::Listpack;
use super::reader::Reader;
use super::stream_writer::SAME_FIELDS;
use super::tag;
use crate::number::I64Text;
use crate::value::packed::Item;
use crate::value::stream::group::{Group, Pending};
use crate::value::stream::{Stream, StreamId};
use std::collections::BTreeMap;
use synod_types::Millis;

const DELETED: i64 = 1;

pub(super) fn take(reader: &mut Reader<'_>, kind: u8, stream: &mut Stream) -> Option<()> {
    for _ in 0..reader.count()? {
        let key = reader.string()?;
        let base = raw_id(key.as_ref().try_into().ok()?);
        take_node(Listpack::open(&reader.string()?)?, base, stream)?;
    }
    let len = reader.number()?;
    let last = take_id(reader)?;
    let (mut deleted_max, mut added) = (StreamId::MIN, len);
    if kind != tag::STREAM_LISTPACKS {
        take_id(reader)?; // the first entry's, which is there to be seen
        deleted_max = take_id(reader)?;
        added = reader.number()?;
    }
    if len != stream.len() as u64 || stream.top() > last {
        return None;
    }
    stream.set_counters(last, Some(added), Some(deleted_max));
    for _ in 0..reader.count()? {
        let name = reader.string()?;
        let group = take_group(reader, kind)?;
        stream.groups_mut().add(&name, group).then_some(())?;
    }
    Some(())
}

fn take_node(mut elements: Listpack<'_>, base: StreamId, stream: &mut Stream) -> Option<()> {
    let live = elements.integer()?;
    let deleted = elements.integer()?;
    let fields = take_texts(&mut elements, 1)?;
    (elements.integer()? == 0).then_some(())?;
    let (mut live_seen, mut deleted_seen) = (0, 0);
    while let Some(flags) = elements.next() {
        let Item::Int(flags) = flags? else { return None };
        let ms = base.ms.wrapping_add(elements.integer()? as u64);
        let seq = base.seq.wrapping_add(elements.integer()? as u64);
        let id = StreamId { ms, seq };
        let texts = if flags & SAME_FIELDS != 0 {
            let mut texts = Vec::new();
            for field in &fields {
                texts.push(field.clone());
                texts.push(elements.next()??.to_vec());
            }
            texts
        } else {
            take_texts(&mut elements, 2)?
        };
        elements.integer()?; // how many elements that were, to be walked backwards
        if flags & DELETED != 0 {
            deleted_seen += 1;
            continue;
        }
        live_seen += 1;
        if id <= stream.last() || texts.is_empty() {
            return None;
        }
        stream.push(id, &texts.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
    (live == live_seen && deleted == deleted_seen).then_some(())
}

/// A count, and so many times `width` texts.
fn take_texts(elements: &mut Listpack<'_>, width: usize) -> Option<Vec<Vec<u8>>> {
    let count = usize::try_from(elements.integer()?).ok()?.checked_mul(width)?;
    // Each is an element of its own, so a count from nowhere runs out of them.
    (0..count).map(|_| Some(elements.next()??.text(&mut I64Text::new(0)).to_vec())).collect()
}

fn take_id(reader: &mut Reader<'_>) -> Option<StreamId> {
    Some(StreamId { ms: reader.number()?, seq: reader.number()? })
}

fn raw_id(bytes: [u8; 16]) -> StreamId {
    let both = u128::from_be_bytes(bytes);
    StreamId { ms: (both >> 64) as u64, seq: both as u64 }
}

fn take_group(reader: &mut Reader<'_>, kind: u8) -> Option<Group> {
    let last = take_id(reader)?;
    let read = if kind == tag::STREAM_LISTPACKS { u64::MAX } else { reader.number()? };
    let mut group = Group::new(last, (read != u64::MAX).then_some(read));
    let mut pending: BTreeMap<StreamId, (Millis, u64)> = BTreeMap::new();
    for _ in 0..reader.count()? {
        let id = raw_id(reader.array()?);
        let delivery = (reader.millis()?, reader.number()?);
        pending.insert(id, delivery).is_none().then_some(())?;
    }
    for _ in 0..reader.count()? {
        let name = reader.string()?;
        let seen = reader.millis()?;
        if kind == tag::STREAM_LISTPACKS_3 {
            reader.millis()?; // when it last got something, which is not kept here
        }
        let (consumer, is_new) = group.consumer(&name, seen);
        is_new.then_some(())?;
        for _ in 0..reader.count()? {
            let id = raw_id(reader.array()?);
            let (delivered, times) = pending.remove(&id)?;
            group.deliver(id, Pending { consumer: consumer.clone(), delivered, times });
        }
    }
    // What is pending is pending for somebody.
    pending.is_empty().then_some(group)
}
