//! Reads that wait for the engine's word that they would not be stale.
//!
//! Reads of one turn are confirmed together. Those behind writes of their own connection that are proposed and not
//! applied wait for these as well, so they make a batch of their own.
//!
//! The first entry that this member proposes after a read has come bounds the read: it is executed before that entry
//! is applied, so that it does not see what its connection writes behind it. The entry's commit is as good as the
//! engine's word (docs/decisions/0008), so the read need not wait any longer either.

use crate::pending::{Access, Bounced, Origin};
use std::collections::VecDeque;
use synod_consensus::Position;
use synod_types::Index;

/// Reads that are confirmed together.
#[derive(Debug, Default)]
pub(crate) struct ReadBatch {
    id: u64,
    /// Whether the engine was asked.
    asked: bool,
    /// Set when the engine has confirmed the batch.
    barrier: Option<Index>,
    /// The entry that must be applied first, if any.
    floor: Index,
    /// The first entry proposed here since they came, which must not be applied first.
    before: Option<Position>,
    ops: Vec<u8>,
    reads: Vec<(Origin, usize)>,
    access: Option<Access>,
    /// Whether the barrier is not the engine's, but an entry that decides what time it is.
    deferred: bool,
}

impl ReadBatch {
    pub fn len(&self) -> usize {
        self.reads.len()
    }

    pub fn is_empty(&self) -> bool {
        self.reads.is_empty()
    }

    /// The entry before which they must be executed.
    pub fn before(&self) -> Option<Position> {
        self.before
    }

    /// All operations, one after another.
    pub fn ops(&self) -> &[u8] {
        &self.ops
    }

    /// Each read and the bytes of its operation, in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = (Origin, &[u8])> {
        let starts = std::iter::once(0).chain(self.reads.iter().map(|(_, end)| *end));
        self.reads
            .iter()
            .zip(starts)
            .map(|((origin, end), start)| (*origin, &self.ops[start..*end]))
    }

    /// One of them, as [`Self::iter`] gives it.
    pub fn get(&self, nth: usize) -> Option<(Origin, &[u8])> {
        let (origin, end) = *self.reads.get(nth)?;
        let start = nth.checked_sub(1).map_or(0, |before| self.reads[before].1);
        Some((origin, &self.ops[start..end]))
    }

    /// Those who wait for them.
    pub fn origins(&self) -> impl Iterator<Item = Origin> {
        self.reads.iter().map(|(origin, _)| *origin)
    }

    /// The reads, for another place.
    pub fn bounced(&self) -> impl Iterator<Item = Bounced> {
        let access = self.access.unwrap_or(Access::Read);
        self.iter().map(move |(origin, op)| Bounced { origin, op: op.to_vec(), access })
    }

    /// Its number, if it is a read that was deferred.
    pub fn deferred(&self) -> Option<u64> {
        self.deferred.then_some(self.id)
    }

    fn add(&mut self, origin: Origin, encode: impl FnOnce(&mut Vec<u8>)) {
        encode(&mut self.ops);
        self.reads.push((origin, self.ops.len()));
    }
}

/// Reads being gathered, and batches of them on their way. Ids grow; what the engine was asked is confirmed in order or
/// not at all.
#[derive(Debug, Default)]
pub(crate) struct ReadQueue {
    gathering: ReadBatch,
    /// Of these, each is behind a write of its connection.
    gathering_behind: ReadBatch,
    waiting: VecDeque<ReadBatch>,
    next_id: u64,
}

impl ReadQueue {
    /// Takes a read in; `encode` appends its operation.
    pub fn add(&mut self, origin: Origin, encode: impl FnOnce(&mut Vec<u8>)) {
        self.gathering.add(origin, encode);
    }

    /// Takes in a read that is executed after the entry at `floor`.
    pub fn add_behind(&mut self, origin: Origin, floor: Index, encode: impl FnOnce(&mut Vec<u8>)) {
        self.gathering_behind.floor = floor;
        self.gathering_behind.access = Some(Access::ReadBehind);
        self.gathering_behind.add(origin, encode);
    }

    /// Reads that are not answered.
    pub fn len(&self) -> usize {
        let gathered = self.gathering.len() + self.gathering_behind.len();
        gathered + self.waiting.iter().map(ReadBatch::len).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.gathering.is_empty() && self.gathering_behind.is_empty()
    }

    /// Closes what was gathered.
    pub fn close(&mut self) {
        for gathering in [&mut self.gathering, &mut self.gathering_behind] {
            if !gathering.is_empty() {
                self.next_id += 1;
                let batch = std::mem::take(gathering);
                self.waiting.push_back(ReadBatch { id: self.next_id, ..batch });
            }
        }
    }

    /// An entry is proposed here: all reads that are there now come before it.
    pub fn bound(&mut self, position: Position) {
        self.close();
        for batch in self.waiting.iter_mut().filter(|batch| batch.before.is_none()) {
            batch.before = Some(position);
        }
    }

    /// The next batch that the engine has to be asked about; it counts as asked from now on.
    pub fn next_to_ask(&mut self) -> Option<u64> {
        let batch = self.waiting.iter_mut().find(|batch| !batch.asked)?;
        batch.asked = true;
        Some(batch.id)
    }

    /// Gives back everything that the engine was not asked about, because nobody here can confirm it.
    pub fn take_unasked(&mut self) -> Vec<ReadBatch> {
        self.take(|batch| !batch.asked)
    }

    /// Gives back what is confirmed and waits for an entry that was proposed here and is not applied.
    pub fn take_behind(&mut self, applied: Index) -> Vec<ReadBatch> {
        self.take(|batch| batch.barrier.is_some() && batch.floor > applied)
    }

    pub fn confirm(&mut self, id: u64, index: Index) {
        if let Some(batch) = self.waiting.iter_mut().find(|batch| batch.id == id) {
            batch.barrier = Some(index.max(batch.floor));
        }
    }

    /// Takes in a read that is confirmed, but cannot be answered before `barrier` is applied. One that was deferred
    /// already, as batch `again`, keeps its place: a connection's deferred reads stand in the order in which they came.
    pub fn defer(
        &mut self,
        again: Option<u64>,
        origin: Origin,
        op: &[u8],
        barrier: Index,
        before: Option<Position>,
    ) {
        let id = again.unwrap_or(self.next_id + 1);
        self.next_id = self.next_id.max(id);
        let place = self.waiting.partition_point(|batch| batch.id < id);
        let deferred = ReadBatch {
            id,
            asked: true,
            barrier: Some(barrier),
            before,
            ops: op.to_vec(),
            reads: vec![(origin, op.len())],
            deferred: true,
            ..ReadBatch::default()
        };
        self.waiting.insert(place, deferred);
    }

    /// The entry that an earlier deferred read waits for which may be of the same connection. What was deferred itself, as
    /// batch `again`, waits for those in front of it alone, or two of them would wait for each other for ever.
    pub fn deferred_before(&self, origin: Origin, again: Option<u64>) -> Option<Index> {
        let in_front = |batch: &&ReadBatch| again.is_none_or(|own| batch.id < own);
        let deferred = self.waiting.iter().filter(|batch| batch.deferred).filter(in_front);
        let same = deferred
            .filter(|batch| batch.reads.iter().any(|(o, _)| o.may_share_connection(origin)));
        same.filter_map(|batch| batch.barrier).max()
    }

    /// Gives back all of them.
    pub fn take_all(&mut self) -> Vec<ReadBatch> {
        self.take(|_| true)
    }

    /// Gives back what was deferred.
    pub fn take_deferred(&mut self) -> Vec<ReadBatch> {
        self.take(|batch| batch.deferred)
    }

    fn take(&mut self, which: impl Fn(&ReadBatch) -> bool) -> Vec<ReadBatch> {
        self.close();
        let (taken, rest) = self.waiting.drain(..).partition(which);
        self.waiting = rest;
        Vec::from(taken)
    }

    /// Takes an aborted batch out.
    pub fn abort(&mut self, id: u64) -> Option<ReadBatch> {
        let at = self.waiting.iter().position(|batch| batch.id == id)?;
        self.waiting.remove(at)
    }

    /// The next batch that may be answered now that everything up to `applied` is.
    pub fn ready(&mut self, applied: Index) -> Option<ReadBatch> {
        let at = self.waiting.iter().position(|b| b.barrier.is_some_and(|i| i <= applied))?;
        self.waiting.remove(at)
    }

    /// The next batch that must be answered now, because the entry at this position is about to be applied.
    pub fn due(&mut self, position: Position) -> Option<ReadBatch> {
        let at = self.waiting.iter().position(|batch| batch.before == Some(position))?;
        self.waiting.remove(at)
    }

    /// Gives back those that were bounded by an entry which was replaced by the one at this position or before it: what
    /// came behind them may be in one that follows, having gone elsewhere.
    pub fn take_overtaken(&mut self, position: Position) -> Vec<ReadBatch> {
        let replaced = |before: Position| before.index <= position.index && before != position;
        if !self.waiting.iter().any(|batch| batch.before.is_some_and(replaced)) {
            return Vec::new();
        }
        self.take(|batch| batch.before.is_some_and(replaced))
    }

    /// Gives back those that are bounded by an entry.
    pub fn take_bounded(&mut self) -> Vec<ReadBatch> {
        self.take(|batch| batch.before.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_types::ClientId;

    /// Two reads of one connection that were deferred for the same entry waited for each other: the member's turn never
    /// ended. (Simulator, seed 18)
    #[test]
    fn deferred_reads_of_a_connection_are_answered_in_their_order() {
        let of = |seq| Origin::Client { client: ClientId(7), seq };
        let mut reads = ReadQueue::default();
        reads.defer(None, of(1), b"first", Index(5), None);
        reads.defer(None, of(2), b"second", Index(5), None);
        let mut answered = Vec::new();
        let mut put_off = false;
        while let Some(batch) = reads.ready(Index(6)) {
            let again = batch.deferred();
            for (origin, op) in batch.iter() {
                // The first is in doubt once more, until entry 6, and keeps its place in front of the second.
                let doubt = (!std::mem::replace(&mut put_off, true)).then_some(Index(6));
                match doubt.max(reads.deferred_before(origin, again)) {
                    Some(barrier) => reads.defer(again, origin, op, barrier, None),
                    None => answered.push(op.to_vec()),
                }
            }
        }
        assert_eq!(answered, [b"first".to_vec(), b"second".to_vec()]);
        assert!(reads.is_empty());
    }
}
