//! Answers to forwarded requests on their way back.
//!
//! ```text
//! ForwardReply body:  request u64 | origin worker u16 | status u8 | what the status says
//!   done:             reply bytes
//!   others:           attempt u64, then  not leader: leader u64 | newer epoch: epoch u64 | waiting: index u64, operation | part: offset u64, total u64, bytes
//! ReplyFetch body:    request u64 | origin worker u16 | attempt u64 | offset u64
//! ```
//!
//! An answer that has the request sent again counts only for the attempt in which the request is out: one of an earlier
//! attempt may come late. A reply longer than [`limits::REPLY_PART_BYTES`] goes in parts, each fetched when the one before
//! has arrived, so that neither a queue between two nodes nor what else travels on the connection suffers from its length.

use crate::attempts::Attempt;
use crate::forward::put_frame;
use std::collections::BTreeMap;
use synod_types::{Epoch, Index, NodeId, PartitionId, RequestId, limits};
use synod_wire::peer::FrameKind;

/// A reply of which no part was fetched for this long is dropped: whoever asked has given up.
const UNFETCHED_US_MAX: u64 = limits::REQUEST_WAIT_MS_MAX * 2 * 1000;

/// What takes the place of a long reply for which there is no room.
const NOT_KEPT: &[u8] =
    b"-OOM too many long replies are under way to keep this one; the command was executed\r\n";

/// How a forwarded request ended, or what else its sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Executed; the reply follows.
    Done,
    /// Not executed; who leads, if known.
    NotLeader(Option<NodeId>),
    /// Not executed; the partition's slots changed hands since the map that the sender has.
    NewerEpoch(Epoch),
    /// Perhaps executed.
    Unknown,
    /// Not executed for want of disk space.
    DiskFull,
    /// It waits there, and no entry up to this one has ended that; another answer follows.
    Waiting(Index),
    /// Executed; of a reply of `total` bytes those from `offset` on follow.
    Part { offset: u64, total: u64 },
}

/// Whom an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asker {
    pub node: NodeId,
    pub worker: u16,
    pub request: RequestId,
    pub attempt: Attempt,
}

/// A decoded `ForwardReply`.
pub(crate) struct Outcome<'a> {
    pub request: RequestId,
    /// `None` for [`Status::Done`], which is right whichever attempt it answers.
    pub attempt: Option<Attempt>,
    pub status: Status,
    pub reply: &'a [u8],
}

/// Appends an answer.
pub(crate) fn put_reply(
    frames: &mut Vec<u8>,
    group: PartitionId,
    to: Asker,
    status: Status,
    write: impl FnOnce(&mut Vec<u8>),
) {
    put_frame(frames, FrameKind::ForwardReply, group, |body| {
        put_head(body, to, status);
        write(body);
    });
}

fn put_head(body: &mut Vec<u8>, to: Asker, status: Status) {
    body.extend_from_slice(&to.request.0.to_le_bytes());
    body.extend_from_slice(&to.worker.to_le_bytes());
    let (tag, fields): (u8, [Option<u64>; 2]) = match status {
        Status::Done => return body.push(0),
        Status::NotLeader(hint) => (1, [Some(hint.map_or(0, |n| n.0)), None]),
        Status::Unknown => (2, [None; 2]),
        Status::DiskFull => (3, [None; 2]),
        Status::Waiting(since) => (4, [Some(since.0), None]),
        Status::Part { offset, total } => (5, [Some(offset), Some(total)]),
        Status::NewerEpoch(epoch) => (6, [Some(epoch.0), None]),
    };
    body.push(tag);
    body.extend_from_slice(&to.attempt.0.to_le_bytes());
    fields.into_iter().flatten().for_each(|field| body.extend_from_slice(&field.to_le_bytes()));
}

pub(crate) fn take_reply(body: &[u8]) -> Option<Outcome<'_>> {
    let (request, rest) = body.split_first_chunk::<8>()?;
    let request = RequestId(u64::from_le_bytes(*request));
    let (_, rest) = rest.split_first_chunk::<2>()?;
    let (tag, mut reply) = rest.split_first()?;
    if *tag == 0 {
        return Some(Outcome { request, attempt: None, status: Status::Done, reply });
    }
    let attempt = Some(Attempt(take_u64(&mut reply)?));
    let status = match tag {
        1 => {
            let hint = take_u64(&mut reply)?;
            Status::NotLeader((hint != 0).then_some(NodeId(hint)))
        }
        2 => Status::Unknown,
        3 => Status::DiskFull,
        4 => Status::Waiting(Index(take_u64(&mut reply)?)),
        5 => Status::Part { offset: take_u64(&mut reply)?, total: take_u64(&mut reply)? },
        6 => Status::NewerEpoch(Epoch(take_u64(&mut reply)?)),
        _ => return None,
    };
    Some(Outcome { request, attempt, status, reply })
}

fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*number))
}

/// The worker that a `ForwardReply` is for.
pub(crate) fn reply_worker(body: &[u8]) -> Option<u16> {
    body.get(8..10).map(|w| u16::from_le_bytes([w[0], w[1]]))
}

/// Asks for the part of a reply that begins at `offset`.
pub(crate) fn put_fetch(frames: &mut Vec<u8>, group: PartitionId, asker: Asker, offset: u64) {
    put_frame(frames, FrameKind::ReplyFetch, group, |body| {
        body.extend_from_slice(&asker.request.0.to_le_bytes());
        body.extend_from_slice(&asker.worker.to_le_bytes());
        body.extend_from_slice(&asker.attempt.0.to_le_bytes());
        body.extend_from_slice(&offset.to_le_bytes());
    });
}

/// Who wants a part, and where it begins.
pub(crate) fn take_fetch(node: NodeId, mut body: &[u8]) -> Option<(Asker, u64)> {
    let request = RequestId(take_u64(&mut body)?);
    let (worker, mut rest) = body.split_first_chunk::<2>()?;
    let worker = u16::from_le_bytes(*worker);
    let attempt = Attempt(take_u64(&mut rest)?);
    Some((Asker { node, worker, request, attempt }, take_u64(&mut rest)?))
}

/// Replies that are too long for one frame, until their last part is fetched.
#[derive(Debug)]
pub(crate) struct LongReplies {
    held: BTreeMap<Asker, Held>,
    bytes: usize,
    /// How many bytes more than one reply may be held.
    most: usize,
    /// Where a reply is written before its length is known; no longer than a part but while that happens.
    written: Vec<u8>,
}

impl Default for LongReplies {
    fn default() -> Self {
        Self { held: BTreeMap::new(), bytes: 0, most: limits::HELD_BYTES_MAX, written: Vec::new() }
    }
}

#[derive(Debug)]
struct Held {
    reply: Vec<u8>,
    fetched_us: u64,
}

impl LongReplies {
    /// No more than this many bytes are held from now on, but for one reply.
    pub fn bound(&mut self, most: usize) {
        self.most = most;
    }

    /// Appends the reply that `write` writes, or its first part. While too much is held for others, a long one is lost, and
    /// its asker is told so.
    pub fn put(
        &mut self,
        frames: &mut Vec<u8>,
        group: PartitionId,
        to: Asker,
        now_us: u64,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        self.written.clear();
        write(&mut self.written);
        if self.written.len() <= limits::REPLY_PART_BYTES {
            return put_reply(frames, group, to, Status::Done, |body| {
                body.extend_from_slice(&self.written);
            });
        }
        // What was written grew by doubling.
        let mut reply = std::mem::take(&mut self.written);
        reply.shrink_to_fit();
        if self.bytes > 0 && self.bytes + reply.len() > self.most {
            return put_reply(frames, group, to, Status::Done, |body| {
                body.extend_from_slice(NOT_KEPT);
            });
        }
        self.bytes += reply.len();
        self.held.insert(to, Held { reply, fetched_us: now_us });
        self.put_part(frames, group, to, 0, now_us);
    }

    /// Appends the part that begins at `offset`, if there is one. Behind the last part the reply is forgotten. Of one that was
    /// forgotten because nobody fetched it for long, it says so.
    pub fn put_part(
        &mut self,
        frames: &mut Vec<u8>,
        group: PartitionId,
        to: Asker,
        offset: u64,
        now_us: u64,
    ) {
        let Some(held) = self.held.get_mut(&to) else {
            return put_reply(frames, group, to, Status::Done, |body| {
                body.extend_from_slice(NOT_KEPT);
            });
        };
        let total = held.reply.len();
        let Some(from) = usize::try_from(offset).ok().filter(|from| *from < total) else { return };
        held.fetched_us = now_us;
        let end = total.min(from + limits::REPLY_PART_BYTES);
        let status = Status::Part { offset, total: total as u64 };
        put_reply(frames, group, to, status, |body| {
            body.extend_from_slice(&held.reply[from..end]);
        });
        if end == total {
            self.held.remove(&to);
            self.bytes -= total;
        }
    }

    /// Nobody wants this reply any more.
    pub fn end(&mut self, to: &Asker) {
        if let Some(held) = self.held.remove(to) {
            self.bytes -= held.reply.len();
        }
    }

    /// Forgets what a node does not wait for any more.
    pub fn forget(&mut self, node: NodeId) {
        self.retain(|asker, _| asker.node != node);
    }

    /// Forgets what nobody fetches.
    pub fn expire(&mut self, now_us: u64) {
        if !self.held.is_empty() {
            self.retain(|_, held| now_us.saturating_sub(held.fetched_us) < UNFETCHED_US_MAX);
        }
    }

    fn retain(&mut self, keep: impl Fn(&Asker, &Held) -> bool) {
        self.held.retain(|asker, held| keep(asker, held));
        self.bytes = self.held.values().map(|held| held.reply.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;
    use synod_wire::peer::{Frame, FrameDecoder};

    const GROUP: PartitionId = PartitionId(3);

    fn asker(request: u64) -> Asker {
        let attempt = Attempt(7);
        Asker { node: NodeId(2), worker: 1, request: RequestId(request), attempt }
    }

    fn frames(bytes: &[u8]) -> Vec<Frame> {
        let mut decoder = FrameDecoder::new();
        decoder.established();
        let mut input = BytesMut::from(bytes);
        std::iter::from_fn(|| decoder.decode(&mut input).unwrap()).collect()
    }

    #[test]
    fn answers_are_read_as_they_were_written() {
        let all = [
            Status::Done,
            Status::NotLeader(None),
            Status::NotLeader(Some(NodeId(9))),
            Status::Unknown,
            Status::DiskFull,
            Status::Waiting(Index(5)),
            Status::Part { offset: 1, total: 3 },
        ];
        for status in all {
            let mut out = Vec::new();
            put_reply(&mut out, GROUP, asker(4), status, |body| body.extend_from_slice(b"ab"));
            let frame = frames(&out).remove(0);
            let outcome = take_reply(&frame.body).unwrap();
            assert_eq!((outcome.status, outcome.reply), (status, &b"ab"[..]));
            assert_eq!(outcome.request, RequestId(4));
            assert_eq!(outcome.attempt, (status != Status::Done).then_some(Attempt(7)));
            assert_eq!(reply_worker(&frame.body), Some(1));
            for len in 0..frame.body.len() - 2 {
                let cut = take_reply(&frame.body[..len]);
                assert!(cut.is_none_or(|o| o.status == Status::Done), "{status:?} cut at {len}");
            }
        }
    }

    /// Fetches a long reply to its end.
    fn fetch(replies: &mut LongReplies, first: &[u8], id: u64) -> Vec<u8> {
        let mut whole = Vec::new();
        let mut bytes = first.to_vec();
        loop {
            let frame = frames(&bytes).remove(0);
            let outcome = take_reply(&frame.body).unwrap();
            let Status::Part { offset, total } = outcome.status else {
                panic!("{:?}", outcome.status)
            };
            assert_eq!(offset, whole.len() as u64);
            whole.extend_from_slice(outcome.reply);
            if whole.len() as u64 == total {
                return whole;
            }
            let mut want = Vec::new();
            put_fetch(&mut want, GROUP, asker(id), whole.len() as u64);
            let (to, offset) = take_fetch(NodeId(2), &frames(&want)[0].body).unwrap();
            bytes.clear();
            replies.put_part(&mut bytes, GROUP, to, offset, 0);
        }
    }

    #[test]
    fn a_reply_of_any_length_arrives_whole() {
        let part = limits::REPLY_PART_BYTES;
        for len in [part + 1, 2 * part, 3 * part + 7] {
            let reply: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let mut replies = LongReplies::default();
            let mut out = Vec::new();
            replies.put(&mut out, GROUP, asker(1), 0, |body| body.extend_from_slice(&reply));
            assert!(fetch(&mut replies, &out, 1) == reply, "{len} bytes");
            assert_eq!((replies.held.len(), replies.bytes), (0, 0));
        }
        let mut out = Vec::new();
        LongReplies::default()
            .put(&mut out, GROUP, asker(1), 0, |body| body.resize(body.len() + part, 1));
        assert_eq!(take_reply(&frames(&out)[0].body).unwrap().status, Status::Done);
    }

    #[test]
    fn what_is_held_is_bounded_and_forgotten() {
        let mut replies = LongReplies::default();
        let mut put = |id, len| {
            let mut out = Vec::new();
            replies.put(&mut out, GROUP, asker(id), 10, |body| body.resize(body.len() + len, 1));
            take_reply(&frames(&out)[0].body).unwrap().status
        };
        let much = limits::HELD_BYTES_MAX + 1;
        assert!(matches!(put(1, much), Status::Part { .. }), "one alone may be of any length");
        assert_eq!(put(2, limits::REPLY_PART_BYTES + 1), Status::Done, "it is told so");
        replies.expire(10 + UNFETCHED_US_MAX - 1);
        assert_eq!(replies.held.len(), 1);
        replies.expire(10 + UNFETCHED_US_MAX);
        assert_eq!((replies.held.len(), replies.bytes), (0, 0));
        let mut out = Vec::new();
        replies.put_part(&mut out, GROUP, asker(1), limits::REPLY_PART_BYTES as u64, 0);
        let late = frames(&out).remove(0);
        let late = take_reply(&late.body).unwrap();
        assert_eq!(
            (late.status, late.reply),
            (Status::Done, NOT_KEPT),
            "whoever comes late is told"
        );
        let mut out = Vec::new();
        replies.put(&mut out, GROUP, asker(1), 0, |b| {
            b.resize(b.len() + limits::REPLY_PART_BYTES + 1, 1)
        });
        replies.end(&asker(1));
        assert_eq!((replies.held.len(), replies.bytes), (0, 0), "nobody wants it");
        replies.put(&mut out, GROUP, asker(1), 0, |b| {
            b.resize(b.len() + limits::REPLY_PART_BYTES + 1, 1)
        });
        replies.forget(NodeId(1));
        assert_eq!(replies.held.len(), 1);
        replies.forget(NodeId(2));
        assert_eq!(replies.bytes, 0);
    }
}
