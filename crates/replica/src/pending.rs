//! Who waits for an answer, and how a replica reaches them.

use crate::riders::Riders;
use std::collections::{BTreeSet, VecDeque};
use synod_consensus::Position;
use synod_machine::Operation;
use synod_types::{ClientId, Epoch, Index, NodeId, ReplySink, RequestId};
use synod_wire::resp::Proto;

/// Where a request came from and where its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// A gate of this worker.
    Call {
        /// Its name for the call.
        ticket: u64,
    },
    /// A step of a transaction that this worker conducts.
    Step {
        /// Its name for the step.
        ticket: u64,
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
        /// The number under which it sent the request this time, for answers that make it send it again.
        attempt: u64,
        /// Whether the client speaks RESP3.
        resp3: bool,
    },
}

impl Origin {
    /// The same for all times that a request was sent.
    pub(crate) fn request(self) -> Self {
        match self {
            Self::Peer { node, worker, request, resp3, .. } => {
                Self::Peer { node, worker, request, attempt: 0, resp3 }
            }
            other => other,
        }
    }
}

/// How a request stands in the order of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It goes into the log.
    Write,
    /// A read; the connection has no write under way.
    Read,
    /// A read behind writes of its connection that are not answered.
    ReadBehind,
}

impl Access {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_read(self) -> bool {
        self != Self::Write
    }
}

/// A request that was not executed and has to go elsewhere.
#[derive(Debug)]
pub struct Bounced {
    /// Who waits for the answer.
    pub origin: Origin,
    /// The encoded operation.
    pub op: Vec<u8>,
    /// How it stands in the order of its connection.
    pub access: Access,
}

impl Origin {
    /// Whether both may be of one connection.
    pub(crate) fn may_share_connection(self, other: Self) -> bool {
        let mut writers = Writers::default();
        writers.add(other);
        writers.may_be(self)
    }
}

/// Whose writes these are, as far as it is known here.
#[derive(Debug, Default)]
pub(crate) struct Writers {
    clients: BTreeSet<ClientId>,
    peers: BTreeSet<(NodeId, u16)>,
    /// Of some connection of this worker.
    gathers: bool,
}

impl Writers {
    fn add(&mut self, origin: Origin) {
        match origin {
            // A gate has no read and no write of one connection under way together.
            // Nor has one who conducts a transaction.
            Origin::Internal | Origin::Call { .. } | Origin::Step { .. } => {}
            Origin::Client { client, .. } => _ = self.clients.insert(client),
            Origin::Peer { node, worker, .. } => _ = self.peers.insert((node, worker)),
            Origin::Gather { .. } => self.gathers = true,
        }
    }

    /// Whether one of them may be of the connection that this read is of.
    pub fn may_be(&self, read: Origin) -> bool {
        match read {
            Origin::Internal | Origin::Call { .. } | Origin::Step { .. } => false,
            Origin::Client { client, .. } => self.gathers || self.clients.contains(&client),
            Origin::Peer { node, worker, .. } => self.peers.contains(&(node, worker)),
            Origin::Gather { .. } => self.gathers || !self.clients.is_empty(),
        }
    }
}

/// Why a request got no answer of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It was not executed and never will be; the leader may be here.
    NotExecuted(Option<NodeId>),
    /// It was not executed and never will be: the partition's slots changed hands, and are as they are since this epoch.
    NewerEpoch(Epoch),
    /// It may or may not have been, or may still be, executed.
    Unknown,
    /// The same, because it waits for space on the disk.
    Stuck,
    /// It was refused for want of disk space; not executed.
    DiskFull,
    /// A read: its place in the log is lost or unknown, and what stood behind it may be executed.
    Unread,
}

/// Whoever delivers answers.
pub trait Audience {
    /// Lets `write` put one reply into the sink of `to`.
    fn answer(&mut self, to: Origin, write: &mut dyn FnMut(&mut dyn ReplySink));
    /// How the client of `to` has its replies spelled.
    fn proto(&mut self, to: Origin) -> Proto;
    /// Gives `to` a whole reply, in the spelling of [`Self::proto`].
    fn answer_with(&mut self, to: Origin, reply: &[u8]);
    /// The whole reply that is given next, with [`Self::answer_with`], took so many nanoseconds beside the turns.
    fn ran_aside(&mut self, _took_ns: u64, _reply_bytes: usize) {}
    /// `to` has its answer to this operation.
    fn answered(&mut self, _to: Origin, _op: Operation<'_>) {}
    /// `to` waits: up to this entry nothing was found for it. There will be an answer, or a failure. `begun`: what it
    /// waits with from now on, at another leader too, where that is not what it came with.
    fn waiting(&mut self, to: Origin, since: Index, begun: Option<&[&[u8]]>);
    /// Tells `to` that there will be no answer.
    fn fail(&mut self, to: Origin, failure: Failure);
}

/// A proposed batch: answered when its entry is applied.
#[derive(Debug)]
pub(crate) struct Proposal {
    pub position: Position,
    /// The replica's tick at which it was proposed.
    pub since: u64,
    /// How long its entry is.
    pub bytes: usize,
    pub origins: Vec<Origin>,
    /// The reads that stand in it.
    pub riders: Riders,
}

impl Proposal {
    /// Nobody will ever know here what becomes of it; `why` is what those who write are told. The reads come first:
    /// whoever hears of a write has heard of each read before it.
    pub fn give_up(&self, why: Failure, audience: &mut dyn Audience) {
        self.riders.origins().for_each(|origin| audience.fail(origin, Failure::Unread));
        self.origins.iter().for_each(|origin| audience.fail(*origin, why));
    }

    /// Everyone who waits for it.
    pub fn into_origins(self) -> Vec<Origin> {
        let mut all = self.origins;
        all.extend(self.riders.origins());
        all
    }

    /// Its entry was replaced before it was committed: nothing of it was executed.
    pub fn void(&self, leader: Option<NodeId>, audience: &mut dyn Audience) {
        for origin in self.origins.iter().copied().chain(self.riders.origins()) {
            audience.fail(origin, Failure::NotExecuted(leader));
        }
    }
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
    pub fn push(&mut self, proposal: Proposal) -> Vec<Proposal> {
        let index = proposal.position.index;
        let keep = self.queue.partition_point(|p| p.position.index < index);
        let void = self.queue.split_off(keep).into();
        self.queue.push_back(proposal);
        void
    }

    /// Where the last one stands.
    pub fn last(&self) -> Option<Position> {
        self.queue.back().map(|proposal| proposal.position)
    }

    /// The proposal that stands just there, and who wrote what is in it and behind it.
    pub fn find(&mut self, position: Position) -> Option<(&mut Proposal, Writers)> {
        let at = self.queue.iter().position(|p| p.position == position)?;
        let mut writers = Writers::default();
        self.queue.range(at..).flat_map(|p| &p.origins).for_each(|origin| writers.add(*origin));
        Some((&mut self.queue[at], writers))
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

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many are not applied.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// How long the entries are that are not applied, in bytes.
    pub fn bytes(&self) -> usize {
        self.queue.iter().map(|proposal| proposal.bytes).sum()
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
