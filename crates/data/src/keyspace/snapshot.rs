//! Snapshots of the keyspace: one at a time while writes go on, or at once in its place (DEBUG RELOAD).

use super::{CorruptSnapshot, Keyspace, Restorer};
use crate::snapshot::{Head, Run};
use std::ops::RangeInclusive;
use synod_types::Slot;
use synod_types::limits::SNAPSHOT_CHUNK_BYTES;

impl Keyspace {
    /// Begins a snapshot of the state as it is now; one already under way is given up.
    pub fn snapshot_begin(&mut self) {
        self.snapshot_cancel();
        self.snapshot = Some(Box::new(self.begun_run()));
    }

    /// The next chunk, of about `bytes_max` bytes (more when a single key is larger); `None` when the
    /// last one was given, or no snapshot is under way.
    pub fn snapshot_next(&mut self, bytes_max: usize) -> Option<Vec<u8>> {
        let run = self.snapshot.as_mut()?;
        let chunk = run.go_on(self.first, &self.slots, bytes_max);
        if chunk.is_none() {
            self.snapshot_cancel();
        }
        chunk
    }

    /// Gives up the snapshot under way, if there is one.
    pub fn snapshot_cancel(&mut self) {
        if let Some(kept) = self.snapshot.take().and_then(|run| run.into_kept()) {
            self.discard_tables(kept);
        }
    }

    /// Whether a snapshot is under way.
    #[must_use]
    pub fn snapshot_active(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Before a write to a slot: makes sure that the snapshot under way has it as it was.
    #[cold]
    pub(crate) fn preserve(&mut self, slot: usize) {
        if let Some(run) = &mut self.snapshot {
            run.preserve(self.first, slot, &self.slots[slot]);
        }
    }

    /// Begins to rebuild a keyspace of these slots from chunks.
    #[must_use]
    pub fn restore(slots: RangeInclusive<Slot>) -> Restorer {
        Restorer::new(slots)
    }

    /// Takes the place of what was there with what a snapshot of it restores to. A snapshot that is under way goes on.
    ///
    /// # Errors
    /// What was written cannot be read; nothing is changed then.
    pub(crate) fn reload(&mut self) -> Result<(), CorruptSnapshot> {
        let mut run = self.begun_run();
        let mut restorer = Restorer::new(self.slots());
        while let Some(chunk) = run.go_on(self.first, &self.slots, SNAPSHOT_CHUNK_BYTES) {
            restorer.chunk(&chunk)?;
        }
        self.take_content(restorer.finish()?);
        Ok(())
    }

    /// A run of the state as it is now.
    fn begun_run(&self) -> Run {
        Run::begin(&Head {
            first: self.first,
            slots: self.slots.len(),
            changes: self.changes,
            scripts: &self.scripts,
            libraries: &self.libraries,
            locks: &self.locks,
            transactions: &self.transactions,
        })
    }
}
