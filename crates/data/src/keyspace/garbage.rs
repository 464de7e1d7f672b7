//! What was deleted and takes long to free.
//!
//! A collection of a million members is a million allocations, and giving them back takes as long as it took to make
//! them. Deleting only sets it aside, which changes nothing that anyone can observe; the world drops it where
//! nobody waits.

use super::Keyspace;
use crate::object::Object;
use crate::slot_table::SlotTable;

/// A value of fewer bytes on the heap is freed at once.
const VALUE_BYTES_MIN: usize = 64 * 1024;
/// A keyspace of fewer keys is freed at once.
const KEYS_MIN: usize = 256;

/// Memory that nobody uses any more. Dropping it frees it, wherever that is done.
#[derive(Debug, Default)]
pub struct Garbage {
    objects: Vec<Object>,
    tables: Vec<Vec<SlotTable>>,
}

impl Garbage {
    /// Whether there is nothing to free.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.tables.is_empty()
    }

    /// How many values and keys there are to free.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len() + self.tables.iter().flatten().map(SlotTable::len).sum::<usize>()
    }
}

impl Keyspace {
    /// What was set aside since this was asked last; to be dropped where nobody waits.
    pub fn take_garbage(&mut self) -> Option<Garbage> {
        (!self.garbage.is_empty()).then(|| std::mem::take(&mut self.garbage))
    }

    /// The whole keyspace, with what it has set aside.
    #[must_use]
    pub fn into_garbage(mut self) -> Garbage {
        self.snapshot_cancel();
        self.garbage.tables.push(self.slots);
        self.garbage
    }

    /// Frees a value, or sets it aside.
    pub(crate) fn discard(&mut self, object: Object) {
        if let Object::Full(full) = &object
            && full.value.as_stored().heap_bytes() >= VALUE_BYTES_MIN
        {
            self.garbage.objects.push(object);
        }
    }

    /// Frees tables, or sets them aside.
    pub(crate) fn discard_tables(&mut self, tables: Vec<SlotTable>) {
        if tables.iter().map(SlotTable::len).sum::<usize>() >= KEYS_MIN {
            self.garbage.tables.push(tables);
        }
    }
}
