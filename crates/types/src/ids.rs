//! Newtypes for every identifier and counter. All of them are u64 or u32 and order as their number does.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

id!(
    /// A member of the cluster; chosen by the operator, at least 1. 0 means "none".
    NodeId(u64)
);
id!(
    /// A random number drawn when a cluster is born; 0 while it is not known yet.
    ClusterId(u64)
);
id!(
    /// A random number drawn when a node's data directory is made: a directory that was emptied has another one, and
    /// so has another node that was given the same id. 0 while it is not known.
    Incarnation(u64)
);
id!(
    /// A consensus group. 0 is the metadata group, data partitions count from 1.
    PartitionId(u32)
);
id!(
    /// The reign of one leader (Raft's term, Paxos's ballot, ZAB's epoch). 0 is before any leader.
    Term(u64)
);
id!(
    /// How often the slots of a partition changed hands, as its own log says. 0 is the founding.
    Epoch(u64)
);
id!(
    /// A position in the log of one group; the first entry has 1, 0 is before it.
    Index(u64)
);
id!(
    /// One client connection on one worker; unique for the life of the process.
    ClientId(u64)
);
id!(
    /// One forwarded request, unique for the sending worker's life.
    RequestId(u64)
);

impl PartitionId {
    /// The group that keeps members and the partition map.
    pub const META: Self = Self(0);
}

impl Index {
    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The position before this one; 0 stays 0.
    #[must_use]
    pub const fn prev(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl Term {
    /// The next reign.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
