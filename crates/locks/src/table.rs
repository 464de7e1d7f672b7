//! All locks of a partition, and the few ways in which they change.

use crate::followed::Followed;
use crate::lock::{Holder, Lock};
use crate::{LEASE_MS_MAX, LOCKS_MAX};
use std::collections::{BTreeMap, BTreeSet};
use synod_machine::digest;
use synod_types::plant::planted;
use synod_types::tree_path;

/// A partition that has absorbed another one may remember the locks of both, until those that nobody holds make room.
const MERGED_LOCKS_MAX: usize = 2 * LOCKS_MAX;

/// As many locks as are remembered are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many locks")]
pub struct TooManyLocks;

/// One lease, as the leader counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease<'a> {
    /// The lock.
    pub name: &'a [u8],
    /// The grant.
    pub token: u64,
    /// How often it was renewed: the lease begins with the newest renewal.
    pub renewals: u64,
    /// How long it is.
    pub lease_ms: u64,
}

/// The locks of a partition.
///
/// Invariants: `granted` is at least every lock's newest token, and of two grants of one lock the later one has the greater;
/// `free` names exactly the locks that nobody holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locks {
    locks: BTreeMap<Box<[u8]>, Lock>,
    /// The locks that nobody holds, by their newest token: the first was granted longest ago. Where partitions were merged, two of
    /// them may have the same one.
    free: BTreeSet<(u64, Box<[u8]>)>,
    /// The newest token of all; it never falls.
    granted: u64,
    /// How many grants stand, in all locks.
    grants: usize,
    /// The sum of the names' lengths.
    name_bytes: usize,
    /// The locks whose line is in a tree.
    pub(crate) followed: Followed,
}

impl Locks {
    /// A lock that was granted before and is not forgotten.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&Lock> {
        self.locks.get(name)
    }

    /// The newest token of a lock and the oldest that is still good: all that a [check](Self::check) rests on. Zeros when there is
    /// no such lock.
    #[must_use]
    pub fn tokens(&self, name: &[u8]) -> (u64, u64) {
        match tree_path(name) {
            Some(_) => self.followed.tokens(name),
            None => self.get(name).map_or((0, 0), |lock| (lock.newest, lock.floor)),
        }
    }

    /// Puts a lock in of which only these are known, for checks elsewhere; `None` when it is there already, or one too many.
    pub fn put_tokens(&mut self, name: &[u8], (newest, floor): (u64, u64)) -> Option<()> {
        if newest == 0 {
            return Some(());
        }
        // As if the newest grant stood: what nobody holds might be forgotten for another.
        let holders = BTreeMap::from([(newest, Holder { lease_ms: 1, renewals: 0 })]);
        self.restore(name, Lock { newest, floor, shared: false, holders })
    }

    /// Whether this lock can be granted now.
    #[must_use]
    pub fn admits(&self, name: &[u8], shared: bool) -> bool {
        self.get(name).is_none_or(|lock| lock.admits(shared))
    }

    /// Grants a lock; its token, or `None` when somebody has it.
    ///
    /// # Errors
    /// There is no room for one more; nothing has changed.
    pub fn acquire(
        &mut self,
        name: &[u8],
        lease_ms: u64,
        shared: bool,
    ) -> Result<Option<u64>, TooManyLocks> {
        if !self.admits(name, shared) {
            return Ok(None);
        }
        // After a merge there may be more than one too many.
        while !self.locks.contains_key(name) && self.locks.len() >= LOCKS_MAX {
            let (_, oldest) = self.free.pop_first().ok_or(TooManyLocks)?;
            self.locks.remove(&oldest);
            self.name_bytes -= oldest.len();
        }
        if !planted("tokens-repeat") {
            self.granted += 1;
        }
        let token = self.granted;
        let lease_ms = lease_ms.clamp(1, LEASE_MS_MAX);
        match self.locks.get_mut(name) {
            Some(lock) => {
                self.free.remove(&(lock.newest, name.into()));
                lock.grant(token, shared, lease_ms);
            }
            None => {
                let mut lock =
                    Lock { newest: token, floor: token, shared, holders: BTreeMap::new() };
                lock.grant(token, shared, lease_ms);
                self.locks.insert(name.into(), lock);
                self.name_bytes += name.len();
            }
        }
        self.grants += 1;
        Ok(Some(token))
    }

    /// Lets a holder's lease begin anew, with this length; whether it is a holder.
    pub fn renew(&mut self, name: &[u8], token: u64, lease_ms: u64) -> bool {
        let holder = self.locks.get_mut(name).and_then(|lock| lock.holders.get_mut(&token));
        let Some(holder) = holder else { return false };
        *holder =
            Holder { lease_ms: lease_ms.clamp(1, LEASE_MS_MAX), renewals: holder.renewals + 1 };
        true
    }

    /// Ends a grant; whether it stood.
    pub fn release(&mut self, name: &[u8], token: u64) -> bool {
        let Some(lock) = self.locks.get_mut(name) else { return false };
        if lock.holders.remove(&token).is_none() {
            return false;
        }
        self.grants -= 1;
        if lock.is_free() {
            self.free.insert((lock.newest, name.into()));
        }
        true
    }

    /// Ends a grant whose lease is over, if it was not renewed since; whether it ended.
    pub fn expire(&mut self, name: &[u8], token: u64, renewals: u64) -> bool {
        let holder = self.get(name).and_then(|lock| lock.holders.get(&token));
        let counted = holder.is_some_and(|holder| holder.renewals == renewals);
        (counted || planted("renewal-ignored")) && self.release(name, token)
    }

    /// The leases that run.
    pub fn leases(&self) -> impl Iterator<Item = Lease<'_>> {
        self.locks.iter().flat_map(|(name, lock)| {
            lock.holders().map(|(token, holder)| Lease {
                name,
                token,
                renewals: holder.renewals,
                lease_ms: holder.lease_ms,
            })
        })
    }

    /// The locks that somebody holds, by name.
    pub fn held(&self) -> impl Iterator<Item = (&[u8], &Lock)> {
        self.iter().filter(|(_, lock)| !lock.is_free())
    }

    /// A lock of a tree of this partition has these holders from now on.
    pub fn follow(&mut self, name: &[u8], holders: &[u64]) {
        self.followed.set(name, holders);
    }

    /// The locks of the tree that somebody holds, by name.
    pub fn followed(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.followed.names()
    }

    /// All locks, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &Lock)> {
        self.locks.iter().map(|(name, lock)| (&**name, lock))
    }

    /// The newest token of all.
    #[must_use]
    pub const fn granted(&self) -> u64 {
        self.granted
    }

    pub(crate) fn set_granted(&mut self, granted: u64) {
        self.granted = granted;
    }

    /// Puts a stored lock in; `None` when it is there already, or one too many.
    pub(crate) fn restore(&mut self, name: &[u8], lock: Lock) -> Option<()> {
        if self.locks.contains_key(name) || self.locks.len() >= MERGED_LOCKS_MAX {
            return None;
        }
        if lock.is_free() {
            self.free.insert((lock.newest, name.into()));
        }
        self.grants += lock.holders.len();
        self.name_bytes += name.len();
        self.locks.insert(name.into(), lock);
        Some(())
    }

    /// Takes the locks out whose names `goes` picks. Tokens go on in both from the newest of all.
    #[must_use]
    pub fn split_off(&mut self, goes: impl Fn(&[u8]) -> bool) -> Self {
        let mut gone = Self { granted: self.granted, ..Self::default() };
        for (name, lock) in self.locks.extract_if(.., |name, _| goes(name)) {
            let grants = lock.holders.len();
            if lock.is_free() {
                self.free.remove(&(lock.newest, name.clone()));
                gone.free.insert((lock.newest, name.clone()));
            }
            self.grants -= grants;
            gone.grants += grants;
            self.name_bytes -= name.len();
            gone.name_bytes += name.len();
            gone.locks.insert(name, lock);
        }
        gone.followed = self.followed.split_off(goes);
        gone
    }

    /// Takes the locks of a partition in that becomes part of this one: no name is in both. New tokens are greater than any of
    /// both.
    pub fn absorb(&mut self, other: Self) {
        self.granted = self.granted.max(other.granted);
        self.grants += other.grants;
        self.name_bytes += other.name_bytes;
        self.locks.extend(other.locks);
        self.free.extend(other.free);
        self.followed.absorb(other.followed);
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.locks.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.locks.is_empty()
    }

    /// Whether no lock was ever granted.
    #[must_use]
    pub const fn is_untouched(&self) -> bool {
        self.granted == 0
    }

    /// An estimate of the bytes that they take.
    #[must_use]
    pub fn memory(&self) -> usize {
        // A node of a map is half full or more; a name stands in `locks`, and in `free` while nobody holds the lock.
        let lock = 2 * size_of::<(Box<[u8]>, Lock)>() + 2 * size_of::<(u64, Box<[u8]>)>();
        let grant = 2 * size_of::<(u64, Holder)>();
        let own = self.locks.len() * lock + 2 * self.name_bytes + self.grants * grant;
        own + self.followed.memory()
    }

    /// How many grants stand, in all locks.
    #[must_use]
    pub const fn grants(&self) -> usize {
        self.grants
    }

    /// Folds them into a hash.
    #[must_use]
    pub fn digest(&self, state: u64) -> u64 {
        if self.is_untouched() {
            return state;
        }
        let state = digest::mix(state, self.granted);
        self.iter().fold(state, |state, (name, lock)| {
            let numbers = [lock.newest, lock.floor, u64::from(lock.shared)];
            let state = numbers.into_iter().fold(digest::bytes(state, name), digest::mix);
            lock.holders().fold(state, |state, (token, holder)| {
                [token, holder.lease_ms, holder.renewals].into_iter().fold(state, digest::mix)
            })
        })
    }
}
