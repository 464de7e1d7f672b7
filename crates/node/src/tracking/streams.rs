//! How workers tell each other which keys have changed.
//!
//! A worker whose clients track anything says so in its heartbeats, with a number drawn when it began. Whoever hears
//! that tells it of every change of the keys that it leads, numbered, and repeats its number in its own heartbeats with the
//! count of what it has sent. So the worker knows from when on it hears of everything, and sooner or later of every message
//! that was lost; in both cases all that its clients keep counts as changed.
//!
//! ```text
//! tail of a heartbeat:  subscription u64, 0: none | stream u64 | sent u64 | count u8 | (worker u16 | subscription u64)*
//! Changed body:         worker u16 | stream u64 | number u64 | all u8 | (noted u8 | author | key length, key)*
//! noted:                0: the key has changed, 1: a script has read it
//! author:               0, or 1, worker u16, request u64: who of the receiver asked for it
//! ```

use crate::forward::put_frame;
use crate::node::Node;
use crate::output::Destination;
use std::collections::BTreeMap;
use synod_data::Noted;
use synod_replica::{Changes, Origin};
use synod_types::{ClientId, NodeId, PartitionId, RequestId, varint};
use synod_wire::peer::FrameKind;

/// CLIENT TRACKING is answered after this, whoever has not been heard of by then.
const ANSWER_US_MAX: u64 = 1_000_000;

/// What is known of another worker that tells of changes.
#[derive(Clone, Copy, Debug, Default)]
struct Source {
    /// Which of its streams this is: it draws one when it starts.
    stream: u64,
    /// How many of its messages have come, or are lost and made up for.
    received: u64,
    /// Whether it tells this worker of changes.
    confirmed: bool,
}

/// Whoever is to be told of changes, and whoever tells.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// This worker wants to hear of changes; 0: it does not.
    subscription: u64,
    sources: BTreeMap<(NodeId, u16), Source>,
    subscribers: BTreeMap<(NodeId, u16), u64>,
    /// This worker's own stream: another one for each process.
    stream: u64,
    sent: BTreeMap<Destination, u64>,
    /// Answers to CLIENT TRACKING that wait, and until when at most.
    starting: Vec<(ClientId, u64, u64)>,
}

impl Streams {
    /// `seed`: no other process of this worker has the same.
    pub fn new(seed: u64) -> Self {
        Self { stream: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, ..Self::default() }
    }

    /// Whether this worker wants to hear of changes.
    #[inline]
    pub fn listens(&self) -> bool {
        self.subscription != 0
    }

    /// Whether anybody does, so that replicas here have to note them.
    #[inline]
    pub fn are_wanted(&self) -> bool {
        self.listens() || !self.subscribers.is_empty()
    }

    fn subscribers_at(&self, to: Destination, own: NodeId) -> impl Iterator<Item = (u16, u64)> {
        let at = self.subscribers.range((to.node, 0)..=(to.node, u16::MAX));
        let ours = at.map(|((_, worker), subscription)| (*worker, *subscription));
        ours.filter(move |(worker, _)| to.node != own || *worker == to.worker)
    }

    /// The end of a heartbeat.
    pub fn put(&self, to: Destination, own: NodeId, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.subscription.to_le_bytes());
        body.extend_from_slice(&self.stream.to_le_bytes());
        let sent = self.sent.get(&to).copied().unwrap_or(0);
        body.extend_from_slice(&sent.to_le_bytes());
        // A node has no more workers than that.
        let told: Vec<(u16, u64)> = self.subscribers_at(to, own).take(255).collect();
        body.push(told.len() as u8);
        for (worker, subscription) in told {
            body.extend_from_slice(&worker.to_le_bytes());
            body.extend_from_slice(&subscription.to_le_bytes());
        }
    }

    /// The workers of a node that there are no more tell nothing.
    fn keep(&mut self, node: NodeId, workers: u16) {
        self.sources.retain(|(of, worker), _| *of != node || *worker < workers);
        self.subscribers.retain(|(of, worker), _| *of != node || *worker < workers);
    }
}

fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*number))
}

fn take_u16(bytes: &mut &[u8]) -> Option<u16> {
    let (number, rest) = bytes.split_first_chunk::<2>()?;
    *bytes = rest;
    Some(u16::from_le_bytes(*number))
}

impl Node {
    /// The first client tracks something: everybody is asked to tell of changes.
    pub(super) fn ask_for_changes(&mut self) {
        if !self.caching.streams.listens() {
            self.caching.streams.subscription = self.local.random() | 1;
            for source in self.caching.streams.sources.values_mut() {
                source.confirmed = false;
            }
            self.send_heartbeats();
        }
    }

    /// Whether every worker that is up tells of changes.
    fn hears_of_all(&self) -> bool {
        let sources = &self.caching.streams.sources;
        sources
            .iter()
            .all(|((node, _), source)| source.confirmed || !self.others.peers().is_up(*node))
    }

    /// Lets the answer to CLIENT TRACKING at this place wait until changes are heard of; `false` if they are.
    pub(crate) fn waits_for_changes(&mut self) -> bool {
        !self.hears_of_all()
    }

    /// The answer at this place waits for that.
    pub(crate) fn answer_when_heard(&mut self, client: ClientId, seq: u64) {
        let until_us = self.local.now().mono_us + ANSWER_US_MAX;
        self.caching.streams.starting.push((client, seq, until_us));
    }

    /// Who is to be answered by now.
    pub(super) fn heard_of_by(&mut self) -> Vec<(ClientId, u64)> {
        if self.caching.streams.starting.is_empty() {
            return Vec::new();
        }
        let (all, now_us) = (self.hears_of_all(), self.local.now().mono_us);
        let is_due = |(_, _, until_us): &(ClientId, u64, u64)| all || *until_us <= now_us;
        let starting = std::mem::take(&mut self.caching.streams.starting);
        let (due, rest) = starting.into_iter().partition(is_due);
        self.caching.streams.starting = rest;
        let due: Vec<_> = due;
        due.into_iter().map(|(client, seq, _)| (client, seq)).collect()
    }

    /// Another tick has passed: when no client tracks anything, nobody needs to tell.
    pub(crate) fn tend_streams(&mut self) {
        if self.caching.streams.listens() && self.caching.tracked.clients().is_empty() {
            self.caching.streams.subscription = 0;
            self.caching.tracked.forget_all();
            self.caching.own_requests.clear();
        }
        self.answer_trackers();
    }

    /// The end of a heartbeat of another worker; what follows of it stays in `tail`.
    pub(crate) fn heard_of_streams(
        &mut self,
        from: NodeId,
        worker: u16,
        workers: u16,
        tail: &mut &[u8],
    ) {
        self.caching.streams.keep(from, workers);
        let heard = self.take_tail(from, worker, tail);
        if heard == Some(true) {
            self.send_heartbeats();
        }
        self.answer_trackers();
    }

    /// Whether the other worker is to be told of changes from now on; `None` for what cannot be read.
    fn take_tail(&mut self, from: NodeId, worker: u16, tail: &mut &[u8]) -> Option<bool> {
        let wanted = take_u64(tail)?;
        let (stream, sent) = (take_u64(tail)?, take_u64(tail)?);
        let (count, rest) = tail.split_first()?;
        *tail = rest;
        let own = self.local.config().worker;
        let streams = &mut self.caching.streams;
        let mut confirmed = false;
        for _ in 0..*count {
            let (worker, subscription) = (take_u16(tail)?, take_u64(tail)?);
            confirmed |= worker == own && subscription == streams.subscription;
        }
        confirmed &= streams.listens();
        let source = streams.sources.entry((from, worker)).or_default();
        let intact = source.confirmed && source.stream == stream && source.received >= sent;
        if confirmed && !intact {
            self.caching.unheard = true;
        }
        let received = if source.stream == stream { source.received.max(sent) } else { sent };
        *source = Source { stream, received, confirmed };
        let before = match wanted {
            0 => streams.subscribers.remove(&(from, worker)),
            wanted => streams.subscribers.insert((from, worker), wanted),
        };
        Some(wanted != 0 && before != Some(wanted))
    }

    /// Keys that are led here have changed: whoever wants to hear of that is told.
    pub(super) fn spread_changes(&mut self, changes: &Changes) {
        if self.caching.streams.subscribers.is_empty() {
            return;
        }
        let own = self.local.id();
        for to in self.heartbeat_destinations() {
            let streams = &mut self.caching.streams;
            if streams.subscribers_at(to, own).next().is_none() {
                continue;
            }
            // What is not sent counts too: whoever would have heard it sees that something is missing.
            let sent = streams.sent.entry(to).or_default();
            *sent += 1;
            let (stream, number) = (streams.stream, *sent);
            if !self.others.peers().is_up(to.node) {
                continue;
            }
            let worker = self.local.config().worker;
            let frames = self.output.frames.entry(to).or_default();
            put_frame(frames, FrameKind::Changed, PartitionId::META, |body| {
                body.extend_from_slice(&worker.to_le_bytes());
                body.extend_from_slice(&stream.to_le_bytes());
                body.extend_from_slice(&number.to_le_bytes());
                body.push(u8::from(changes.all));
                for (key, noted, origin) in &changes.keys {
                    body.push(u8::from(*noted == Noted::Read));
                    put_author(body, to.node, *origin);
                    varint::put_bytes(body, key);
                }
            });
        }
    }

    /// Another worker tells of changes. A message that cannot be read counts as one that is lost.
    pub(crate) fn told_of_changes(&mut self, from: NodeId, body: &[u8]) {
        if self.caching.streams.listens() && self.take_changes(from, body).is_none() {
            self.caching.unheard = true;
        }
    }

    fn take_changes(&mut self, from: NodeId, mut body: &[u8]) -> Option<()> {
        let worker = take_u16(&mut body)?;
        let (stream, number) = (take_u64(&mut body)?, take_u64(&mut body)?);
        let source = self.caching.streams.sources.entry((from, worker)).or_default();
        let is_next = source.stream == stream && number <= source.received + 1;
        match source.stream == stream {
            true => source.received = source.received.max(number),
            false => *source = Source { stream, received: number, confirmed: false },
        }
        let (all, mut rest) = body.split_first()?;
        self.caching.all_changed |= *all != 0;
        self.caching.unheard |= !is_next;
        while !rest.is_empty() {
            let (noted, tail) = rest.split_first()?;
            rest = tail;
            let request = take_author(&mut rest, self.local.config().worker)?;
            let key = varint::take_bytes(&mut rest)?;
            let author = request.and_then(|id| self.caching.own_requests.get(&id).copied());
            match *noted {
                0 => self.invalidate(key, author),
                _ if author.is_some() => self.read_by_script(key, author),
                _ if request.is_some_and(|id| self.caching.is_forgotten(id)) => {
                    self.read_by_script(key, None);
                }
                _ => {}
            }
        }
        Some(())
    }
}

fn put_author(body: &mut Vec<u8>, to: NodeId, origin: Option<Origin>) {
    match origin {
        Some(Origin::Peer { node, worker, request, .. }) if node == to => {
            body.push(1);
            body.extend_from_slice(&worker.to_le_bytes());
            body.extend_from_slice(&request.0.to_le_bytes());
        }
        _ => body.push(0),
    }
}

/// The request of this worker that changed the key, if one did; `None` for what cannot be read.
fn take_author(bytes: &mut &[u8], own: u16) -> Option<Option<RequestId>> {
    let (is_known, rest) = bytes.split_first()?;
    *bytes = rest;
    if *is_known == 0 {
        return Some(None);
    }
    let (worker, request) = (take_u16(bytes)?, take_u64(bytes)?);
    Some((worker == own).then_some(RequestId(request)))
}
