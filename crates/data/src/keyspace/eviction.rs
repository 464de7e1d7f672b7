//! Eviction: which keys may go when memory is short, and dropping them when the log says so. The leader chooses from a
//! sample and the choice is replicated, so that replicas stay equal whatever each of them remembers of its reads.

use super::Keyspace;
use crate::context::random_below;
use crate::events::Classes;
use crate::object::Object;
use crate::slot_table::SlotTable;
use synod_types::{Millis, is_coordinators};

/// How many keys of a slot are looked at for one that may go.
const LOOK_MAX: usize = 1_024;

/// A key that may be evicted, as the leader weighs it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What its object takes, in bytes.
    pub bytes: usize,
    /// When it expires, if it does.
    pub expire: Option<Millis>,
}

impl Keyspace {
    /// Draws up to `count` keys, with replacement, from slots drawn at random; `volatile` draws only keys with an
    /// expiry time. None when there is no such key; fewer when few of them have one.
    pub fn draw_candidates(
        &self,
        mut seed: u64,
        count: usize,
        volatile: bool,
    ) -> impl Iterator<Item = Candidate<'_>> {
        let eligible = self.candidates(volatile);
        (0..if eligible == 0 { 0 } else { count }).filter_map(move |_| {
            let object = self.draw(&mut seed, volatile)?;
            Some(Candidate {
                key: object.key(),
                bytes: object.heap_bytes(),
                expire: object.expire(),
            })
        })
    }

    /// How many keys may be drawn.
    #[must_use]
    pub fn candidates(&self, volatile: bool) -> usize {
        if volatile { self.expires } else { self.len }
    }

    /// The bytes of keys and values without the tables that find them; unlike [`Self::memory`] at no cost.
    #[must_use]
    pub fn object_bytes(&self) -> usize {
        self.bytes
    }

    /// Drops keys, whatever they hold; the keys are those of a replicated entry. Keys that are not there, and keys of
    /// other partitions, are passed over.
    pub fn evict<'a>(&mut self, keys: impl IntoIterator<Item = &'a [u8]>, now: Millis) {
        for key in keys {
            if self.place(key).is_none() || self.is_held(key) {
                continue;
            }
            let spot = self.open(key, now);
            if let Some(object) = self.remove(spot) {
                self.stats.evicted += 1;
                self.events.note(Classes::EVICTED, "evicted", key);
                self.discard(object);
            }
        }
    }

    /// One key: of the first slot at or after a random one that has any, at or after a random place.
    fn draw(&self, seed: &mut u64, volatile: bool) -> Option<&Object> {
        let slots = self.slots.len();
        let has_some = |table: &SlotTable| match volatile {
            true => table.expires() > 0,
            false => table.len() > 0,
        };
        let start = random_below(seed, slots);
        let slot = (0..slots).map(|n| (start + n) % slots).find(|at| has_some(&self.slots[*at]))?;
        let objects = self.slots[slot].objects();
        let from = random_below(seed, objects.len());
        (0..objects.len().min(LOOK_MAX)).map(|n| &objects[(from + n) % objects.len()]).find(
            |object| (!volatile || object.expire().is_some()) && !is_coordinators(object.key()),
        )
    }
}
