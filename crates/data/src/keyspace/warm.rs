//! Fetching a batch of keys into the cache before they are used.
//!
//! In a large keyspace a command waits four or five times in a row for memory: the slot, its index, the
//! dense place, the object. Whoever holds a batch of commands can walk these steps for all keys side by
//! side, so that the waits of different keys overlap.

use super::{Keyspace, hash};
use crate::slot_table::SlotTable;
use synod_types::Slot;

/// How many keys are walked side by side; about as many misses as a core keeps in flight.
const GROUP: usize = 16;

/// Looks where these keys of these slots of these keyspaces lie, for the effect on the cache alone. Worth its while before
/// running a batch of several commands on different keys of more data than the caches hold.
pub fn warm<'k>(keys: impl IntoIterator<Item = (&'k Keyspace, Slot, &'k [u8])>) {
    let mut keys = keys.into_iter();
    while warm_group(&mut keys) == GROUP {}
}

/// Walks up to `GROUP` keys, one step for all of them and then the next; answers how many there were.
fn warm_group<'k>(keys: &mut impl Iterator<Item = (&'k Keyspace, Slot, &'k [u8])>) -> usize {
    let mut places: [Option<(&SlotTable, u64)>; GROUP] = [None; GROUP];
    let mut len = 0;
    for (place, (keyspace, slot, key)) in places.iter_mut().zip(keys) {
        *place = keyspace.table(slot).map(|table| (table, hash(&keyspace.hasher, key)));
        len += 1;
    }
    for (table, _) in places[..len].iter().flatten() {
        std::hint::black_box(table.len());
    }
    let mut objects = [None; GROUP];
    for (object, (table, hash)) in objects.iter_mut().zip(places[..len].iter().flatten()) {
        *object = table.guess(*hash).map(|at| (*table, at));
    }
    for (table, at) in objects.into_iter().flatten() {
        table.object(at).touch();
    }
    len
}
