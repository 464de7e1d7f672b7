//! Rebuilding a keyspace from the chunks of a snapshot. Everything is checked: the bytes may come from
//! another node, and a checksum only says that they are as they were sent.

use super::Keyspace;
use crate::object::Object;
use crate::snapshot::{FORMAT, tag, take_full, take_library, take_packed};
use std::ops::RangeInclusive;
use synod_types::plant::planted;
use synod_types::{Slot, key_slot, varint};

/// Bytes that are no snapshot, or not one of this keyspace. What was restored so far is worthless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot is corrupt: {0}")]
pub struct CorruptSnapshot(pub &'static str);

/// Takes chunks in order and ends in a keyspace.
#[derive(Debug)]
pub struct Restorer {
    keyspace: Keyspace,
    state: State,
    /// The parts of a long record that have come; empty between records.
    parts: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// The header is to come.
    Begin,
    /// Records are to come; objects belong to this slot, once one was named.
    Body(Option<Slot>),
    /// The end record was read.
    Ended,
}

impl Restorer {
    pub(crate) fn new(slots: RangeInclusive<Slot>) -> Self {
        Self { keyspace: Keyspace::new(slots), state: State::Begin, parts: Vec::new() }
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// When the bytes are not the continuation of a snapshot; the restorer is of no use then.
    pub fn chunk(&mut self, mut bytes: &[u8]) -> Result<(), CorruptSnapshot> {
        while let [tag, rest @ ..] = bytes {
            bytes = rest;
            if !self.parts.is_empty() && *tag != tag::PART {
                return Err(CorruptSnapshot("a long record that breaks off"));
            }
            match (*tag, &self.state) {
                (tag::HEADER, State::Begin) => self.header(&mut bytes),
                (tag::SCRIPT, State::Body(None)) => self.script(&mut bytes),
                (tag::LIBRARY, State::Body(None)) => self.library(&mut bytes),
                (tag::LOCK, State::Body(None)) => self.lock(&mut bytes),
                (tag::TRANSACTION, State::Body(None)) => self.transaction(&mut bytes),
                (tag::SLOT, State::Body(_)) => self.slot(&mut bytes),
                (tag::PACKED, State::Body(Some(slot))) => {
                    let slot = *slot;
                    self.object(slot, take_packed(&mut bytes))
                }
                (tag::FULL, State::Body(Some(slot))) => {
                    let slot = *slot;
                    self.object(slot, take_full(&mut bytes))
                }
                (tag::PART, State::Body(slot)) => {
                    let slot = *slot;
                    self.part(slot, &mut bytes)
                }
                (tag::END, State::Body(_)) => self.end(&mut bytes),
                _ => Err(CorruptSnapshot("a record out of place")),
            }?;
        }
        Ok(())
    }

    /// The keyspace.
    ///
    /// # Errors
    /// When the end of the snapshot was not among the chunks.
    pub fn finish(self) -> Result<Keyspace, CorruptSnapshot> {
        match self.state {
            State::Ended => Ok(self.keyspace),
            _ => Err(CorruptSnapshot("the end is missing")),
        }
    }

    fn header(&mut self, bytes: &mut &[u8]) -> Result<(), CorruptSnapshot> {
        let cut = CorruptSnapshot("a header cut short");
        let ([format, a, b, c, d], rest) = bytes.split_first_chunk::<5>().ok_or(cut)?;
        if *format != FORMAT {
            return Err(CorruptSnapshot("a format this program does not know"));
        }
        let slots = Slot(u16::from_le_bytes([*a, *b]))..=Slot(u16::from_le_bytes([*c, *d]));
        let room = self.keyspace.slots();
        if slots.is_empty() || slots.start() < room.start() || slots.end() > room.end() {
            return Err(CorruptSnapshot("a snapshot of other slots"));
        }
        if slots != room {
            self.keyspace = Keyspace::new(slots);
        }
        *bytes = rest;
        self.keyspace.changes = varint::take(bytes).ok_or(cut)?;
        self.state = State::Body(None);
        Ok(())
    }

    fn script(&mut self, bytes: &mut &[u8]) -> Result<(), CorruptSnapshot> {
        let malformed = CorruptSnapshot("a malformed script");
        let (loaded, rest) = bytes.split_first().ok_or(malformed)?;
        *bytes = rest;
        let body = varint::take_bytes(bytes).ok_or(malformed)?;
        self.keyspace.scripts.restore(*loaded == 1, body).ok_or(malformed)
    }

    fn library(&mut self, bytes: &mut &[u8]) -> Result<(), CorruptSnapshot> {
        let library =
            take_library(bytes).and_then(|library| self.keyspace.libraries.restore(library));
        library.ok_or(CorruptSnapshot("a malformed library"))
    }

    fn lock(&mut self, bytes: &mut &[u8]) -> Result<(), CorruptSnapshot> {
        let malformed = CorruptSnapshot("a malformed lock");
        let record = varint::take_bytes(bytes).ok_or(malformed)?;
        self.keyspace.locks.take_record(record).map_err(|_| malformed)
    }

    fn transaction(&mut self, bytes: &mut &[u8]) -> Result<(), CorruptSnapshot> {
        let malformed = CorruptSnapshot("a malformed transaction");
        let record = varint::take_bytes(bytes).ok_or(malformed)?;
        self.keyspace.transactions.take_record(record).ok_or(malformed)
    }

    fn slot(&mut self, bytes: &mut &[u8]) -> Result<(), CorruptSnapshot> {
        let cut = CorruptSnapshot("a slot cut short");
        let (slot, rest) = bytes.split_first_chunk::<2>().ok_or(cut)?;
        *bytes = rest;
        let slot = Slot(u16::from_le_bytes(*slot));
        let absent_version = varint::take(bytes).ok_or(cut)?;
        if absent_version > self.keyspace.changes {
            return Err(CorruptSnapshot("a version from the future"));
        }
        self.keyspace
            .table_mut(slot)
            .ok_or(CorruptSnapshot("a slot out of range"))?
            .raise_absent_version(absent_version);
        self.state = State::Body(Some(slot));
        Ok(())
    }

    fn object(&mut self, slot: Slot, object: Option<Object>) -> Result<(), CorruptSnapshot> {
        let mut object = object.ok_or(CorruptSnapshot("a malformed object"))?;
        if planted("limit-at-restore") && object.heap_bytes() > 100_000 {
            return Err(CorruptSnapshot("a malformed object"));
        }
        if planted("expiries-lost-in-snapshot") {
            object.set_expire(None);
        }
        if key_slot(object.key()) != slot {
            return Err(CorruptSnapshot("a key in a slot that is not its own"));
        }
        if object.version() > self.keyspace.changes {
            return Err(CorruptSnapshot("a version from the future"));
        }
        self.keyspace.append(slot, object).ok_or(CorruptSnapshot("a key that comes twice"))
    }

    /// Takes a piece of a long record; with the last one, the record.
    fn part(&mut self, slot: Option<Slot>, bytes: &mut &[u8]) -> Result<(), CorruptSnapshot> {
        let cut = CorruptSnapshot("a part cut short");
        let (last, rest) = bytes.split_first().ok_or(cut)?;
        *bytes = rest;
        let part = varint::take_bytes(bytes).filter(|part| !part.is_empty()).ok_or(cut)?;
        self.parts.extend_from_slice(part);
        if *last == 0 {
            return Ok(());
        }
        let record = std::mem::take(&mut self.parts);
        let mut rest = &record[1..];
        let object = match (record[0], slot) {
            (tag::LIBRARY, None) => {
                self.library(&mut rest)?;
                let left_over = CorruptSnapshot("a malformed library");
                return rest.is_empty().then_some(()).ok_or(left_over);
            }
            (tag::TRANSACTION, None) => {
                self.transaction(&mut rest)?;
                let left_over = CorruptSnapshot("a malformed transaction");
                return rest.is_empty().then_some(()).ok_or(left_over);
            }
            (tag::PACKED, Some(_)) => take_packed(&mut rest),
            (tag::FULL, Some(_)) => take_full(&mut rest),
            _ => None,
        };
        let slot = slot.ok_or(CorruptSnapshot("a record out of place"))?;
        self.object(slot, object.filter(|_| rest.is_empty()))
    }

    fn end(&mut self, bytes: &mut &[u8]) -> Result<(), CorruptSnapshot> {
        let keys = varint::take(bytes).ok_or(CorruptSnapshot("an end cut short"))?;
        if keys != self.keyspace.len() as u64 {
            return Err(CorruptSnapshot("keys are missing"));
        }
        self.state = State::Ended;
        Ok(())
    }
}
