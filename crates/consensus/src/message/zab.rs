//! What ZAB's members say to each other before there is a leader.

use super::codec::{put_all, take_all, take_flags};
use super::sane::is_known;
use bytes::Bytes;
use synod_types::{Index, NodeId, Term};

/// Of fast leader election and of discovery. The term of a notification and of `FollowerInfo` is the lowest epoch that the
/// sender has not accepted yet, of the others the epoch they belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Whom the sender wants to lead, or whom it follows.
    Notification {
        /// Its election round.
        round: u64,
        /// It looks for a leader; else it has one.
        looking: bool,
        /// The leader it proposes, or has.
        leader: NodeId,
        /// The last entry of the one proposed.
        last: Index,
        /// The epoch of that entry.
        last_term: Term,
    },
    /// The sender follows the receiver, which was elected.
    FollowerInfo,
    /// The epoch of the sender's leadership (LEADERINFO).
    NewEpoch {
        /// The old leader asked for it, so its being alive is no reason to refuse.
        transfer: bool,
        /// A quorum has accepted it: whoever has accepted it from another, in vain, may follow nevertheless.
        leading: bool,
    },
    /// The sender accepts no older epoch any more, and this is where its history ends.
    AckEpoch {
        /// Its last entry.
        last: Index,
        /// The epoch of that entry.
        last_term: Term,
    },
}

const NOTIFICATION: u8 = 32;
const FOLLOWER_INFO: u8 = 33;
const NEW_EPOCH: u8 = 34;
const ACK_EPOCH: u8 = 35;

impl Ask {
    /// Whether a correct member could have sent it.
    pub(crate) fn is_sane(&self, term: Term) -> bool {
        match self {
            Self::Notification { leader, last, .. } => is_known(*last) && *leader > NodeId(0),
            Self::FollowerInfo | Self::NewEpoch { .. } => true,
            Self::AckEpoch { last, last_term } => is_known(*last) && *last_term <= term,
        }
    }

    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Notification { .. } => NOTIFICATION,
            Self::FollowerInfo => FOLLOWER_INFO,
            Self::NewEpoch { .. } => NEW_EPOCH,
            Self::AckEpoch { .. } => ACK_EPOCH,
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Notification { round, looking, leader, last, last_term } => {
                put_all(out, &[*round, leader.0, last.0, last_term.0]);
                out.push(u8::from(*looking));
            }
            Self::FollowerInfo => {}
            Self::NewEpoch { transfer, leading } => {
                out.push(u8::from(*transfer) | u8::from(*leading) << 1);
            }
            Self::AckEpoch { last, last_term } => put_all(out, &[last.0, last_term.0]),
        }
    }

    pub(crate) fn decode(kind: u8, bytes: &mut Bytes) -> Option<Self> {
        Some(match kind {
            NOTIFICATION => {
                let [round, leader, last, last_term] = take_all(bytes)?;
                let (leader, last, last_term) = (NodeId(leader), Index(last), Term(last_term));
                let [looking, other] = take_flags(bytes)?;
                let notification = Self::Notification { round, looking, leader, last, last_term };
                (!other).then_some(notification)?
            }
            FOLLOWER_INFO => Self::FollowerInfo,
            NEW_EPOCH => {
                let [transfer, leading] = take_flags(bytes)?;
                Self::NewEpoch { transfer, leading }
            }
            ACK_EPOCH => {
                let [last, last_term] = take_all(bytes)?;
                Self::AckEpoch { last: Index(last), last_term: Term(last_term) }
            }
            _ => return None,
        })
    }
}
