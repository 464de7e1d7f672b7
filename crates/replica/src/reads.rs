//! Reads that wait for the engine's word that they would not be stale.

use crate::pending::Origin;
use std::collections::VecDeque;
use synod_types::Index;

/// The reads of one turn, confirmed together.
#[derive(Debug, Default)]
pub(crate) struct ReadBatch {
    id: u64,
    /// Set when the engine has confirmed the batch.
    barrier: Option<Index>,
    ops: Vec<u8>,
    reads: Vec<(Origin, usize)>,
    /// Whether the barrier is not the engine's, but an entry that decides what time it is.
    deferred: bool,
}

impl ReadBatch {
    pub fn len(&self) -> usize {
        self.reads.len()
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
}

/// Reads being gathered, and batches of them on their way. Ids grow, batches are confirmed in order or not at all.
#[derive(Debug, Default)]
pub(crate) struct ReadQueue {
    gathering: ReadBatch,
    waiting: VecDeque<ReadBatch>,
    next_id: u64,
}

impl ReadQueue {
    /// Takes a read in; `encode` appends its operation.
    pub fn add(&mut self, origin: Origin, encode: impl FnOnce(&mut Vec<u8>)) {
        encode(&mut self.gathering.ops);
        self.gathering.reads.push((origin, self.gathering.ops.len()));
    }

    /// Reads that are not answered.
    pub fn len(&self) -> usize {
        self.gathering.len() + self.waiting.iter().map(ReadBatch::len).sum::<usize>()
    }

    pub fn has_gathered(&self) -> bool {
        !self.gathering.reads.is_empty()
    }

    /// Closes what was gathered and names it for the engine.
    pub fn close(&mut self) -> u64 {
        self.next_id += 1;
        let mut batch = std::mem::take(&mut self.gathering);
        batch.id = self.next_id;
        self.waiting.push_back(batch);
        self.next_id
    }

    /// Gives back what was gathered, because nobody here can confirm it.
    pub fn take_gathered(&mut self) -> ReadBatch {
        std::mem::take(&mut self.gathering)
    }

    pub fn confirm(&mut self, id: u64, index: Index) {
        if let Ok(at) = self.waiting.binary_search_by_key(&id, |b| b.id) {
            self.waiting[at].barrier = Some(index);
        }
    }

    /// Takes a read in that is confirmed, but cannot be answered before `barrier` is applied.
    pub fn defer(&mut self, origin: Origin, op: &[u8], barrier: Index) {
        self.next_id += 1;
        self.waiting.push_back(ReadBatch {
            id: self.next_id,
            barrier: Some(barrier),
            ops: op.to_vec(),
            reads: vec![(origin, op.len())],
            deferred: true,
        });
    }

    /// Gives back what was deferred.
    pub fn take_deferred(&mut self) -> Vec<ReadBatch> {
        let (deferred, rest) = self.waiting.drain(..).partition(|batch| batch.deferred);
        self.waiting = rest;
        Vec::from(deferred)
    }

    /// Takes an aborted batch out.
    pub fn abort(&mut self, id: u64) -> Option<ReadBatch> {
        let at = self.waiting.binary_search_by_key(&id, |b| b.id).ok()?;
        self.waiting.remove(at)
    }

    /// The next batch that may be answered now that everything up to `applied` is.
    pub fn ready(&mut self, applied: Index) -> Option<ReadBatch> {
        let at = self.waiting.iter().position(|b| b.barrier.is_some_and(|i| i <= applied))?;
        self.waiting.remove(at)
    }
}
