//! What the process tells its gate about the node and the cluster, for those who ask.

/// What this node is to the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The cluster has no other node.
    #[default]
    Standalone,
    /// It leads the tree's partition.
    Leader,
    /// It has a replica.
    Follower,
    /// It has none.
    Observer,
    /// It has a replica, and nobody leads.
    ReadOnly,
}

impl Mode {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::Observer => "observer",
            Self::ReadOnly => "read-only",
        }
    }
}

/// How the gate comes to know what has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hearing {
    /// The tree's leader is on this worker.
    #[default]
    AtOnce,
    /// A replica is, which hears of a change with its leader's next message.
    Late,
    /// Only by asking.
    Never,
}

impl Hearing {
    /// Of a gate beside a replica of the tree, or none, and beside its leader, or not.
    #[must_use]
    pub const fn beside(replica: bool, leader: bool) -> Self {
        match (replica, leader) {
            (true, true) => Self::AtOnce,
            (true, false) => Self::Late,
            (false, _) => Self::Never,
        }
    }
}

/// The node and its cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// What this node is.
    pub mode: Mode,
    /// What `/zookeeper/config` is told to hold: the members, line by line, and the version of the list.
    pub config: String,
}
