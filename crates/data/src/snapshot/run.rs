//! One snapshot being taken.

use super::{FORMAT, tag};
use crate::keyspace::{Keyspace, SlotTable};
use crate::object::Object;
use crate::scripting::Library;
use std::collections::VecDeque;
use synod_types::limits::SNAPSHOT_CHUNK_BYTES;
use synod_types::plant::planted;
use synod_types::{Slot, varint};

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

impl Run {
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
    fn preserve(&mut self, first: u16, slot: usize, table: &SlotTable) {
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

    pub(super) fn next(
        &mut self,
        first: u16,
        tables: &[SlotTable],
        bytes_max: usize,
    ) -> Option<Vec<u8>> {
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
        chunk.extend_from_slice(&[function.flags, u8::from(function.description.is_some())]);
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

impl Keyspace {
    /// Begins a snapshot of the state as it is now; one already under way is given up.
    pub fn snapshot_begin(&mut self) {
        self.snapshot_cancel();
        self.snapshot = Some(Box::new(self.begun_run()));
    }

    /// A run of the state as it is now: what stands before the slots is in its chunks.
    pub(super) fn begun_run(&self) -> Run {
        let mut run = Run::new(self.first, self.slots.len(), self.changes);
        for (loaded, body) in self.scripts.each() {
            if planted("scripts-lost-in-snapshot") {
                break;
            }
            run.chunks.open.extend_from_slice(&[tag::SCRIPT, u8::from(loaded)]);
            varint::put_bytes(&mut run.chunks.open, body);
            if run.chunks.open.len() >= SNAPSHOT_CHUNK_BYTES {
                run.chunks.close();
            }
        }
        for library in self.libraries.iter() {
            run.chunks.put(|chunk| put_library(chunk, library));
            if run.chunks.open.len() >= SNAPSHOT_CHUNK_BYTES {
                run.chunks.close();
            }
        }
        for record in self.locks.records() {
            if planted("locks-lost-in-snapshot") {
                break;
            }
            run.chunks.open.push(tag::LOCK);
            varint::put_bytes(&mut run.chunks.open, &record);
            if run.chunks.open.len() >= SNAPSHOT_CHUNK_BYTES {
                run.chunks.close();
            }
        }
        for record in self.transactions.records() {
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

    /// The next chunk, of about `bytes_max` bytes (more when a single key is larger); `None` when the
    /// last one was given, or no snapshot is under way.
    pub fn snapshot_next(&mut self, bytes_max: usize) -> Option<Vec<u8>> {
        let run = self.snapshot.as_mut()?;
        let kept = run.kept.take();
        let chunk = run.next(self.first, kept.as_ref().unwrap_or(&self.slots), bytes_max);
        run.kept = kept;
        if chunk.is_none() {
            self.snapshot_cancel();
        }
        chunk
    }

    /// Gives up the snapshot under way, if there is one.
    pub fn snapshot_cancel(&mut self) {
        if let Some(kept) = self.snapshot.take().and_then(|run| run.kept) {
            self.discard_tables(kept);
        }
    }

    /// Whether a snapshot is under way.
    #[must_use]
    pub fn snapshot_active(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Before a write to a slot: makes sure that the snapshot under way has it as it was.
    #[cold]
    pub(crate) fn preserve(&mut self, slot: usize) {
        if let Some(run) = &mut self.snapshot {
            run.preserve(self.first, slot, &self.slots[slot]);
        }
    }

    /// Begins to rebuild a keyspace of these slots from chunks.
    #[must_use]
    pub fn restore(slots: std::ops::RangeInclusive<Slot>) -> super::Restorer {
        super::Restorer::new(slots)
    }
}
