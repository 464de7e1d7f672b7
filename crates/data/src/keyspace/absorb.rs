//! Merging: a keyspace takes in that of the slots right above its own.

use super::{Keyspace, Used};
use synod_types::plant::planted;

impl Keyspace {
    /// Takes the slots of another keyspace in, with everything that lies in them. They are right above its own; otherwise nothing is
    /// changed, and the other one is given back.
    ///
    /// Versions go on from the greater count of changes, so that no version of a key comes twice. A snapshot under way is given
    /// up. What was undecided in the other one is not taken over: it has no intent and no decision that others have to hear of.
    ///
    /// # Errors
    /// The other one, when its slots are others.
    pub fn absorb(&mut self, mut upper: Self) -> Result<(), Box<Self>> {
        if usize::from(upper.first) != usize::from(self.first) + self.slots.len() {
            return Err(Box::new(upper));
        }
        self.snapshot_cancel();
        upper.snapshot_cancel();
        if planted("merge-loses-expiry") {
            upper.forget_deadlines();
        }
        self.used = self.used.with_above(self.slots.len(), &upper.used, upper.slots.len());
        self.slots.append(&mut upper.slots);
        self.len += upper.len;
        self.bytes += upper.bytes;
        self.table_bytes += upper.table_bytes;
        self.expires += upper.expires;
        self.expiring_hashes += upper.expiring_hashes;
        if !planted("merge-keeps-lower-versions") {
            self.changes = self.changes.max(upper.changes);
        }
        self.scripts.absorb(&upper.scripts);
        self.libraries.absorb(std::mem::take(&mut upper.libraries));
        if !planted("merge-loses-locks") {
            self.locks.absorb(std::mem::take(&mut upper.locks));
        }
        self.transactions.absorb(std::mem::take(&mut upper.transactions));
        Ok(())
    }

    /// Whether it has neither an intent of a transaction nor a decision that others have to hear of.
    #[must_use]
    pub fn has_settled(&self) -> bool {
        self.transactions.is_idle() || planted("merge-under-an-intent")
    }

    fn forget_deadlines(&mut self) {
        for table in &mut self.slots {
            for at in 0..table.len() {
                let object = table.object_mut(at);
                let before = object.due();
                object.set_expire(None);
                let after = object.due();
                table.expiry_changed(before, after);
            }
        }
        self.count_content();
    }
}

impl Used {
    /// What was used of `below` places, and of `above` places behind them.
    fn with_above(&self, below: usize, upper: &Self, above: usize) -> Self {
        let mut both = Self::of(below + above);
        self.slots().for_each(|slot| both.mark(slot));
        upper.slots().for_each(|slot| both.mark(below + slot));
        both
    }
}

#[cfg(test)]
mod tests {
    use crate::keyspace::Keyspace;
    use crate::keyspace::tests::check;
    use crate::{Context, lookup};
    use std::collections::BTreeMap;
    use synod_txn::{Intent, Resolved, TxnId};
    use synod_types::{Millis, PartitionId, SLOT_COUNT, Slot};

    fn run(keyspace: &mut Keyspace, text: &str) {
        let args: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        let command = lookup(args[0]).expect("a command");
        keyspace.execute_write(command, &args, &Context { now: Millis(1_000), seed: 7 }, &mut ());
    }

    fn filled() -> Keyspace {
        let mut keyspace = Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1));
        for n in 0..400 {
            run(&mut keyspace, &format!("SET k{n} {n} PX {}", 1_000 + n));
            run(&mut keyspace, &format!("HSET h{n} f v g w"));
            run(&mut keyspace, &format!("HPEXPIRE h{n} {} FIELDS 1 f", 1_000 + n));
            run(&mut keyspace, &format!("LOCK ACQUIRE n{n} 5000"));
        }
        for n in 0..100 {
            run(&mut keyspace, &format!("DEL k{n}"));
            run(&mut keyspace, &format!("LOCK RELEASE n{n} {}", n + 1));
        }
        keyspace
    }

    fn told(keyspace: &Keyspace) -> BTreeMap<String, (u64, u64)> {
        let names = (0..400).flat_map(|n| ["k", "h", "n"].map(|kind| format!("{kind}{n}")));
        let told = names.map(|name| {
            let key = name.as_bytes();
            let told = (keyspace.version(key, Millis(1_001)), keyspace.locks().tokens(key).0);
            (name, told)
        });
        told.collect()
    }

    #[test]
    fn what_was_split_is_as_it_was_when_it_is_merged_again() {
        for at in [1, 700, 8_192, SLOT_COUNT - 1] {
            let mut lower = filled();
            let (digest, before) = (lower.digest(), told(&lower));
            let upper = lower.split_off(Slot(at)).expect("a slot inside");
            lower.snapshot_begin();
            lower.absorb(upper).expect("the slots above");
            assert!(!lower.snapshot_active(), "it was of a part");
            check(&lower);
            assert_eq!((lower.digest(), told(&lower)), (digest, before));
            lower.snapshot_begin();
            let mut restorer = Keyspace::restore(Slot(0)..=Slot(SLOT_COUNT - 1));
            while let Some(chunk) = lower.snapshot_next(10_000) {
                restorer.chunk(&chunk).expect("own bytes");
            }
            assert_eq!(restorer.finish().expect("complete").digest(), digest);
            let due =
                lower.expired(&mut Default::default(), Millis(9_000), usize::MAX, usize::MAX).0;
            lower.expire_now(due.iter().map(Vec::as_slice), Millis(9_000));
            check(&lower);
            assert_eq!(lower.expires_len(), 0);
        }
    }

    #[test]
    fn no_version_and_no_token_comes_twice_after_both_went_on() {
        let mut lower = filled();
        let mut upper = lower.split_off(Slot(8_192)).expect("a slot inside");
        let of = |keyspace: &Keyspace| {
            (0..400).map(|n| format!("n{n}")).find(|name| keyspace.owns(name.as_bytes()))
        };
        let (below, above) = (of(&lower).expect("one"), of(&upper).expect("one"));
        for (half, name, times) in [(&mut lower, &below, 1), (&mut upper, &above, 9)] {
            (0..times).for_each(|n| run(half, &format!("SET {name} {n}")));
        }
        let counts = (lower.changes(), upper.changes());
        let (granted, versions) = (lower.locks().granted(), [&lower, &upper].map(told));
        for half in [&mut lower, &mut upper] {
            let free = (0..100).map(|n| format!("n{n}")).find(|n| half.owns(n.as_bytes()));
            run(half, &format!("LOCK ACQUIRE {} 5000", free.expect("one")));
        }
        lower.absorb(upper).expect("the slots above");
        check(&lower);
        assert_eq!(lower.changes(), counts.0.max(counts.1));
        assert_eq!(lower.locks().granted(), granted + 1, "both halves granted the same token");
        run(&mut lower, &format!("SET {below} again"));
        let version = lower.version(below.as_bytes(), Millis(1_001));
        assert!(versions.iter().all(|of_half| of_half[&below].0 != version));
        run(&mut lower, "LOCK ACQUIRE another 5000");
        assert_eq!(lower.locks().tokens(b"another").0, granted + 2);
        lower.snapshot_begin();
        let mut restorer = Keyspace::restore(Slot(0)..=Slot(SLOT_COUNT - 1));
        while let Some(chunk) = lower.snapshot_next(10_000) {
            restorer.chunk(&chunk).expect("own bytes");
        }
        assert_eq!(restorer.finish().expect("complete").digest(), lower.digest());
    }

    #[test]
    fn a_decision_against_a_transaction_stands() {
        let mut lower = Keyspace::new(Slot(0)..=Slot(99));
        let mut upper = Keyspace::new(Slot(100)..=Slot(200));
        let (id, deadline) = (TxnId::default(), Millis(50));
        let resolved = upper.transactions.resolve(id, deadline, Millis(10));
        assert_eq!(resolved, Some(Resolved::Aborted));
        assert!(upper.has_settled());
        let intent = Intent {
            home: PartitionId(1),
            deadline,
            reads: vec![b"k".to_vec()],
            writes: Vec::new(),
        };
        assert!(lower.transactions.prepare(TxnId { number: 7, ..id }, intent));
        lower.absorb(upper).expect("the slots above");
        assert!(!lower.transactions.may_commit(id, deadline, Millis(10)));
        assert!(!lower.has_settled(), "its own are as they were");
    }

    #[test]
    fn other_slots_than_those_right_above_are_given_back() {
        let mut lower = Keyspace::new(Slot(10)..=Slot(20));
        for first in [0, 20, 22] {
            let other = Keyspace::new(Slot(first)..=Slot(30));
            assert_eq!(lower.absorb(other).expect_err("refused").slots(), Slot(first)..=Slot(30));
            assert_eq!(lower.slots(), Slot(10)..=Slot(20));
        }
    }
}
