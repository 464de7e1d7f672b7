//! What a tree answers.

use crate::acl::Acl;
use crate::code::Code;
use crate::events::{Event, Kind};
use crate::stat::Stat;

/// An answer, and how far the tree was when it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The newest change. An answer shows everything up to it and nothing behind it.
    pub zxid: i64,
    /// The answer.
    pub answer: Answer,
}

/// How much there is in a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// How many znodes.
    pub znodes: u64,
    /// How many of them are ephemeral.
    pub ephemerals: u64,
    /// About what they take, in bytes.
    pub bytes: u64,
    /// How many sessions.
    pub sessions: u64,
}

/// Answers, each to its own requests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are what their names say
pub enum Answer {
    /// Refused; nothing was changed.
    Error(Code),
    /// Done, and nothing to tell.
    Done,
    /// To `Open` and `Attach`.
    Session { id: i64, password: [u8; 16], timeout_ms: u32 },
    /// To `Create`; the stat if it was asked for.
    Created { path: String, stat: Option<Stat> },
    /// To `SetData`, `SetAcl` and `Exists`.
    Stat(Stat),
    /// To `GetData`.
    Data { data: Option<Vec<u8>>, stat: Stat },
    /// To `GetChildren`.
    Children { names: Vec<String>, stat: Stat },
    /// To `GetAcl`.
    Acl { acl: Vec<Acl>, stat: Stat },
    /// To `Multi` and `MultiRead`, in the order of their parts.
    Multi(Vec<Answer>),
    /// To `GetEphemerals`.
    Paths(Vec<String>),
    /// To `Dump`: sessions with the paths of their ephemerals.
    Sessions(Vec<(i64, Vec<String>)>),
    /// To `Census`.
    Census(Census),
    /// To `CountChildren`.
    Number(i32),
    /// To `Missed`: what is to be told at once.
    Missed(Vec<(Kind, String)>),
    /// To `Events`; `None` when the tree does not remember that far back.
    Events(Option<Vec<Event>>),
}
