//! What a partition remembers of transactions, as deterministic state: intents where they are prepared, decisions where they
//! are taken.
//!
//! ```text
//!   at a participant:   nothing --Prepare--> intent --Finish--> nothing
//!   at home:            nothing --Decide---> committed --Forget--> nothing
//!                       nothing --Resolve--> aborted, until no Decide can come any more --> nothing
//! ```
//!
//! Who is committed stays so until every participant has ended it; so "nothing" at home means aborted, to whoever asks.

use crate::id::TxnId;
use crate::step::{
    Writes, put_partitions, put_writes, take_count, take_partition, take_partitions, take_writes,
};
use std::collections::BTreeMap;
use synod_machine::digest::{self, mix};
use synod_types::plant::planted;
use synod_types::{Millis, PartitionId, limits, varint};

const INTENT: u8 = 0;
const COMMITTED: u8 = 1;
const ABORTED: u8 = 2;
const FLOOR: u8 = 3;

/// What is to be written once home has decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Where it is decided.
    pub home: PartitionId,
    /// No decision for it is taken later.
    pub deadline: Millis,
    /// Keys that were read and stay as they are.
    pub reads: Vec<Vec<u8>>,
    /// Keys and what they are to hold.
    pub writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Intent {
    /// All its keys; one may come twice.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let reads = self.reads.iter().map(Vec::as_slice);
        reads.chain(self.writes.iter().map(|(key, _)| key.as_slice()))
    }
}

/// All of it.
#[derive(Debug, Default)]
pub struct Records {
    intents: BTreeMap<TxnId, Intent>,
    /// The keys of the intents. No key is of two.
    held: BTreeMap<Vec<u8>, TxnId>,
    /// Decided for here, and not ended yet in these partitions, as far as is known.
    committed: BTreeMap<TxnId, Vec<PartitionId>>,
    /// Decided against here; a Decide of that time or earlier may still come.
    aborted: BTreeMap<TxnId, Millis>,
    /// The latest time of a decision here. The stamps of a log may go back when its leader changes, this does not.
    floor: Millis,
}

impl Records {
    /// Whether some key is held by an intent.
    #[must_use]
    #[inline]
    pub fn holds_some(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whose intent holds the key.
    #[must_use]
    pub fn holder(&self, key: &[u8]) -> Option<TxnId> {
        self.held.get(key).copied()
    }

    /// Whether there is nothing to be seen to: no intent and no decision that others have to hear of.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.intents.is_empty() && self.committed.is_empty()
    }

    /// The intents.
    pub fn intents(&self) -> impl Iterator<Item = (TxnId, &Intent)> {
        self.intents.iter().map(|(txn, intent)| (*txn, intent))
    }

    /// What is committed and not forgotten, with the partitions that have to end it.
    pub fn committed(&self) -> impl Iterator<Item = (TxnId, &[PartitionId])> {
        self.committed.iter().map(|(txn, others)| (*txn, others.as_slice()))
    }

    /// How many intents, decisions for and decisions against there are.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.intents.len(), self.committed.len(), self.aborted.len())
    }

    /// Keeps an intent. `false`, and nothing is kept: a key of it is held by another, or there are too many.
    pub fn prepare(&mut self, txn: TxnId, intent: Intent) -> bool {
        if self.intents.len() >= limits::TXN_UNDECIDED_MAX || self.intents.contains_key(&txn) {
            return false;
        }
        if intent.keys().any(|key| self.held.contains_key(key)) {
            return false;
        }
        for key in intent.keys() {
            self.held.insert(key.to_vec(), txn);
        }
        self.intents.insert(txn, intent);
        true
    }

    /// Takes an intent out, and lets go of its keys.
    pub fn take(&mut self, txn: TxnId) -> Option<Intent> {
        let intent = self.intents.remove(&txn)?;
        for key in intent.keys() {
            self.held.remove(key);
        }
        Some(intent)
    }

    /// Whether a Decide that comes at `now` may decide for it.
    pub fn may_commit(&mut self, txn: TxnId, deadline: Millis, now: Millis) -> bool {
        self.pass(now);
        self.floor <= deadline
            && !self.aborted.contains_key(&txn)
            && self.committed.len() < limits::TXN_UNDECIDED_MAX
    }

    /// Decides for it.
    pub fn commit(&mut self, txn: TxnId, others: Vec<PartitionId>) {
        self.committed.insert(txn, others);
    }

    /// Whether it is committed; it never will be if it is not. `None`: too many are remembered, so that nothing is decided now.
    pub fn resolve(&mut self, txn: TxnId, deadline: Millis, now: Millis) -> Option<bool> {
        self.pass(now);
        if self.committed.contains_key(&txn) {
            return Some(true);
        }
        if self.floor <= deadline && !planted("abort-not-remembered") {
            if self.aborted.len() >= limits::TXN_UNDECIDED_MAX && !self.aborted.contains_key(&txn) {
                return None;
            }
            self.aborted.insert(txn, deadline);
        }
        Some(false)
    }

    /// Every participant has ended it.
    pub fn forget(&mut self, txn: TxnId) {
        self.committed.remove(&txn);
    }

    fn pass(&mut self, now: Millis) {
        self.floor = self.floor.max(now);
        let floor = self.floor;
        self.aborted.retain(|_, deadline| *deadline >= floor);
    }

    /// Folds everything into a hash.
    #[must_use]
    pub fn digest(&self, seed: u64) -> u64 {
        if self.floor == Millis(0) && self.intents.is_empty() {
            return seed; // no transaction was ever here
        }
        self.records().iter().fold(seed, |hash, record| digest::bytes(mix(hash, 1), record))
    }

    /// All of it as records, for a snapshot.
    #[must_use]
    pub fn records(&self) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        for (txn, intent) in &self.intents {
            records.push(put_intent(*txn, intent));
        }
        for (txn, others) in &self.committed {
            let mut record = vec![COMMITTED];
            txn.put(&mut record);
            put_partitions(&mut record, others);
            records.push(record);
        }
        for (txn, deadline) in &self.aborted {
            let mut record = vec![ABORTED];
            txn.put(&mut record);
            varint::put(&mut record, deadline.0);
            records.push(record);
        }
        if self.floor > Millis(0) {
            let mut record = vec![FLOOR];
            varint::put(&mut record, self.floor.0);
            records.push(record);
        }
        records
    }

    /// Takes one record of a snapshot; `None` when it is not one, or comes twice.
    pub fn take_record(&mut self, record: &[u8]) -> Option<()> {
        let (tag, mut rest) = record.split_first()?;
        let rest = &mut rest;
        match *tag {
            INTENT => {
                let (txn, intent) = take_intent(rest)?;
                self.prepare(txn, intent).then_some(())?;
            }
            COMMITTED => {
                let txn = TxnId::take(rest)?;
                let others = take_partitions(rest)?;
                self.committed.insert(txn, others).is_none().then_some(())?;
            }
            ABORTED => {
                let txn = TxnId::take(rest)?;
                let deadline = Millis(varint::take(rest)?);
                self.aborted.insert(txn, deadline).is_none().then_some(())?;
            }
            FLOOR => self.floor = Millis(varint::take(rest)?),
            _ => return None,
        }
        rest.is_empty().then_some(())
    }
}

fn put_intent(txn: TxnId, intent: &Intent) -> Vec<u8> {
    let mut record = vec![INTENT];
    txn.put(&mut record);
    varint::put(&mut record, intent.home.0.into());
    varint::put(&mut record, intent.deadline.0);
    varint::put(&mut record, intent.reads.len() as u64);
    intent.reads.iter().for_each(|key| varint::put_bytes(&mut record, key));
    let writes: Writes<'_> =
        intent.writes.iter().map(|(key, image)| (key.as_slice(), image.as_deref())).collect();
    put_writes(&mut record, &writes);
    record
}

fn take_intent(bytes: &mut &[u8]) -> Option<(TxnId, Intent)> {
    let txn = TxnId::take(bytes)?;
    let home = take_partition(bytes)?;
    let deadline = Millis(varint::take(bytes)?);
    let count = take_count(bytes)?;
    let reads = (0..count)
        .map(|_| varint::take_bytes(bytes).map(<[u8]>::to_vec))
        .collect::<Option<Vec<_>>>()?;
    let owned = |(key, image): (&[u8], Option<&[u8]>)| (key.to_vec(), image.map(<[u8]>::to_vec));
    let writes = take_writes(bytes)?.into_iter().map(owned).collect();
    Some((txn, Intent { home, deadline, reads, writes }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_types::NodeId;

    fn txn(number: u64) -> TxnId {
        TxnId { node: NodeId(1), worker: 0, number }
    }

    fn intent(keys: &[&str]) -> Intent {
        let write = |key: &&str| (key.as_bytes().to_vec(), Some(b"image".to_vec()));
        Intent {
            home: PartitionId(1),
            deadline: Millis(50),
            reads: vec![b"read".to_vec()],
            writes: keys.iter().map(write).collect(),
        }
    }

    #[test]
    fn a_key_is_held_by_one_intent_until_that_is_ended() {
        let mut records = Records::default();
        assert!(records.prepare(txn(1), intent(&["a", "b"])));
        let others = Intent { reads: Vec::new(), ..intent(&["c", "b"]) };
        assert!(!records.prepare(txn(2), others.clone()));
        assert_eq!(records.holder(b"c"), None, "nothing of what was refused is held");
        assert_eq!(records.holder(b"read"), Some(txn(1)));
        assert_eq!(records.take(txn(2)), None);
        assert_eq!(records.take(txn(1)), Some(intent(&["a", "b"])));
        assert!(!records.holds_some());
        assert!(records.prepare(txn(2), others));
    }

    #[test]
    fn there_is_one_decision_in_whatever_order_it_is_asked_for() {
        let mut records = Records::default();
        assert!(records.may_commit(txn(1), Millis(50), Millis(10)));
        records.commit(txn(1), vec![PartitionId(2)]);
        assert_eq!(records.resolve(txn(1), Millis(50), Millis(99)), Some(true), "however late");
        assert_eq!(records.resolve(txn(2), Millis(200), Millis(100)), Some(false));
        assert!(!records.may_commit(txn(2), Millis(200), Millis(100)));
        // The stamps go back, as they may with another leader.
        assert!(!records.may_commit(txn(2), Millis(200), Millis(90)));
        assert_eq!(records.resolve(txn(3), Millis(400), Millis(300)), Some(false));
        assert_eq!(records.counts(), (0, 1, 1), "what no Decide can follow is not remembered");
        assert!(!records.may_commit(txn(2), Millis(200), Millis(100)), "it is too late for it");
        records.forget(txn(1));
        assert_eq!(records.counts(), (0, 0, 1));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut records = Records::default();
        for n in 0..limits::TXN_UNDECIDED_MAX as u64 {
            assert_eq!(records.resolve(txn(n), Millis(9), Millis(1)), Some(false));
            let own = Intent { reads: Vec::new(), ..intent(&[&n.to_string()]) };
            assert!(records.prepare(txn(n), own));
        }
        assert_eq!(records.resolve(txn(1 << 40), Millis(9), Millis(1)), None);
        assert_eq!(records.resolve(txn(1), Millis(9), Millis(1)), Some(false), "again");
        assert!(!records.prepare(txn(1 << 40), intent(&["more"])));
    }

    #[test]
    fn records_restore_to_the_same_and_garbage_is_refused() {
        let mut records = Records::default();
        assert_eq!(records.digest(7), 7);
        records.prepare(txn(1), intent(&["a", ""]));
        records.may_commit(txn(2), Millis(50), Millis(10));
        records.commit(txn(2), vec![PartitionId(2), PartitionId(300)]);
        records.resolve(txn(3), Millis(60), Millis(20));
        let mut restored = Records::default();
        for record in records.records() {
            for cut in 0..record.len() {
                let taken = Records::default().take_record(&record[..cut]);
                assert!(taken.is_none(), "{record:?} cut at {cut}");
            }
            assert_eq!(restored.take_record(&record), Some(()));
        }
        assert_eq!(restored.digest(7), records.digest(7));
        assert_eq!(restored.counts(), (1, 1, 1));
        assert_eq!(restored.holder(b"a"), Some(txn(1)));
        assert!(!restored.may_commit(txn(3), Millis(60), Millis(20)));
        assert_eq!(restored.take_record(&records.records()[0]), None, "twice");
    }
}
