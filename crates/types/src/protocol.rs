//! The consensus engines there are, by name.
//!
//! A group's members name one in their membership, the cluster in its map, and people in flags. The names go into files and
//! flags, the tags into messages, entries and maps.

use std::fmt;
use std::str::FromStr;

/// Which protocol keeps the members of a group alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Raft.
    #[default]
    Raft,
    /// Multi-Paxos.
    Paxos,
    /// ZooKeeper's atomic broadcast.
    Zab,
}

/// A name that is no engine's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProtocol(pub String);

impl fmt::Display for UnknownProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no engine; there are raft, paxos, zab", self.0)
    }
}

impl std::error::Error for UnknownProtocol {}

impl Protocol {
    /// Every engine.
    pub const ALL: [Self; 3] = [Self::Raft, Self::Paxos, Self::Zab];

    /// As flags and files spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raft => "raft",
            Self::Paxos => "paxos",
            Self::Zab => "zab",
        }
    }

    /// As messages, entries and the cluster map spell it; part of their formats. Never 0.
    #[must_use]
    pub const fn tag(self) -> u8 {
        match self {
            Self::Raft => 1,
            Self::Paxos => 2,
            Self::Zab => 3,
        }
    }

    /// The engine with this tag, if there is one.
    #[must_use]
    pub fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.tag() == tag)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|protocol| protocol.as_str() == text);
        known.ok_or_else(|| UnknownProtocol(text.to_owned()))
    }
}
