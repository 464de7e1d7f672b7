//! The next segment: prepared ahead, begun when the present one is full.

use super::{Wal, batch_header};
use crate::batch::Batch;
use crate::disk::{SECTOR_BYTES, is_full};
use crate::error::AppendError;
use crate::segment::{
    BATCHES_AT, FORMAT, Fill, NextSegment, OVERHEAD_BYTES, SegmentHeader, SegmentTrailer,
};
use std::io;

impl Wal {
    pub(super) fn prepare(
        &mut self,
        bytes: u64,
        fill: Fill,
        budget: u64,
    ) -> Result<(), AppendError> {
        let result = self.try_prepare(bytes, fill, budget);
        match result {
            Err(error) if is_full(&error) => Err(AppendError::Full(error)),
            result => self.or_poison(result),
        }
    }

    /// Hands the next segment out, to be worked on elsewhere ([`NextSegment::work`]) while batches are appended; `None`
    /// when it is ready. Until [`Wal::put_next`] gives it back, no batch may be appended that has no room
    /// ([`Wal::has_room_for`]).
    ///
    /// # Errors
    /// As [`Wal::prepare_next`].
    pub fn take_next(&mut self, fill: Fill) -> Result<Option<NextSegment>, AppendError> {
        self.check_usable()?;
        if self.is_prepared(fill) {
            return Ok(None);
        }
        self.prepare(self.segment_bytes, Fill::Reserved, 0)?;
        Ok(self.next.take())
    }

    /// Takes the next segment back.
    pub fn put_next(&mut self, next: NextSegment) {
        self.next = Some(next);
    }

    /// Whether the next segment is ready for use.
    #[must_use]
    pub fn is_prepared(&self, fill: Fill) -> bool {
        self.next.as_ref().is_some_and(|next| next.is_ready(fill))
    }

    fn try_prepare(&mut self, bytes: u64, fill: Fill, budget: u64) -> io::Result<()> {
        let next = match &mut self.next {
            Some(next) => next,
            None => self.next.insert(NextSegment::create(&*self.disk, &self.dir, bytes)?),
        };
        next.grow(bytes);
        next.prepare(fill, budget)
    }

    /// Goes on in a new segment with room for a batch of `need` bytes.
    ///
    /// The order matters: the old segment is durable before the new one exists, so only the last segment
    /// can be torn; the new one is durable before it gets its name, so its start is never torn; the
    /// trailer comes last, so it proves that the new one existed.
    pub(super) fn rotate(&mut self, need: u64) -> Result<(), AppendError> {
        if self.sequence_next - 1 > self.durable {
            self.sync_all()?;
        }
        let mut checkpoint = Batch::new();
        for (group, state) in &self.ledger.groups {
            checkpoint.checkpoint(*group, state);
        }
        let fixed = OVERHEAD_BYTES + checkpoint.padded_bytes() as u64;
        self.prepare(self.segment_bytes.max(fixed + need), Fill::Reserved, u64::MAX)?;
        let Some(next) = self.next.take() else { return Ok(()) };

        let of_segment = SegmentHeader {
            version: FORMAT,
            number: self.number + 1,
            bytes: next.bytes(),
            sequence_first: self.sequence_next,
        };
        let mut header = batch_header(of_segment.number, BATCHES_AT, self.sequence_next);
        header.durable = self.durable;
        header.previous = self.chain;
        header.checkpoint = true;
        let bytes = checkpoint.seal(&mut header);
        let offset = BATCHES_AT + bytes.len() as u64;
        let file = next.activate(&*self.disk, &self.dir, &of_segment, bytes);
        let file = self.or_poison(file)?;

        let trailer = SegmentTrailer {
            number: self.number,
            end: self.offset,
            sequence_next: self.sequence_next,
        };
        let place = self.bytes - SECTOR_BYTES as u64;
        let result = self.file.write_all_at(&trailer.encode(), place);
        let result = result.and_then(|()| self.file.sync_data());
        self.or_poison(result)?;

        self.file = file;
        self.number = of_segment.number;
        self.bytes = of_segment.bytes;
        self.offset = offset;
        self.chain = header.chain();
        self.proven = self.durable;
        self.durable = self.sequence_next;
        self.sequence_next += 1;
        self.ledger.add_segment(self.number, self.bytes);
        self.open_direct();
        Ok(())
    }
}
