//! Walking all keys: SCAN, KEYS, RANDOMKEY.
//!
//! A cursor is `slot << 32 | remaining`: the places below `remaining` of the slot are still to come.
//! Each slot is walked from its high end down. A removal moves the slot's last key into the hole,
//! hence a key not yet seen only ever moves to a place that is still to come, and a new key is
//! appended above: every key that is there all the while is returned at least once.

use super::Keyspace;
use crate::context::random_below;
use crate::glob::Glob;
use crate::object::Object;
use crate::slot_table::SlotTable;
use crate::value::Kind;
use synod_types::{Millis, Slot};

/// `remaining` of a slot not begun yet.
const WHOLE: u64 = u32::MAX as u64;

/// How many slots one call of SCAN looks into, so that an empty keyspace costs little per call.
const SCAN_SLOTS_MAX: usize = 16_384;

/// Which keys SCAN returns.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScanFilter<'a> {
    /// MATCH.
    pub pattern: Option<&'a [u8]>,
    /// TYPE.
    pub kind: Option<Kind>,
}

impl Keyspace {
    /// The cursor with which a walk of this slot and those after it begins. [`Self::scan`] answers one
    /// of these, or one inside a slot, so a cursor tells which partition goes on with it:
    /// [`Self::cursor_slot`].
    #[must_use]
    pub const fn cursor_from(slot: Slot) -> u64 {
        (slot.0 as u64) << 32 | WHOLE
    }

    /// The slot at which a cursor goes on; `None` for a cursor that no scan ever answered.
    #[must_use]
    pub fn cursor_slot(cursor: u64) -> Option<Slot> {
        let slot = u16::try_from(cursor >> 32).ok()?;
        (slot < synod_types::SLOT_COUNT).then_some(Slot(slot))
    }

    /// Looks at about `count` keys from `cursor` on (0 begins), gives those that pass the filter to
    /// `found`, and answers the next cursor; 0 at the end of this keyspace.
    pub fn scan(
        &self,
        cursor: u64,
        count: usize,
        filter: ScanFilter<'_>,
        now: Millis,
        found: &mut dyn FnMut(&[u8]),
    ) -> u64 {
        let glob = filter.pattern.map(Glob::new);
        self.walk(cursor, count, &mut |object| {
            if !object.is_expired(now)
                && filter.kind.is_none_or(|kind| kind == object.kind())
                && glob.as_ref().is_none_or(|glob| glob.matches(object.key()))
            {
                found(object.key());
            }
        })
    }

    /// The same walk, telling of each key what it takes in memory with its value, in bytes.
    pub fn walk_sizes(
        &self,
        cursor: u64,
        count: usize,
        now: Millis,
        found: &mut dyn FnMut(&[u8], usize),
    ) -> u64 {
        self.walk(cursor, count, &mut |object| {
            if !object.is_expired(now) {
                found(object.key(), object.memory());
            }
        })
    }

    fn walk(&self, cursor: u64, count: usize, meet: &mut dyn FnMut(&Object)) -> u64 {
        let (mut slot, mut remaining) = match cursor {
            0 => (0, WHOLE),
            _ => ((cursor >> 32).saturating_sub(u64::from(self.first)) as usize, cursor & WHOLE),
        };
        let mut looked = 0;
        for _ in 0..SCAN_SLOTS_MAX {
            let Some(table) = self.slots.get(slot) else { return 0 };
            while remaining > 0 && looked < count.max(1) {
                let at = (remaining as usize).min(table.len());
                let Some(below) = at.checked_sub(1) else {
                    remaining = 0;
                    break;
                };
                remaining = below as u64;
                looked += 1;
                meet(table.object(below));
            }
            if remaining > 0 {
                break;
            }
            slot += 1;
            remaining = WHOLE;
        }
        if slot >= self.slots.len() {
            return 0;
        }
        (u64::from(self.first) + slot as u64) << 32 | remaining
    }

    /// Gives every key that matches the pattern to `found` (KEYS).
    pub fn keys(&self, pattern: &[u8], now: Millis, found: &mut dyn FnMut(&[u8])) {
        let glob = Glob::new(pattern);
        self.slots
            .iter()
            .flat_map(SlotTable::objects)
            .filter(|object| !object.is_expired(now) && glob.matches(object.key()))
            .for_each(|object| found(object.key()));
    }

    /// A key drawn with `seed` (RANDOMKEY); `None` when every key's time has passed.
    #[must_use]
    pub fn random_key(&self, mut seed: u64, now: Millis) -> Option<&[u8]> {
        let mut nth = random_below(&mut seed, self.len);
        let slot = self.slots.iter().position(|table| {
            let here = nth < table.len();
            nth -= if here { 0 } else { table.len() };
            here
        })?;
        // Should the key drawn have expired, the next one that has not is as good.
        let at_or_after = self.slots[slot..].iter().flat_map(SlotTable::objects).skip(nth);
        let wrapped = self.slots[..=slot].iter().flat_map(SlotTable::objects);
        at_or_after.chain(wrapped).find(|object| !object.is_expired(now)).map(Object::key)
    }
}
