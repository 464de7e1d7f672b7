//! What becomes of a key that a command names, in the words of COMMAND's key specifications.

/// What a command does to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access(&'static [&'static str]);

impl Access {
    /// Its content is read.
    pub const READ: Self = Self(&["RO", "access"]);
    /// Something about it is read, but none of its content.
    pub const LOOK: Self = Self(&["RO"]);
    /// Its content is changed.
    pub const UPDATE: Self = Self(&["RW", "update"]);
    /// Its content is read and changed.
    pub const READ_UPDATE: Self = Self(&["RW", "access", "update"]);
    /// As [`Self::READ_UPDATE`] by some options, merely overwritten or read by others.
    pub const BY_OPTION: Self = Self(&["RW", "access", "update", "variable_flags"]);
    /// Something is added to it.
    pub const INSERT: Self = Self(&["RW", "insert"]);
    /// Something is removed from it.
    pub const DELETE: Self = Self(&["RW", "delete"]);
    /// Something is removed from it and answered.
    pub const TAKE: Self = Self(&["RW", "access", "delete"]);
    /// It is set, whatever was there.
    pub const OVERWRITE: Self = Self(&["OW", "update"]);
    /// It is set where nothing was.
    pub const CREATE: Self = Self(&["OW", "insert"]);
    /// It is deleted.
    pub const REMOVE: Self = Self(&["RM", "delete"]);

    /// The words of COMMAND INFO.
    #[must_use]
    pub const fn words(self) -> &'static [&'static str] {
        self.0
    }

    /// Whether whoever asks has to be allowed to read the key.
    #[must_use]
    pub fn reads(self) -> bool {
        self.0.contains(&"access")
    }

    /// Whether whoever asks has to be allowed to change the key.
    #[must_use]
    pub fn writes(self) -> bool {
        self.0.iter().any(|word| matches!(*word, "insert" | "update" | "delete"))
    }
}
