//! What is on its way to the disk, and the messages that wait for it.
//!
//! An engine hands out one `Persist` effect per drain. A message that promises something (a vote, an
//! acknowledgement) is held back until the effect that covers its promise was reported persisted.

use crate::{Message, Token};
use std::collections::VecDeque;
use synod_types::{Index, NodeId};

/// A message that waits, and its addressee.
pub type Held = (NodeId, Message);

/// The state of persistence. `durable <= issued`.
#[derive(Clone, Debug, Default)]
pub struct Durability {
    /// The last token handed out.
    token: Token,
    /// Entries up to here were handed out to be written.
    issued: Index,
    /// Entries up to here are known to be durable.
    durable: Index,
    /// Effects that were not reported persisted, oldest first.
    writes: VecDeque<Write>,
    /// Messages whose promise is not part of any effect yet.
    held: Vec<Held>,
}

#[derive(Clone, Debug)]
struct Write {
    token: Token,
    /// The last entry that is durable with this write and still in the log: a later truncation lowers it.
    last: Index,
    held: Vec<Held>,
}

impl Durability {
    /// Everything up to `last` is durable.
    #[must_use]
    pub fn new(last: Index) -> Self {
        Self { issued: last, durable: last, ..Self::default() }
    }

    /// Entries up to here were handed out.
    #[must_use]
    pub fn issued(&self) -> Index {
        self.issued
    }

    /// Entries up to here are durable.
    #[must_use]
    pub fn durable(&self) -> Index {
        self.durable
    }

    /// Whether nothing is being written.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.writes.is_empty() && self.held.is_empty()
    }

    /// Holds a message back until everything that the engine knows at this moment is durable.
    pub fn hold(&mut self, to: NodeId, message: Message) {
        self.held.push((to, message));
    }

    /// The message held last that is not part of an effect yet, to be merged with a newer one.
    pub fn last_held(&mut self) -> Option<&mut Held> {
        self.held.last_mut()
    }

    /// Forgets all messages held: their term is over.
    pub fn forget_held(&mut self) {
        self.held.clear();
        self.writes.iter_mut().for_each(|write| write.held.clear());
    }

    /// The log was cut off at `index`: what was written from there on counts no more.
    pub fn truncate(&mut self, index: Index) {
        let last = index.prev();
        self.issued = self.issued.min(last);
        self.durable = self.durable.min(last);
        for write in &mut self.writes {
            write.last = write.last.min(last);
        }
    }

    /// The log was replaced by a durable snapshot at `index`.
    pub fn reset(&mut self, index: Index) {
        self.truncate(index.next());
        self.issued = index;
        self.durable = index;
    }

    /// A new effect writes everything up to `last`; the messages held wait for it.
    pub fn issue(&mut self, last: Index) -> Token {
        self.token.0 += 1;
        self.issued = last;
        let held = std::mem::take(&mut self.held);
        self.writes.push_back(Write { token: self.token, last, held });
        self.token
    }

    /// There is nothing new to write. What is held joins the last write under way, or, when there is none,
    /// may go at once.
    pub fn settle(&mut self) -> Vec<Held> {
        match self.writes.back_mut() {
            Some(write) => {
                write.held.append(&mut self.held);
                Vec::new()
            }
            None => std::mem::take(&mut self.held),
        }
    }

    /// Everything up to `token` is durable: the messages that waited for it.
    ///
    /// # Panics
    /// When the driver reports a token that it was never given.
    pub fn confirm(&mut self, token: Token) -> Vec<Held> {
        assert!(token <= self.token, "only what was handed out can be persisted");
        let mut released = Vec::new();
        while let Some(mut write) = self.writes.pop_front_if(|write| write.token <= token) {
            self.durable = self.durable.max(write.last);
            released.append(&mut write.held);
        }
        released
    }
}
