//! Splitting: the upper slots of a keyspace become a keyspace of their own.

use super::{Keyspace, SlotTable, Used};
use crate::object::Object;
use synod_types::plant::planted;
use synod_types::{Slot, key_slot};

impl Keyspace {
    /// Takes the slots from `at` on out, with everything that lies in them, as a keyspace of its own. Versions go on in both,
    /// and both have all scripts and libraries. `None`, and nothing is changed, unless `at` is one of the slots other
    /// than the first and no undecided transaction holds a key of those that would go.
    ///
    /// A snapshot under way is given up. Tables change hands as they are; what takes time is the sum of the sizes of the
    /// objects that go.
    pub fn split_off(&mut self, at: Slot) -> Option<Self> {
        let place = usize::from(at.0.checked_sub(self.first)?);
        if place == 0 || place >= self.slots.len() || self.is_held_from(at) {
            return None;
        }
        self.snapshot_cancel();
        let mut child = Self::new(at..=*self.slots().end());
        child.slots = self.slots.split_off(place);
        child.used = self.used.split_off(place, self.slots.len(), child.slots.len());
        child.count_content();
        self.len -= child.len;
        self.bytes -= child.bytes;
        self.table_bytes -= child.table_bytes;
        self.expires -= child.expires;
        self.expiring_hashes -= child.expiring_hashes;
        if !planted("split-begins-versions-anew") {
            child.changes = self.changes;
        }
        child.scripts = self.scripts.clone();
        child.libraries = self.libraries.clone();
        child.locks = self.locks.split_off(|name| key_slot(name) >= at);
        child.engine = self.engine;
        child.expires_actively = self.expires_actively;
        Some(child)
    }

    /// Whether an undecided transaction holds a key of this slot or of one behind it.
    #[must_use]
    pub fn is_held_from(&self, at: Slot) -> bool {
        let mut intents = self.transactions.intents();
        !planted("split-under-an-intent")
            && intents.any(|(_, intent)| intent.keys().any(|key| key_slot(key) >= at))
    }

    /// Counts anew what its tables hold.
    pub(super) fn count_content(&mut self) {
        let tables = || self.used_tables().map(|(_, table)| table);
        let len = tables().map(SlotTable::len).sum();
        let expires = tables().map(SlotTable::expires).sum();
        let expiring_hashes = tables().map(SlotTable::expiring_hashes).sum();
        let bytes = tables().flat_map(SlotTable::objects).map(Object::heap_bytes).sum();
        let table_bytes = tables().map(SlotTable::heap_bytes).sum();
        (self.len, self.bytes, self.table_bytes) = (len, bytes, table_bytes);
        (self.expires, self.expiring_hashes) = (expires, expiring_hashes);
    }
}

impl Used {
    /// What was used from place `at` on, which is place 0 of `above`; what is left is of `below` places.
    fn split_off(&mut self, at: usize, below: usize, above: usize) -> Self {
        let (mut lower, mut upper) = (Self::of(below), Self::of(above));
        for slot in self.slots() {
            match slot.checked_sub(at) {
                Some(slot) => upper.mark(slot),
                None => lower.mark(slot),
            }
        }
        *self = lower;
        upper
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::tests::check;
    use crate::{Context, lookup};
    use std::collections::BTreeMap;
    use synod_txn::{Intent, TxnId};
    use synod_types::{Millis, PartitionId, SLOT_COUNT};

    fn run(keyspace: &mut Keyspace, text: &str) {
        let args: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        let command = lookup(args[0]).expect("a command");
        keyspace.execute_write(command, &args, &Context { now: Millis(1_000), seed: 7 }, &mut ());
    }

    fn filled() -> Keyspace {
        let mut keyspace = Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1));
        for n in 0..400 {
            run(&mut keyspace, &format!("SET k{n} {n} PX {}", 1_000 + n));
            run(&mut keyspace, &format!("RPUSH l{n} a b c"));
            run(&mut keyspace, &format!("HSET h{n} f v g w"));
            run(&mut keyspace, &format!("HPEXPIRE h{n} {} FIELDS 1 f", 1_000 + n));
            run(&mut keyspace, &format!("LOCK ACQUIRE n{n} 5000"));
        }
        for n in 0..100 {
            run(&mut keyspace, &format!("DEL k{n} l{n}"));
        }
        keyspace
    }

    /// Every key with its version, whether it is there or not, and the tokens of every lock.
    fn told(keyspace: &Keyspace) -> BTreeMap<String, (u64, u64)> {
        let names = (0..400).flat_map(|n| ["k", "l", "h", "n"].map(|kind| format!("{kind}{n}")));
        let here = names.filter(|name| keyspace.owns(name.as_bytes()));
        here.map(|name| {
            let key = name.as_bytes();
            let told = (keyspace.version(key, Millis(1_001)), keyspace.locks().tokens(key).0);
            (name, told)
        })
        .collect()
    }

    #[test]
    fn what_was_one_keyspace_is_in_one_half_or_the_other() {
        for at in [1, 700, 8_192, SLOT_COUNT - 1] {
            let mut lower = filled();
            let (whole, changes, len) = (told(&lower), lower.changes(), lower.len());
            let (locks, bytes) = (lower.locks().leases().count(), lower.object_bytes());
            let mut upper = lower.split_off(Slot(at)).expect("a slot inside");
            assert_eq!(
                (lower.slots(), upper.slots()),
                (Slot(0)..=Slot(at - 1), Slot(at)..=Slot(SLOT_COUNT - 1))
            );
            [&lower, &upper].into_iter().for_each(check);
            assert_eq!(lower.len() + upper.len(), len);
            assert_eq!(lower.object_bytes() + upper.object_bytes(), bytes);
            assert_eq!(lower.locks().leases().count() + upper.locks().leases().count(), locks);
            assert_eq!((lower.changes(), upper.changes()), (changes, changes));
            let mut both = told(&lower);
            both.append(&mut told(&upper));
            assert_eq!(both, whole);
            for half in [&mut lower, &mut upper] {
                run(half, "SET new 1");
                check(half);
                let due =
                    half.expired(&mut Default::default(), Millis(9_000), usize::MAX, usize::MAX).0;
                half.expire_now(due.iter().map(Vec::as_slice), Millis(9_000));
                check(half);
                assert_eq!(half.expires_len(), 0);
            }
        }
    }

    #[test]
    fn nothing_is_split_at_an_end_or_under_an_undecided_transaction() {
        let mut keyspace = filled();
        let before = keyspace.digest();
        assert!(keyspace.split_off(Slot(0)).is_none());
        let intent = Intent {
            home: PartitionId(1),
            deadline: Millis(9),
            reads: vec![b"k300".to_vec()],
            writes: Vec::new(),
        };
        assert!(keyspace.transactions.prepare(TxnId::default(), intent));
        let held = key_slot(b"k300");
        assert!(keyspace.split_off(held).is_none());
        keyspace.transactions.take(TxnId::default());
        assert_eq!(keyspace.digest(), before);
        let mut upper = keyspace.split_off(held).expect("nothing is held");
        assert!(upper.split_off(held).is_none(), "its first slot");
        assert!(keyspace.split_off(held).is_none(), "not one of its slots any more");
    }

    #[test]
    fn a_half_is_read_back_from_its_snapshot_as_it_was() {
        let mut lower = filled();
        lower.snapshot_begin();
        assert!(lower.snapshot_next(100).is_some());
        let mut upper = lower.split_off(Slot(5_000)).expect("a slot inside");
        for half in [&mut lower, &mut upper] {
            assert!(!half.snapshot_active(), "it was of both halves");
            half.snapshot_begin();
            let mut restorer = Keyspace::restore(Slot(0)..=Slot(SLOT_COUNT - 1));
            while let Some(chunk) = half.snapshot_next(10_000) {
                restorer.chunk(&chunk).expect("own bytes");
            }
            let again = restorer.finish().expect("complete");
            assert_eq!((again.digest(), again.slots()), (half.digest(), half.slots()));
        }
    }
}
