//! The trait of a machine, and of one being read back from a snapshot.

use crate::context::Context;
use crate::operation::MachineId;
use synod_types::ReplySink;

/// Deterministic state behind the log of a partition.
///
/// A snapshot is the state as it was at [`Machine::snapshot_begin`], given out in chunks while operations go on.
pub trait Machine {
    /// Its number.
    fn id(&self) -> MachineId;

    /// Runs a committed operation. A body that is none of this machine's answers an error and changes nothing, on every
    /// replica alike. A reading operation is answered as [`Machine::read`] does.
    fn apply(&mut self, body: &[u8], ctx: &Context, out: &mut dyn ReplySink);

    /// Runs a reading operation; a changing one answers an error.
    fn read(&self, body: &[u8], ctx: &Context, out: &mut dyn ReplySink);

    /// Begins a snapshot; one that was under way is given up.
    fn snapshot_begin(&mut self);

    /// The next chunk of about this size; `None` when the snapshot is complete.
    fn snapshot_next(&mut self, bytes_max: usize) -> Option<Vec<u8>>;

    /// Gives the snapshot up.
    fn snapshot_cancel(&mut self);

    /// A hash of the state, in which replicas agree. Costs a walk over all of it.
    fn digest(&self) -> u64;
}

/// A machine being read back from the chunks of its snapshot.
pub trait Restore {
    /// What it becomes.
    type Machine: Machine;

    /// Takes the next chunk.
    ///
    /// # Errors
    /// A chunk that no snapshot of this version holds, in words; the restorer is of no more use.
    fn chunk(&mut self, bytes: &[u8]) -> Result<(), String>;

    /// The machine, after the last chunk.
    ///
    /// # Errors
    /// Chunks are missing or wrong, in words.
    fn finish(self) -> Result<Self::Machine, String>;
}
