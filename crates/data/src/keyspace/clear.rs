//! All keys at once: removed, or replaced by those of another keyspace.

use super::Keyspace;
use crate::object::Object;
use crate::slot_table::SlotTable;
use synod_types::{Millis, coordinators_slot, is_coordinators};

impl Keyspace {
    /// Removes every key (FLUSHALL, FLUSHDB) but the coordinator's. A snapshot under way goes on with what was there.
    /// Keys whose time has passed at `now` count as gone already.
    pub fn clear(&mut self, now: Millis) {
        let coordinators =
            self.table(coordinators_slot()).map(SlotTable::objects).unwrap_or_default();
        let kept: Vec<Object> =
            coordinators.iter().filter(|object| is_coordinators(object.key())).cloned().collect();
        self.changes += 1;
        self.changed.note_all();
        // A slot without keys has lost none: who watches an absent key there saw nothing happen.
        let fresh = self.slots.iter().map(|old| {
            let mut table = SlotTable::new();
            let version = version_when_cleared(old, now, self.changes);
            table.raise_absent_version(version);
            table
        });
        let fresh: Vec<SlotTable> = fresh.collect();
        let old = std::mem::replace(&mut self.slots, fresh);
        let unused = match &mut self.snapshot {
            Some(run) => run.keep(old),
            None => Some(old),
        };
        if let Some(unused) = unused {
            self.discard_tables(unused);
        }
        (self.len, self.expires, self.expiring_hashes) = (0, 0, 0);
        (self.bytes, self.table_bytes) = (0, 0);
        for object in kept {
            // The slot is ours and was just emptied.
            let _appended = self.append(coordinators_slot(), object);
        }
    }

    /// Takes over the keys and scripts of a keyspace of the same slots. A snapshot under way goes on with what was there.
    pub(crate) fn take_content(&mut self, other: Self) {
        self.changed.note_all();
        let old = std::mem::replace(&mut self.slots, other.slots);
        self.used = other.used;
        self.len = other.len;
        (self.bytes, self.table_bytes) = (other.bytes, other.table_bytes);
        (self.expires, self.expiring_hashes) = (other.expires, other.expiring_hashes);
        (self.scripts, self.libraries) = (other.scripts, other.libraries);
        let unused = match &mut self.snapshot {
            Some(run) => run.keep(old),
            None => Some(old),
        };
        if let Some(unused) = unused {
            self.discard_tables(unused);
        }
    }
}

/// The version of a slot's absent keys after all of its keys went with change number `change`.
fn version_when_cleared(table: &SlotTable, now: Millis, change: u64) -> u64 {
    if table.len() > 0 && table.expires() + table.expiring_hashes() == 0 {
        return change;
    }
    table.objects().iter().fold(table.absent_version(), |version, object| {
        version.max(if object.is_expired(now) { object.version() } else { change })
    })
}
