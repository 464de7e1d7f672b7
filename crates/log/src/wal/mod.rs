//! The log being written.
//!
//! ```text
//!            append            sync
//!   Batch ----------> written ------> durable          prepare_next: makes the segment to come
//!                        |                              mark_durable: proves the tail durable
//!              full:  rotate                            release: drops segments that nobody needs
//! ```

mod open;
mod rotate;

use crate::batch::{BATCH_BYTES_MAX, Batch, BatchHeader};
use crate::disk::{DIRECT_BYTES_MAX, DirectFile, Disk, DiskFile, SECTOR_BYTES};
use crate::error::AppendError;
use crate::ledger::Ledger;
use crate::record::{self, Change};
use crate::segment::{self, Fill, NextSegment};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use synod_types::PartitionId;
use synod_types::plant::planted;

/// How a log is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The length of a segment file, in bytes; 64 MiB by default, 4096 at least. A segment that must hold
    /// one larger batch is as long as that needs. May differ from one start to the next.
    pub segment_bytes: u64,
    /// Whether [`Wal::append_durably`] writes past the page cache where the disk takes that.
    pub direct: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, direct: false }
    }
}

/// How far the next segment is prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// The next rotation is cheap.
    Ready,
    /// There is more to do.
    More,
}

/// The write-ahead log of one worker.
pub struct Wal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    segment_bytes: u64,
    ledger: Ledger,
    /// The segment being written: its file, number and length.
    file: Box<dyn DiskFile>,
    /// The same file once more, for direct writes. A batch is written through it only while everything before it is
    /// durable, for it makes nothing but itself durable.
    direct: Option<Box<dyn DirectFile>>,
    /// Whether the directory takes direct writes, and they are wanted.
    takes_direct: bool,
    number: u64,
    bytes: u64,
    /// Where the next batch goes. A multiple of the sector.
    offset: u64,
    /// The next batch's number, and what it carries as `previous`.
    sequence_next: u64,
    chain: u32,
    /// `proven <= durable < sequence_next`: batches up to `durable` are known to be durable, and a batch
    /// written after `proven` says so of those up to `proven`.
    durable: u64,
    proven: u64,
    /// Whether there are records (not just a mark) that no sync has covered.
    unsynced: bool,
    next: Option<NextSegment>,
    poisoned: bool,
}

impl Wal {
    /// Writes a batch, in one write; [`Wal::sync`] makes it durable. When it was written the batch is
    /// empty again, ready for reuse; on an error it is as it was. An empty batch is not written.
    ///
    /// # Errors
    /// After [`AppendError::Full`] and [`AppendError::TooLarge`] the log is as it was. After any other it
    /// takes nothing any more.
    pub fn append(&mut self, batch: &mut Batch) -> Result<(), AppendError> {
        self.check_usable()?;
        if batch.is_empty() {
            return Ok(());
        }
        self.make_room(batch)?;
        self.admit(batch)?;
        self.write(batch)?;
        batch.clear();
        self.unsynced = true;
        Ok(())
    }

    /// [`Wal::append`] and [`Wal::sync`] in one: past the page cache where that can be.
    ///
    /// # Errors
    /// As these two.
    pub fn append_durably(&mut self, batch: &mut Batch) -> Result<(), AppendError> {
        self.check_usable()?;
        if batch.is_empty() {
            return self.sync();
        }
        self.make_room(batch)?;
        if !self.writes_direct(batch) {
            self.append(batch)?;
            return self.sync();
        }
        self.admit(batch)?;
        self.write_direct(batch)?;
        batch.clear();
        self.durable = self.sequence_next - 1;
        Ok(())
    }

    /// Whether batches can be written past the page cache.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.direct.is_some()
    }

    /// Whether the batch fits into the segment being written, so that appending it begins no other.
    #[must_use]
    pub fn has_room_for(&self, batch: &Batch) -> bool {
        self.fits(batch)
    }

    /// Makes everything appended durable. Does nothing if it is already.
    ///
    /// # Errors
    /// [`AppendError::Failed`]; the log takes nothing any more, and nothing since the last good sync may
    /// be acknowledged.
    pub fn sync(&mut self) -> Result<(), AppendError> {
        self.check_usable()?;
        if self.unsynced { self.sync_all() } else { Ok(()) }
    }

    /// Prepares the next segment ahead of its use: reserves it, or zeroes up to `budget_bytes` of it. Without
    /// it, the append that fills a segment reserves the next.
    ///
    /// # Errors
    /// [`AppendError::Full`] leaves the log usable; what was prepared is kept.
    pub fn prepare_next(&mut self, fill: Fill, budget_bytes: u64) -> Result<Prepared, AppendError> {
        self.check_usable()?;
        self.prepare(self.segment_bytes, fill, budget_bytes)?;
        let ready = self.next.as_ref().is_some_and(|next| next.is_ready(fill));
        Ok(if ready { Prepared::Ready } else { Prepared::More })
    }

    /// Notes in the log that all of it up to the last sync is durable, unless a later batch already does.
    /// From then on damage to the last batch cannot pass for a torn write. Costs one sector and no sync;
    /// meant for idle moments and for shutdown.
    ///
    /// # Errors
    /// As [`Wal::append`], except that a full segment is left as it is.
    pub fn mark_durable(&mut self) -> Result<(), AppendError> {
        self.check_usable()?;
        let mut mark = Batch::new();
        if self.proven >= self.durable || !self.fits(&mark) {
            return Ok(());
        }
        self.write(&mut mark)?;
        // The mark itself needs no proof.
        self.proven = self.durable;
        Ok(())
    }

    /// Deletes, oldest first, the segments that no group needs any more, and says how many. Syncs first
    /// if there is one, since what makes it superfluous must be durable.
    ///
    /// # Errors
    /// [`AppendError::Failed`]; the log takes nothing any more.
    pub fn release(&mut self) -> Result<usize, AppendError> {
        self.check_usable()?;
        let mut released = 0;
        while let Some(oldest) = self.ledger.releasable() {
            let path = segment::path(&self.dir, oldest.number);
            if self.unsynced {
                self.sync_all()?;
            }
            // One by one, so that no crash can leave a gap in the sequence.
            let result = self.disk.remove(&path).and_then(|()| self.disk.sync_dir(&self.dir));
            self.or_poison(result)?;
            self.ledger.segments.pop_front();
            released += 1;
        }
        Ok(released)
    }

    /// The length of all segments, in bytes, the one in preparation included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.ledger.bytes() + self.next.as_ref().map_or(0, NextSegment::bytes)
    }

    /// How many segments there are.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.ledger.segments.len()
    }

    /// How many bytes the segment being written still takes, and the next one where its space is set aside.
    #[must_use]
    pub fn room_bytes(&self) -> u64 {
        let room = |bytes: u64, offset: u64| bytes.saturating_sub(offset + SECTOR_BYTES as u64);
        let next = self.next.as_ref().filter(|next| next.is_ready(Fill::Reserved));
        room(self.bytes, self.offset) + next.map_or(0, |next| room(next.bytes(), 0))
    }

    fn has_next(&self) -> bool {
        self.next.as_ref().is_some_and(|next| next.is_ready(Fill::Reserved))
    }

    /// How long the segments are to be that are not begun yet. A next one that is in preparation and longer than that
    /// is given up, so that it takes no more of a disk that is nearly full.
    ///
    /// # Errors
    /// [`AppendError::Failed`]; the log takes nothing any more.
    pub fn set_segment_bytes(&mut self, bytes: u64) -> Result<(), AppendError> {
        self.check_usable()?;
        let bytes = bytes.max(segment::BYTES_MIN).next_multiple_of(SECTOR_BYTES as u64);
        self.segment_bytes = bytes;
        if !self.has_next() && self.next.as_ref().is_some_and(|next| next.bytes() > bytes) {
            self.next = None;
            let removed = self.disk.remove(&self.dir.join(segment::NEXT_NAME));
            self.or_poison(removed)?;
        }
        Ok(())
    }

    /// The groups whose entries keep the oldest segment from being released: snapshot these first. Empty
    /// when there is only the segment being written.
    #[must_use]
    pub fn oldest_pins(&self) -> Vec<PartitionId> {
        self.ledger.oldest_pins()
    }

    fn check_usable(&self) -> Result<(), AppendError> {
        if self.poisoned {
            let reason = "an earlier write or sync failed, so the log takes nothing any more";
            return Err(AppendError::Failed(io::Error::other(reason)));
        }
        Ok(())
    }

    fn or_poison<T>(&mut self, result: io::Result<T>) -> Result<T, AppendError> {
        result.map_err(|error| {
            self.poisoned = true;
            AppendError::Failed(error)
        })
    }

    /// Sees to it that the batch fits.
    fn make_room(&mut self, batch: &Batch) -> Result<(), AppendError> {
        if batch.len_bytes() > BATCH_BYTES_MAX {
            return Err(AppendError::TooLarge(batch.len_bytes()));
        }
        if self.fits(batch) { Ok(()) } else { self.rotate(batch.padded_bytes() as u64) }
    }

    fn writes_direct(&self, batch: &Batch) -> bool {
        let alone = self.sequence_next - 1 == self.durable;
        alone && self.direct.is_some() && batch.padded_bytes() <= DIRECT_BYTES_MAX
    }

    fn fits(&self, batch: &Batch) -> bool {
        let limit = self.bytes - SECTOR_BYTES as u64;
        self.offset + batch.padded_bytes() as u64 <= limit
    }

    fn sync_all(&mut self) -> Result<(), AppendError> {
        let mut result = self.file.sync_data();
        if result.is_err() && planted("fsync-retried") {
            result = self.file.sync_data();
        }
        self.or_poison(result)?;
        self.durable = self.sequence_next - 1;
        self.unsynced = false;
        Ok(())
    }

    /// Takes the batch's records into account, and refuses those that recovery would refuse.
    fn admit(&mut self, batch: &Batch) -> Result<(), AppendError> {
        let mut rest = batch.body();
        while !rest.is_empty() {
            let parsed = record::decode_header(rest).and_then(|header| {
                let len = record::padded_bytes(header.payload_bytes as usize);
                let payload = &rest[record::HEADER_BYTES..][..header.payload_bytes as usize];
                Ok((header.group, Change::decode(&header, payload)?, len))
            });
            let (group, change, len) = self.or_poison(parsed.map_err(io::Error::other))?;
            rest = &rest[len..];
            if let Err(reason) = self.ledger.apply(group, &change) {
                self.poisoned = true;
                return Err(AppendError::Refused { group, reason });
            }
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch) -> Result<(), AppendError> {
        let mut header = self.header();
        let bytes = batch.seal(&mut header);
        let result = self.file.write_all_at(bytes, self.offset);
        self.written(&header, result)
    }

    fn write_direct(&mut self, batch: &mut Batch) -> Result<(), AppendError> {
        let mut header = self.header();
        let bytes = batch.seal(&mut header);
        let result = match &mut self.direct {
            Some(file) => file.write_durably_at(bytes, self.offset),
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        self.written(&header, result)
    }

    fn header(&self) -> BatchHeader {
        let mut header = batch_header(self.number, self.offset, self.sequence_next);
        header.durable = self.durable;
        header.previous = self.chain;
        header
    }

    fn written(&mut self, header: &BatchHeader, result: io::Result<()>) -> Result<(), AppendError> {
        self.or_poison(result)?;
        self.offset += header.padded_bytes() as u64;
        self.sequence_next += 1;
        self.chain = header.chain();
        self.proven = header.durable;
        Ok(())
    }
}

/// The header of a batch before it is sealed.
fn batch_header(segment: u64, offset: u64, sequence: u64) -> BatchHeader {
    BatchHeader {
        body_bytes: 0,
        segment,
        sequence,
        durable: 0,
        mask: 0,
        sector: (offset / SECTOR_BYTES as u64) as u32,
        records: 0,
        checkpoint: false,
        previous: 0,
        digest: 0,
    }
}
