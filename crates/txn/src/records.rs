//! What a partition remembers of transactions, as deterministic state: intents where they are prepared, decisions where they
//! are taken.
//!
//! ```text
//!   at a participant:   nothing --Prepare--> intent --Finish--> nothing
//!                       nothing --Inquire--> refused, until no Prepare can come any more --> nothing
//!   at home:            nothing --Decide---> committed --Forget--> nothing
//!                       nothing --Stage----> staged --Conclude--> committed, or nothing
//!                       nothing --Resolve--> refused, until neither Decide nor Stage can come any more --> nothing
//! ```
//!
//! What is staged is committed if the intents that it rests on are all there, whether or not anybody knows it yet. What is
//! committed stays so until every participant has ended it; so "nothing" at home means aborted, to whoever asks.

use crate::fields::{
    Rests, Writes, put_partitions, put_rests, put_writes, take_count, take_partition,
    take_partitions, take_rests, take_writes,
};
use crate::id::TxnId;
use std::collections::BTreeMap;
use synod_machine::digest::{self, mix};
use synod_types::plant::planted;
use synod_types::{Millis, PartitionId, limits, varint};

const INTENT: u8 = 0;
const COMMITTED: u8 = 1;
const REFUSED: u8 = 2;
const FLOOR: u8 = 3;
const STAGED: u8 = 4;

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

/// What home says of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// It is committed.
    Committed,
    /// It is not, and never will be.
    Aborted,
    /// That depends on what it rests on.
    Staged,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Records {
    intents: BTreeMap<TxnId, Intent>,
    /// The keys of the intents. No key is of two.
    held: BTreeMap<Vec<u8>, TxnId>,
    /// Decided for here, and not ended yet in these partitions, as far as is known.
    committed: BTreeMap<TxnId, Vec<PartitionId>>,
    /// Home's intents that are among the above, and what they rest on.
    staged: BTreeMap<TxnId, Rests>,
    /// Refused here; a Prepare, Stage or Decide of that time or earlier may still come.
    refused: BTreeMap<TxnId, Millis>,
    /// The latest time of a decision or a refusal here. The stamps of a log may go back when its leader changes, this does not.
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

    /// Whether home has staged it here.
    #[must_use]
    pub fn is_staged(&self, txn: TxnId) -> bool {
        self.staged.contains_key(&txn)
    }

    /// What is staged here, with what it rests on.
    pub fn staged(&self) -> impl Iterator<Item = (TxnId, &[(PartitionId, Millis)])> {
        self.staged.iter().map(|(txn, rests)| (*txn, rests.as_slice()))
    }

    /// The intents.
    pub fn intents(&self) -> impl Iterator<Item = (TxnId, &Intent)> {
        self.intents.iter().map(|(txn, intent)| (*txn, intent))
    }

    /// What is committed and not forgotten, with the partitions that have to end it.
    pub fn committed(&self) -> impl Iterator<Item = (TxnId, &[PartitionId])> {
        self.committed.iter().map(|(txn, others)| (*txn, others.as_slice()))
    }

    /// How many intents, decisions for and refusals there are.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.intents.len(), self.committed.len(), self.refused.len())
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

    /// Keeps an intent of a transaction that home stages. `false`, and nothing is kept: as [`Self::prepare`], or it comes too
    /// late.
    pub fn prepare_until(
        &mut self,
        txn: TxnId,
        intent: Intent,
        until: Millis,
        now: Millis,
    ) -> bool {
        self.may_come(txn, until, now) && self.prepare(txn, intent)
    }

    /// Whether its Prepare was kept; it never will be if it was not. `None`: too many are remembered, so nothing is said now.
    pub fn inquire(&mut self, txn: TxnId, until: Millis, now: Millis) -> Option<bool> {
        self.pass(now);
        if self.intents.contains_key(&txn) {
            return Some(true);
        }
        if planted("refusal-not-remembered") {
            return Some(false);
        }
        self.refuse(txn, until).then_some(false)
    }

    /// Takes an intent out, and lets go of its keys. What is staged is concluded instead.
    pub fn take(&mut self, txn: TxnId) -> Option<Intent> {
        if self.is_staged(txn) {
            return None;
        }
        let intent = self.intents.remove(&txn)?;
        for key in intent.keys() {
            self.held.remove(key);
        }
        Some(intent)
    }

    /// Whether a Decide that comes at `now` may decide for it.
    pub fn may_commit(&mut self, txn: TxnId, deadline: Millis, now: Millis) -> bool {
        self.may_come(txn, deadline, now) && self.has_room()
    }

    /// Keeps home's intent, and what it rests on. `false`, and nothing is kept: as [`Self::prepare`], or it comes too late.
    pub fn stage(&mut self, txn: TxnId, intent: Intent, rests: Rests, now: Millis) -> bool {
        // What rests on nothing is decided at once, with Decide.
        let staged = !rests.is_empty()
            && self.may_come(txn, intent.deadline, now)
            && self.has_room()
            && self.prepare(txn, intent);
        if staged {
            self.staged.insert(txn, rests);
        }
        staged
    }

    /// Records how a staged transaction ended. Whether it is committed, and the intent that was kept of it, if this decided it.
    /// What is neither staged nor committed was aborted, or committed and ended everywhere.
    pub fn conclude(&mut self, txn: TxnId, commit: bool) -> (bool, Option<Intent>) {
        let Some(rests) = self.staged.remove(&txn) else {
            return (self.committed.contains_key(&txn), None);
        };
        let intent = self.take(txn);
        if commit {
            self.committed.insert(txn, rests.into_iter().map(|(at, _)| at).collect());
        }
        (commit, intent)
    }

    /// Whether another decision can be remembered; each that is staged may become one.
    fn has_room(&self) -> bool {
        self.committed.len() + self.staged.len() < limits::TXN_UNDECIDED_MAX
    }

    /// Whether what may come until then may come now.
    fn may_come(&mut self, txn: TxnId, until: Millis, now: Millis) -> bool {
        self.pass(now);
        self.floor <= until && !self.refused.contains_key(&txn)
    }

    /// Has what may come until then refused. `false`: too many are remembered.
    fn refuse(&mut self, txn: TxnId, until: Millis) -> bool {
        if self.floor <= until {
            let is_full = self.refused.len() >= limits::TXN_UNDECIDED_MAX;
            if is_full && !self.refused.contains_key(&txn) {
                return false;
            }
            self.refused.insert(txn, until);
        }
        true
    }

    /// Decides for it.
    pub fn commit(&mut self, txn: TxnId, others: Vec<PartitionId>) {
        self.committed.insert(txn, others);
    }

    /// What became of it; it never will be committed if it is neither that nor staged. `None`: too many are remembered, so
    /// that nothing is decided now.
    pub fn resolve(&mut self, txn: TxnId, deadline: Millis, now: Millis) -> Option<Resolved> {
        self.pass(now);
        if self.committed.contains_key(&txn) {
            return Some(Resolved::Committed);
        }
        if self.is_staged(txn) {
            return Some(Resolved::Staged);
        }
        let told = planted("abort-not-remembered") || self.refuse(txn, deadline);
        told.then_some(Resolved::Aborted)
    }

    /// Every participant has ended it.
    pub fn forget(&mut self, txn: TxnId) {
        self.committed.remove(&txn);
    }

    /// Takes in what a partition remembers that becomes part of this one. It is idle: what it refused stays refused.
    pub fn absorb(&mut self, other: Self) {
        self.refused.extend(other.refused);
        self.pass(other.floor);
    }

    fn pass(&mut self, now: Millis) {
        self.floor = self.floor.max(now);
        let floor = self.floor;
        self.refused.retain(|_, deadline| *deadline >= floor);
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
        for (txn, rests) in &self.staged {
            let mut record = vec![STAGED];
            txn.put(&mut record);
            put_rests(&mut record, rests);
            records.push(record);
        }
        for (txn, deadline) in &self.refused {
            let mut record = vec![REFUSED];
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
            STAGED if planted("stages-lost-in-snapshot") => return Some(()),
            STAGED => {
                let txn = TxnId::take(rest)?;
                let rests = take_rests(rest)?;
                self.intents.contains_key(&txn).then_some(())?;
                self.staged.insert(txn, rests).is_none().then_some(())?;
            }
            REFUSED => {
                let txn = TxnId::take(rest)?;
                let deadline = Millis(varint::take(rest)?);
                self.refused.insert(txn, deadline).is_none().then_some(())?;
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
mod tests;
