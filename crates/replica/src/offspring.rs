//! A partition that was split off another one, on its way to being a replica of its own.
//!
//! ```text
//!   claim applied -> Offspring: state, and where in the log of the parent -> its snapshot is written -> durable: a replica
//! ```
//! Its log begins behind the entry of the parent's that split it off, with a snapshot of what it was then. As long as that
//! snapshot is not durable, what it stands for is in the parent's log alone: the parent takes no snapshot of its own, and
//! after a crash the entry is applied again.

use crate::replica::Replica;
use crate::snapshot::{Chunk, SnapshotJob};
use crate::state::State;
use synod_types::{HardState, PartitionId, SnapshotMeta};

/// A partition that was split off.
#[derive(Debug)]
pub struct Offspring {
    /// From which one.
    pub parent: PartitionId,
    /// The new one.
    pub child: PartitionId,
    /// Whether the parent was led here.
    pub led: bool,
    state: State,
    job: SnapshotJob,
}

impl Offspring {
    /// The place in the parent's log, and who votes in both.
    #[must_use]
    pub fn meta(&self) -> &SnapshotMeta {
        &self.job.meta
    }

    /// What it is to have promised from its beginning: no leader of a term before that of its first snapshot.
    #[must_use]
    pub fn hard_state(&self) -> HardState {
        let SnapshotMeta { index, term, .. } = *self.meta();
        HardState { term, commit: index, ..HardState::default() }
    }

    /// Whether its snapshot has pieces that were not handed out.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.job.complete
    }

    /// The next piece of its snapshot; `None` when all of it was handed out.
    pub fn next_chunk(&mut self) -> Option<Chunk> {
        self.job.next_chunk(&mut self.state)
    }

    /// The snapshot could not be written: it begins again.
    pub fn begin_again(&mut self) {
        self.state.snapshot_cancel();
        self.job = SnapshotJob::begin(&mut self.state, self.job.meta.clone());
    }

    /// Its state.
    #[must_use]
    pub fn into_state(self) -> State {
        self.state
    }
}

impl Replica {
    /// What was split off by the entry that was applied last.
    pub(crate) fn note_offspring(&mut self) {
        let Some((child, mut state)) = self.state.take_offspring() else { return };
        let meta = SnapshotMeta {
            index: self.applied,
            term: self.applied_term,
            membership: self.applied_membership.clone(),
        };
        let job = SnapshotJob::begin(&mut state, meta);
        let led = self.role == synod_consensus::Role::Leader;
        let parent = self.group;
        self.unborn.insert(child);
        self.offspring.push(Offspring { parent, child, led, state: *state, job });
    }

    /// The first snapshot of what was split off is durable, or it was before.
    pub fn child_is_durable(&mut self, child: PartitionId) {
        if self.unborn.remove(&child) {
            self.retry_snapshot();
        }
    }

    /// Whether something that was split off is in the log of this partition alone.
    #[must_use]
    pub fn has_unborn(&self) -> bool {
        !self.unborn.is_empty()
    }
}
