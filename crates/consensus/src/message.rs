//! What engines say to each other, and its bytes.

use crate::raft;
use bytes::Bytes;
use synod_types::Term;

/// A message of one engine to the same engine on another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Of Raft.
    Raft(raft::Message),
}

/// Which engine the rest of the bytes belongs to; the numbers are part of the wire format.
const RAFT: u8 = 1;

impl Message {
    /// The term in which it was sent (for a pre-vote: the term it asks about).
    #[must_use]
    pub fn term(&self) -> Term {
        match self {
            Self::Raft(message) => message.term,
        }
    }

    /// Appends the encoding: one byte for the engine, then the engine's own.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Raft(message) => {
                out.push(RAFT);
                message.encode(out);
            }
        }
    }

    /// Reads what [`Self::encode`] wrote; `None` when the bytes are anything else. Payloads of entries are
    /// slices of `bytes`.
    #[must_use]
    pub fn decode(mut bytes: Bytes) -> Option<Self> {
        let engine = *bytes.first()?;
        bytes::Buf::advance(&mut bytes, 1);
        match engine {
            RAFT => raft::Message::decode(bytes).map(Self::Raft),
            _ => None,
        }
    }
}
