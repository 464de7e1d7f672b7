//! Group commit: what turns bring forth for the log is flushed together, with one append and one sync.
//!
//! ```text
//!   turns --add--> Job (the next flush)      while  Commit.append, Commit.sync, Commit.finish  are at the one before
//! ```
//!
//! When a flush is done, [`Commit::finish`] says what is durable; what the world does between the steps (a thread's
//! waiting for a full disk, or the moments of a simulation) is its own business.

use crate::report::Flushed;
use synod_consensus::Token;
use synod_log::{AppendError, Batch, Fill, NextSegment, Prepared, Wal};
use synod_node::Log;
use synod_types::{PartitionId, SnapshotMeta};

/// With more segments than this, groups that pin the oldest are snapshotted.
const SEGMENTS_MAX: usize = 8;

/// What is to be flushed together.
#[derive(Debug, Default)]
pub struct Job {
    batch: Batch,
    /// Whom to tell, in order.
    acks: Vec<(PartitionId, Token)>,
    /// Snapshots that the records mark.
    marks: Vec<(PartitionId, SnapshotMeta)>,
    /// Groups that are gone.
    removed: Vec<PartitionId>,
    /// Whether somebody waits for it to be durable: it is synced before it is reported.
    sync: bool,
}

impl Job {
    /// Adds a record, behind those before.
    pub fn add(&mut self, record: Log) {
        match record {
            Log::Append { group, token, hard_state, entries } => {
                if let Some(state) = hard_state {
                    self.batch.hard_state(group, &state);
                }
                entries.iter().for_each(|entry| self.batch.entry(group, entry));
                if let Some(token) = token {
                    self.sync = true;
                    self.acks.push((group, token));
                }
            }
            Log::Snapshot { group, meta } => {
                self.batch.snapshot(group, &meta);
                self.marks.push((group, meta));
            }
            Log::Remove { group, hard_state } => {
                self.batch.remove_group(group);
                self.batch.hard_state(group, &hard_state);
                self.sync = true;
                self.removed.push(group);
            }
        }
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// How much is to be written.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.batch.len_bytes()
    }

    /// Whether somebody waits for it to be durable.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.sync
    }

    /// Whether it marks snapshots: older files go once it is durable.
    #[must_use]
    pub fn has_marks(&self) -> bool {
        !self.marks.is_empty()
    }

    /// Those who wait for it, who are not told any more when it is durable: for a bug planted in a simulation.
    pub fn take_acks(&mut self) -> Vec<(PartitionId, Token)> {
        std::mem::take(&mut self.acks)
    }
}

/// The log of a worker, with the duties of whoever flushes to it.
pub struct Commit {
    wal: Wal,
    /// How many segments there were when snapshots were asked for last.
    pinned: usize,
    fill: Fill,
    /// The next segment needs no more work.
    prepared: bool,
}

impl Commit {
    /// The duties towards this log. `fill`: how its next segments are made ready.
    #[must_use]
    pub fn new(wal: Wal, fill: Fill) -> Self {
        Self { wal, pinned: 0, fill, prepared: false }
    }

    /// The log itself, to look at or to adjust.
    pub fn wal(&mut self) -> &mut Wal {
        &mut self.wal
    }

    /// Appends a job's records.
    ///
    /// # Errors
    /// As [`Wal::append`]: a full disk has changed nothing, and the same job can be tried again.
    pub fn append(&mut self, job: &mut Job) -> Result<(), AppendError> {
        self.wal.append(&mut job.batch)
    }

    /// [`Self::append`] and [`Self::sync`] in one: past the page cache where that can be.
    ///
    /// # Errors
    /// As these two.
    pub fn append_durably(&mut self, job: &mut Job) -> Result<(), AppendError> {
        self.wal.append_durably(&mut job.batch)
    }

    /// Whether jobs can be written past the page cache.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.wal.is_direct()
    }

    /// Whether appending the job begins no other segment.
    #[must_use]
    pub fn has_room_for(&self, job: &Job) -> bool {
        self.wal.has_room_for(&job.batch)
    }

    /// Makes everything appended durable.
    ///
    /// # Errors
    /// What the disk holds is not known any more: the process has to end.
    pub fn sync(&mut self) -> Result<(), AppendError> {
        self.wal.sync()
    }

    /// The job is durable: lets segments go that its marks stand for, empties it, and says what the worker is to hear.
    ///
    /// # Errors
    /// As [`Self::sync`].
    pub fn finish(&mut self, job: &mut Job) -> Result<Flushed, AppendError> {
        if job.has_marks() {
            self.wal.release()?;
            self.pinned = self.wal.segments();
        }
        job.batch.clear();
        job.sync = false;
        let (acks, marks) = (std::mem::take(&mut job.acks), std::mem::take(&mut job.marks));
        self.prepared = self.wal.is_prepared(self.fill);
        let removed = std::mem::take(&mut job.removed);
        Ok(Flushed { acks, marks, removed, log_bytes: self.wal.bytes() })
    }

    /// Whom to have snapshotted, since more segments have gathered than there should be; once for each further one.
    pub fn take_pins(&mut self) -> Option<Vec<PartitionId>> {
        let segments = self.wal.segments();
        if segments <= SEGMENTS_MAX || segments <= self.pinned {
            return None;
        }
        self.pinned = segments;
        Some(self.wal.oldest_pins())
    }

    /// How the next segments are made ready.
    #[must_use]
    pub fn fill(&self) -> Fill {
        self.fill
    }

    /// How the next segments are made ready from now on.
    pub fn set_fill(&mut self, fill: Fill) {
        self.fill = fill;
        self.prepared = self.wal.is_prepared(fill);
    }

    /// Whether the next segment needs no more work.
    #[must_use]
    pub fn is_prepared(&self) -> bool {
        self.prepared
    }

    /// Hands out the next segment while it is not ready, to be worked on while others append: only what fits into the
    /// present one, until [`Self::put_next`]. A full disk is none to work on.
    ///
    /// # Errors
    /// As [`Self::sync`].
    pub fn take_next(&mut self) -> Result<Option<NextSegment>, AppendError> {
        if self.prepared {
            return Ok(None);
        }
        match self.wal.take_next(self.fill) {
            Ok(next) => {
                self.prepared = next.is_none();
                Ok(next)
            }
            Err(AppendError::Full(_)) => {
                self.prepared = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes the next segment back, with what became of the work on it.
    ///
    /// # Errors
    /// As [`Self::sync`].
    pub fn put_next(
        &mut self,
        next: NextSegment,
        result: Result<Prepared, AppendError>,
    ) -> Result<(), AppendError> {
        self.wal.put_next(next);
        self.prepared = match result {
            Ok(Prepared::More) => false,
            Ok(Prepared::Ready) | Err(AppendError::Full(_)) => true,
            Err(error) => return Err(error),
        };
        Ok(())
    }

    /// Does some of the work on the next segment.
    ///
    /// # Errors
    /// As [`Self::sync`].
    pub fn prepare(&mut self, bytes: u64) -> Result<(), AppendError> {
        let Some(mut next) = self.take_next()? else { return Ok(()) };
        let result = next.work(self.fill, bytes);
        self.put_next(next, result)
    }

    /// Proves the log's tail durable, while nothing is to be flushed; a full disk is none to do it on.
    ///
    /// # Errors
    /// As [`Self::sync`].
    pub fn mark_durable(&mut self) -> Result<(), AppendError> {
        match self.wal.mark_durable() {
            Ok(()) | Err(AppendError::Full(_)) => Ok(()),
            error => error,
        }
    }
}
