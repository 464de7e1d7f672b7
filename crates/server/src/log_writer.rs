//! The log as its worker sees it: records go in, reports of what is durable come out.
//!
//! ```text
//!   add ---> gathering ---> flush_in_turn: the worker, at the end of its turn    ---> report, for the next turn
//!                     \---> run: the thread beside it, when it is called         ---> report, by mail
//! ```
//!
//! Both take the log first and the records then, so that the order of the records is the order in the log. The thread
//! also does whatever takes long or need not be done now: the next segment, marks of snapshots, the space on the disk.

use crate::flush::Flusher;
use crate::gather::{Added, Gathering, Jobs, Next, gathering, nothing_more_can_be_durable};
use crate::inbox::{Mail, Postbox};
use crate::pace::Place;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread;
use synod_node::Log;
use synod_worker::{Flushed, Job, Report};

/// How the log is written at present.
#[derive(Debug, Default)]
struct Ways {
    /// By the worker in its loop.
    in_loop: AtomicBool,
    /// Past the page cache.
    direct: AtomicBool,
}

impl Ways {
    fn note(&self, flusher: &Flusher) {
        self.in_loop.store(flusher.place() == Place::Loop, Ordering::Relaxed);
        self.direct.store(flusher.is_direct(), Ordering::Relaxed);
    }
}

/// The worker's side.
pub struct LogWriter {
    gathering: Gathering,
    jobs: Jobs,
    flusher: Arc<Mutex<Flusher>>,
    ways: Arc<Ways>,
    /// An empty job whose memory is used for the next.
    spare: Job,
    thread: thread::JoinHandle<()>,
}

/// The thread's side.
struct Beside {
    jobs: Jobs,
    flusher: Arc<Mutex<Flusher>>,
    ways: Arc<Ways>,
    postbox: Postbox,
}

impl LogWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn start(flusher: Flusher, postbox: Postbox, worker: u16) -> std::io::Result<Self> {
        let (gathering, jobs) = gathering();
        let ways = Arc::new(Ways::default());
        ways.note(&flusher);
        let flusher = Arc::new(Mutex::new(flusher));
        let beside = Beside {
            jobs: jobs.clone(),
            flusher: Arc::clone(&flusher),
            ways: Arc::clone(&ways),
            postbox,
        };
        let thread =
            thread::Builder::new().name(format!("flush-{worker}")).spawn(move || beside.run())?;
        Ok(Self { gathering, jobs, flusher, ways, spare: Job::default(), thread })
    }

    /// Adds records, in order, and calls the thread if they are to be flushed and it is to do that. True if they, or
    /// others before them, wait for [`Self::ask`]: nobody waits for them.
    pub fn add(&self, records: impl Iterator<Item = Log>) -> bool {
        let added = self.gathering.add(records);
        if added == Added::Wanted && !self.is_in_loop() {
            self.gathering.call_thread();
        }
        added == Added::Lazy
    }

    /// Flushes what is wanted, if that is for the worker to do; the report is for the next turn. What is too much for
    /// the loop goes to the thread, and so does everything while the thread is at the log.
    pub fn flush_in_turn(&mut self) -> Option<Flushed> {
        if !self.is_in_loop() {
            return None;
        }
        let mut flusher = match self.flusher.try_lock() {
            Ok(flusher) => flusher,
            Err(TryLockError::WouldBlock) => {
                self.gathering.call_thread();
                return None;
            }
            Err(TryLockError::Poisoned(_)) => nothing_more_can_be_durable(),
        };
        let taken = self.jobs.take_if(&mut self.spare, |job| flusher.suits_loop(job));
        let Some(mut job) = taken else {
            drop(flusher);
            self.gathering.call_thread();
            return None;
        };
        let report = flusher.flush(&mut job, &self.jobs);
        self.ways.note(&flusher);
        let chores = flusher.wants_chores();
        drop(flusher);
        self.jobs.reported();
        self.spare = job;
        if chores {
            self.gathering.call_for_chores();
        }
        report
    }

    /// Whether the worker flushes.
    pub fn is_in_loop(&self) -> bool {
        self.ways.in_loop.load(Ordering::Relaxed)
    }

    /// Whether the log is written past the page cache.
    pub fn is_direct(&self) -> bool {
        self.ways.direct.load(Ordering::Relaxed)
    }

    /// Has everything flushed, whether somebody waits for it or not.
    pub fn ask(&self) {
        self.gathering.ask();
    }

    /// Whether nothing is gathered and nothing is being flushed; reports may still be on their way.
    pub fn is_quiet(&self) -> bool {
        self.gathering.is_quiet()
    }

    /// Waits until everything is flushed, and the log closed.
    pub fn close(self) {
        drop(self.gathering);
        let _its_panic_was_reported = self.thread.join();
    }
}

impl Beside {
    fn run(self) {
        // However the thread ends, the worker has to hear of it.
        let _ending = Ending(self.jobs.clone());
        let mut spare = Job::default();
        loop {
            let wait = self.log().wait();
            match self.jobs.wait(wait) {
                Next::Job => {
                    if !self.flush(&mut spare) {
                        break;
                    }
                }
                Next::Rest => self.log().rest(),
                Next::End => break,
            }
            self.prepare();
            let mut log = self.log();
            log.look_at_space();
            log.sync_if_due();
        }
        self.log().end();
    }

    fn log(&self) -> MutexGuard<'_, Flusher> {
        self.flusher.lock().unwrap_or_else(|_| nothing_more_can_be_durable())
    }

    /// Flushes what is wanted, if the worker has not taken it meanwhile; false when the node stops and the disk takes
    /// nothing.
    fn flush(&self, spare: &mut Job) -> bool {
        let mut log = self.log();
        let Some(mut job) = self.jobs.take_if(spare, |_| true) else { return true };
        let Some(flushed) = log.flush(&mut job, &self.jobs) else { return false };
        self.ways.note(&log);
        drop(log);
        self.postbox.send(Mail::Report(Report::Flushed(flushed)));
        self.jobs.reported();
        *spare = job;
        true
    }

    /// Does a part of the work on the next segment, while the worker may flush into the present one. Only this thread
    /// begins a segment, so none is begun without the one that is being prepared.
    fn prepare(&self) {
        let mut log = self.log();
        let (fill, bytes) = log.portion();
        let Some(mut next) = log.take_next() else { return };
        drop(log);
        let result = next.work(fill, bytes);
        self.log().put_next(next, result);
    }
}

struct Ending(Jobs);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}
