//! The properties of a command that COMMAND tells.

/// A set of properties, spelled as COMMAND spells them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// None.
    pub const NONE: Self = Self(0);
    /// May change keys.
    pub const WRITE: Self = Self(1);
    /// Reads keys and changes none.
    pub const READONLY: Self = Self(1 << 1);
    /// May need more memory; refused when there is none left.
    pub const DENYOOM: Self = Self(1 << 2);
    /// Takes constant or logarithmic time.
    pub const FAST: Self = Self(1 << 3);
    /// For operators.
    pub const ADMIN: Self = Self(1 << 4);
    /// Not in scripts.
    pub const NOSCRIPT: Self = Self(1 << 5);
    /// Answered while data is being loaded.
    pub const LOADING: Self = Self(1 << 6);
    /// Answered by a replica that lost its leader.
    pub const STALE: Self = Self(1 << 7);
    /// Answered before the client has authenticated.
    pub const NO_AUTH: Self = Self(1 << 8);
    /// Key positions depend on the arguments; COMMAND GETKEYS knows.
    pub const MOVABLEKEYS: Self = Self(1 << 9);
    /// May wait.
    pub const BLOCKING: Self = Self(1 << 10);
    /// Not inside a transaction.
    pub const NO_MULTI: Self = Self(1 << 11);
    /// MONITOR shows what it does instead of itself.
    pub const SKIP_MONITOR: Self = Self(1 << 12);
    /// Has key positions and may be called without a key.
    pub const NO_MANDATORY_KEYS: Self = Self(1 << 13);

    /// About publishing and subscribing.
    pub const PUBSUB: Self = Self(1 << 14);
    /// Not while data is read in the background; here it never is.
    pub const NO_ASYNC_LOADING: Self = Self(1 << 15);

    const NAMES: [&'static str; 16] = [
        "write",
        "readonly",
        "denyoom",
        "fast",
        "admin",
        "noscript",
        "loading",
        "stale",
        "no_auth",
        "movablekeys",
        "blocking",
        "no_multi",
        "skip_monitor",
        "no_mandatory_keys",
        "pubsub",
        "no_async_loading",
    ];

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are in it.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names, as COMMAND spells them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 >> bit & 1 == 1)
            .map(|(_, n)| *n)
    }
}
