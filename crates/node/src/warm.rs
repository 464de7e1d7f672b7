//! What requests are about to need, fetched before they are executed.

use crate::node::Node;
use synod_replica::Replica;
use synod_types::{PartitionId, key_slot};

/// Below so many bytes of keys and values there is little to gain: the caches hold them.
const WARM_BYTES_MIN: u64 = 2 << 20;

impl Node {
    /// Fetches what these keys need into the cache, side by side, where requests on them are executed in this turn.
    /// Nothing else changes, so a key may be a guess: the second word of each request that is about to be offered.
    pub fn warm<'k>(&'k self, keys: impl IntoIterator<Item = &'k [u8]>) {
        if !self.exceeds_caches() {
            return;
        }
        synod_data::warm(keys.into_iter().filter_map(|key| {
            let slot = key_slot(key);
            let partition = self.groups.map().partition_of(slot)?;
            let replica = self.groups.replica(partition)?;
            let soon = replica.reads_at_once();
            Some((replica.state().keyspace().filter(|_| soon)?, slot, key))
        }));
    }

    /// The same for what these groups are about to apply. Where others have to agree first, the keys that were in the cache when a
    /// request came have long left it; and an entry of one group may hold a single command, so it is done for all groups at once.
    pub(crate) fn warm_committed(&self, groups: &[PartitionId]) {
        if self.exceeds_caches() {
            let replicas = groups.iter().filter_map(|group| self.groups.replica(*group));
            synod_data::warm(replicas.flat_map(Replica::about_to_apply));
        }
    }

    fn exceeds_caches(&self) -> bool {
        self.counted.counters().data_bytes >= WARM_BYTES_MIN
    }
}
