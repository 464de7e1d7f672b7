//! Group commit: what the worker's turns bring forth gathers here while the flush thread is at what came before.
//!
//! The flush thread takes all of it as soon as it is free, without asking the worker: from one fdatasync to the next
//! nobody has to be woken.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;
use synod_consensus::Token;
use synod_log::Batch;
use synod_node::Log;
use synod_types::{PartitionId, SnapshotMeta};

/// Records that nobody waits for are flushed when there are this many bytes of them.
const LAZY_BYTES: usize = 256 << 10;

/// What is to be flushed together.
#[derive(Debug, Default)]
pub struct Job {
    /// The records.
    pub batch: Batch,
    /// Whom to tell, in order.
    pub acks: Vec<(PartitionId, Token)>,
    /// Snapshots that the records mark.
    pub marks: Vec<(PartitionId, SnapshotMeta)>,
    /// Whether it must be synced before it is reported, whatever the durability.
    pub sync: bool,
}

impl Job {
    fn add(&mut self, record: Log) {
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
        }
    }

    fn awaited(&self) -> bool {
        self.sync || !self.marks.is_empty() || self.batch.len_bytes() >= LAZY_BYTES
    }
}

#[derive(Debug, Default)]
struct State {
    job: Job,
    /// The flush thread is to take the job as soon as it can.
    wanted: bool,
    /// The flush thread is at a job.
    flushing: bool,
    /// The flush thread waits to be woken.
    waiting: bool,
    /// No more will come.
    closed: bool,
    /// The flush thread is gone.
    ended: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    wanted: Condvar,
}

impl Shared {
    /// Neither side panics while it holds the lock; if one did, what was gathered is not to be trusted.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|_| nothing_more_can_be_durable())
    }

    fn want(&self, mut state: MutexGuard<'_, State>) {
        state.wanted = true;
        let wake = std::mem::take(&mut state.waiting);
        drop(state);
        if wake {
            self.wanted.notify_one();
        }
    }
}

fn nothing_more_can_be_durable() -> ! {
    tracing::error!("the flush thread has ended");
    std::process::exit(70); // EX_SOFTWARE: nothing may be acknowledged any more
}

/// The worker's side. When it is dropped, the flush thread ends behind the last job.
#[derive(Debug)]
pub struct Gathering(Arc<Shared>);

/// The flush thread's side.
#[derive(Debug)]
pub struct Jobs(Arc<Shared>);

/// What the flush thread finds to do.
#[derive(Debug)]
pub enum Next {
    /// Flush this.
    Job(Job),
    /// Nothing came for as long as it would wait.
    Rest,
    /// Nothing will come any more.
    End,
}

/// Both sides of an empty gathering.
pub fn gathering() -> (Gathering, Jobs) {
    let shared = Arc::new(Shared::default());
    (Gathering(Arc::clone(&shared)), Jobs(shared))
}

impl Gathering {
    /// Adds records, in order. True if they, or others before them, wait for [`Self::ask`]: nobody waits for them.
    ///
    /// Ends the process if the flush thread is gone.
    pub fn add(&self, records: impl Iterator<Item = Log>) -> bool {
        let mut state = self.0.lock();
        if state.ended {
            nothing_more_can_be_durable();
        }
        records.for_each(|record| state.job.add(record));
        if state.job.batch.is_empty() {
            return false;
        }
        let lazy = !state.wanted && !state.job.awaited();
        if !lazy {
            self.0.want(state);
        }
        lazy
    }

    /// Has everything flushed, whether somebody waits for it or not.
    pub fn ask(&self) {
        let state = self.0.lock();
        if !state.job.batch.is_empty() {
            self.0.want(state);
        }
    }

    /// Whether nothing is gathered and nothing is being flushed; reports may still be in the worker's inbox.
    pub fn is_quiet(&self) -> bool {
        let state = self.0.lock();
        state.job.batch.is_empty() && !state.flushing
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        self.0.want(state);
    }
}

impl Jobs {
    /// What was gathered and is wanted, or else waits for it, for at most `wait`. `spare` is an empty job whose
    /// memory is used for what comes next; the job before counts as flushed and reported.
    pub fn next(&self, spare: &mut Job, wait: Duration) -> Next {
        let mut state = self.0.lock();
        state.flushing = false;
        if !state.wanted {
            state.waiting = true;
            state = match self.0.wanted.wait_timeout_while(state, wait, |state| !state.wanted) {
                Ok((state, _)) => state,
                Err(_) => nothing_more_can_be_durable(),
            };
            state.waiting = false;
        }
        if !state.wanted {
            return Next::Rest;
        }
        if state.job.batch.is_empty() {
            return if state.closed { Next::End } else { Next::Rest };
        }
        // Whoever closed wants the end too.
        state.wanted = state.closed;
        state.flushing = true;
        Next::Job(std::mem::replace(&mut state.job, std::mem::take(spare)))
    }
}

impl Jobs {
    /// Whether no more will come: the node stops.
    pub fn are_closed(&self) -> bool {
        self.0.lock().closed
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        if let Ok(mut state) = self.0.state.lock() {
            state.ended = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_types::{HardState, Index};

    const GROUP: PartitionId = PartitionId(1);

    fn record(token: Option<u64>) -> impl Iterator<Item = Log> {
        let (token, hard_state) = (token.map(Token), Some(HardState::default()));
        std::iter::once(Log::Append { group: GROUP, token, hard_state, entries: Vec::new() })
    }

    fn job(jobs: &Jobs, spare: &mut Job) -> Option<Vec<(PartitionId, Token)>> {
        match jobs.next(spare, Duration::ZERO) {
            Next::Job(job) => Some(job.acks),
            Next::Rest | Next::End => None,
        }
    }

    #[test]
    fn what_came_during_a_flush_is_the_next_flush() {
        let (gathering, jobs) = gathering();
        let mut spare = Job::default();
        assert!(!gathering.add(record(Some(1))));
        assert_eq!(job(&jobs, &mut spare), Some(vec![(GROUP, Token(1))]));
        assert!(!gathering.is_quiet(), "it is being flushed");
        gathering.add(record(Some(2)));
        gathering.add(record(Some(3)));
        assert_eq!(job(&jobs, &mut spare), Some(vec![(GROUP, Token(2)), (GROUP, Token(3))]));
        assert_eq!(job(&jobs, &mut spare), None);
        assert!(gathering.is_quiet());
    }

    #[test]
    fn what_nobody_waits_for_is_flushed_when_asked_or_along_with_the_rest() {
        let (gathering, jobs) = gathering();
        let mut spare = Job::default();
        assert!(gathering.add(record(None)));
        assert_eq!(job(&jobs, &mut spare), None);
        assert!(!gathering.is_quiet());
        gathering.ask();
        assert_eq!(job(&jobs, &mut spare), Some(vec![]));

        assert!(gathering.add(record(None)));
        let meta = SnapshotMeta { index: Index(7), ..SnapshotMeta::default() };
        let mark = Log::Snapshot { group: GROUP, meta };
        assert!(!gathering.add(std::iter::once(mark)), "a mark lets older files go");
        let Next::Job(job) = jobs.next(&mut spare, Duration::ZERO) else { panic!("a job") };
        assert_eq!((job.marks.len(), job.sync), (1, false));
    }

    #[test]
    fn the_last_records_are_flushed_before_the_end() {
        let (gathering, jobs) = gathering();
        let mut spare = Job::default();
        assert!(gathering.add(record(None)));
        drop(gathering);
        assert_eq!(job(&jobs, &mut spare), Some(vec![]));
        assert!(matches!(jobs.next(&mut spare, Duration::from_secs(3600)), Next::End));
    }
}
