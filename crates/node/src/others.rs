//! The other nodes: which of them are up, and which directories may speak for them.

use crate::config::NodeConfig;
use crate::identity::Known;
use crate::peers::Peers;
use crate::replace::Knocks;
use crate::roster::Roster;

/// What this worker knows of the other nodes.
#[derive(Debug)]
pub(crate) struct Others {
    peers: Peers,
    roster: Roster,
    known: Known,
    knocks: Knocks,
}

impl Others {
    /// None was met yet, but for those that the directory remembers.
    pub(crate) fn new(config: &NodeConfig) -> Self {
        Self {
            peers: Peers::new(config),
            roster: Roster::new(config),
            known: Known::default(),
            knocks: Knocks::new(),
        }
    }

    /// Who is up.
    #[inline]
    pub(crate) fn peers(&self) -> &Peers {
        &self.peers
    }

    /// As [`Self::peers`], for what was heard of them.
    pub(crate) fn peers_mut(&mut self) -> &mut Peers {
        &mut self.peers
    }

    /// The founding members, until the cluster is founded.
    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }

    /// As [`Self::roster`], when one of them is met.
    pub(crate) fn roster_mut(&mut self) -> &mut Roster {
        &mut self.roster
    }

    /// Who the members are by what others told and the log remembers.
    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// As [`Self::known`], when more is told.
    pub(crate) fn known_mut(&mut self) -> &mut Known {
        &mut self.known
    }

    /// Directories that want the seat of a member.
    pub(crate) fn knocks(&self) -> &Knocks {
        &self.knocks
    }

    /// As [`Self::knocks`], when another one knocks.
    pub(crate) fn knocks_mut(&mut self) -> &mut Knocks {
        &mut self.knocks
    }
}
