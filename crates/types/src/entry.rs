//! What a consensus group writes down: entries, hard state, membership, and what a snapshot covers.

use crate::{Index, NodeId, Protocol, Term};
use bytes::Bytes;

/// What an entry's payload is. The numbers are part of the disk and wire formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EntryKind {
    /// A batch of commands for the group's state machine.
    Commands = 0,
    /// Empty; a new leader's first entry, which lets it commit what earlier leaders left.
    Noop = 1,
    /// An encoded [`Membership`], in force from the moment it is in the log.
    Membership = 2,
}

impl EntryKind {
    /// The kind with this number, if there is one.
    #[must_use]
    pub const fn from_u8(n: u8) -> Option<Self> {
        match n {
            0 => Some(Self::Commands),
            1 => Some(Self::Noop),
            2 => Some(Self::Membership),
            _ => None,
        }
    }
}

/// One position of a group's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The reign in which it was proposed.
    pub term: Term,
    /// Its position.
    pub index: Index,
    /// What the payload is.
    pub kind: EntryKind,
    /// The payload; `limits::ENTRY_BYTES_MAX` at most.
    pub payload: Bytes,
}

/// What a member must remember besides its entries (Raft, figure 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    /// The highest term seen.
    pub term: Term,
    /// Whom this member voted for in `term`; `NodeId(0)` is nobody.
    pub vote: NodeId,
    /// A position known to be committed. May lag: it only saves work at restart.
    pub commit: Index,
    /// The end of the longest log that this member gave up, with its replica: the term of the last entry, then its index.
    /// Whatever it answered for then, it answers for still, so it stands for election and gives its vote only as if it had that log.
    pub floor: (Term, Index),
}

/// In the encoding of a membership the number of voters has this bit, and an engine follows.
const NAMES_ENGINE: u16 = 1 << 15;

/// Who takes part in a group, and by which engine. While `outgoing` is not empty the group is in a joint configuration:
/// every decision needs a majority of `voters` and a majority of `outgoing`. The lists are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// The voters, or the incoming voters of a joint configuration.
    pub voters: Vec<NodeId>,
    /// The outgoing voters of a joint configuration; empty otherwise.
    pub outgoing: Vec<NodeId>,
    /// Members that receive the log and do not vote.
    pub learners: Vec<NodeId>,
    /// What keeps them alike, once the entry that says so is committed; `None` is what the group was founded with.
    pub engine: Option<Protocol>,
}

impl Membership {
    /// A simple (not joint) configuration of these voters.
    #[must_use]
    pub fn of_voters(mut voters: Vec<NodeId>) -> Self {
        voters.sort_unstable();
        voters.dedup();
        Self { voters, ..Self::default() }
    }

    /// Appends the little-endian encoding: three lists, each a u16 count and u64 ids. Where an engine is named, its tag
    /// comes behind them, and the first count has its highest bit set.
    ///
    /// # Panics
    /// Never: a list longer than u16 cannot be built from a decoded or configured cluster.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut flag = if self.engine.is_some() { NAMES_ENGINE } else { 0 };
        for list in [&self.voters, &self.outgoing, &self.learners] {
            out.extend_from_slice(&(list.len() as u16 | flag).to_le_bytes());
            flag = 0;
            for id in list {
                out.extend_from_slice(&id.0.to_le_bytes());
            }
        }
        out.extend(self.engine.map(Protocol::tag));
    }

    /// Reads what [`Self::encode`] wrote; `None` when the bytes are anything else.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let first = u16::from_le_bytes(*bytes.first_chunk::<2>()?);
        let mut flag = first & NAMES_ENGINE;
        let mut list = || {
            let (count, rest) = bytes.split_first_chunk::<2>()?;
            bytes = rest;
            (0..u16::from_le_bytes(*count) ^ std::mem::take(&mut flag))
                .map(|_| {
                    let (id, rest) = bytes.split_first_chunk::<8>()?;
                    bytes = rest;
                    Some(NodeId(u64::from_le_bytes(*id)))
                })
                .collect::<Option<Vec<_>>>()
        };
        let (voters, outgoing, learners) = (list()?, list()?, list()?);
        let engine = match (first & NAMES_ENGINE, bytes) {
            (0, []) => None,
            (NAMES_ENGINE, [tag]) => Some(Protocol::from_tag(*tag)?),
            _ => return None,
        };
        Some(Self { voters, outgoing, learners, engine })
    }

    /// Whether `node` votes, in either half of a joint configuration.
    #[must_use]
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.voters.contains(&node) || self.outgoing.contains(&node)
    }

    /// Every member, voters first, each once.
    #[must_use]
    pub fn all(&self) -> Vec<NodeId> {
        let mut all: Vec<_> =
            self.voters.iter().chain(&self.outgoing).chain(&self.learners).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// What a snapshot stands for: the state after `index`, and the membership in force there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotMeta {
    /// The last entry that the state contains.
    pub index: Index,
    /// That entry's term.
    pub term: Term,
    /// The membership after that entry.
    pub membership: Membership,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membership_round_trips_and_refuses_cut_bytes() {
        for engine in [None, Some(Protocol::Zab)] {
            let m = Membership {
                voters: vec![NodeId(1), NodeId(2)],
                outgoing: vec![NodeId(3)],
                learners: vec![],
                engine,
            };
            let mut bytes = Vec::new();
            m.encode(&mut bytes);
            assert_eq!(Membership::decode(&bytes), Some(m));
            for cut in 0..bytes.len() {
                assert_eq!(Membership::decode(&bytes[..cut]), None);
            }
            bytes.push(9);
            assert_eq!(Membership::decode(&bytes), None);
        }
    }
}
