//! The door of a partition's leader for operations in their encoded form, whoever sends them: a client of this worker, one
//! of another worker, or one of another node. What a leader refuses is refused here.
//!
//! A plain command of this worker's own client, for a partition led here, is checked and taken without being encoded first
//! (`requests.rs`); it meets the same refusals.

use crate::memory::OOM;
use crate::node::Node;
use crate::transactions::CROWDED;
use crate::waits::ForwardedWait;
use synod_data::op::is_terse;
use synod_machine::{MachineId, Operation};
use synod_replica::{Access, Failure, Origin};
use synod_types::PartitionId;
use synod_types::plant::planted;

/// An operation for the leader of a partition.
pub(crate) struct Submission<'a> {
    pub partition: PartitionId,
    pub origin: Origin,
    /// The encoded operation.
    pub op: &'a [u8],
    pub access: Access,
    /// Set for a command that may wait.
    pub wait: Option<ForwardedWait>,
}

/// The error of a request whose reply would take more memory than there is for one.
pub(crate) const LONG_REPLY: &str = "OOM the reply would take more memory than there is for one; nothing was done: ask for less at a time";

impl Node {
    fn tells_too_much(&mut self, partition: PartitionId, access: Access, op: &[u8]) -> bool {
        let Some(most) = self.memory.reply_bytes_max() else { return false };
        let Some(op) = Operation::take(&mut &*op) else { return false };
        if op.machine != MachineId::KEYSPACE || is_terse(op.body, access.is_read()) {
            return false;
        }
        let keyspace = self.replica(partition).and_then(|replica| replica.state().keyspace());
        keyspace.is_some_and(|keyspace| keyspace.reply_bytes(op.body) > most)
    }

    /// Hands an operation to the replica here. It is answered by its origin's way, refused when there is no room for what it writes.
    pub(crate) fn serve(&mut self, submission: Submission<'_>) {
        let Submission { partition, origin, op, access, wait } = submission;
        if !access.is_read() && self.room.disk_is_full() {
            return self.fail(partition, origin, Failure::DiskFull);
        }
        let planted =
            matches!(origin, Origin::Peer { .. }) && planted("forwarded-past-the-ceiling");
        if let Some(replica) = self.groups.replica(partition)
            && !planted
            && !self.memory.admits(replica, op, self.local.now().mono_us)
        {
            return self.refuse(partition, origin, OOM);
        }
        if !access.is_read() && self.crowds(partition, op) {
            return self.refuse(partition, origin, CROWDED);
        }
        if self.tells_too_much(partition, access, op) {
            return self.refuse(partition, origin, LONG_REPLY);
        }
        if let Some(wait) = &wait {
            return self.wait_here(partition, origin, op, wait);
        }
        if let Some((replica, asked)) = self.groups.open(partition) {
            if access.is_read() {
                let behind = access == Access::ReadBehind;
                replica.take_read(origin, behind, op);
            } else {
                replica.write(origin, |bytes| bytes.extend_from_slice(op), asked);
            }
            self.groups.touch(partition);
        }
        self.absorb(partition);
    }
}
