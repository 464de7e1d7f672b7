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

/// The node and its cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// What this node is.
    pub mode: Mode,
    /// What `/zookeeper/config` is told to hold: the members, line by line, and the version of the list.
    pub config: String,
}
