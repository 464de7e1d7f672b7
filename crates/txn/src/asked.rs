//! What a coordinator asks partitions, what they answer, and what becomes of a transaction.

use crate::fields::Tokens;
use crate::step::Locking;
use synod_types::{Millis, PartitionId};

/// The keys of a transaction in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The partition.
    pub partition: PartitionId,
    /// The keys, each once.
    pub keys: Vec<Vec<u8>>,
    /// The locks that guard what is written, each once; their names are among the keys, so that they are held alike.
    pub locks: Vec<Vec<u8>>,
}

/// What a partition answered to Fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// What time it was there.
    pub now: Millis,
    /// For each key its version, and its image if it is there.
    pub items: Vec<(u64, Option<Vec<u8>>)>,
    /// For each lock its tokens.
    pub tokens: Vec<Tokens>,
    /// Each text that was asked for, if there is one.
    pub texts: Vec<Option<Vec<u8>>>,
}

/// What a partition answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To Fetch.
    Fetched(Fetched),
    /// To Fetch: a key is taken.
    Busy,
    /// Verified, prepared, committed, finished.
    Yes,
    /// Changed, refused for a conflict, aborted.
    No,
    /// To Resolve: it depends on what home's intent rests on.
    Staged,
    /// Nothing was done, for this reason.
    Refused(String),
    /// It may have been done, or may still be.
    Unknown,
}

/// What a partition is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// For versions and images.
    Fetch(Locking),
    /// Whether the versions are the same.
    Verify,
    /// To give the locks back; nobody waits for the answer.
    Release,
    /// To keep the writes.
    Prepare,
    /// To keep home's writes, while the others keep theirs.
    Stage,
    /// To record how what was staged ended; for an abort nobody waits for the answer.
    Conclude(bool),
    /// To decide.
    Decide,
    /// To end what it keeps; for an abort nobody waits for the answer.
    Finish(bool),
    /// To forget the decision; nobody waits for the answer.
    Forget,
}

impl Ask {
    /// Whether the coordinator wants the answer.
    #[must_use]
    pub const fn is_awaited(self) -> bool {
        !matches!(self, Self::Release | Self::Finish(false) | Self::Conclude(false) | Self::Forget)
    }
}

/// How it ended for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The reply of the commands as they ran last stands.
    Done,
    /// Nothing was written, for this reason.
    Refused(String),
    /// It may have been committed, or may still be.
    Unknown,
}

/// What is to be done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask one part.
    Send(usize, Ask),
    /// Run the commands on what was fetched, and call [`Coordinator::ran`].
    Run,
    /// Call [`Coordinator::begin`] with a new name.
    Again,
    /// Answer the client.
    Answer(Outcome),
    /// Nothing more comes.
    End,
}

/// What came of running the commands: for each part the keys that have another value now.
pub type Ran = Vec<Vec<(Vec<u8>, Option<Vec<u8>>)>>;
