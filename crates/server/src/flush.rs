//! Flushing the log: one append, and at most one sync, for everything that has gathered.
//!
//! An error of write or fsync ends the process: what the disk holds is not known any more, and trying again would
//! prove nothing. A full disk is no such error. Before it is full, the worker is told to refuse writers, and what it has
//! accepted still fits (`space`); where that was too late the batch waits. A node that stops waits for no disk.

use crate::config::Durability;
use crate::exit::EX_IOERR;
use crate::gather::Jobs;
use crate::inbox::{Mail, Postbox};
use crate::pace::{Pace, Place};
use crate::space::{SEGMENT_BYTES, Space};
use std::thread;
use std::time::{Duration, Instant};
use synod_log::{AppendError, Fill, NextSegment, Prepared, Wal};
use synod_types::plant::planted;
use synod_worker::{Commit, DiskSpace, Flushed, Job, Report};

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
/// How much of the next segment is zeroed at a time when there is nothing else to do.
const PREPARE_BYTES: u64 = 1 << 20;
/// Under load, for each byte written this many bytes of the next segment are zeroed, so that it is ready in time.
const PREPARE_FACTOR: u64 = 2;
/// The worker calls the thread for chores when it has written so many bytes by itself.
const CHORES_BYTES: u64 = 1 << 20;
/// A larger batch is left to the thread: writing it would hold up the worker.
const LOOP_BATCH_BYTES_MAX: usize = 512 << 10;
/// Writes are refused when the last segment that there is space for takes no more than this: what was accepted and is
/// under way has to fit.
const ROOM_BYTES: u64 = 8 << 20;

/// The log, and what is to be looked after around it. Whoever holds it flushes.
pub struct Flusher {
    commit: Commit,
    durability: Durability,
    postbox: Postbox,
    pace: Pace,
    /// When something unsynced was written first.
    dirty_since: Option<Instant>,
    /// When the last flush was.
    flushed: Instant,
    /// Bytes written since the thread has looked after the log.
    since_chores: u64,
    /// Whether the log is idle and its end marked.
    idle: bool,
    /// Whether it was, and the thread sleeps accordingly.
    roused: bool,
    space: Space,
    looked: Option<Instant>,
    /// The longest batch so far: while space is short, another one like it has to fit.
    largest_bytes: u64,
    pins_asked: Option<Instant>,
    /// What the worker was told last.
    told: DiskSpace,
    /// Whether it was told in the log that flushes take long.
    slowness_told: bool,
}

impl Flusher {
    /// For a log that was just opened.
    pub fn new(
        wal: Wal,
        durability: Durability,
        pace: Pace,
        postbox: Postbox,
        space: Space,
    ) -> Self {
        Self {
            commit: Commit::new(wal, Fill::Reserved),
            durability,
            postbox,
            pace,
            dirty_since: None,
            flushed: Instant::now(),
            since_chores: 0,
            idle: false,
            roused: false,
            space,
            looked: None,
            largest_bytes: 0,
            pins_asked: None,
            told: DiskSpace::Enough,
            slowness_told: false,
        }
    }

    /// Whether the log is written past the page cache.
    pub fn is_direct(&self) -> bool {
        self.commit.is_direct()
    }

    /// Who is to flush next. What is not synced at once, the thread writes: it is in no hurry.
    pub fn place(&self) -> Place {
        match self.durability {
            Durability::Always => self.pace.place(),
            Durability::Everysec | Durability::None => Place::Thread,
        }
    }

    /// Whether the worker may flush this in its loop: nothing but one short write.
    pub fn suits_loop(&self, job: &Job) -> bool {
        !job.has_marks()
            && self.told != DiskSpace::Full
            && job.len_bytes() <= LOOP_BATCH_BYTES_MAX
            && self.commit.has_room_for(job)
    }

    /// Whether the thread should look after the log: the worker has written much by itself, or first after a rest.
    pub fn wants_chores(&mut self) -> bool {
        std::mem::take(&mut self.roused) || self.since_chores >= CHORES_BYTES
    }

    /// How long the thread may sleep.
    pub fn wait(&self) -> Duration {
        let quiet = self.flushed.elapsed();
        if !self.commit.is_prepared() && (quiet >= IDLE || self.place() == Place::Thread) {
            return Duration::from_millis(1);
        }
        match self.dirty_since {
            Some(since) if self.durability == Durability::Everysec => {
                SYNC_EVERY.saturating_sub(since.elapsed())
            }
            _ if self.idle => LOOK_IDLE,
            _ => IDLE.saturating_sub(quiet).max(Duration::from_millis(1)),
        }
    }

    /// Flushes the job and empties it. `None` when the node stops and the disk takes nothing.
    pub fn flush(&mut self, job: &mut Job, jobs: &Jobs) -> Option<Flushed> {
        self.roused |= std::mem::take(&mut self.idle);
        let bytes = job.len_bytes() as u64;
        self.largest_bytes = self.largest_bytes.max(bytes);
        let sync = self.durability == Durability::Always || job.is_awaited() || job.has_marks();
        if !self.append(job, sync, jobs) {
            return None;
        }
        self.flushed = Instant::now();
        if job.has_marks() {
            self.looked = None;
        }
        let finished = self.commit.finish(job);
        let flushed = self.settle(finished);
        if let Some(pins) = self.commit.take_pins() {
            self.report(Report::Pins(pins));
        }
        let rare = self.durability != Durability::Always;
        let large = bytes >= RESERVE_BATCH_BYTES;
        self.commit.set_fill(if rare || large { Fill::Reserved } else { Fill::Written });
        self.since_chores += bytes;
        Some(flushed)
    }

    /// Has the log take no more than its share of the disk, and tells the worker whether it may accept writes.
    pub fn look_at_space(&mut self) {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        self.looked = Some(Instant::now());
        let Some(allowance) = self.space.look() else { return };
        let shortened = self.commit.wal().set_segment_bytes(allowance.segment_bytes);
        self.settle(shortened);
        // A next segment, however short, may have been prepared out of what is kept: it must not pass for space.
        let short = allowance.low;
        if short && self.commit.wal().room_bytes() < SEGMENT_BYTES / 2 {
            self.ask_for_snapshots();
        }
        if self.told == DiskSpace::Full {
            return; // the batch that waits says when that is over
        }
        let needed = ROOM_BYTES.max(2 * self.largest_bytes);
        let leave_at = if self.told == DiskSpace::Short { 2 * needed } else { needed };
        let refuse = short && self.commit.wal().room_bytes() < leave_at;
        self.tell(if refuse { DiskSpace::Short } else { DiskSpace::Enough });
    }

    fn ask_for_snapshots(&mut self) {
        if self.pins_asked.is_none_or(|at| at.elapsed() >= PINS_EVERY) {
            self.pins_asked = Some(Instant::now());
            let pins = self.commit.wal().oldest_pins();
            self.report(Report::Pins(pins));
        }
    }

    fn report(&self, report: Report) {
        self.postbox.send(Mail::Report(report));
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
        self.report(Report::Disk(space));
    }

    /// Hands out the next segment while it is not ready, to be worked on while others flush.
    pub fn take_next(&mut self) -> Option<NextSegment> {
        let taken = self.commit.take_next();
        self.settle(taken)
    }

    /// How the next segment is to be filled, and how much of it now.
    pub fn portion(&mut self) -> (Fill, u64) {
        let written = std::mem::take(&mut self.since_chores);
        let busy = self.flushed.elapsed() < IDLE;
        (self.commit.fill(), if busy { PREPARE_FACTOR * written } else { PREPARE_BYTES })
    }

    /// Takes the next segment back.
    pub fn put_next(&mut self, next: NextSegment, result: Result<Prepared, AppendError>) {
        let put = self.commit.put_next(next, result);
        self.settle(put);
    }

    /// Appends, however long a full disk lets it wait; false when the node stops first.
    fn append(&mut self, job: &mut Job, sync: bool, jobs: &Jobs) -> bool {
        loop {
            let begun = Instant::now();
            let result = match sync && !planted("ack-before-fsync") {
                true => self.commit.append_durably(job),
                false => self.commit.append(job),
            };
            match result {
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
                    self.appended(sync, begun);
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

    fn appended(&mut self, sync: bool, begun: Instant) {
        if !sync {
            self.dirty_since.get_or_insert(begun);
            return;
        }
        self.dirty_since = None;
        let before = self.place();
        self.pace.record(begun.elapsed().as_micros() as u64);
        if before == Place::Loop && self.place() == Place::Thread && !self.slowness_told {
            self.slowness_told = true;
            tracing::info!(
                ms = begun.elapsed().as_millis() as u64,
                "flushes of the log take long: a thread of their own does them while that is so"
            );
        }
    }

    /// Syncs when `everysec` says so.
    pub fn sync_if_due(&mut self) {
        if self.durability == Durability::Everysec
            && self.dirty_since.is_some_and(|since| since.elapsed() >= SYNC_EVERY)
        {
            self.sync();
        }
    }

    fn sync(&mut self) {
        let result = self.commit.sync();
        self.settle(result);
        self.dirty_since = None;
    }

    /// Ends the process on an error that leaves the state of the disk unknown.
    fn settle<T>(&self, result: Result<T, AppendError>) -> T {
        result.unwrap_or_else(|error| {
            tracing::error!(%error, "the log cannot be written; the process ends so that nothing unsafe is acknowledged");
            eprintln!("synod: the log cannot be written: {error}; nothing unsafe was acknowledged");
            std::process::exit(EX_IOERR.into());
        })
    }

    /// What there is to do when the log has been idle for long enough.
    pub fn rest(&mut self) {
        if self.idle || self.flushed.elapsed() < IDLE {
            return;
        }
        if self.dirty_since.is_none() {
            let marked = self.commit.mark_durable();
            self.settle(marked);
        }
        self.idle = true;
    }

    /// Nothing will come any more: the last sync, and the mark that proves it.
    pub fn end(&mut self) {
        if self.dirty_since.is_some() {
            self.sync();
        }
        if let Err(error) = self.commit.mark_durable() {
            tracing::warn!(%error, "the log's tail could not be marked as durable");
        }
    }
}
