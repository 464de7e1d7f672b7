//! Who takes part in a transaction, and with what.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One participant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Participant {
    /// Unique in its transaction.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// It has acknowledged the pre-commit.
    #[serde(default)]
    pub pre_committed: bool,
    /// It has acknowledged the outcome, or an operator said so.
    #[serde(default)]
    pub ended: bool,
    /// How often it was told the outcome without an acknowledgement.
    #[serde(default)]
    pub attempts: u32,
    /// What came of the last attempt that failed.
    #[serde(default)]
    pub error: Option<String>,
}

/// The sorts of participants, with what each is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Commands over keys of this cluster. They run in the step that decides, so there is nothing to prepare.
    Keys(Vec<Command>),
    /// A service that is called at a URL.
    Http {
        /// `http://HOST[:PORT]/PATH`, or `https://`.
        url: String,
        /// What it is told besides.
        data: Value,
    },
    /// A PostgreSQL database.
    Postgres {
        /// The name under which the nodes know how to connect to it.
        database: String,
        /// What is done in it.
        statements: Vec<Statement>,
    },
}

/// A command of Redis's protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Its words.
    pub words: Vec<String>,
    /// Its keys, which the node finds out when the participant is enlisted.
    #[serde(default)]
    pub keys: Vec<String>,
    /// The reply has to be an integer that is not less; otherwise the transaction aborts.
    #[serde(default)]
    pub reply_min: Option<i64>,
}

/// One statement in a database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The text.
    pub sql: String,
    /// What `$1`, `$2`, ... stand for; sent as text.
    #[serde(default)]
    pub params: Vec<String>,
    /// How many rows it has to touch; otherwise the transaction aborts.
    #[serde(default)]
    pub rows: Option<u64>,
}

impl Participant {
    /// A participant of which nothing was asked yet.
    #[must_use]
    pub fn new(name: String, kind: Kind) -> Self {
        Self { name, kind, pre_committed: false, ended: false, attempts: 0, error: None }
    }
}

impl Kind {
    /// What it is called when it is told.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Keys(_) => "keys",
            Self::Http { .. } => "http",
            Self::Postgres { .. } => "postgres",
        }
    }
}
