//! Raft's messages, their bytes, and which of them cannot be right.
//!
//! All numbers are little-endian. Kind (u8), term (u64), then the fields in the order of the enum; an entry is
//! term (u64), kind (u8), length (u32), payload, and its index follows from its place.

use crate::log_view::ENTRY_OVERHEAD_BYTES;
use crate::membership;
use bytes::{Buf, BufMut, Bytes};
use synod_types::{Entry, EntryKind, Index, Membership, SnapshotMeta, Term, limits};

/// Terms and indexes above this are garbage: no group lives that long, and arithmetic on lower ones cannot
/// overflow.
const COUNTER_MAX: u64 = 1 << 62;
/// The bytes of an entry besides its payload.
const ENTRY_HEADER_BYTES: usize = 13;

/// What one Raft member says to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender's term; of a pre-vote and its consent, the term that the vote would be for.
    pub term: Term,
    /// What is said.
    pub body: Body,
}

/// The kinds of message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Asks for a vote.
    Vote {
        /// Only asks whether the vote would be given.
        pre: bool,
        /// The leader itself asked for this election, so its being alive is no reason to refuse.
        transfer: bool,
        /// The candidate's last entry.
        last: Index,
        /// That entry's term.
        last_term: Term,
    },
    /// Answers `Vote`.
    VoteReply {
        /// The answer is to a pre-vote.
        pre: bool,
        /// Yes.
        granted: bool,
    },
    /// Entries after `prev`.
    Append {
        /// The position before the first entry.
        prev: Index,
        /// The term there.
        prev_term: Term,
        /// What the leader knows to be committed.
        commit: Index,
        /// What every member is known to hold.
        shared: Index,
        /// The entries.
        entries: Vec<Entry>,
    },
    /// The sender's log is durable and equals the leader's up to `matched`.
    AppendReply {
        /// That position.
        matched: Index,
        /// What the sender knows to be committed.
        commit: Index,
    },
    /// The sender has no entry at `prev` with the term that the append named.
    AppendReject {
        /// The position that the append named.
        prev: Index,
        /// The last position at which the logs may agree.
        hint: Index,
        /// The term there.
        hint_term: Term,
    },
    /// The leader lives.
    Heartbeat {
        /// What is committed and held by the receiver.
        commit: Index,
        /// What every member is known to hold.
        shared: Index,
        /// The read round under way.
        round: u64,
        /// Nothing happens: whoever ends with this position and term, all of it committed, may sleep.
        sleep: Option<(Index, Term)>,
    },
    /// Answers `Heartbeat`.
    HeartbeatReply {
        /// The round of the heartbeat.
        round: u64,
        /// What the sender knows to be committed.
        commit: Index,
    },
    /// The receiver needs what only a snapshot has.
    SnapshotOffer(SnapshotMeta),
    /// Stand for election now.
    TimeoutNow,
}

impl Body {
    /// Whether only the leader of the term sends this.
    #[must_use]
    pub fn is_of_leader(&self) -> bool {
        match self {
            Self::Append { .. }
            | Self::Heartbeat { .. }
            | Self::SnapshotOffer(_)
            | Self::TimeoutNow => true,
            Self::Vote { .. }
            | Self::VoteReply { .. }
            | Self::AppendReply { .. }
            | Self::AppendReject { .. }
            | Self::HeartbeatReply { .. } => false,
        }
    }
}

mod kind {
    pub const VOTE: u8 = 1;
    pub const VOTE_REPLY: u8 = 2;
    pub const APPEND: u8 = 3;
    pub const APPEND_REPLY: u8 = 4;
    pub const APPEND_REJECT: u8 = 5;
    pub const HEARTBEAT: u8 = 6;
    pub const HEARTBEAT_REPLY: u8 = 7;
    pub const SNAPSHOT_OFFER: u8 = 8;
    pub const TIMEOUT_NOW: u8 = 9;
}

impl Message {
    /// Whether it could have been sent by a correct member. What the codec lets through and what arrives
    /// without having been encoded is judged by the same rule.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        let known = |n: u64| n <= COUNTER_MAX;
        let term = self.term;
        (1..=COUNTER_MAX).contains(&term.0)
            && match &self.body {
                Body::Vote { last, last_term, .. } => known(last.0) && *last_term <= term,
                Body::VoteReply { .. } | Body::TimeoutNow => true,
                Body::Append { prev, prev_term, commit, shared, entries } => {
                    known(prev.0)
                        && known(commit.0)
                        && shared <= commit
                        && (prev.0 > 0 || prev_term.0 == 0)
                        && are_sane(term, *prev, *prev_term, entries)
                }
                Body::AppendReply { matched, commit } => known(matched.0) && known(commit.0),
                Body::AppendReject { prev, hint, .. } => known(prev.0) && hint <= prev,
                Body::Heartbeat { commit, shared, sleep, .. } => {
                    known(commit.0)
                        && known(shared.0)
                        && sleep.is_none_or(|(last, last_term)| known(last.0) && last_term <= term)
                }
                Body::HeartbeatReply { commit, .. } => known(commit.0),
                Body::SnapshotOffer(meta) => {
                    (1..=COUNTER_MAX).contains(&meta.index.0)
                        && meta.term <= term
                        && membership::is_legal(&meta.membership)
                }
            }
    }

    /// Appends the encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_bytes());
        let mut head = |kind: u8| {
            out.push(kind);
            out.put_u64_le(self.term.0);
        };
        match &self.body {
            Body::Vote { pre, transfer, last, last_term } => {
                head(kind::VOTE);
                out.push(u8::from(*pre) | u8::from(*transfer) << 1);
                put_all(out, &[last.0, last_term.0]);
            }
            Body::VoteReply { pre, granted } => {
                head(kind::VOTE_REPLY);
                out.push(u8::from(*pre) | u8::from(*granted) << 1);
            }
            Body::Append { prev, prev_term, commit, shared, entries } => {
                head(kind::APPEND);
                put_all(out, &[prev.0, prev_term.0, commit.0, shared.0]);
                out.put_u32_le(entries.len() as u32);
                entries.iter().for_each(|entry| put_entry(out, entry));
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
                put_all(out, &[meta.index.0, meta.term.0]);
                meta.membership.encode(out);
            }
            Body::TimeoutNow => head(kind::TIMEOUT_NOW),
        }
    }

    /// A size that the encoding seldom passes, so that the buffer grows once.
    fn encoded_bytes(&self) -> usize {
        const FIXED: usize = 64;
        match &self.body {
            Body::Append { entries, .. } => {
                let payload = entries.iter().map(|entry| entry.payload.len()).sum::<usize>();
                FIXED + payload + entries.len() * ENTRY_HEADER_BYTES
            }
            _ => FIXED,
        }
    }

    /// Reads what [`Self::encode`] wrote; `None` when the bytes are anything else, or what they say cannot
    /// be right.
    #[must_use]
    pub fn decode(mut bytes: Bytes) -> Option<Self> {
        let kind = bytes.try_get_u8().ok()?;
        let term = Term(bytes.try_get_u64_le().ok()?);
        let body = decode_body(kind, &mut bytes)?;
        let message = Self { term, body };
        (bytes.is_empty() && message.is_sane()).then_some(message)
    }
}

fn decode_body(kind: u8, bytes: &mut Bytes) -> Option<Body> {
    Some(match kind {
        kind::VOTE => {
            let [pre, transfer] = take_flags(bytes)?;
            let [last, last_term] = take_all(bytes)?;
            Body::Vote { pre, transfer, last: Index(last), last_term: Term(last_term) }
        }
        kind::VOTE_REPLY => {
            let [pre, granted] = take_flags(bytes)?;
            Body::VoteReply { pre, granted }
        }
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
        kind::SNAPSHOT_OFFER => {
            let [index, term] = take_all(bytes)?;
            let membership = Membership::decode(bytes)?;
            bytes.clear();
            Body::SnapshotOffer(SnapshotMeta { index: Index(index), term: Term(term), membership })
        }
        kind::TIMEOUT_NOW => Body::TimeoutNow,
        _ => return None,
    })
}

fn put_all(out: &mut Vec<u8>, numbers: &[u64]) {
    numbers.iter().for_each(|n| out.put_u64_le(*n));
}

fn put_entry(out: &mut Vec<u8>, entry: &Entry) {
    out.put_u64_le(entry.term.0);
    out.push(entry.kind as u8);
    out.put_u32_le(entry.payload.len() as u32);
    out.extend_from_slice(&entry.payload);
}

fn take_all<const N: usize>(bytes: &mut Bytes) -> Option<[u64; N]> {
    let mut numbers = [0; N];
    for n in &mut numbers {
        *n = bytes.try_get_u64_le().ok()?;
    }
    Some(numbers)
}

fn take_flags(bytes: &mut Bytes) -> Option<[bool; 2]> {
    let flags = bytes.try_get_u8().ok()?;
    (flags < 4).then_some([flags & 1 != 0, flags & 2 != 0])
}

fn take_entries(bytes: &mut Bytes, prev: Index) -> Option<Vec<Entry>> {
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

/// Whether these entries can follow `prev` in the log of a leader of `term`.
fn are_sane(term: Term, prev: Index, prev_term: Term, entries: &[Entry]) -> bool {
    let (mut index, mut last_term) = (prev, prev_term);
    for entry in entries {
        index = index.next();
        let fits = entry.index == index && entry.term >= last_term && entry.term.0 > 0;
        let legal = match entry.kind {
            EntryKind::Commands => entry.payload.len() + ENTRY_OVERHEAD_BYTES <= u32::MAX as usize,
            EntryKind::Noop => entry.payload.is_empty(),
            EntryKind::Membership => {
                Membership::decode(&entry.payload).is_some_and(|m| membership::is_legal(&m))
            }
        };
        if !fits || !legal || entry.payload.len() > limits::ENTRY_BYTES_MAX {
            return false;
        }
        last_term = entry.term;
    }
    last_term <= term && index.0 <= COUNTER_MAX
}
