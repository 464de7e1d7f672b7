//! ZooKeeper's error codes, those that a tree answers.

/// Why an operation was refused; nothing was changed. The numbers are ZooKeeper's own (`KeeperException.Code`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Code {
    /// No error; the place of an operation of a multi that failed elsewhere.
    Ok = 0,
    /// An operation behind the one that failed a multi.
    RuntimeInconsistency = -2,
    /// The request is not served here.
    Unimplemented = -6,
    /// A path or an argument that breaks the rules.
    BadArguments = -8,
    /// There is no such znode.
    NoNode = -101,
    /// The access list forbids it.
    NoAuth = -102,
    /// The version is another one.
    BadVersion = -103,
    /// An ephemeral znode has no children.
    NoChildrenForEphemerals = -108,
    /// There is one already.
    NodeExists = -110,
    /// It has children.
    NotEmpty = -111,
    /// There is no such session any more.
    SessionExpired = -112,
    /// The access list makes no sense.
    InvalidAcl = -114,
    /// The session is served by another connection.
    SessionMoved = -118,
    /// A quota forbids it.
    QuotaExceeded = -125,
}

impl Code {
    const ALL: [Self; 14] = [
        Self::Ok,
        Self::RuntimeInconsistency,
        Self::Unimplemented,
        Self::BadArguments,
        Self::NoNode,
        Self::NoAuth,
        Self::BadVersion,
        Self::NoChildrenForEphemerals,
        Self::NodeExists,
        Self::NotEmpty,
        Self::SessionExpired,
        Self::InvalidAcl,
        Self::SessionMoved,
        Self::QuotaExceeded,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The code with this number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }
}
