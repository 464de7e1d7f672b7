//! What requests are about to need, fetched before they are executed.

use crate::node::Node;
use synod_types::key_slot;

impl Node {
    /// Fetches what these keys need into the cache, side by side, where requests on them are executed in this turn.
    /// Nothing else changes, so a key may be a guess: the second word of each request that is about to be offered.
    pub fn warm<'k>(&'k self, keys: impl IntoIterator<Item = &'k [u8]>) {
        synod_data::warm(keys.into_iter().filter_map(|key| {
            let slot = key_slot(key);
            let partition = self.groups.map().partition_of(slot)?;
            let replica = self.groups.replica(partition)?;
            let soon = replica.reads_at_once();
            Some((replica.state().keyspace().filter(|_| soon)?, slot, key))
        }));
    }
}
