//! Which messages cannot be right, whoever sent them.

use super::{Body, Message};
use crate::log_view::ENTRY_OVERHEAD_BYTES;
use crate::{Protocol, membership};
use synod_types::{Entry, EntryKind, Index, Membership, SnapshotMeta, Term, limits};

/// Terms and indexes above this are garbage: no group lives that long, and arithmetic on lower ones cannot
/// overflow.
pub(super) const COUNTER_MAX: u64 = 1 << 62;

impl Message {
    /// Whether it could have been sent by a correct member. What the codec lets through and what arrives
    /// without having been encoded is judged by the same rule.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        let term = self.term;
        (1..=COUNTER_MAX).contains(&term.0)
            && match &self.body {
                Body::Raft(ask) => self.protocol == Protocol::Raft && ask.is_sane(term),
                Body::Paxos(ask) => self.protocol == Protocol::Paxos && ask.is_sane(term),
                Body::Zab(ask) => self.protocol == Protocol::Zab && ask.is_sane(term),
                Body::TimeoutNow => true,
                Body::Append { prev, prev_term, commit, shared, entries } => {
                    is_known(*prev)
                        && is_known(*commit)
                        && shared <= commit
                        && (prev.0 > 0 || prev_term.0 == 0)
                        && are_sane(term, *prev, *prev_term, entries)
                }
                Body::AppendReply { matched, commit } => is_known(*matched) && is_known(*commit),
                Body::AppendReject { prev, hint, .. } => is_known(*prev) && hint <= prev,
                Body::Heartbeat { commit, shared, sleep, .. } => {
                    is_known(*commit)
                        && is_known(*shared)
                        && sleep.is_none_or(|(last, last_term)| is_known(last) && last_term <= term)
                }
                Body::HeartbeatReply { commit, .. } => is_known(*commit),
                Body::Known { commit, commit_term } => {
                    is_known(*commit)
                        && *commit_term <= term
                        && (commit.0 > 0 || commit_term.0 == 0)
                }
                Body::Lacking { commit } => is_known(*commit),
                Body::Decided { prev, prev_term, entries } => {
                    is_known(*prev)
                        && (prev.0 > 0 || prev_term.0 == 0)
                        && !entries.is_empty()
                        && are_sane(term, *prev, *prev_term, entries)
                }
                Body::SnapshotOffer(meta) | Body::DecidedSnapshot(meta) => is_offer(term, meta),
            }
    }
}

/// Whether a position can be one.
pub(super) fn is_known(index: Index) -> bool {
    index.0 <= COUNTER_MAX
}

/// Whether a snapshot can be what a member of `term` has.
pub(super) fn is_offer(term: Term, meta: &SnapshotMeta) -> bool {
    (1..=COUNTER_MAX).contains(&meta.index.0)
        && meta.term <= term
        && membership::is_legal(&meta.membership)
}

/// Whether these entries can follow `prev` in the log of a leader of `term`.
pub(super) fn are_sane(term: Term, prev: Index, prev_term: Term, entries: &[Entry]) -> bool {
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
