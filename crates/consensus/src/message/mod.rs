//! What engines say to each other.
//!
//! How a leader feeds its followers is said in the same words whatever the engine; how it came to lead is said in the
//! engine's own. Every message names its sender's engine; a member under another one understands all but the latter.

mod codec;
pub(crate) mod paxos;
pub(crate) mod raft;
mod sane;
pub(crate) mod zab;

use crate::Protocol;
use synod_types::{Entry, Index, SnapshotMeta, Term};

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
