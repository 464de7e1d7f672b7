//! The log being written.
//!
//! ```text
//!            append            sync
//!   Batch ----------> written ------> durable          prepare_next: zeroes the segment to come
//!                        |                              mark_durable: proves the tail durable
//!              full:  rotate                            release: drops segments that nobody needs
//! ```

use crate::batch::{BATCH_BYTES_MAX, Batch, BatchHeader};
use crate::disk::{Disk, DiskFile, SECTOR_BYTES, is_full};
use crate::error::{AppendError, OpenError};
use crate::ledger::Ledger;
use crate::record::{self, Change};
use crate::recover::{self, Progress, Recovered, Tail};
use crate::sector;
use crate::segment::{
    self, BATCHES_AT, FORMAT, NEXT_NAME, NextSegment, OVERHEAD_BYTES, SegmentHeader, SegmentTrailer,
};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synod_types::PartitionId;

/// How a log is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The length of a segment file, in bytes; 64 MiB by default, 4096 at least. A segment that must hold
    /// one larger batch is as long as that needs. May differ from one start to the next.
    pub segment_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20 }
    }
}

/// How far the next segment is prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// It is zeroed and durable: the next rotation is cheap.
    Ready,
    /// There is more to zero.
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
    /// Opens the log in `dir`, or begins one there.
    ///
    /// What is given back is durable when this returns. `progress` is called about once per MiB read.
    ///
    /// # Errors
    /// See [`OpenError`]: when anything that may have been acknowledged cannot be read, the log is refused
    /// and nothing is changed.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: Options,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(Self, Recovered), OpenError> {
        disk.create_dir_all(dir).map_err(OpenError::io(dir))?;
        let replayed = recover::recover(&*disk, dir, progress)?;
        remove_stale(&*disk, dir).map_err(OpenError::io(dir))?;
        let segment_bytes = options.segment_bytes.max(segment::BYTES_MIN);
        let segment_bytes = segment_bytes.next_multiple_of(SECTOR_BYTES as u64);
        let Some(replayed) = replayed else {
            let wal = Self::begin(disk, dir, segment_bytes).map_err(OpenError::io(dir))?;
            return Ok((wal, Recovered::default()));
        };
        let tail = replayed.tail;
        settle(&tail).map_err(OpenError::io(&segment::path(dir, tail.reader.header.number)))?;
        disk.sync_dir(dir).map_err(OpenError::io(dir))?;
        let wal = Self {
            disk,
            dir: dir.to_path_buf(),
            segment_bytes,
            ledger: replayed.ledger,
            number: tail.reader.header.number,
            bytes: tail.reader.header.bytes,
            file: tail.reader.file,
            offset: tail.end,
            sequence_next: tail.sequence_next,
            chain: tail.chain,
            durable: tail.sequence_next - 1,
            proven: 0,
            unsynced: false,
            next: None,
            poisoned: false,
        };
        Ok((wal, replayed.recovered))
    }

    fn begin(disk: Arc<dyn Disk>, dir: &Path, segment_bytes: u64) -> io::Result<Self> {
        let mut next = NextSegment::create(&*disk, dir, segment_bytes)?;
        next.prepare(u64::MAX)?;
        let mut checkpoint = Batch::new();
        let mut header = batch_header(1, BATCHES_AT, 1);
        header.checkpoint = true;
        let bytes = checkpoint.seal(&mut header);
        let of_segment =
            SegmentHeader { version: FORMAT, number: 1, bytes: segment_bytes, sequence_first: 1 };
        let file = next.activate(&*disk, dir, &of_segment, bytes)?;
        let mut ledger = Ledger::default();
        ledger.add_segment(1, segment_bytes);
        Ok(Self {
            disk,
            dir: dir.to_path_buf(),
            segment_bytes,
            ledger,
            file,
            number: 1,
            bytes: segment_bytes,
            offset: BATCHES_AT + bytes.len() as u64,
            sequence_next: 2,
            chain: header.chain(),
            durable: 1,
            proven: 0,
            unsynced: false,
            next: None,
            poisoned: false,
        })
    }

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
        if batch.len_bytes() > BATCH_BYTES_MAX {
            return Err(AppendError::TooLarge(batch.len_bytes()));
        }
        if !self.fits(batch) {
            self.rotate(batch.padded_bytes() as u64)?;
        }
        self.admit(batch)?;
        self.write(batch)?;
        batch.clear();
        self.unsynced = true;
        Ok(())
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

    /// Zeroes up to `budget_bytes` of the next segment ahead of its use. Meant for idle moments; without
    /// it, the append that fills a segment does all the work.
    ///
    /// # Errors
    /// [`AppendError::Full`] leaves the log usable; what was zeroed is kept.
    pub fn prepare_next(&mut self, budget_bytes: u64) -> Result<Prepared, AppendError> {
        self.check_usable()?;
        self.prepare(self.segment_bytes, budget_bytes)?;
        let ready = self.next.as_ref().is_some_and(NextSegment::is_ready);
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

    fn fits(&self, batch: &Batch) -> bool {
        let limit = self.bytes - SECTOR_BYTES as u64;
        self.offset + batch.padded_bytes() as u64 <= limit
    }

    fn sync_all(&mut self) -> Result<(), AppendError> {
        let result = self.file.sync_data();
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
        let mut header = batch_header(self.number, self.offset, self.sequence_next);
        header.durable = self.durable;
        header.previous = self.chain;
        let bytes = batch.seal(&mut header);
        let result = self.file.write_all_at(bytes, self.offset);
        let len = bytes.len() as u64;
        self.or_poison(result)?;
        self.offset += len;
        self.sequence_next += 1;
        self.chain = header.chain();
        self.proven = header.durable;
        Ok(())
    }

    fn prepare(&mut self, bytes: u64, budget: u64) -> Result<(), AppendError> {
        let result = self.try_prepare(bytes, budget);
        match result {
            Err(error) if is_full(&error) => Err(AppendError::Full(error)),
            result => self.or_poison(result),
        }
    }

    fn try_prepare(&mut self, bytes: u64, budget: u64) -> io::Result<()> {
        let next = match &mut self.next {
            Some(next) => next,
            None => self.next.insert(NextSegment::create(&*self.disk, &self.dir, bytes)?),
        };
        next.grow(bytes);
        if next.is_ready() { Ok(()) } else { next.prepare(budget) }
    }

    /// Goes on in a new segment with room for a batch of `need` bytes.
    ///
    /// The order matters: the old segment is durable before the new one exists, so only the last segment
    /// can be torn; the new one is durable before it gets its name, so its start is never torn; the
    /// trailer comes last, so it proves that the new one existed.
    fn rotate(&mut self, need: u64) -> Result<(), AppendError> {
        if self.sequence_next - 1 > self.durable {
            self.sync_all()?;
        }
        let mut checkpoint = Batch::new();
        for (group, state) in &self.ledger.groups {
            checkpoint.checkpoint(*group, state);
        }
        let fixed = OVERHEAD_BYTES + checkpoint.padded_bytes() as u64;
        self.prepare(self.segment_bytes.max(fixed + need), u64::MAX)?;
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
        Ok(())
    }
}

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

/// A segment that was still in preparation holds nothing.
fn remove_stale(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    if disk.list(dir)?.iter().any(|name| name == NEXT_NAME) {
        disk.remove(&dir.join(NEXT_NAME))?;
    }
    Ok(())
}

/// Makes what was read durable and clears what was torn.
///
/// What was read may have come from the page cache of an operating system that failed to write it and
/// said so to a process that is gone; only writing it again makes it durable (ATC '20, see `disk`).
fn settle(tail: &Tail) -> io::Result<()> {
    const STEP_BYTES: u64 = 1 << 20;
    let mut buf = vec![0; STEP_BYTES as usize];
    let mut at = tail.unproven_from;
    while at < tail.end {
        let part = &mut buf[..(tail.end - at).min(STEP_BYTES) as usize];
        tail.reader.file.read_exact_at(part, at)?;
        tail.reader.file.write_all_at(part, at)?;
        at += part.len() as u64;
    }
    buf.fill(0);
    while at < tail.torn_end {
        let part = &buf[..(tail.torn_end - at).min(STEP_BYTES) as usize];
        tail.reader.file.write_all_at(part, at)?;
        at += part.len() as u64;
    }
    debug_assert!(at as usize == sector::round_up(at as usize), "batches are whole sectors");
    tail.reader.file.sync_data()
}
