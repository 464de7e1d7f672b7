//! Requests on their way to another worker or node, and those that wait for a leader.
//!
//! ```text
//! Forward body:       request u64 | origin worker u16 | flags u8 | attempt u64 | wait and epoch u64, if flagged | operation
//! wait:               milliseconds left u64 | since u64, 0 for none
//! Unwait body:        request u64 | origin worker u16 | flags u8
//! ```

use crate::attempts::Attempt;
use crate::fetches::Parts;
use crate::output::{Destination, Output};
use crate::waits::ForwardedWait;
use std::collections::{BTreeMap, VecDeque};
use synod_replica::{Access, Origin, WaitEnd};
use synod_types::{Epoch, Index, NodeId, PartitionId, RequestId};
use synod_wire::peer::{FrameKind, encode_frame};

const RESP3: u8 = 1;
const READ: u8 = 2;
const BEHIND: u8 = 4;
const WAIT: u8 = 8;
/// The sender knows of an epoch of the partition's slots that is not 0.
const EPOCH: u8 = 16;
const WITH_ERROR: u8 = 2;
/// A wait without end, in milliseconds.
const FOR_EVER_MS: u64 = u64::MAX;

/// A request that this worker does not serve itself.
#[derive(Clone, Debug)]
pub(crate) struct Forward {
    pub partition: PartitionId,
    pub origin: Origin,
    /// The encoded operation.
    pub op: Vec<u8>,
    pub access: Access,
    pub resp3: bool,
    /// When it is given up.
    pub deadline_us: u64,
    /// Where it was sent last.
    pub to: NodeId,
    /// Under which number.
    pub attempt: Attempt,
    /// Under which epoch of the partition's slots.
    pub epoch: Epoch,
    /// What has come of its reply, if that comes in parts.
    pub parts: Parts,
    /// Set for a command that may wait.
    pub wait: Option<ForwardedWait>,
}

impl Forward {
    /// How many bytes it holds, or will when its reply is here.
    fn held_bytes(&self) -> usize {
        self.op.len() + self.parts.held_bytes()
    }
}

/// A decoded `Forward`.
pub(crate) struct Incoming<'a> {
    pub request: RequestId,
    pub worker: u16,
    pub attempt: Attempt,
    pub resp3: bool,
    pub access: Access,
    pub epoch: Epoch,
    /// For a command that may wait: the milliseconds left, if they are limited, and since when it waits.
    pub wait: Option<(Option<u64>, Option<Index>)>,
    pub op: &'a [u8],
}

/// The frames waiting for a worker of a node.
pub(crate) fn queue(output: &mut Output, own: NodeId, node: NodeId, worker: u16) -> &mut Vec<u8> {
    let worker = if node == own { worker } else { 0 };
    output.frames.entry(Destination { node, worker }).or_default()
}

/// Appends a frame. One that is too long for the wire cannot come from a request within its limits; it is dropped
/// and the request runs into its deadline.
pub(crate) fn put_frame(
    frames: &mut Vec<u8>,
    kind: FrameKind,
    group: PartitionId,
    body: impl FnOnce(&mut Vec<u8>),
) {
    let _dropped_when_too_long = encode_frame(frames, kind, group, body);
}

pub(crate) fn put_forward(
    frames: &mut Vec<u8>,
    id: RequestId,
    worker: u16,
    forward: &Forward,
    now_us: u64,
) {
    put_frame(frames, FrameKind::Forward, forward.partition, |body| {
        body.extend_from_slice(&id.0.to_le_bytes());
        body.extend_from_slice(&worker.to_le_bytes());
        let access = match forward.access {
            Access::Write => 0,
            Access::Read => READ,
            Access::ReadBehind => READ | BEHIND,
        };
        let wait = u8::from(forward.wait.is_some()) * WAIT;
        let epoch = u8::from(forward.epoch != Epoch(0)) * EPOCH;
        body.push((u8::from(forward.resp3) * RESP3) | access | wait | epoch);
        body.extend_from_slice(&forward.attempt.0.to_le_bytes());
        if let Some(wait) = &forward.wait {
            let left_ms = wait.deadline_us.map(|at| at.saturating_sub(now_us).div_ceil(1000));
            body.extend_from_slice(&left_ms.unwrap_or(FOR_EVER_MS).to_le_bytes());
            body.extend_from_slice(&wait.since.unwrap_or_default().0.to_le_bytes());
        }
        if epoch != 0 {
            body.extend_from_slice(&forward.epoch.0.to_le_bytes());
        }
        body.extend_from_slice(&forward.op);
    });
}

pub(crate) fn take_forward(body: &[u8]) -> Option<Incoming<'_>> {
    let (request, rest) = body.split_first_chunk::<8>()?;
    let (worker, rest) = rest.split_first_chunk::<2>()?;
    let (flags, rest) = rest.split_first()?;
    let (attempt, mut op) = rest.split_first_chunk::<8>()?;
    let mut wait = None;
    if flags & WAIT != 0 {
        let (left_ms, rest) = op.split_first_chunk::<8>()?;
        let (since, rest) = rest.split_first_chunk::<8>()?;
        let (left_ms, since) = (u64::from_le_bytes(*left_ms), u64::from_le_bytes(*since));
        wait = Some((
            (left_ms != FOR_EVER_MS).then_some(left_ms),
            (since != 0).then_some(Index(since)),
        ));
        op = rest;
    }
    let mut epoch = Epoch(0);
    if flags & EPOCH != 0 {
        let (number, rest) = op.split_first_chunk::<8>()?;
        (epoch, op) = (Epoch(u64::from_le_bytes(*number)), rest);
    }
    Some(Incoming {
        request: RequestId(u64::from_le_bytes(*request)),
        worker: u16::from_le_bytes(*worker),
        attempt: Attempt(u64::from_le_bytes(*attempt)),
        resp3: flags & RESP3 != 0,
        access: match (flags & READ != 0, flags & BEHIND != 0) {
            (false, _) => Access::Write,
            (true, false) => Access::Read,
            (true, true) => Access::ReadBehind,
        },
        epoch,
        wait,
        op,
    })
}

/// Tells the leader that a client does not wait any longer.
pub(crate) fn put_unwait(
    frames: &mut Vec<u8>,
    group: PartitionId,
    (request, worker, resp3): (RequestId, u16, bool),
    end: WaitEnd,
) {
    put_frame(frames, FrameKind::Unwait, group, |body| {
        body.extend_from_slice(&request.0.to_le_bytes());
        body.extend_from_slice(&worker.to_le_bytes());
        let error = u8::from(end == WaitEnd::Error) * WITH_ERROR;
        body.push((u8::from(resp3) * RESP3) | error);
    });
}

/// What a request is called, who asked, whether the client speaks RESP3, and how its wait ends.
pub(crate) fn take_unwait(body: &[u8]) -> Option<(RequestId, u16, bool, WaitEnd)> {
    let (request, rest) = body.split_first_chunk::<8>()?;
    let (worker, rest) = rest.split_first_chunk::<2>()?;
    let flags = *rest.first()?;
    let end = if flags & WITH_ERROR != 0 { WaitEnd::Error } else { WaitEnd::Timeout };
    let request = RequestId(u64::from_le_bytes(*request));
    Some((request, u16::from_le_bytes(*worker), flags & RESP3 != 0, end))
}

/// The way to one partition.
#[derive(Debug, Default)]
struct Way {
    /// How many requests are out.
    out: usize,
    /// Where they went; `None` when the next one begins a new attempt.
    to: Option<NodeId>,
    attempt: Attempt,
}

/// Requests sent and not answered yet.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// An id that was drawn long ago may come in again: that of a wait whose leader was lost.
    sent: BTreeMap<RequestId, Forward>,
    next: u64,
    attempts: u64,
    ways: BTreeMap<PartitionId, Way>,
    /// The sum of the lengths of the operations, of what has come of the replies and of what is fetched of them.
    bytes: usize,
    /// How many of them are reads.
    reads: usize,
    /// Of how many the reply is being fetched.
    fetching: usize,
    /// Those whose reply is announced and waits until there is room for it, in order; some may be over by now.
    line: VecDeque<RequestId>,
}

impl Ledger {
    /// An empty ledger. `process` is a number that no earlier process of this worker had: answers to its requests
    /// and its attempts may still be under way.
    pub fn new(process: u32) -> Self {
        let first = u64::from(process) << 32;
        Self {
            sent: BTreeMap::new(),
            next: first,
            attempts: first,
            ways: BTreeMap::new(),
            bytes: 0,
            reads: 0,
            fetching: 0,
            line: VecDeque::new(),
        }
    }

    /// A new id. Everything that may be forwarded has one, so that order can be kept.
    pub fn next_id(&mut self) -> RequestId {
        self.next += 1;
        RequestId(self.next)
    }

    /// The attempt under which a request may be sent there now; `None` while others are out that went elsewhere
    /// or that may have been refused.
    pub fn attempt(&mut self, partition: PartitionId, to: NodeId) -> Option<Attempt> {
        let way = self.ways.entry(partition).or_default();
        if way.to != Some(to) {
            if way.out > 0 {
                return None;
            }
            self.attempts += 1;
            (way.to, way.attempt) = (Some(to), Attempt(self.attempts));
        }
        Some(way.attempt)
    }

    /// A request was refused: no more are sent in this attempt.
    pub fn end_attempt(&mut self, partition: PartitionId) {
        self.ways.entry(partition).or_default().to = None;
    }

    pub fn insert(&mut self, id: RequestId, forward: Forward) {
        self.ways.entry(forward.partition).or_default().out += 1;
        self.bytes += forward.held_bytes();
        self.fetching += usize::from(forward.parts.are_fetched());
        self.reads += usize::from(forward.access.is_read());
        self.sent.insert(id, forward);
    }

    pub fn take(&mut self, id: RequestId) -> Option<Forward> {
        let forward = self.sent.remove(&id)?;
        self.bytes -= forward.held_bytes();
        self.fetching -= usize::from(forward.parts.are_fetched());
        self.reads -= usize::from(forward.access.is_read());
        if let Some(way) = self.ways.get_mut(&forward.partition) {
            way.out -= 1;
        }
        Some(forward)
    }

    /// A part of the reply to a request that is out has come; the request with what has come so far.
    pub fn add_part(&mut self, id: RequestId, part: &[u8]) -> Option<&mut Forward> {
        let forward = self.sent.get_mut(&id)?;
        self.bytes -= forward.held_bytes();
        forward.parts.add(part);
        self.bytes += forward.held_bytes();
        Some(forward)
    }

    /// The reply to a request that is out is announced, and waits in line until it is fetched.
    pub fn stand_in_line(&mut self, id: RequestId, total: usize) {
        let Some(forward) = self.sent.get_mut(&id) else { return };
        forward.parts.announce(total);
        self.line.push_back(id);
    }

    /// The first in line, and how many bytes of its reply are missing.
    pub fn first_in_line(&mut self) -> Option<(RequestId, usize)> {
        while let Some(id) = self.line.front() {
            match self.sent.get(id) {
                Some(forward) if forward.parts.missing() > 0 && !forward.parts.are_fetched() => {
                    return Some((*id, forward.parts.missing()));
                }
                _ => self.line.pop_front(),
            };
        }
        None
    }

    /// The reply to a request that is out is fetched from now on.
    pub fn begin_fetch(&mut self, id: RequestId) -> Option<&mut Forward> {
        let forward = self.sent.get_mut(&id).filter(|forward| !forward.parts.are_fetched())?;
        self.bytes -= forward.held_bytes();
        forward.parts.fetch();
        self.bytes += forward.held_bytes();
        self.fetching += 1;
        Some(forward)
    }

    /// Of how many requests the reply is being fetched.
    pub fn fetching(&self) -> usize {
        self.fetching
    }

    /// A request that is out.
    pub fn get(&self, id: RequestId) -> Option<&Forward> {
        self.sent.get(&id)
    }

    /// How long the operations of those that are out are together, what has come of their replies, and what is fetched of them.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many reads are out.
    pub fn reads(&self) -> usize {
        self.reads
    }

    /// How many requests are out.
    pub fn len(&self) -> usize {
        self.sent.len()
    }

    /// How many requests for the partition are out.
    pub fn out(&self, partition: PartitionId) -> usize {
        self.ways.get(&partition).map_or(0, |way| way.out)
    }

    /// The ids of those that `lost` picks, in their order.
    pub fn find(&self, lost: impl Fn(&Forward) -> bool) -> Vec<RequestId> {
        self.sent.iter().filter(|(_, forward)| lost(forward)).map(|(id, _)| *id).collect()
    }
}
