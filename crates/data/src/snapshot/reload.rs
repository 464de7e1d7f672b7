//! Writing a keyspace as a snapshot and reading it back in its place, within one step (DEBUG RELOAD).

use super::{CorruptSnapshot, Restorer, Run};
use crate::keyspace::Keyspace;
use synod_types::limits::SNAPSHOT_CHUNK_BYTES;

impl Keyspace {
    /// Takes the place of what was there with what a snapshot of it restores to. A snapshot that is under way goes on.
    ///
    /// # Errors
    /// What was written cannot be read; nothing is changed then.
    pub(crate) fn reload(&mut self) -> Result<(), CorruptSnapshot> {
        let mut run = self.begun_run();
        let mut restorer = Restorer::new(self.slots());
        while let Some(chunk) = self.next_of(&mut run) {
            restorer.chunk(&chunk)?;
        }
        self.take_content(restorer.finish()?);
        Ok(())
    }

    fn next_of(&self, run: &mut Run) -> Option<Vec<u8>> {
        run.next(self.first, &self.slots, SNAPSHOT_CHUNK_BYTES)
    }
}
