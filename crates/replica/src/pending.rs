//! Who waits for an answer, and how a replica reaches them.

use std::collections::VecDeque;
use synod_consensus::Position;
use synod_machine::Operation;
use synod_types::{ClientId, NodeId, ReplySink, RequestId};

/// Where a request came from and where its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody waits (expiry, announcements).
    Internal,
    /// A client of this worker; `seq` is the place of the reply in its connection.
    Client {
        /// The connection.
        client: ClientId,
        /// The place.
        seq: u64,
    },
    /// One part of a command that was split over partitions.
    Gather {
        /// The whole.
        gather: u64,
        /// The part.
        part: u32,
        /// Whether the client speaks RESP3.
        resp3: bool,
    },
    /// Another worker, here or on another node.
    Peer {
        /// Its node.
        node: NodeId,
        /// Its worker.
        worker: u16,
        /// Its name for the request.
        request: RequestId,
        /// Whether the client speaks RESP3.
        resp3: bool,
    },
}

/// Why a request got no answer of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It was not executed and never will be; the leader may be here.
    NotExecuted(Option<NodeId>),
    /// It may or may not have been, or may still be, executed.
    Unknown,
    /// It was refused for want of disk space; not executed.
    DiskFull,
}

/// Whoever delivers answers.
pub trait Audience {
    /// Lets `write` put one reply into the sink of `to`.
    fn answer(&mut self, to: Origin, write: &mut dyn FnMut(&mut dyn ReplySink));
    /// `to` has its answer to this operation.
    fn answered(&mut self, _to: Origin, _op: Operation<'_>) {}
    /// Tells `to` that there will be no answer.
    fn fail(&mut self, to: Origin, failure: Failure);
}

/// A proposed batch: answered when its entry is applied.
#[derive(Debug)]
pub(crate) struct Proposal {
    pub position: Position,
    /// The replica's tick at which it was proposed.
    pub since: u64,
    pub origins: Vec<Origin>,
}

/// Proposals in the order of their index.
#[derive(Debug, Default)]
pub(crate) struct Proposals {
    queue: VecDeque<Proposal>,
    spare: Vec<Vec<Origin>>,
}

impl Proposals {
    /// Takes a proposal in. One that went to an index where an older one stands makes the older ones
    /// there void: their entries were replaced before they were committed, so they are returned.
    pub fn push(&mut self, position: Position, since: u64, origins: Vec<Origin>) -> Vec<Proposal> {
        let keep = self.queue.partition_point(|p| p.position.index < position.index);
        let void = self.queue.split_off(keep).into();
        self.queue.push_back(Proposal { position, since, origins });
        void
    }

    /// The proposal that stands at `position.index`, if any; whether it is *this* entry is told by its term.
    pub fn take(&mut self, position: Position) -> Option<Proposal> {
        (self.queue.front()?.position.index <= position.index)
            .then(|| self.queue.pop_front())
            .flatten()
    }

    /// Takes the oldest out if it was proposed before this tick. Its entry may still be committed, and then finds
    /// nobody who waits for it.
    pub fn take_older(&mut self, tick: u64) -> Option<Proposal> {
        (self.queue.front()?.since < tick).then(|| self.queue.pop_front()).flatten()
    }

    /// All of them, for a replica that lost its place (a snapshot replaced its log).
    pub fn drain(&mut self) -> impl Iterator<Item = Proposal> + '_ {
        self.queue.drain(..)
    }

    /// How many are not applied.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// An empty list, with the room of an earlier one if there is one.
    pub fn spare(&mut self) -> Vec<Origin> {
        self.spare.pop().unwrap_or_default()
    }

    /// Gives a list back for reuse.
    pub fn recycle(&mut self, mut origins: Vec<Origin>) {
        const SPARE_MAX: usize = 16;
        if self.spare.len() < SPARE_MAX {
            origins.clear();
            self.spare.push(origins);
        }
    }
}
