//! What a client asks to be changed.

use crate::rule::Rule;

/// One change of the users, as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Applies rules to a user, which is made if it is not there: it may do nothing then, and not log in.
    Set {
        /// Who.
        name: Vec<u8>,
        /// In this order.
        rules: Vec<Rule>,
    },
    /// Deletes users; the default user stays.
    Delete(Vec<Vec<u8>>),
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// How many users are gone.
    pub deleted: usize,
}
