//! The engines there are, by name.
//!
//! A cluster is founded with one of them and keeps it. Names go into files and flags, tags into messages.

use crate::contract::{Config, Engine, Recovered};
use crate::member::Member;
use crate::{paxos, raft, zab};
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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no engine; there are raft, paxos, zab")]
pub struct UnknownProtocol(pub String);

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

    /// The first byte of its messages; part of the wire format.
    pub(crate) const fn tag(self) -> u8 {
        match self {
            Self::Raft => 1,
            Self::Paxos => 2,
            Self::Zab => 3,
        }
    }

    pub(crate) fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.tag() == tag)
    }

    /// A member that remembers `recovered`.
    ///
    /// # Panics
    /// When the entries have a gap: to go on would be to forget what was acknowledged.
    #[must_use]
    pub fn start(self, config: Config, recovered: Recovered) -> Box<dyn Engine + Send> {
        match self {
            Self::Raft => Box::new(Member::<raft::Raft>::new(config, recovered)),
            Self::Paxos => Box::new(Member::<paxos::Paxos>::new(config, recovered)),
            Self::Zab => Box::new(Member::<zab::Zab>::new(config, recovered)),
        }
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
