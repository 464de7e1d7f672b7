//! What is to be made of an answer once it comes.

use crate::watches::Which;

/// A watch that stands once the read it came with was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WatchWish {
    pub path: String,
    pub child: bool,
    /// Whether it stands for a znode that is not there, too.
    pub absent: bool,
}

/// The rest of a request, while the tree works on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pending {
    /// A session is opened or taken over; the client's flag, and the newest change it has seen.
    Connect {
        read_only: Option<bool>,
        last_zxid: i64,
    },
    /// As `Connect`, where nothing but the replica here answers.
    ConnectReadOnly {
        last_zxid: i64,
        timeout_ms: u32,
    },
    /// The answer is the reply.
    Plain(Option<WatchWish>),
    Children {
        with_stat: bool,
        wish: Option<WatchWish>,
    },
    /// The list of members, which the gate knows better than the tree.
    Config(Option<WatchWish>),
    Sync(String),
    /// The opcodes of the changes.
    Multi(Vec<i32>),
    SetWatches {
        data: Vec<String>,
        exist: Vec<String>,
        child: Vec<String>,
        persistent: Vec<String>,
        recursive: Vec<String>,
    },
    /// A watch that stays.
    AddWatch {
        path: String,
        recursive: bool,
    },
    /// Schemes with names, answered here.
    Who(Vec<(String, String)>),
    /// A word that the tree has to be asked for.
    Word([u8; 4]),
    /// Watches go, or are only looked for.
    Unwatch {
        path: String,
        which: Which,
        check_only: bool,
    },
    Close,
    /// Answered here.
    Local(Result<(), i32>),
    /// Answered here, and the connection is closed behind it.
    Refused(i32),
}

impl Pending {
    /// `removeWatches` and `checkWatches`; the kinds are ZooKeeper's `WatcherType`.
    pub fn unwatch(path: &str, kind: i32, check_only: bool) -> Self {
        let which = match kind {
            1 => Which::Child,
            2 => Which::Data,
            _ => Which::Any,
        };
        Self::Unwatch { path: path.to_owned(), which, check_only }
    }

    /// Whether a watch may come with it.
    pub fn watches(&self) -> bool {
        self.wish().is_some() || matches!(self, Self::AddWatch { .. } | Self::SetWatches { .. })
    }

    /// The watch that comes with it.
    pub fn wish(&self) -> Option<&WatchWish> {
        match self {
            Self::Plain(wish) | Self::Config(wish) | Self::Children { wish, .. } => wish.as_ref(),
            _ => None,
        }
    }
}
