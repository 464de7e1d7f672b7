//! Which leases of locks are over: the leader's own knowledge, which no log holds.
//!
//! Time is that of the process's own steady clock, so a wall clock that jumps ends no lease; and a new leader gives every
//! lease its whole length anew. So a lease may last longer than it should, never shorter. What is proposed
//! then names the renewal that was counted from: a renewal that was on its way wins.

use crate::pending::Origin;
use crate::replica::{Output, Replica};
use std::collections::BTreeMap;
use synod_consensus::Role;
use synod_data::Keyspace;
use synod_data::op::put_command;
use synod_types::plant::planted;

/// How many leases end in one tick.
const EXPIRE_MAX: usize = 1_000;
/// After how long the end of a lease is proposed again that did not come to pass.
const AGAIN_US: u64 = 1_000_000;

/// A lease that is over: the lock's name, the token, and the renewals that it had.
type Over = (Vec<u8>, u64, u64);

/// When each lease is over, by token and by the lock's name: where partitions were merged, a token may be that of two locks.
#[derive(Debug, Default)]
pub(crate) struct LockLeases {
    due: BTreeMap<(u64, Vec<u8>), Due>,
}

#[derive(Debug)]
struct Due {
    renewals: u64,
    at_us: u64,
    /// When the lease was last there.
    seen_us: u64,
}

impl LockLeases {
    /// Leadership was lost or gained.
    pub fn forget(&mut self) {
        self.due.clear();
    }

    /// The leases that are over now.
    fn over(&mut self, keyspace: &Keyspace, now_us: u64) -> Vec<Over> {
        let mut over = Vec::new();
        if keyspace.locks().grants() == 0 {
            self.due.clear();
            return over;
        }
        for lease in keyspace.locks().leases() {
            let lease_us = lease.lease_ms * if planted("lease-cut-short") { 800 } else { 1_000 };
            let fresh =
                || Due { renewals: lease.renewals, at_us: now_us + lease_us, seen_us: now_us };
            let due = self.due.entry((lease.token, lease.name.to_vec())).or_insert_with(fresh);
            if due.renewals != lease.renewals {
                *due = fresh();
            }
            due.seen_us = now_us;
            if due.at_us <= now_us && over.len() < EXPIRE_MAX {
                due.at_us = now_us + AGAIN_US;
                over.push((lease.name.to_vec(), lease.token, lease.renewals));
            }
        }
        self.due.retain(|_, due| due.seen_us == now_us);
        over
    }
}

impl Replica {
    /// Proposes the end of the locks' leases that are over by the steady clock; only the leader does.
    pub fn expire_locks(&mut self, now_us: u64, out: &mut Vec<Output>) {
        let Some(keyspace) = self.state.keyspace().filter(|_| self.role == Role::Leader) else {
            return;
        };
        let now_us = if planted("lease-by-wall-clock") { self.wall().0 * 1_000 } else { now_us };
        for (name, token, renewals) in self.lock_leases.over(keyspace, now_us) {
            let (token, renewals) = (token.to_string(), renewals.to_string());
            let words: [&[u8]; 5] =
                [b"LOCK", b"EXPIRE", &name, token.as_bytes(), renewals.as_bytes()];
            self.write(Origin::Internal, |bytes| put_command(bytes, &words), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_data::{Context, lookup};
    use synod_types::Slot;

    fn run(keyspace: &mut Keyspace, line: &str) {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let command = lookup(words[0]).unwrap();
        keyspace.execute_write(command, &words, &Context::default(), &mut ());
    }

    #[test]
    fn a_lease_is_over_its_length_after_it_was_seen_renewed_or_a_leader_began() {
        let mut keyspace = Keyspace::new(Slot(0)..=Slot(16_383));
        let mut leases = LockLeases::default();
        let over = |renewals| vec![(b"l".to_vec(), 1, renewals)];
        run(&mut keyspace, "LOCK ACQUIRE l 200");
        assert_eq!(leases.over(&keyspace, 1_000_000), []);
        assert_eq!(leases.over(&keyspace, 1_150_000), []);
        run(&mut keyspace, "LOCK RENEW l 1 200");
        // Ticks that are made up for at one moment count as one.
        (0..99).for_each(|_| assert_eq!(leases.over(&keyspace, 1_199_999), []));
        assert_eq!(leases.over(&keyspace, 1_399_998), []);
        assert_eq!(leases.over(&keyspace, 1_399_999), over(1));
        assert_eq!(leases.over(&keyspace, 1_500_000), [], "it is on its way");
        leases.forget();
        assert_eq!(leases.over(&keyspace, 1_600_000), [], "a new leader counts anew");
        assert_eq!(leases.over(&keyspace, 1_800_000), over(1));
        assert_eq!(leases.over(&keyspace, 2_800_000), over(1), "it did not come to pass");
        run(&mut keyspace, "LOCK EXPIRE l 1 1");
        assert_eq!(leases.over(&keyspace, 9_000_000), []);
        assert!(leases.due.is_empty());
    }
}
