//! Expiry: finding keys whose time has passed, or that of fields of theirs, dropping them when the log says so, changing the
//! time.

use super::{Keyspace, Spot};
use crate::events::Classes;
use crate::object::Object;
use synod_types::Millis;

/// How many fields one entry drops at most of hashes that stay, so that whoever waits behind it waits for a millisecond or so.
const FIELDS_PER_ENTRY_MAX: usize = 10_000;

/// Where the search for expired keys goes on: a slot of the keyspace, and a place within it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExpiryCursor {
    slot: usize,
    at: usize,
}

impl Keyspace {
    /// Keys whose time has passed at `now`, or that of a field, for the leader to propose: at most `out_max` of them, after
    /// looking at about `scan_max` keys from where `cursor` stands. Says with them whether it stopped at one of
    /// these bounds, so that there may be more. The cursor (0 to begin) goes round and round; slots in which
    /// nothing can have expired yet cost nothing.
    pub fn expired(
        &self,
        cursor: &mut ExpiryCursor,
        now: Millis,
        scan_max: usize,
        out_max: usize,
    ) -> (Vec<Vec<u8>>, bool) {
        let mut found = Vec::new();
        let mut scan = scan_max;
        if !self.has_deadlines() || !self.expires_actively {
            return (found, false);
        }
        for _ in 0..=self.slots.len() {
            let table = &self.slots[cursor.slot % self.slots.len()];
            if table.expires() + table.expiring_hashes() > 0 && table.expire_min() <= now {
                let from = cursor.at.min(table.len());
                let objects = &table.objects()[from..];
                let objects = &objects[..objects.len().min(scan)];
                let before = found.len();
                let mut looked = 0;
                for object in objects {
                    looked += 1;
                    if object.due().first().is_some_and(|at| at <= now) {
                        found.push(object.key().to_vec());
                        if found.len() >= out_max {
                            break;
                        }
                    }
                }
                scan -= looked;
                cursor.at = from + looked;
                let whole = looked == table.len();
                if whole && found.len() == before {
                    table.tighten_expire_min();
                }
                if found.len() >= out_max || scan == 0 {
                    return (found, true);
                }
            }
            *cursor = ExpiryCursor { slot: (cursor.slot + 1) % self.slots.len(), at: 0 };
        }
        (found, false)
    }

    /// Whether the key is there at `after`, and at `until` its time has passed, or that of another field.
    #[must_use]
    pub fn expires_within(&self, key: &[u8], after: Millis, until: Millis) -> bool {
        let place = self.place(key);
        let object = place.and_then(|(table, hash)| Some(table.object(table.find(hash, key)?)));
        object.is_some_and(|object| {
            !object.is_expired(after)
                && (object.is_expired(until)
                    || object.passed_fields(until) > object.passed_fields(after))
        })
    }

    /// Drops those of `keys` whose time has really passed at `now`, and such fields of theirs, so many; the time and the keys
    /// are those of a replicated entry. Keys of other partitions are passed over.
    pub fn expire_now<'a>(&mut self, keys: impl IntoIterator<Item = &'a [u8]>, now: Millis) {
        let mut fields = FIELDS_PER_ENTRY_MAX;
        for key in keys {
            if self.place(key).is_some() && !self.is_held(key) {
                self.open(key, now);
                fields -= self.drop_passed_fields(key, now, fields);
            }
        }
    }

    /// Removes up to `most` fields of a hash whose time has passed; how many. A hash of which none is left goes with them.
    pub(super) fn drop_passed_fields(&mut self, key: &[u8], now: Millis, most: usize) -> usize {
        let object =
            self.place(key).and_then(|(table, hash)| Some(table.object(table.find(hash, key)?)));
        if most == 0 || object.is_none_or(|object| object.passed_fields(now) == 0) {
            return 0;
        }
        let spot = self.open(key, now);
        let Some(at) = spot.at else { return 0 };
        let dropped = self.change(spot, at, |object| {
            let dropped = object.drop_passed_fields(now, most);
            (dropped, dropped > 0)
        });
        self.stats.expired_fields += dropped as u64;
        self.events.note(Classes::HASH, "hexpired", key);
        dropped
    }

    /// Sets or clears the expiry of an opened key; a time that is not after `now` deletes the key.
    pub(crate) fn set_expire_at(&mut self, spot: Spot, expire: Option<Millis>, now: Millis) {
        let Some(at) = spot.at else { return };
        if expire.is_some_and(|time| time <= now) {
            self.delete_at(spot);
            return;
        }
        self.change(spot, at, |object: &mut Object| {
            object.set_expire(expire);
            ((), true)
        });
    }
}
