//! The bytes of a message.
//!
//! All numbers are little-endian. Engine (u8), kind (u8), term (u64), then the fields in the order of the enum; an
//! entry is term (u64), kind (u8), length (u32), payload, and its index follows from its place. The kinds from 3
//! to 13 mean the same in every engine; 1 and 2 are Raft's, those from 16 Paxos's, those from 32 ZAB's.

use super::sane::COUNTER_MAX;
use super::{Body, Message, paxos, raft, zab};
use crate::Protocol;
use bytes::{Buf, BufMut, Bytes};
use synod_types::{Entry, EntryKind, Index, Membership, SnapshotMeta, Term};

/// The bytes of an entry besides its payload.
pub(crate) const ENTRY_HEADER_BYTES: usize = 13;

mod kind {
    pub const APPEND: u8 = 3;
    pub const APPEND_REPLY: u8 = 4;
    pub const APPEND_REJECT: u8 = 5;
    pub const HEARTBEAT: u8 = 6;
    pub const HEARTBEAT_REPLY: u8 = 7;
    pub const SNAPSHOT_OFFER: u8 = 8;
    pub const TIMEOUT_NOW: u8 = 9;
    pub const KNOWN: u8 = 10;
    pub const LACKING: u8 = 11;
    pub const DECIDED: u8 = 12;
    pub const DECIDED_SNAPSHOT: u8 = 13;
}

impl Message {
    /// Appends the encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_bytes());
        out.push(self.protocol.tag());
        let mut head = |kind: u8| {
            out.push(kind);
            out.put_u64_le(self.term.0);
        };
        match &self.body {
            Body::Raft(ask) => {
                head(ask.kind());
                ask.encode(out);
            }
            Body::Paxos(ask) => {
                head(ask.kind());
                ask.encode(out);
            }
            Body::Zab(ask) => {
                head(ask.kind());
                ask.encode(out);
            }
            Body::Append { prev, prev_term, commit, shared, entries } => {
                head(kind::APPEND);
                put_all(out, &[prev.0, prev_term.0, commit.0, shared.0]);
                put_entries(out, entries);
            }
            Body::AppendReply { matched, commit } => {
                head(kind::APPEND_REPLY);
                put_all(out, &[matched.0, commit.0]);
            }
            Body::AppendReject { prev, hint, hint_term } => {
                head(kind::APPEND_REJECT);
                put_all(out, &[prev.0, hint.0, hint_term.0]);
            }
            Body::Heartbeat { commit, shared, round, sleep } => {
                head(kind::HEARTBEAT);
                put_all(out, &[commit.0, shared.0, *round]);
                out.push(u8::from(sleep.is_some()));
                if let Some((last, last_term)) = sleep {
                    put_all(out, &[last.0, last_term.0]);
                }
            }
            Body::HeartbeatReply { round, commit } => {
                head(kind::HEARTBEAT_REPLY);
                put_all(out, &[*round, commit.0]);
            }
            Body::SnapshotOffer(meta) => {
                head(kind::SNAPSHOT_OFFER);
                put_meta(out, meta);
            }
            Body::TimeoutNow => head(kind::TIMEOUT_NOW),
            Body::Known { commit, commit_term } => {
                head(kind::KNOWN);
                put_all(out, &[commit.0, commit_term.0]);
            }
            Body::Lacking { commit } => {
                head(kind::LACKING);
                put_all(out, &[commit.0]);
            }
            Body::Decided { prev, prev_term, entries } => {
                head(kind::DECIDED);
                put_all(out, &[prev.0, prev_term.0]);
                put_entries(out, entries);
            }
            Body::DecidedSnapshot(meta) => {
                head(kind::DECIDED_SNAPSHOT);
                put_meta(out, meta);
            }
        }
    }

    /// A size that the encoding seldom passes, so that the buffer grows once.
    fn encoded_bytes(&self) -> usize {
        const FIXED: usize = 64;
        let entries = match &self.body {
            Body::Append { entries, .. } | Body::Decided { entries, .. } => entries,
            Body::Paxos(ask) => ask.entries(),
            _ => return FIXED,
        };
        let payload = entries.iter().map(|entry| entry.payload.len()).sum::<usize>();
        FIXED + payload + entries.len() * ENTRY_HEADER_BYTES
    }

    /// Reads what [`Self::encode`] wrote; `None` when the bytes are anything else, or what they say cannot
    /// be right.
    #[must_use]
    pub fn decode(mut bytes: Bytes) -> Option<Self> {
        let protocol = Protocol::from_tag(bytes.try_get_u8().ok()?)?;
        let kind = bytes.try_get_u8().ok()?;
        let term = Term(bytes.try_get_u64_le().ok()?);
        let body = decode_body(protocol, kind, &mut bytes)?;
        let message = Self { protocol, term, body };
        (bytes.is_empty() && message.is_sane()).then_some(message)
    }
}

fn decode_body(protocol: Protocol, kind: u8, bytes: &mut Bytes) -> Option<Body> {
    Some(match kind {
        kind::APPEND => {
            let [prev, prev_term, commit, shared] = take_all(bytes)?;
            let (prev, prev_term) = (Index(prev), Term(prev_term));
            let (commit, shared) = (Index(commit), Index(shared));
            Body::Append { prev, prev_term, commit, shared, entries: take_entries(bytes, prev)? }
        }
        kind::APPEND_REPLY => {
            let [matched, commit] = take_all(bytes)?;
            Body::AppendReply { matched: Index(matched), commit: Index(commit) }
        }
        kind::APPEND_REJECT => {
            let [prev, hint, hint_term] = take_all(bytes)?;
            Body::AppendReject { prev: Index(prev), hint: Index(hint), hint_term: Term(hint_term) }
        }
        kind::HEARTBEAT => {
            let [commit, shared, round] = take_all(bytes)?;
            let sleep = match bytes.try_get_u8().ok()? {
                0 => None,
                1 => take_all(bytes).map(|[last, term]| Some((Index(last), Term(term))))?,
                _ => return None,
            };
            Body::Heartbeat { commit: Index(commit), shared: Index(shared), round, sleep }
        }
        kind::HEARTBEAT_REPLY => {
            let [round, commit] = take_all(bytes)?;
            Body::HeartbeatReply { round, commit: Index(commit) }
        }
        kind::SNAPSHOT_OFFER => Body::SnapshotOffer(take_meta(bytes)?),
        kind::TIMEOUT_NOW => Body::TimeoutNow,
        kind::KNOWN => {
            let [commit, term] = take_all(bytes)?;
            Body::Known { commit: Index(commit), commit_term: Term(term) }
        }
        kind::LACKING => take_all(bytes).map(|[commit]| Body::Lacking { commit: Index(commit) })?,
        kind::DECIDED => {
            let [prev, prev_term] = take_all(bytes)?;
            let (prev, prev_term) = (Index(prev), Term(prev_term));
            Body::Decided { prev, prev_term, entries: take_entries(bytes, prev)? }
        }
        kind::DECIDED_SNAPSHOT => Body::DecidedSnapshot(take_meta(bytes)?),
        _ => match protocol {
            Protocol::Raft => Body::Raft(raft::Ask::decode(kind, bytes)?),
            Protocol::Paxos => Body::Paxos(paxos::Ask::decode(kind, bytes)?),
            Protocol::Zab => Body::Zab(zab::Ask::decode(kind, bytes)?),
        },
    })
}

pub(super) fn put_all(out: &mut Vec<u8>, numbers: &[u64]) {
    numbers.iter().for_each(|n| out.put_u64_le(*n));
}

pub(super) fn put_entries(out: &mut Vec<u8>, entries: &[Entry]) {
    out.put_u32_le(entries.len() as u32);
    for entry in entries {
        out.put_u64_le(entry.term.0);
        out.push(entry.kind as u8);
        out.put_u32_le(entry.payload.len() as u32);
        out.extend_from_slice(&entry.payload);
    }
}

pub(super) fn put_meta(out: &mut Vec<u8>, meta: &SnapshotMeta) {
    put_all(out, &[meta.index.0, meta.term.0]);
    meta.membership.encode(out);
}

/// Takes what is left: nothing comes behind a membership.
pub(super) fn take_meta(bytes: &mut Bytes) -> Option<SnapshotMeta> {
    let [index, term] = take_all(bytes)?;
    let membership = Membership::decode(bytes)?;
    bytes.clear();
    Some(SnapshotMeta { index: Index(index), term: Term(term), membership })
}

pub(super) fn take_all<const N: usize>(bytes: &mut Bytes) -> Option<[u64; N]> {
    let mut numbers = [0; N];
    for n in &mut numbers {
        *n = bytes.try_get_u64_le().ok()?;
    }
    Some(numbers)
}

pub(super) fn take_flags(bytes: &mut Bytes) -> Option<[bool; 2]> {
    let flags = bytes.try_get_u8().ok()?;
    (flags < 4).then_some([flags & 1 != 0, flags & 2 != 0])
}

pub(super) fn take_entries(bytes: &mut Bytes, prev: Index) -> Option<Vec<Entry>> {
    let count = bytes.try_get_u32_le().ok()? as usize;
    // Counted before anything is allocated: every entry has a header.
    if prev.0 > COUNTER_MAX || count > bytes.len() / ENTRY_HEADER_BYTES {
        return None;
    }
    let mut entries = Vec::with_capacity(count);
    for n in 1..=count as u64 {
        let term = Term(bytes.try_get_u64_le().ok()?);
        let kind = EntryKind::from_u8(bytes.try_get_u8().ok()?)?;
        let len = bytes.try_get_u32_le().ok()? as usize;
        if len > bytes.len() {
            return None;
        }
        entries.push(Entry { term, index: Index(prev.0 + n), kind, payload: bytes.split_to(len) });
    }
    Some(entries)
}
