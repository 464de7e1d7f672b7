//! A tree of znodes with sessions, as ZooKeeper's clients know it: a deterministic machine of a partition.
//!
//! One namespace is one [`Tree`] in one slot, so its zxids are one order; those of a partition that have names are [`NamedTrees`]. A gate writes a [`Call`] as the body of an
//! operation and reads the [`Reply`] back; nothing between them looks inside.
//!
//! ```text
//! Call { session, owner, ids, request } --log--> Tree::apply --> Reply { zxid, answer }
//!                                                   |
//!                                                   +--> events: what watches are told, kept for a while
//! ```
//!
//! Watches themselves are not here: they belong to a connection and are kept by its gate. The tree keeps its newest
//! changes ([`events::Event`]) so that any node can ask what happened since a zxid that it has seen.
//!
//! Time is the stamp of the entry. Sessions are replicated; who is still heard from is the leader's business, and
//! an expiry is an operation like any other ([`Request::Expire`]).

mod acl;
mod answer;
mod answer_codec;
mod call;
mod call_codec;
mod change;
mod code;
mod codec;
mod contend;
pub mod events;
mod fading;
mod limits;
mod machine;
mod named;
mod nodes;
mod path;
mod query;
mod queue;
mod quota;
mod session;
mod snapshot;
mod stat;
mod tree;

pub use acl::{Acl, Id, perms};
pub use answer::{Answer, Census, Reply};
pub use call::{Call, Change, Fading, Mode, Read, Request, Watched};
pub use code::Code;
pub use contend::Contend;
pub use limits::{DATA_BYTES_MAX, EVENTS_MAX, SESSIONS_MAX};
pub use named::{NAMED_TREES_MAX, NamedRestorer, NamedTrees, taken_apart};
pub use session::{READER, Session};
pub use snapshot::Restorer;
pub use stat::Stat;
pub use tree::Tree;
