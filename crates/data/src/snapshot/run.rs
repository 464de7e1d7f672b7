//! One snapshot being taken.

use super::{FORMAT, tag};
use crate::object::Object;
use crate::scripting::{Libraries, Library, Scripts};
use crate::slot_table::SlotTable;
use std::collections::VecDeque;
use synod_locks::Locks;
use synod_txn::Records;
use synod_types::limits::SNAPSHOT_CHUNK_BYTES;
use synod_types::plant::planted;
use synod_types::varint;

/// A record up to this size is written in one piece.
const RECORD_BYTES_MAX: usize = 4 * SNAPSHOT_CHUNK_BYTES;
/// How much of a longer one goes into each of its parts.
const PART_BYTES: usize = 4 * SNAPSHOT_CHUNK_BYTES;

/// How far a snapshot has come.
#[derive(Debug)]
pub(crate) struct Run {
    /// Chunks to be given out next: the header, slots that a write was about to change, parts of a long record.
    chunks: Chunks,
    /// Slots whose objects are all in chunks.
    done: Vec<bool>,
    /// The slot to go on with; those before it are done.
    slot: usize,
    /// How many objects of `slot` are in chunks.
    at: usize,
    /// How many objects are in chunks.
    keys: u64,
    /// The tables as they were, when FLUSHALL took them out of the keyspace meanwhile.
    kept: Option<Vec<SlotTable>>,
    /// Whether the end record was written.
    ended: bool,
}

/// What stands in a snapshot before the slots.
pub(crate) struct Head<'a> {
    pub first: u16,
    pub slots: usize,
    pub changes: u64,
    pub scripts: &'a Scripts,
    pub libraries: &'a Libraries,
    pub locks: &'a Locks,
    pub transactions: &'a Records,
}

impl Run {
    /// A run that begins with this.
    pub(crate) fn begin(state: &Head<'_>) -> Self {
        let mut run = Self::new(state.first, state.slots, state.changes);
        for (loaded, body) in state.scripts.each() {
            if planted("scripts-lost-in-snapshot") {
                break;
            }
            run.chunks.open.extend_from_slice(&[tag::SCRIPT, u8::from(loaded)]);
            varint::put_bytes(&mut run.chunks.open, body);
            if run.chunks.open.len() >= SNAPSHOT_CHUNK_BYTES {
                run.chunks.close();
            }
        }
        for library in state.libraries.iter() {
            run.chunks.put(|chunk| put_library(chunk, library));
            if run.chunks.open.len() >= SNAPSHOT_CHUNK_BYTES {
                run.chunks.close();
            }
        }
        for record in state.locks.records() {
            if planted("locks-lost-in-snapshot") {
                break;
            }
            run.chunks.open.push(tag::LOCK);
            varint::put_bytes(&mut run.chunks.open, &record);
            if run.chunks.open.len() >= SNAPSHOT_CHUNK_BYTES {
                run.chunks.close();
            }
        }
        for record in state.transactions.records() {
            if planted("intents-lost-in-snapshot") {
                break;
            }
            run.chunks.put(|chunk| {
                chunk.push(tag::TRANSACTION);
                varint::put_bytes(chunk, &record);
            });
            if run.chunks.open.len() >= SNAPSHOT_CHUNK_BYTES {
                run.chunks.close();
            }
        }
        run.chunks.close();
        run
    }

    fn new(first: u16, slots: usize, changes: u64) -> Self {
        let mut header = vec![tag::HEADER, FORMAT];
        header.extend_from_slice(&first.to_le_bytes());
        header.extend_from_slice(&(first + (slots - 1) as u16).to_le_bytes());
        varint::put(&mut header, changes);
        Self {
            chunks: Chunks { ready: VecDeque::from([header]), open: Vec::new() },
            done: vec![false; slots],
            slot: 0,
            at: 0,
            keys: 0,
            kept: None,
            ended: false,
        }
    }

    /// Goes on from these tables, which no write can reach any more; hands them back when it has no use for them.
    pub(crate) fn keep(&mut self, tables: Vec<SlotTable>) -> Option<Vec<SlotTable>> {
        if self.kept.is_some() {
            return Some(tables); // the first FLUSHALL's tables are still the ones to emit
        }
        self.kept = Some(tables);
        None
    }

    /// Emits what is missing of one slot, ahead of its turn.
    pub(crate) fn preserve(&mut self, first: u16, slot: usize, table: &SlotTable) {
        if self.done[slot] || self.kept.is_some() {
            return;
        }
        self.done[slot] = true;
        let mut at = if slot == self.slot { self.at } else { 0 };
        self.chunks.reopen();
        loop {
            let from = at;
            at = put_slot(&mut self.chunks, first, slot, table, from, SNAPSHOT_CHUNK_BYTES);
            self.keys += (at - from) as u64;
            if at == table.len() {
                break;
            }
            self.chunks.close();
        }
        self.chunks.close();
    }

    /// The next chunk; the slots lie in `tables`, unless FLUSHALL has taken them out.
    pub(crate) fn go_on(
        &mut self,
        first: u16,
        tables: &[SlotTable],
        bytes_max: usize,
    ) -> Option<Vec<u8>> {
        let kept = self.kept.take();
        let chunk = self.next(first, kept.as_deref().unwrap_or(tables), bytes_max);
        self.kept = kept;
        chunk
    }

    /// The tables that were kept for it, at its end.
    pub(crate) fn into_kept(self) -> Option<Vec<SlotTable>> {
        self.kept
    }

    fn next(&mut self, first: u16, tables: &[SlotTable], bytes_max: usize) -> Option<Vec<u8>> {
        if self.chunks.ready.is_empty() && !self.ended {
            self.fill(first, tables, bytes_max);
        }
        self.chunks.ready.pop_front()
    }

    /// Makes the next chunk, or several of a long record.
    fn fill(&mut self, first: u16, tables: &[SlotTable], bytes_max: usize) {
        let chunks = &mut self.chunks;
        chunks.open.reserve(bytes_max.min(SNAPSHOT_CHUNK_BYTES));
        let full =
            |chunks: &Chunks| !chunks.ready.is_empty() || chunks.open.len() >= bytes_max.max(1);
        while self.slot < tables.len() && !full(chunks) {
            let table = &tables[self.slot];
            if !self.done[self.slot] {
                let from = self.at;
                self.at = put_slot(chunks, first, self.slot, table, from, bytes_max);
                self.keys += (self.at - from) as u64;
                self.done[self.slot] = self.at == table.len();
            }
            if self.done[self.slot] {
                (self.slot, self.at) = (self.slot + 1, 0);
            }
        }
        if self.slot == tables.len() {
            chunks.open.push(tag::END);
            varint::put(&mut chunks.open, self.keys);
            self.ended = true;
        }
        chunks.close();
    }
}

/// Records being put into chunks.
#[derive(Debug)]
struct Chunks {
    /// Those that are closed, in order.
    ready: VecDeque<Vec<u8>>,
    /// The one that takes records.
    open: Vec<u8>,
}

impl Chunks {
    /// Closes the chunk that takes records, if it has any.
    fn close(&mut self) {
        if !self.open.is_empty() {
            self.ready.push_back(std::mem::take(&mut self.open));
        }
    }

    /// Lets the last chunk take more records, if it has room.
    fn reopen(&mut self) {
        let unfilled = self.ready.pop_back_if(|chunk| chunk.len() < SNAPSHOT_CHUNK_BYTES);
        self.open = unfilled.unwrap_or_default();
    }

    /// Takes a record. One that is too long for a chunk goes into parts, each a chunk of its own, so that a value may
    /// be of any size.
    fn put(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.open.len();
        write(&mut self.open);
        if self.open.len() - start <= RECORD_BYTES_MAX {
            return;
        }
        let record = self.open.split_off(start);
        self.close();
        let last = record.chunks(PART_BYTES).count() - 1;
        for (nth, part) in record.chunks(PART_BYTES).enumerate() {
            let mut chunk = Vec::with_capacity(part.len() + 16);
            chunk.extend_from_slice(&[tag::PART, u8::from(nth == last)]);
            varint::put_bytes(&mut chunk, part);
            self.ready.push_back(chunk);
        }
    }
}

/// Appends the objects of a slot from place `from` on until the chunk is full, at least one; answers
/// the place to go on from.
fn put_slot(
    chunks: &mut Chunks,
    first: u16,
    slot: usize,
    table: &SlotTable,
    from: usize,
    bytes_max: usize,
) -> usize {
    if table.len() == 0 && table.absent_version() == 0 {
        return 0;
    }
    chunks.open.push(tag::SLOT);
    chunks.open.extend_from_slice(&(first + slot as u16).to_le_bytes());
    let forgotten = planted("versions-lost-in-snapshot");
    varint::put(&mut chunks.open, if forgotten { 0 } else { table.absent_version() });
    let mut at = from;
    for object in &table.objects()[from..] {
        let closed = chunks.ready.len();
        chunks.put(|chunk| put_object(chunk, object));
        at += 1;
        if chunks.open.len() >= bytes_max || chunks.ready.len() > closed {
            break;
        }
    }
    at
}

fn put_library(chunk: &mut Vec<u8>, library: &Library) {
    chunk.push(tag::LIBRARY);
    varint::put_bytes(chunk, library.name.as_bytes());
    varint::put_bytes(chunk, &library.text);
    varint::put(chunk, library.functions.len() as u64);
    for function in &library.functions {
        varint::put_bytes(chunk, function.name.as_bytes());
        chunk.extend_from_slice(&[function.promises.0, u8::from(function.description.is_some())]);
        varint::put_bytes(chunk, function.description.as_deref().unwrap_or_default());
    }
}

/// Appends one object, for [`super::take_image`].
pub(crate) fn put_image(out: &mut Vec<u8>, object: &Object) {
    put_object(out, object);
}

fn put_object(chunk: &mut Vec<u8>, object: &Object) {
    match object {
        Object::Packed(packed) => {
            chunk.push(tag::PACKED);
            varint::put_bytes(chunk, packed.as_bytes());
        }
        Object::Full(full) => {
            let value = full.value.as_stored();
            chunk.extend_from_slice(&[tag::FULL, value.form()]);
            varint::put(chunk, full.version);
            varint::put(chunk, full.expire.map_or(0, |at| at.0.saturating_add(1)));
            varint::put_bytes(chunk, &full.key);
            // At once and in place: a long value that grows step by step is copied, and its fresh memory zeroed by the
            // kernel, several times over, and all clients of the worker wait meanwhile.
            chunk.reserve(value.heap_bytes());
            varint::put_written(chunk, |chunk| value.encode(chunk));
        }
    }
}
