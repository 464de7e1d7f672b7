//! Users and what they may do: the part of a cluster's state that says who may use it.
//!
//! Every rule is kept as it was said, in a normal form, and none is turned into a set of commands here: which
//! commands there are differs between versions of the program, and replicas of one log have to agree. Whoever checks a
//! request compiles the rules with its own table of commands (`synod_data::authority`); whoever takes a rule from a client
//! checks its words with [`parse`], before it enters the log.
//!
//! Passwords are known by their SHA-256 only, in the log as well.
//!
//! Invariants:
//! - There is always a user named `default`.
//! - A change is made as a whole or not at all.
//! - No user takes more than [`limits::ACL_USER_BYTES_MAX`](synod_types::limits::ACL_USER_BYTES_MAX), and all of them
//!   together no more than their limits.

mod change;
mod codec;
mod parse;
mod password;
mod rule;
mod selector;
mod user;
mod users;

pub use change::{Change, Changed};
pub use parse::{Fault, Vocabulary, Word, merge_selectors, parse};
pub use password::Digest;
pub use rule::{KeyPattern, Rule, SelectorRule, Why};
pub use selector::{CommandRule, Selector};
pub use user::User;
pub use users::{DEFAULT, Users};
