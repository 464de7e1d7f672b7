//! What one may set of the bounds of transactions over several partitions; none can be set beyond its constant in `types::limits`.
//!
//! | setting | beyond it |
//! |---|---|
//! | `transaction-max-keys`, `transaction-max-partitions` | refused before anything is done |
//! | `transaction-max-bytes` | refused when the values are there, or when they have been computed; nothing is written |
//! | `transaction-max-undecided` | the leader of the partition refuses to keep another part, and what else was kept of it is dropped |
//! | `transaction-doubt-ms` | leaders ask what became of it |

use crate::node::Node;
use crate::settings::Setting;
use synod_data::op::{Op, is_step};
use synod_machine::{MachineId, Operation};
use synod_txn::{Part, Step};
use synod_types::PartitionId;

const TOO_MANY_KEYS: &str =
    "ERR too many keys for a transaction over several partitions, see transaction-max-keys";
const TOO_MANY_PARTITIONS: &str =
    "ERR too many partitions for one transaction, see transaction-max-partitions";
/// The answer to a part of one that is not kept.
pub(crate) const CROWDED: &str =
    "TRYAGAIN too many transactions are undecided in a partition; nothing was written";

impl Node {
    /// Whether a transaction may have these parts.
    ///
    /// # Errors
    /// Why not, for the client.
    pub(super) fn bounded(&self, parts: Vec<Part>) -> Result<Vec<Part>, &'static str> {
        let keys: usize = parts.iter().map(|part| part.keys.len()).sum();
        if keys > self.settings.count(Setting::TransactionMaxKeys) {
            return Err(TOO_MANY_KEYS);
        }
        if parts.len() > self.settings.count(Setting::TransactionMaxPartitions) {
            return Err(TOO_MANY_PARTITIONS);
        }
        Ok(parts)
    }

    /// How many bytes of values one that is not among those under way may fetch: what they leave of what all may.
    pub(super) fn transaction_room(&self) -> usize {
        let left = self.transaction_bytes_max().saturating_sub(self.conductor.bytes());
        left.min(self.settings.count(Setting::TransactionMaxBytes))
    }

    /// Whether the operation would have a partition that is led here keep one more undecided transaction than it may.
    pub(crate) fn crowds(&self, partition: PartitionId, op: &[u8]) -> bool {
        let Some(operation) = Operation::take(&mut &*op) else { return false };
        if operation.machine != MachineId::KEYSPACE || !is_step(operation.body) {
            return false;
        }
        let most = self.settings.count(Setting::TransactionMaxUndecided);
        let undecided = self.groups.replica(partition).map_or(0, |replica| replica.undecided());
        undecided >= most
            && matches!(
                Op::decode(operation.body),
                Some(Op::Step(Step::Prepare { .. } | Step::Stage { .. }))
            )
    }
}
