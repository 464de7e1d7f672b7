//! What waits while an operation is run beside the turns: the rest of the entry or of the reads that it is one of, and
//! the entries that were committed since.

use crate::pending::{Origin, Proposal};
use crate::reads::ReadBatch;
use std::collections::VecDeque;
use synod_types::{Entry, Millis};

/// An entry of commands that is applied up to some operation.
#[derive(Debug)]
pub(crate) struct EntryUnderWay {
    pub entry: Entry,
    pub waiting: Proposal,
    pub now: Millis,
    pub seed: u64,
    /// Where the next operation begins in the payload.
    pub at: usize,
    /// How many operations were executed, or begun.
    pub ordinal: usize,
    /// How many of its riders were executed, or begun.
    pub ridden: usize,
}

impl EntryUnderWay {
    /// Those who wait for operations of it that are not begun.
    pub fn unanswered(&self) -> &[Origin] {
        self.waiting.origins.get(self.ordinal..).unwrap_or_default()
    }

    /// Those whose reads stand in it and are not begun.
    pub fn unread(&self) -> impl Iterator<Item = Origin> {
        self.waiting.riders.origins().skip(self.ridden)
    }
}

/// Reads that may be answered, and are answered up to some.
#[derive(Debug)]
pub(crate) struct ReadsUnderWay {
    pub batch: ReadBatch,
    /// How many were executed, or begun.
    pub next: usize,
    /// The time of those that stand before an entry that is about to be applied.
    pub due: Option<Millis>,
}

impl ReadsUnderWay {
    /// Those whose reads are not begun.
    pub fn unread(&self) -> impl Iterator<Item = Origin> {
        self.batch.origins().skip(self.next)
    }
}

/// What is to be gone on with, in this order: reads, the entry, the backlog.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub reads: Option<ReadsUnderWay>,
    pub entry: Option<EntryUnderWay>,
    pub backlog: VecDeque<Entry>,
}

impl Progress {
    /// Whether anything waits.
    pub fn is_under_way(&self) -> bool {
        self.reads.is_some() || self.entry.is_some() || !self.backlog.is_empty()
    }

    /// Forgets everything; what was under way.
    pub fn give_up(&mut self) -> (Option<EntryUnderWay>, Option<ReadsUnderWay>) {
        self.backlog.clear();
        (self.entry.take(), self.reads.take())
    }
}
