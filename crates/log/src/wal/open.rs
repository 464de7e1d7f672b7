//! Opening a log: read it, make what was read durable, clear what was torn, or begin a new one.

use super::{Options, Wal, batch_header};
use crate::batch::Batch;
use crate::disk::{self, Disk, PROBE_NAME, SECTOR_BYTES};
use crate::error::OpenError;
use crate::ledger::Ledger;
use crate::recover::{self, Progress, Recovered, Tail};
use crate::segment::{self, BATCHES_AT, FORMAT, Fill, NEXT_NAME, NextSegment, SegmentHeader};
use std::io;
use std::path::Path;
use std::sync::Arc;
use synod_types::plant::planted;

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
            let mut wal = Self::begin(disk, dir, segment_bytes).map_err(OpenError::io(dir))?;
            wal.begin_direct(options.direct).map_err(OpenError::io(dir))?;
            return Ok((wal, Recovered::default()));
        };
        let tail = replayed.tail;
        settle(&tail).map_err(OpenError::io(&segment::path(dir, tail.reader.header.number)))?;
        disk.sync_dir(dir).map_err(OpenError::io(dir))?;
        let mut wal = Self {
            disk,
            dir: dir.to_path_buf(),
            segment_bytes,
            ledger: replayed.ledger,
            number: tail.reader.header.number,
            bytes: tail.reader.header.bytes,
            file: tail.reader.file,
            direct: None,
            takes_direct: false,
            offset: tail.end,
            sequence_next: tail.sequence_next,
            chain: tail.chain,
            durable: tail.sequence_next - 1,
            proven: 0,
            unsynced: false,
            next: None,
            poisoned: false,
        };
        wal.begin_direct(options.direct).map_err(OpenError::io(dir))?;
        Ok((wal, replayed.recovered))
    }

    fn begin_direct(&mut self, wanted: bool) -> io::Result<()> {
        self.takes_direct = wanted && disk::takes_direct(&*self.disk, &self.dir)?;
        self.open_direct();
        Ok(())
    }

    /// Opens the segment being written once more. One that cannot be is written through the page cache.
    pub(super) fn open_direct(&mut self) {
        let path = segment::path(&self.dir, self.number);
        let opened = self.takes_direct.then(|| self.disk.open_direct(&path).ok().flatten());
        self.direct = opened.flatten();
    }

    fn begin(disk: Arc<dyn Disk>, dir: &Path, segment_bytes: u64) -> io::Result<Self> {
        let mut next = NextSegment::create(&*disk, dir, segment_bytes)?;
        next.prepare(Fill::Reserved, u64::MAX)?;
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
            direct: None,
            takes_direct: false,
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
}

/// A segment that was still in preparation holds nothing, nor does what direct writes were tried on.
fn remove_stale(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    let stale = |name: &String| name == NEXT_NAME || name == PROBE_NAME;
    disk.list(dir)?
        .iter()
        .filter(|name| stale(name))
        .try_for_each(|name| disk.remove(&dir.join(name)))
}

/// Makes what was read durable and clears what was torn.
fn settle(tail: &Tail) -> io::Result<()> {
    const STEP_BYTES: u64 = 1 << 20;
    if planted("recovered-not-synced") {
        return Ok(());
    }
    let file = &*tail.reader.file;
    disk::rewrite(file, tail.unproven_from, tail.end)?;
    let zeros = vec![0; (tail.torn_end - tail.end).min(STEP_BYTES) as usize];
    let mut at = tail.end;
    while at < tail.torn_end {
        let part = &zeros[..(tail.torn_end - at).min(STEP_BYTES) as usize];
        file.write_all_at(part, at)?;
        at += part.len() as u64;
    }
    file.sync_data()
}
