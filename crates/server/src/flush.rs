//! The flush thread of a worker: one append and at most one fdatasync for everything the worker gathered.
//!
//! An error of write or fsync ends the process: what the disk holds is not known any more, and trying again would
//! prove nothing. A full disk is no such error. Before it is full, the worker is told to refuse writers, and what it has
//! accepted still fits (`space`); where that was too late the batch waits. A node that stops waits for no disk.

use crate::config::Durability;
use crate::exit::EX_IOERR;
use crate::gather::{Gathering, Job, Jobs, Next, gathering};
use crate::inbox::{DiskSpace, Flushed, Mail, Postbox};
use crate::space::{SEGMENT_BYTES, Space};
use std::thread;
use std::time::{Duration, Instant};
use synod_log::{AppendError, Batch, Fill, Prepared, Wal};

/// How often a full disk is tried again.
const FULL_RETRY: Duration = Duration::from_millis(250);
/// How often the space on the disk is looked at under load, and when nothing happens.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOK_IDLE: Duration = Duration::from_secs(1);
/// While space is short, snapshots that let segments go are asked for this often.
const PINS_EVERY: Duration = Duration::from_secs(2);
/// How often `everysec` syncs.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How long the log may be idle before its tail is proven durable.
const IDLE: Duration = Duration::from_millis(200);
/// Batches from this size on go to a segment that is only reserved: writing its zeros would cost more than it saves.
const RESERVE_BATCH_BYTES: u64 = 32 << 10;
/// How much of the next segment is zeroed at a time.
const PREPARE_BYTES: u64 = 1 << 20;
/// Under load, for each byte written this many bytes of the next segment are zeroed, so that it is ready in time.
const PREPARE_FACTOR: u64 = 2;
/// Writes are refused when the last segment that there is space for takes no more than this: what was accepted and is
/// under way has to fit.
const ROOM_BYTES: u64 = 8 << 20;
/// With more segments than this, groups that pin the oldest are snapshotted.
const SEGMENTS_MAX: usize = 8;

struct Flusher {
    wal: Wal,
    durability: Durability,
    postbox: Postbox,
    /// When something unsynced was written first.
    dirty_since: Option<Instant>,
    pinned: usize,
    fill: Fill,
    prepared: bool,
    idle: bool,
    space: Space,
    looked: Option<Instant>,
    pins_asked: Option<Instant>,
    /// What the worker was told last.
    told: DiskSpace,
}

/// Starts the thread. It ends when the worker's side is dropped, after a last sync.
pub fn start(
    wal: Wal,
    durability: Durability,
    postbox: Postbox,
    space: Space,
    worker: u16,
) -> std::io::Result<(Gathering, thread::JoinHandle<()>)> {
    let (gathering, jobs) = gathering();
    let flusher = Flusher {
        wal,
        durability,
        postbox,
        dirty_since: None,
        pinned: 0,
        fill: Fill::Reserved,
        prepared: false,
        idle: false,
        space,
        looked: None,
        pins_asked: None,
        told: DiskSpace::Enough,
    };
    let handle =
        thread::Builder::new().name(format!("flush-{worker}")).spawn(move || flusher.run(&jobs))?;
    Ok((gathering, handle))
}

impl Flusher {
    fn run(mut self, jobs: &Jobs) {
        let mut spare = Job::default();
        loop {
            match jobs.next(&mut spare, self.wait()) {
                Next::Job(job) => match self.flush(job, jobs) {
                    Some(done) => spare = done,
                    None => break,
                },
                Next::Rest => self.rest(),
                Next::End => break,
            }
            self.look_at_space();
            if self.durability == Durability::Everysec
                && self.dirty_since.is_some_and(|since| since.elapsed() >= SYNC_EVERY)
            {
                self.sync();
            }
        }
        if self.dirty_since.is_some() {
            self.sync();
        }
        if let Err(error) = self.wal.mark_durable() {
            tracing::warn!(%error, "the log's tail could not be marked as durable");
        }
    }

    fn wait(&self) -> Duration {
        if !self.prepared {
            return Duration::from_millis(1);
        }
        match self.dirty_since {
            Some(since) if self.durability == Durability::Everysec => {
                SYNC_EVERY.saturating_sub(since.elapsed())
            }
            _ if self.idle => LOOK_IDLE,
            _ => IDLE,
        }
    }

    /// Flushes and reports; gives the job back emptied. `None` when the node stops and the disk takes nothing.
    fn flush(&mut self, mut job: Job, jobs: &Jobs) -> Option<Job> {
        self.idle = false;
        let bytes = job.batch.len_bytes() as u64;
        if !self.append(&mut job.batch, jobs) {
            return None;
        }
        self.dirty_since.get_or_insert_with(Instant::now);
        if self.durability == Durability::Always || job.sync || !job.marks.is_empty() {
            self.sync();
        }
        if !job.marks.is_empty() {
            let released = self.wal.release().map(|_| ());
            self.settle(released);
            self.pinned = self.wal.segments();
            self.looked = None;
        }
        job.batch.clear();
        job.sync = false;
        let acks = std::mem::take(&mut job.acks);
        let marks = std::mem::take(&mut job.marks);
        self.postbox.send(Mail::Flushed(Flushed { acks, marks, log_bytes: self.wal.bytes() }));
        let segments = self.wal.segments();
        if segments > SEGMENTS_MAX && segments > self.pinned {
            self.pinned = segments;
            self.postbox.send(Mail::Pins(self.wal.oldest_pins()));
        }
        let rare = self.durability != Durability::Always;
        let large = bytes >= RESERVE_BATCH_BYTES;
        self.fill = if rare || large { Fill::Reserved } else { Fill::Written };
        self.prepare(PREPARE_FACTOR * bytes);
        Some(job)
    }

    /// Has the log take no more than its share of the disk, and tells the worker whether it may accept writes.
    fn look_at_space(&mut self) {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        self.looked = Some(Instant::now());
        let Some(allowance) = self.space.look() else { return };
        let shortened = self.wal.set_segment_bytes(allowance.segment_bytes);
        self.settle(shortened);
        let short = allowance.low && !self.wal.has_next();
        if short && self.wal.room_bytes() < SEGMENT_BYTES / 2 {
            self.ask_for_snapshots();
        }
        if self.told == DiskSpace::Full {
            return; // the batch that waits says when that is over
        }
        let leave_at = if self.told == DiskSpace::Short { 2 * ROOM_BYTES } else { ROOM_BYTES };
        self.tell(match short && self.wal.room_bytes() < leave_at {
            true => DiskSpace::Short,
            false => DiskSpace::Enough,
        });
    }

    fn ask_for_snapshots(&mut self) {
        if self.pins_asked.is_none_or(|at| at.elapsed() >= PINS_EVERY) {
            self.pins_asked = Some(Instant::now());
            self.postbox.send(Mail::Pins(self.wal.oldest_pins()));
        }
    }

    fn tell(&mut self, space: DiskSpace) {
        if self.told == space {
            return;
        }
        match space {
            DiskSpace::Enough => tracing::info!("the disk has space again: writes are taken"),
            DiskSpace::Short => tracing::error!(
                "the disk is full but for what a snapshot needs: writes are refused until there is space"
            ),
            DiskSpace::Full => {}
        }
        self.told = space;
        self.postbox.send(Mail::Disk(space));
    }

    /// Does a part of the work on the next segment.
    fn prepare(&mut self, bytes: u64) {
        self.prepared = match self.wal.prepare_next(self.fill, bytes) {
            Ok(Prepared::More) => false,
            Ok(Prepared::Ready) | Err(AppendError::Full(_)) => true,
            Err(error) => {
                self.settle(Err(error));
                true
            }
        };
    }

    /// Appends, however long a full disk lets it wait; false when the node stops first.
    fn append(&mut self, batch: &mut Batch, jobs: &Jobs) -> bool {
        loop {
            match self.wal.append(batch) {
                Err(AppendError::Full(error)) => {
                    if self.told != DiskSpace::Full {
                        tracing::error!(%error, "the disk is full: writes are refused until there is space");
                    }
                    self.tell(DiskSpace::Full);
                    if jobs.are_closed() {
                        tracing::warn!(
                            "the node stops while the disk is full; what waits was not acknowledged"
                        );
                        return false;
                    }
                    thread::sleep(FULL_RETRY);
                    self.look_at_space();
                    self.ask_for_snapshots();
                }
                result => {
                    self.settle(result);
                    break;
                }
            }
        }
        if self.told == DiskSpace::Full {
            self.tell(DiskSpace::Enough);
            self.looked = None;
        }
        true
    }

    fn sync(&mut self) {
        let result = self.wal.sync();
        self.settle(result);
        self.dirty_since = None;
    }

    /// Ends the process on an error that leaves the state of the disk unknown.
    fn settle(&self, result: Result<(), AppendError>) {
        if let Err(error) = result {
            tracing::error!(%error, "the log cannot be written; the process ends so that nothing unsafe is acknowledged");
            eprintln!("synod: the log cannot be written: {error}; nothing unsafe was acknowledged");
            std::process::exit(EX_IOERR.into());
        }
    }

    /// What there is to do when nobody asks for anything.
    fn rest(&mut self) {
        if !self.prepared {
            return self.prepare(PREPARE_BYTES);
        }
        if self.dirty_since.is_none() {
            match self.wal.mark_durable() {
                Ok(()) | Err(AppendError::Full(_)) => {}
                error => self.settle(error),
            }
        }
        self.idle = true;
    }
}
