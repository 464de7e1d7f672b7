//! What of the log stays in memory.
//!
//! Applied and durable entries go once every member holds them; those that only a silent peer lacks go when the window
//! exceeds its budget; those that a peer is about to take go when it exceeds the budget several times.

use super::{Member, Rules, State};
use crate::membership;
use synod_types::Index;

/// While a peer that answers lags behind, or takes in a snapshot, the window may grow to this many times its
/// budget. Else a peer that is done with its snapshot would find that what comes next is gone again.
const LAG_BUDGETS: usize = 4;

impl<R: Rules> Member<R> {
    /// Forgets what the members have and what exceeds the budget.
    pub(crate) fn compact(&mut self) {
        let durable = self.durability.durable();
        let droppable = self.applied.min(durable);
        let (mut needed, budget) = (droppable, self.config.cache_bytes_max);
        if let State::Leader(leader) = &self.state {
            self.shared = leader.shared(durable).min(self.commit);
            let active = leader.peers.iter().filter(|(_, peer)| self.is_active(peer));
            needed = active.map(|(_, peer)| peer.matched).fold(needed, std::cmp::Ord::min);
        }
        let unneeded = if membership::is_alone(self.membership(), self.config.id) {
            droppable
        } else {
            self.shared
        };
        self.log.compact(unneeded, needed, budget);
        self.log.compact(unneeded, droppable, budget.saturating_mul(LAG_BUDGETS));
    }

    /// Forgets entries that a durable snapshot covers, whoever lacks them.
    pub(crate) fn forget_entries(&mut self, index: Index) {
        let covered = self.snapshot.as_ref().map_or(Index(0), |snapshot| snapshot.index);
        let droppable = self.applied.min(self.durability.durable()).min(covered);
        self.log.compact(index, droppable, usize::MAX);
    }
}
