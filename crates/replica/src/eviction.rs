//! Eviction: the leader proposes that keys be dropped because memory is short; which ones, its node decides.

use crate::pending::Origin;
use crate::replica::{Output, Replica};
use synod_data::op::Op;
use synod_types::plant::planted;

impl Replica {
    /// Proposes that these keys be dropped; one such entry at a time is under way.
    pub fn evict(&mut self, keys: &[Vec<u8>], out: &mut Vec<Output>) {
        if planted("evicts-for-itself") {
            let (keys, now) = (keys.iter().map(Vec::as_slice), self.read_time());
            return self.state.keyspace_mut().into_iter().for_each(|k| k.evict(keys.clone(), now));
        }
        if self.state.is_given() {
            return;
        }
        let op = Op::Evict(keys.iter().map(Vec::as_slice).collect());
        self.evicting = true;
        self.write(Origin::Internal, |bytes| op.encode(bytes), out);
    }

    /// How long the entries are that this member proposed and has not applied, in bytes: what they write will be memory.
    #[must_use]
    pub fn bytes_under_way(&self) -> usize {
        self.proposals.bytes()
    }

    /// Whether keys are about to be dropped that are still there.
    #[must_use]
    pub fn is_evicting(&self) -> bool {
        self.evicting
    }
}
