//! What a client did and what came of it: the one vocabulary of all checkers.
//!
//! Values are numbers: a workload writes each number at most once to a key, which makes an answer tell
//! which write it saw and keeps the search small.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What is stored. A workload that writes text writes the decimal spelling of the number.
pub type Value = u64;

/// One request of one client to one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Who asked. One client has one request in flight at a time; after an unknown outcome it goes on
    /// under a new number or under the same one, it makes no difference to the verdict.
    pub client: u64,
    /// What it was about; keys are independent of each other.
    pub key: String,
    /// What was asked.
    pub input: Input,
    /// When the request left the client, in microseconds of the run's monotonic clock.
    pub call_us: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The answer came. Invariant: `return_us >= call_us` (a file that says otherwise is refused).
    Returned {
        /// When the answer was there.
        return_us: u64,
        /// The answer.
        output: Output,
    },
    /// The request may have been carried out, may yet be carried out later, or never: the connection was
    /// lost, the time was up, or the server itself said that it does not know.
    Unknown,
    /// The server promised that it was not carried out and never will be.
    Refused,
}

/// The type of a key, told by what is done to it. A key keeps its kind for a whole history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `Read`, `Write`, `Swap`.
    Register,
    /// `Count`, `Increment`.
    Counter,
    /// `Members`, `Add`.
    Set,
    /// `Items`, `Append`.
    List,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Register: what is there? Answered by `Value`.
    Read,
    /// Register: put this there. Answered by `Done`.
    Write(Value),
    /// Register: put `to` there if `from` is there. Answered by `Swapped`.
    Swap {
        /// What must be there; `None` is "nothing".
        from: Option<Value>,
        /// What is put there.
        to: Value,
    },
    /// Counter: how much is it? Answered by `Number`; a counter starts at 0.
    Count,
    /// Counter: add this. Answered by `Number`, the sum after it.
    Increment(i64),
    /// Set: what is in it? Answered by `Set`.
    Members,
    /// Set: put this in. Answered by `Done`.
    Add(Value),
    /// List: what is in it? Answered by `List`.
    Items,
    /// List: put this at its end. Answered by `Number`, the length after it.
    Append(Value),
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// It is done; nothing more is told.
    Done,
    /// What the register holds; `None` is "nothing".
    Value(Option<Value>),
    /// Whether the swap took place.
    Swapped(bool),
    /// A sum or a length.
    Number(i64),
    /// The members of a set.
    Set(BTreeSet<Value>),
    /// The items of a list, first to last.
    List(Vec<Value>),
}

impl Input {
    /// The type of key that this may be asked of.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Read | Self::Write(_) | Self::Swap { .. } => Kind::Register,
            Self::Count | Self::Increment(_) => Kind::Counter,
            Self::Members | Self::Add(_) => Kind::Set,
            Self::Items | Self::Append(_) => Kind::List,
        }
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(self, Self::Read | Self::Count | Self::Members | Self::Items)
    }
}

impl Operation {
    /// When the answer was there, if one came.
    #[must_use]
    pub fn return_us(&self) -> Option<u64> {
        match self.outcome {
            Outcome::Returned { return_us, .. } => Some(return_us),
            Outcome::Unknown | Outcome::Refused => None,
        }
    }

    /// The answer, if one came.
    #[must_use]
    pub fn output(&self) -> Option<&Output> {
        match &self.outcome {
            Outcome::Returned { output, .. } => Some(output),
            Outcome::Unknown | Outcome::Refused => None,
        }
    }
}
