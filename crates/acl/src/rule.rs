//! One rule: what a word of ACL SETUSER means.

use crate::password::Digest;

/// Keys that match, and what may be done to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPattern {
    /// A glob.
    pub pattern: Vec<u8>,
    /// Whether they may be read.
    pub read: bool,
    /// Whether they may be changed.
    pub write: bool,
}

/// A rule about what may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectorRule {
    /// Every key.
    AllKeys,
    /// No key.
    ResetKeys,
    /// These keys too.
    Key(KeyPattern),
    /// Every channel.
    AllChannels,
    /// No channel.
    ResetChannels,
    /// The channels that match this glob too.
    Channel(Vec<u8>),
    /// Every command, those of later versions included.
    AllCommands,
    /// No command.
    NoCommands,
    /// A command, or `command|subcommand`, in lower case.
    Command {
        /// Whether it is allowed from now on, or forbidden.
        allow: bool,
        /// Which.
        name: String,
    },
    /// A command is allowed with this first argument, even where it is forbidden.
    FirstArg {
        /// The command in lower case.
        command: String,
        /// The argument, in whatever case.
        arg: Vec<u8>,
    },
    /// All commands of a category, its name in lower case and without the `@`.
    Category {
        /// Whether they are allowed from now on, or forbidden.
        allow: bool,
        /// Which.
        name: String,
    },
}

/// A rule about a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It may log in.
    On,
    /// It may not.
    Off,
    /// Payloads of RESTORE are checked for it, or are not; it changes nothing, for they always are.
    Sanitize(bool),
    /// It logs in with any password.
    NoPass,
    /// It has no password, and so does not log in.
    ResetPass,
    /// Another password.
    AddPassword(Digest),
    /// This password no longer.
    RemovePassword(Digest),
    /// Something else that it may do.
    Selector(Vec<SelectorRule>),
    /// Only what its own rules say.
    ClearSelectors,
    /// As a new user.
    Reset,
    /// What it may do.
    Root(SelectorRule),
}

/// Why a rule is refused. The texts are Redis's, but for those of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// No rule looks like this.
    #[error("Syntax error")]
    Syntax,
    /// There is no such command, subcommand or category.
    #[error("Unknown command or category name in ACL")]
    Unknown,
    /// All keys are allowed as it is.
    #[error(
        "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try \
         'resetkeys' to start with an empty list of patterns"
    )]
    AllKeys,
    /// All channels are allowed as it is.
    #[error(
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try \
         'resetchannels' to start with an empty list of channels"
    )]
    AllChannels,
    /// It is none of the user's.
    #[error("The password you are trying to remove from the user does not exist")]
    NoSuchPassword,
    /// It is no digest.
    #[error(
        "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
    )]
    BadHash,
    /// First arguments are of commands.
    #[error("Allowing first-arg of a subcommand is not supported")]
    FirstArgOfSubcommand,
    /// The user would take more than `limits::ACL_USER_BYTES_MAX`.
    #[error("The rules of one user may take 65536 bytes")]
    UserTooLarge,
    /// There are `limits::ACL_USERS_MAX` users.
    #[error("There may be 4096 users")]
    TooManyUsers,
    /// All users together would take more than `limits::ACL_BYTES_MAX`.
    #[error("The rules of all users together may take 4194304 bytes")]
    TooLarge,
}
