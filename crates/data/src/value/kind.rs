//! The kinds of value, as TYPE names them.

/// What a key holds. The numbers are part of the snapshot format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Bytes.
    String = 0,
    /// A list.
    List = 1,
    /// A set.
    Set = 2,
    /// A hash.
    Hash = 3,
    /// A sorted set.
    Zset = 4,
    /// A stream.
    Stream = 5,
}

impl Kind {
    /// The kind with this number, if there is one.
    #[must_use]
    pub const fn from_u8(n: u8) -> Option<Self> {
        Some(match n {
            0 => Self::String,
            1 => Self::List,
            2 => Self::Set,
            3 => Self::Hash,
            4 => Self::Zset,
            5 => Self::Stream,
            _ => return None,
        })
    }

    /// The name, as TYPE answers it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Hash => "hash",
            Self::Zset => "zset",
            Self::Stream => "stream",
        }
    }

    /// The kind with this name, in any case, as SCAN's TYPE option gives it.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        (0..=5).filter_map(Self::from_u8).find(|k| name.eq_ignore_ascii_case(k.name().as_bytes()))
    }
}
