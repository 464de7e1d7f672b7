//! What Raft's members say to each other before there is a leader.

use super::codec::{put_all, take_all, take_flags};
use super::sane::is_known;
use bytes::Bytes;
use synod_types::{Index, Term};

/// Of elections. The term of a pre-vote, and of consent to one, is the term that the vote would be for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
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
}

const VOTE: u8 = 1;
const VOTE_REPLY: u8 = 2;

impl Ask {
    /// Whether a correct member could have sent it.
    pub(crate) fn is_sane(&self, term: Term) -> bool {
        match self {
            Self::Vote { last, last_term, .. } => is_known(*last) && *last_term <= term,
            Self::VoteReply { .. } => true,
        }
    }

    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Vote { .. } => VOTE,
            Self::VoteReply { .. } => VOTE_REPLY,
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Vote { pre, transfer, last, last_term } => {
                out.push(u8::from(*pre) | u8::from(*transfer) << 1);
                put_all(out, &[last.0, last_term.0]);
            }
            Self::VoteReply { pre, granted } => {
                out.push(u8::from(*pre) | u8::from(*granted) << 1);
            }
        }
    }

    pub(crate) fn decode(kind: u8, bytes: &mut Bytes) -> Option<Self> {
        Some(match kind {
            VOTE => {
                let [pre, transfer] = take_flags(bytes)?;
                let [last, last_term] = take_all(bytes)?;
                Self::Vote { pre, transfer, last: Index(last), last_term: Term(last_term) }
            }
            VOTE_REPLY => {
                let [pre, granted] = take_flags(bytes)?;
                Self::VoteReply { pre, granted }
            }
            _ => return None,
        })
    }
}
