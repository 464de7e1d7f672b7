//! The categories that Redis's access lists know a command by. They follow from family and flags; a row names
//! the exceptions.

use super::{Flags, Group};

/// A set of categories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Categories(u32);

impl Categories {
    /// None.
    pub const NONE: Self = Self(0);
    /// Keys whatever they hold.
    pub const KEYSPACE: Self = Self(1);
    /// Reads keys.
    pub const READ: Self = Self(1 << 1);
    /// Writes keys.
    pub const WRITE: Self = Self(1 << 2);
    /// Sets.
    pub const SET: Self = Self(1 << 3);
    /// Sorted sets.
    pub const SORTED_SET: Self = Self(1 << 4);
    /// Lists.
    pub const LIST: Self = Self(1 << 5);
    /// Hashes.
    pub const HASH: Self = Self(1 << 6);
    /// Strings.
    pub const STRING: Self = Self(1 << 7);
    /// Bits of strings.
    pub const BITMAP: Self = Self(1 << 8);
    /// HyperLogLogs.
    pub const HYPERLOGLOG: Self = Self(1 << 9);
    /// Places on earth.
    pub const GEO: Self = Self(1 << 10);
    /// Streams.
    pub const STREAM: Self = Self(1 << 11);
    /// Messages between clients.
    pub const PUBSUB: Self = Self(1 << 12);
    /// For operators.
    pub const ADMIN: Self = Self(1 << 13);
    /// Constant or logarithmic time.
    pub const FAST: Self = Self(1 << 14);
    /// More than that.
    pub const SLOW: Self = Self(1 << 15);
    /// May wait.
    pub const BLOCKING: Self = Self(1 << 16);
    /// Not for everyone.
    pub const DANGEROUS: Self = Self(1 << 17);
    /// The connection.
    pub const CONNECTION: Self = Self(1 << 18);
    /// MULTI and its relatives.
    pub const TRANSACTION: Self = Self(1 << 19);
    /// Scripts and functions.
    pub const SCRIPTING: Self = Self(1 << 20);

    const NAMES: [&'static str; 21] = [
        "@keyspace",
        "@read",
        "@write",
        "@set",
        "@sortedset",
        "@list",
        "@hash",
        "@string",
        "@bitmap",
        "@hyperloglog",
        "@geo",
        "@stream",
        "@pubsub",
        "@admin",
        "@fast",
        "@slow",
        "@blocking",
        "@dangerous",
        "@connection",
        "@transaction",
        "@scripting",
    ];

    /// Those of a command of this family with these flags, unless its row says otherwise.
    #[must_use]
    pub const fn of(group: Group, flags: Flags) -> Self {
        let family = match group {
            Group::Generic => Self::KEYSPACE,
            Group::String => Self::STRING,
            Group::List => Self::LIST,
            Group::Set => Self::SET,
            Group::Hash => Self::HASH,
            Group::SortedSet => Self::SORTED_SET,
            Group::Stream => Self::STREAM,
            Group::Scripting => Self::SCRIPTING,
            Group::Transactions => Self::TRANSACTION,
            Group::PubSub => Self::PUBSUB,
            Group::Connection => Self::CONNECTION,
            Group::Bitmap => Self::BITMAP,
            Group::HyperLogLog => Self::HYPERLOGLOG,
            Group::Geo => Self::GEO,
            Group::Server | Group::Cluster => Self::NONE,
        };
        let pace = if flags.has(Flags::FAST) { Self::FAST } else { Self::SLOW };
        family
            .and(pace)
            .when(flags.has(Flags::READONLY), Self::READ)
            .when(flags.has(Flags::WRITE), Self::WRITE)
            .when(flags.has(Flags::ADMIN), Self::ADMIN.and(Self::DANGEROUS))
            .when(flags.has(Flags::BLOCKING), Self::BLOCKING)
    }

    const fn when(self, condition: bool, other: Self) -> Self {
        if condition { self.and(other) } else { self }
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The category with this name, in lower case and without its `@`.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::NAMES.iter().position(|known| &known[1..] == name).map(|bit| Self(1 << bit))
    }

    /// All of them, each for itself, with its name and without its `@`.
    pub fn all() -> impl ExactSizeIterator<Item = (&'static str, Self)> {
        Self::NAMES.iter().enumerate().map(|(bit, name)| (&name[1..], Self(1 << bit)))
    }

    /// Whether they have some in common.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The names, each with its `@`, in the order in which Redis lists them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 >> bit & 1 == 1)
            .map(|(_, name)| *name)
    }
}
