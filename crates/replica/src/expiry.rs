//! Active expiry: the leader looks for keys whose time has passed and proposes that they be dropped. The work follows
//! the backlog: what is left of a tick's allowance is used in the turns between two ticks, a little in each.

use crate::pending::Origin;
use crate::replica::{Output, Replica};
use synod_consensus::Role;
use synod_data::ExpiryCursor;
use synod_data::op::Op;
use synod_types::plant::planted;

/// How many keys one entry drops at most, so that whoever waits behind it waits for a millisecond or so.
const KEYS_PER_ENTRY_MAX: usize = 1_000;
/// How many keys are looked at for one entry.
const SCAN_PER_ENTRY_MAX: usize = 10_000;
/// How many keys may be looked at for each that may be dropped: a search that finds little costs less.
const SCAN_PER_KEY: usize = 8;

/// How far the search has come, and what it may still do before the next tick.
#[derive(Debug, Default)]
pub(crate) struct ExpirySearch {
    cursor: ExpiryCursor,
    /// How many keys may still be looked at, at [`SCAN_PER_KEY`] for each that may be dropped.
    allowance: usize,
    /// Whether the last search stopped at a bound, so that there may be more.
    behind: bool,
    /// Whether an entry that drops keys is proposed and not applied: those keys would be found again.
    proposed: bool,
}

impl ExpirySearch {
    /// The entry that drops keys is applied, or will never be.
    pub fn forget_proposed(&mut self) {
        self.proposed = false;
    }
}

impl Replica {
    /// Allows the deletion of `keys_max` expired keys until the next call, once a tick, and begins with it.
    pub fn expire(&mut self, keys_max: usize, out: &mut Vec<Output>) {
        self.expiry.allowance = keys_max.saturating_mul(SCAN_PER_KEY);
        self.expiry.behind = self.expiry.allowance > 0;
        self.expire_some(out);
    }

    /// Whether expired keys may be left though the last tick's allowance is used up.
    #[must_use]
    pub fn is_behind_expiry(&self) -> bool {
        self.expiry.behind && self.expiry.allowance == 0
    }

    /// Proposes the deletion of keys whose time has passed, one entry's worth; only the leader does.
    pub(crate) fn expire_some(&mut self, out: &mut Vec<Output>) {
        let by_follower = planted("expiry-by-follower");
        if !self.expiry.behind || self.expiry.proposed || self.expiry.allowance == 0 {
            return;
        }
        if self.role != Role::Leader && !by_follower {
            return;
        }
        let now = self.read_time();
        let Some(keyspace) = self.state.keyspace() else { return };
        let scan_max = SCAN_PER_ENTRY_MAX.min(self.expiry.allowance);
        let (keys, behind) =
            keyspace.expired(&mut self.expiry.cursor, now, scan_max, KEYS_PER_ENTRY_MAX);
        let cost = (keys.len() * SCAN_PER_KEY).max(if behind { scan_max } else { 0 });
        self.expiry.allowance = self.expiry.allowance.saturating_sub(cost);
        self.expiry.behind = behind;
        if keys.is_empty() {
            return;
        }
        if by_follower {
            let keys = keys.iter().map(Vec::as_slice);
            return self
                .state
                .keyspace_mut()
                .into_iter()
                .for_each(|k| k.expire_now(keys.clone(), now));
        }
        let op = Op::Expire(keys.iter().map(Vec::as_slice).collect());
        self.expiry.proposed = true;
        self.write(Origin::Internal, |bytes| op.encode(bytes), out);
    }
}
