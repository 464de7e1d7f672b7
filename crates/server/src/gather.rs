//! Group commit: what the worker's turns bring forth gathers here until somebody is free to flush it.
//!
//! Two may flush: the worker at the end of its turn, and the thread beside it. Whoever holds the log
//! (`LogWriter::flusher`) takes all that has gathered, so what is taken first is written first.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;
use synod_node::Log;
use synod_worker::Job;

/// Records that nobody waits for are flushed when there are this many bytes of them.
const LAZY_BYTES: usize = 256 << 10;

/// Whether a job is to be flushed as soon as somebody can.
fn is_urgent(job: &Job) -> bool {
    job.is_awaited() || job.has_marks() || job.len_bytes() >= LAZY_BYTES
}

#[derive(Debug, Default)]
struct State {
    job: Job,
    /// The job is to be flushed as soon as somebody can.
    wanted: bool,
    /// A job was taken and not reported yet.
    flushing: bool,
    /// The flush thread is to look after the log, whatever there is to flush.
    chores: bool,
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
    changed: Condvar,
}

impl Shared {
    /// Neither side panics while it holds the lock; if one did, what was gathered is not to be trusted.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|_| nothing_more_can_be_durable())
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let wake = std::mem::take(&mut state.waiting);
        drop(state);
        if wake {
            self.changed.notify_one();
        }
    }
}

/// Ends the process: one of the two that flush has panicked.
pub fn nothing_more_can_be_durable() -> ! {
    tracing::error!("the flush thread has ended");
    std::process::exit(70); // EX_SOFTWARE: nothing may be acknowledged any more
}

/// What became of records that were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// There is nothing to flush.
    Nothing,
    /// Nobody waits for what has gathered: it is flushed along with what comes, or when [`Gathering::ask`] is called.
    Lazy,
    /// Somebody waits: it is to be flushed.
    Wanted,
}

/// The side that fills it. When it is dropped, the flush thread ends behind the last job.
#[derive(Debug)]
pub struct Gathering(Arc<Shared>);

/// The side that empties it.
#[derive(Clone, Debug)]
pub struct Jobs(Arc<Shared>);

/// What the flush thread finds to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// There may be a job to take.
    Job,
    /// Nothing came for as long as it would wait, or it was sent to look after the log.
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
    /// Adds records, in order.
    ///
    /// Ends the process if the flush thread is gone.
    pub fn add(&self, records: impl Iterator<Item = Log>) -> Added {
        let mut state = self.0.lock();
        if state.ended {
            nothing_more_can_be_durable();
        }
        records.for_each(|record| state.job.add(record));
        if state.job.is_empty() {
            return Added::Nothing;
        }
        state.wanted |= is_urgent(&state.job);
        if state.wanted { Added::Wanted } else { Added::Lazy }
    }

    /// Has the thread take what is wanted.
    pub fn call_thread(&self) {
        let state = self.0.lock();
        if state.wanted {
            self.0.wake(state);
        }
    }

    /// Has the thread look after the log.
    pub fn call_for_chores(&self) {
        let mut state = self.0.lock();
        state.chores = true;
        self.0.wake(state);
    }

    /// Has everything flushed by the thread, whether somebody waits for it or not.
    pub fn ask(&self) {
        let mut state = self.0.lock();
        if !state.job.is_empty() {
            state.wanted = true;
            self.0.wake(state);
        }
    }

    /// Whether nothing is gathered and nothing is being flushed; reports may still be on their way to the worker.
    pub fn is_quiet(&self) -> bool {
        let state = self.0.lock();
        state.job.is_empty() && !state.flushing
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        self.0.wake(state);
    }
}

impl Jobs {
    /// Waits until something is wanted, for at most `wait`.
    pub fn wait(&self, wait: Duration) -> Next {
        let mut state = self.0.lock();
        let idle = |state: &mut State| !state.wanted && !state.chores && !state.closed;
        if idle(&mut state) {
            state.waiting = true;
            state = match self.0.changed.wait_timeout_while(state, wait, idle) {
                Ok((state, _)) => state,
                Err(_) => nothing_more_can_be_durable(),
            };
            state.waiting = false;
        }
        state.chores = false;
        match state.job.is_empty() {
            true if state.closed => Next::End,
            false if state.wanted || state.closed => Next::Job,
            _ => Next::Rest,
        }
    }

    /// Takes what has gathered, if it is wanted and fit to be taken; `spare` is an empty job whose memory is used for
    /// what comes next. [`Self::reported`] ends what this begins.
    pub fn take_if(&self, spare: &mut Job, fit: impl FnOnce(&Job) -> bool) -> Option<Job> {
        let mut state = self.0.lock();
        let wanted = state.wanted || state.closed;
        if !wanted || state.job.is_empty() || !fit(&state.job) {
            return None;
        }
        (state.wanted, state.flushing) = (false, true);
        Some(std::mem::replace(&mut state.job, std::mem::take(spare)))
    }

    /// What was taken is flushed and reported.
    pub fn reported(&self) {
        self.0.lock().flushing = false;
    }

    /// Whether no more will come: the node stops.
    pub fn are_closed(&self) -> bool {
        self.0.lock().closed
    }

    /// The flush thread is gone.
    pub fn end(&self) {
        if let Ok(mut state) = self.0.state.lock() {
            state.ended = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_consensus::Token;
    use synod_types::{HardState, Index, PartitionId, SnapshotMeta};

    const GROUP: PartitionId = PartitionId(1);

    fn record(token: Option<u64>) -> impl Iterator<Item = Log> {
        let (token, hard_state) = (token.map(Token), Some(HardState::default()));
        std::iter::once(Log::Append { group: GROUP, token, hard_state, entries: Vec::new() })
    }

    fn job(jobs: &Jobs, spare: &mut Job) -> Option<Vec<(PartitionId, Token)>> {
        jobs.take_if(spare, |_| true).map(|mut job| job.take_acks())
    }

    #[test]
    fn what_came_during_a_flush_is_the_next_flush() {
        let (gathering, jobs) = gathering();
        let mut spare = Job::default();
        assert_eq!(gathering.add(record(Some(1))), Added::Wanted);
        assert_eq!(jobs.wait(Duration::ZERO), Next::Job);
        assert_eq!(job(&jobs, &mut spare), Some(vec![(GROUP, Token(1))]));
        assert!(!gathering.is_quiet(), "it is being flushed");
        gathering.add(record(Some(2)));
        gathering.add(record(Some(3)));
        jobs.reported();
        assert_eq!(job(&jobs, &mut spare), Some(vec![(GROUP, Token(2)), (GROUP, Token(3))]));
        assert_eq!(job(&jobs, &mut spare), None);
        assert_eq!(jobs.wait(Duration::ZERO), Next::Rest);
        jobs.reported();
        assert!(gathering.is_quiet());
    }

    #[test]
    fn what_is_not_fit_stays_for_somebody_else() {
        let (gathering, jobs) = gathering();
        gathering.add(record(Some(1)));
        assert!(jobs.take_if(&mut Job::default(), |_| false).is_none());
        assert_eq!(jobs.wait(Duration::ZERO), Next::Job);
        assert_eq!(job(&jobs, &mut Job::default()), Some(vec![(GROUP, Token(1))]));
    }

    #[test]
    fn what_nobody_waits_for_is_flushed_when_asked_or_along_with_the_rest() {
        let (gathering, jobs) = gathering();
        let mut spare = Job::default();
        assert_eq!(gathering.add(record(None)), Added::Lazy);
        assert_eq!(job(&jobs, &mut spare), None);
        assert!(!gathering.is_quiet());
        gathering.ask();
        assert_eq!(job(&jobs, &mut spare), Some(vec![]));

        assert_eq!(gathering.add(record(None)), Added::Lazy);
        let meta = SnapshotMeta { index: Index(7), ..SnapshotMeta::default() };
        let mark = Log::Snapshot { group: GROUP, meta };
        let added = gathering.add(std::iter::once(mark));
        assert_eq!(added, Added::Wanted, "a mark lets older files go");
        let job = jobs.take_if(&mut spare, |_| true);
        assert_eq!(job.map(|job| (job.has_marks(), job.is_awaited())), Some((true, false)));
    }

    #[test]
    fn chores_are_done_once_and_the_last_records_before_the_end() {
        let (gathering, jobs) = gathering();
        let mut spare = Job::default();
        gathering.call_for_chores();
        assert_eq!(jobs.wait(Duration::from_secs(3600)), Next::Rest);
        assert_eq!(gathering.add(record(None)), Added::Lazy);
        drop(gathering);
        assert_eq!(jobs.wait(Duration::from_secs(3600)), Next::Job);
        assert_eq!(job(&jobs, &mut spare), Some(vec![]));
        assert_eq!(jobs.wait(Duration::from_secs(3600)), Next::End);
    }
}
