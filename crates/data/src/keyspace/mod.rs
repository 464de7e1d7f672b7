//! The keyspace of one partition: its slots, and the few primitives through which everything changes.
//!
//! All writes pass [`Keyspace::open`], which serialises the slot first when a snapshot is under way and
//! drops the key when its time has passed; and [`Keyspace::changed`] or [`Keyspace::remove`], which keep
//! versions and counts. Commands use the typed access of `read.rs` and `edit.rs`.

mod absorb;
mod changed;
mod clear;
mod confines;
mod edit;
mod eviction;
mod execute;
mod expiry;
mod garbage;
mod noting;
mod read;
mod restore;
mod scan;
mod snapshot;
mod split;
mod stats;
#[cfg(test)]
mod tests;
mod text;
mod transaction;
mod used;
mod warm;
mod weigh;

use changed::Changed;
pub use changed::{ChangedKeys, Noted};
pub(crate) use confines::{Confines, Sought};
pub use confines::{UNDECLARED, follows_patterns, patterns_of};
pub use eviction::Candidate;
pub use expiry::ExpiryCursor;
pub use garbage::Garbage;
pub use restore::{CorruptSnapshot, Restorer};
pub use scan::ScanFilter;
use stats::Stats;
pub use stats::{KeyspaceStats, Measures};
pub use text::Expiry;
pub(crate) use text::text_object;
use used::Used;
pub use warm::warm;

use crate::authority::Rights;
use crate::events::{Classes, Events};
use crate::lengthy::ScriptCosts;
use crate::object::Object;
use crate::scripting::{Engine, Libraries, Scripts};
use crate::slot_table::SlotTable;
use crate::snapshot::Run;
use crate::{Args, Command, digest};
use foldhash::fast::SeedableRandomState;
use std::ops::RangeInclusive;
use std::sync::Arc;
use synod_locks::Locks;
use synod_machine::hashing::{self, hash};
use synod_txn::Records;
use synod_types::{Millis, SLOT_COUNT, Slot, key_slot};

/// The keys of a contiguous range of slots, as a deterministic state machine.
#[derive(Debug)]
pub struct Keyspace {
    /// The first slot; `slots[i]` is slot `first + i`.
    pub(crate) first: u16,
    pub(crate) slots: Vec<SlotTable>,
    /// Which of them were ever used. The others own nothing and have versions of nothing.
    used: Used,
    /// The sum of the slots' lengths.
    len: usize,
    /// The sum of the slots' counts of keys with an expiry time.
    expires: usize,
    /// The sum of the slots' counts of hashes with fields that expire.
    expiring_hashes: usize,
    /// The sum of the objects' heap bytes.
    bytes: usize,
    /// The sum of the tables' heap bytes.
    table_bytes: usize,
    /// Counts every change of every key; the value at a key's last change is the key's version.
    pub(crate) changes: u64,
    hasher: SeedableRandomState,
    /// The scripts that EVALSHA finds.
    pub(crate) scripts: Scripts,
    /// The functions that FCALL finds.
    pub(crate) libraries: Libraries,
    /// The locks whose names lie in these slots.
    pub(crate) locks: Locks,
    /// The transactions over several partitions that are under way here.
    pub(crate) transactions: Records,
    /// Keys that such transactions let go of; no part of the state.
    pub(crate) released: Vec<Vec<u8>>,
    /// Who runs them; the same on every replica, and no part of the state.
    pub(crate) engine: Option<&'static Engine>,
    /// Whether the leader looks for keys whose time has passed; no part of the state, and true after a restart.
    pub(crate) expires_actively: bool,
    /// The snapshot being taken, if one is.
    pub(crate) snapshot: Option<Box<Run>>,
    /// Deleted and not freed yet; no part of the state.
    garbage: Garbage,
    /// No part of the state either.
    pub(crate) events: Events,
    /// Nor this.
    changed: Changed,
    /// Nor this.
    stats: Stats,
    /// Nor what scripts took here.
    pub(crate) script_costs: ScriptCosts,
    /// Who the running operation acts for, if there is something that it may not do. None between operations.
    acting: Option<Arc<Rights>>,
    /// What scripts are kept to, on a scratch keyspace.
    pub(crate) confines: Option<Box<Confines>>,
    /// Set where only the keys of a transaction are.
    pub(crate) sought: Option<Sought>,
}

/// Where a key is, or would be. Valid until the keyspace changes elsewhere in the slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    slot: usize,
    hash: u64,
    at: Option<usize>,
}

impl Spot {
    /// Whether no key is there.
    pub(crate) fn is_free(self) -> bool {
        self.at.is_none()
    }
}

impl Keyspace {
    /// An empty keyspace of these slots.
    #[must_use]
    pub fn new(slots: RangeInclusive<Slot>) -> Self {
        let first = slots.start().0.min(SLOT_COUNT - 1);
        let last = slots.end().0.clamp(first, SLOT_COUNT - 1);
        Self {
            first,
            slots: (first..=last).map(|_| SlotTable::new()).collect(),
            used: Used::of(usize::from(last - first) + 1),
            len: 0,
            expires: 0,
            expiring_hashes: 0,
            bytes: 0,
            table_bytes: 0,
            changes: 0,
            hasher: hashing::state(),
            scripts: Scripts::default(),
            libraries: Libraries::default(),
            locks: Locks::default(),
            transactions: Records::default(),
            released: Vec::new(),
            engine: None,
            expires_actively: true,
            snapshot: None,
            garbage: Garbage::default(),
            events: Events::default(),
            changed: Changed::default(),
            stats: Stats::default(),
            script_costs: ScriptCosts::default(),
            acting: None,
            confines: None,
            sought: None,
        }
    }

    /// What runs from now on is for somebody who may not do everything, or for nobody like that.
    pub(crate) fn act_for(&mut self, rights: Option<Arc<Rights>>) {
        self.acting = rights;
    }

    /// What a script may do that runs now; `None`: everything.
    #[must_use]
    pub fn acting(&self) -> Option<&Arc<Rights>> {
        self.acting.as_ref()
    }

    /// The slots this keyspace owns.
    #[must_use]
    pub fn slots(&self) -> RangeInclusive<Slot> {
        Slot(self.first)..=Slot(self.first + (self.slots.len() - 1) as u16)
    }

    /// How many keys there are (DBSIZE), those included whose time has passed and that were not
    /// removed yet, as in Redis.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many keys have an expiry time.
    #[must_use]
    pub fn expires_len(&self) -> usize {
        self.expires
    }

    /// How many hashes have fields that expire.
    #[must_use]
    pub fn expiring_hashes(&self) -> usize {
        self.expiring_hashes
    }

    /// Whether anything here ever expires.
    #[inline]
    #[must_use]
    pub fn has_deadlines(&self) -> bool {
        self.expires > 0 || self.expiring_hashes > 0
    }

    /// How many keys a slot has (CLUSTER COUNTKEYSINSLOT); 0 for a slot of another partition.
    #[must_use]
    pub fn slot_len(&self, slot: Slot) -> usize {
        self.table(slot).map_or(0, SlotTable::len)
    }

    /// Up to `count` keys of a slot (CLUSTER GETKEYSINSLOT).
    pub fn slot_keys(&self, slot: Slot, count: usize) -> impl Iterator<Item = &[u8]> {
        self.table(slot).map_or(&[][..], SlotTable::objects).iter().take(count).map(Object::key)
    }

    /// An estimate of the bytes that keys and values take, with the allocator's rounding.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.bytes
            + self.locks.memory()
            + self.slots.len() * size_of::<SlotTable>()
            + self.table_bytes
    }

    /// A hash of the whole content, with versions and expiry times, whatever its layout: two replicas
    /// that applied the same entries agree in it.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let objects = self.used_tables().flat_map(|(_, table)| table.objects());
        let content = objects.fold(0u64, |sum, object| sum.wrapping_add(object.digest()));
        let keys = self
            .used_tables()
            .map(|(slot, table)| (slot as u64, table.absent_version()))
            .filter(|(_, version)| *version > 0)
            .fold(digest::mix(content, self.changes), |state, (slot, version)| {
                digest::mix(digest::mix(state, slot), version)
            });
        let scripts = self.scripts.digest(keys);
        self.transactions.digest(self.locks.digest(self.libraries.digest(scripts)))
    }

    /// How many changes of keys there were. Replicas agree in it.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// A lock of a tree of this partition has these holders from now on.
    pub fn follow_lock(&mut self, name: &[u8], holders: &[u64]) {
        self.locks.follow(name, holders);
    }

    /// The locks whose names lie in these slots.
    #[must_use]
    pub const fn locks(&self) -> &Locks {
        &self.locks
    }

    /// The tables that were ever used, with their places.
    fn used_tables(&self) -> impl Iterator<Item = (usize, &SlotTable)> {
        self.used.slots().map(|slot| (slot, &self.slots[slot]))
    }

    /// The version of a key, for WATCH: it differs whenever the key was changed, created, deleted or
    /// has expired in between, or a field of it. An absent key's version may also change with others of its slot.
    #[must_use]
    pub fn version(&self, key: &[u8], now: Millis) -> u64 {
        // Doubled, so that a present and an absent key never share a number.
        let Some((table, hash)) = self.place(key) else { return 1 };
        match table.find(hash, key).map(|at| table.object(at)) {
            Some(object) if !object.is_expired(now) => match object.passed_fields(now) {
                0 => object.version() << 1,
                // Nothing has removed these fields yet, but nobody sees them any more.
                passed => digest::mix(object.version(), passed as u64) & !1,
            },
            Some(expired) => table.absent_version().max(expired.version()) << 1 | 1,
            None => table.absent_version() << 1 | 1,
        }
    }

    /// Whether a key is, or would be, one of this keyspace.
    #[must_use]
    pub fn owns(&self, key: &[u8]) -> bool {
        self.table(key_slot(key)).is_some()
    }

    fn owns_keys(&self, command: &Command, args: &Args<'_>) -> bool {
        if self.slots.len() == usize::from(SLOT_COUNT) {
            return true;
        }
        if command.keys.is_just_first() {
            return args.get(1).is_some_and(|key| self.owns(key));
        }
        command.key_positions(args).all(|at| self.owns(args[at]))
    }

    fn table(&self, slot: Slot) -> Option<&SlotTable> {
        self.slots.get(usize::from(slot.0.wrapping_sub(self.first)))
    }

    pub(crate) fn table_mut(&mut self, slot: Slot) -> Option<&mut SlotTable> {
        let slot = usize::from(slot.0.wrapping_sub(self.first));
        let table = self.slots.get_mut(slot)?;
        self.used.mark(slot);
        Some(table)
    }

    /// Appends a restored object, with the version it has; `None` when its key is there already or the
    /// slot is not ours.
    pub(crate) fn append(&mut self, slot: Slot, object: Object) -> Option<()> {
        let hash_of = |key: &[u8]| hash(&self.hasher, key);
        let slot = usize::from(slot.0.wrapping_sub(self.first));
        let table = self.slots.get_mut(slot)?;
        self.used.mark(slot);
        let hash = hash_of(object.key());
        if table.find(hash, object.key()).is_some() {
            return None;
        }
        self.len += 1;
        self.bytes += object.heap_bytes();
        self.expires += usize::from(object.expire().is_some());
        self.expiring_hashes += usize::from(object.due().field.is_some());
        let before = table.heap_bytes();
        table.push(hash, object, hash_of);
        self.table_bytes = self.table_bytes + table.heap_bytes() - before;
        Some(())
    }

    #[inline]
    pub(crate) fn place(&self, key: &[u8]) -> Option<(&SlotTable, u64)> {
        self.table(key_slot(key)).map(|table| (table, hash(&self.hasher, key)))
    }

    /// A key was looked for on behalf of a command that runs elsewhere.
    pub(crate) fn count_lookup(&self, found: bool) {
        self.stats.looked_up(found);
    }

    /// As [`Self::get`], without a trace in counts and events.
    pub(crate) fn peek(&self, key: &[u8], now: Millis) -> Option<&Object> {
        let (table, hash) = self.place(key)?;
        let found = table.find(hash, key).map(|at| table.object(at));
        found.filter(|object| !object.is_expired(now))
    }

    /// The object of a key that is there and whose time has not passed.
    #[inline]
    pub(crate) fn get(&self, key: &[u8], now: Millis) -> Option<&Object> {
        let (table, hash) = self.place(key)?;
        let found = table.find(hash, key).map(|at| table.object(at));
        let found = found.filter(|object| !object.is_expired(now));
        self.stats.looked_up(found.is_some());
        if found.is_none() {
            self.events.note_miss(key);
        }
        found
    }

    /// Prepares a key for a write: preserves its slot for a snapshot under way and drops the key when
    /// its time has passed.
    ///
    /// The key's slot is one of ours: `execute_write` refuses the others before a handler runs, and a
    /// handler touches no key that its key positions do not name.
    #[inline]
    pub(crate) fn open(&mut self, key: &[u8], now: Millis) -> Spot {
        let slot = usize::from(key_slot(key).0 - self.first);
        if self.snapshot.is_some() {
            self.preserve(slot);
        }
        let hash = hash(&self.hasher, key);
        let table = &self.slots[slot];
        let at = table.find(hash, key);
        let spot = Spot { slot, hash, at };
        if at.is_some_and(|at| table.object(at).is_expired(now)) {
            return self.drop_expired(spot, now);
        }
        spot
    }

    /// The object at a spot.
    #[inline]
    pub(crate) fn object(&self, spot: Spot) -> Option<&Object> {
        spot.at.map(|at| self.slots[spot.slot].object(at))
    }

    /// Stores an object at its key's spot, replacing what is there. It gets a new version.
    pub(crate) fn put(&mut self, spot: Spot, mut object: Object) {
        self.changes += 1;
        self.changed.note(object.key());
        object.set_version(self.changes);
        self.bytes += object.heap_bytes();
        let table = &mut self.slots[spot.slot];
        let before = (table.expires(), table.expiring_hashes());
        let old = match spot.at {
            Some(at) => {
                let old = table.replace(at, object);
                self.bytes -= old.heap_bytes();
                Some(old)
            }
            None => {
                let (hasher, before) = (&self.hasher, table.heap_bytes());
                table.push(spot.hash, object, |key| hash(hasher, key));
                self.table_bytes = self.table_bytes + table.heap_bytes() - before;
                self.used.mark(spot.slot);
                self.len += 1;
                None
            }
        };
        self.expires = self.expires + table.expires() - before.0;
        self.expiring_hashes = self.expiring_hashes + table.expiring_hashes() - before.1;
        if let Some(old) = old {
            self.discard(old);
        }
    }

    /// Removes the object at a spot, if there is one, and returns it.
    pub(crate) fn remove(&mut self, spot: Spot) -> Option<Object> {
        let object = self.take(spot)?;
        self.changes += 1;
        self.changed.note(object.key());
        self.slots[spot.slot].raise_absent_version(self.changes);
        Some(object)
    }

    /// Changes the object at `at` in place through `change` and keeps all counts; the object gets a new
    /// version when `change` says that it changed something.
    pub(crate) fn change<R>(
        &mut self,
        spot: Spot,
        at: usize,
        change: impl FnOnce(&mut Object) -> (R, bool),
    ) -> R {
        let table = &mut self.slots[spot.slot];
        let object = table.object_mut(at);
        let (bytes, before) = (object.heap_bytes(), object.due());
        let (result, changed) = change(object);
        self.bytes = self.bytes + object.heap_bytes() - bytes;
        if changed {
            self.changes += 1;
            self.changed.note(object.key());
            object.set_version(self.changes);
        }
        let after = object.due();
        if after != before {
            table.expiry_changed(before, after);
            let count = |count: usize, before: Option<Millis>, after: Option<Millis>| {
                count + usize::from(after.is_some()) - usize::from(before.is_some())
            };
            self.expires = count(self.expires, before.key, after.key);
            self.expiring_hashes = count(self.expiring_hashes, before.field, after.field);
        }
        result
    }

    fn take(&mut self, spot: Spot) -> Option<Object> {
        let table = &mut self.slots[spot.slot];
        let (hasher, before) = (&self.hasher, table.heap_bytes());
        let object = table.remove(spot.hash, spot.at?, |key| hash(hasher, key));
        self.table_bytes = self.table_bytes + table.heap_bytes() - before;
        self.len -= 1;
        self.bytes -= object.heap_bytes();
        let due = object.due();
        self.expires -= usize::from(due.key.is_some());
        self.expiring_hashes -= usize::from(due.field.is_some());
        Some(object)
    }

    /// Removes a key whose time has passed. The slot's absent version becomes what [`Self::version`]
    /// already answered for it, so a WATCH sees expiry once, not again when the key is dropped.
    #[cold]
    fn drop_expired(&mut self, spot: Spot, now: Millis) -> Spot {
        if let Some(object) = self.take(spot) {
            self.slots[spot.slot].raise_absent_version(object.version());
            if object.expire().is_some_and(|at| at <= now) {
                self.stats.expired += 1;
                self.events.note(Classes::EXPIRED, "expired", object.key());
            } else {
                self.stats.expired_fields += object.passed_fields(now) as u64;
                self.events.note(Classes::HASH, "hexpired", object.key());
                self.events.note(Classes::GENERIC, "del", object.key());
            }
            self.changed.note(object.key());
            self.discard(object);
        }
        Spot { at: None, ..spot }
    }
}
