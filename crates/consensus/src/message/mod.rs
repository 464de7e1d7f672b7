//! What engines say to each other, and which of it cannot be right.
//!
//! How a leader feeds its followers is said in the same words whatever the engine; how it came to lead is said in the
//! engine's own. Every message names its sender's engine; a member under another one understands all but the latter.

mod codec;

pub(crate) use codec::{
    put_all, put_entries, put_meta, take_all, take_entries, take_flags, take_meta,
};

use crate::log_view::ENTRY_OVERHEAD_BYTES;
use crate::{Protocol, membership, paxos, raft, zab};
use synod_types::{Entry, EntryKind, Index, Membership, SnapshotMeta, Term, limits};

/// Terms and indexes above this are garbage: no group lives that long, and arithmetic on lower ones cannot
/// overflow.
const COUNTER_MAX: u64 = 1 << 62;

/// What one member says to another of the same group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The engine of the sender.
    pub protocol: Protocol,
    /// The sender's term, unless the engine says otherwise of a message of its own.
    pub term: Term,
    /// What is said.
    pub body: Body,
}

/// The kinds of message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
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
    /// The receiver asked about an election in the words of an engine that the sender does not run. This much the sender
    /// knows to be committed.
    Known {
        /// That position.
        commit: Index,
        /// The term there.
        commit_term: Term,
    },
    /// Answers `Known`: the sender knows less to be committed, and lacks that entry.
    Lacking {
        /// What it knows to be committed.
        commit: Index,
    },
    /// Answers `Lacking`: committed entries, at least one. Anybody who has them may say so, in any term.
    Decided {
        /// The position before the first entry.
        prev: Index,
        /// The term there.
        prev_term: Term,
        /// The entries.
        entries: Vec<Entry>,
    },
    /// Answers `Lacking` where the entries are not at hand any more.
    DecidedSnapshot(SnapshotMeta),
    /// How Raft elects.
    Raft(raft::Ask),
    /// How Paxos does.
    Paxos(paxos::Ask),
    /// How ZAB does.
    Zab(zab::Ask),
}

impl Body {
    /// Whether this is in an engine's own words.
    pub(crate) fn is_of_engine(&self) -> bool {
        matches!(self, Self::Raft(_) | Self::Paxos(_) | Self::Zab(_))
    }

    /// Whether only the leader of the term sends this.
    #[must_use]
    pub fn is_of_leader(&self) -> bool {
        match self {
            Self::Append { .. }
            | Self::Heartbeat { .. }
            | Self::SnapshotOffer(_)
            | Self::TimeoutNow => true,
            Self::Raft(_)
            | Self::Paxos(_)
            | Self::Zab(_)
            | Self::AppendReply { .. }
            | Self::AppendReject { .. }
            | Self::HeartbeatReply { .. }
            | Self::Known { .. }
            | Self::Lacking { .. }
            | Self::Decided { .. }
            | Self::DecidedSnapshot(_) => false,
        }
    }
}

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
pub(crate) fn is_known(index: Index) -> bool {
    index.0 <= COUNTER_MAX
}

/// Whether a snapshot can be what a member of `term` has.
pub(crate) fn is_offer(term: Term, meta: &SnapshotMeta) -> bool {
    (1..=COUNTER_MAX).contains(&meta.index.0)
        && meta.term <= term
        && membership::is_legal(&meta.membership)
}

/// Whether these entries can follow `prev` in the log of a leader of `term`.
pub(crate) fn are_sane(term: Term, prev: Index, prev_term: Term, entries: &[Entry]) -> bool {
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
