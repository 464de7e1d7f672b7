//! The keyspace: Redis's data structures as a deterministic state machine.
//!
//! One [`Keyspace`] holds the keys of one partition. A command is found by [`lookup`] and run by
//! [`Keyspace::execute_read`] or [`Keyspace::execute_write`]; its reply goes into a
//! [`synod_types::ReplySink`]. Time and randomness come in with the [`Context`], which the leader
//! decided and every replica repeats, so equal entries make equal keyspaces: [`Keyspace::digest`].
//!
//! # How a key lies in memory
//!
//! ```text
//! Keyspace -> slots[key_slot] : SlotTable { dense: Vec<Object>, index: hash -> place }
//!   Object::Packed  one allocation: header, key, and a string or a small collection in packed bytes
//!   Object::Full    key, header and a large collection as its own structure (`value::Value`)
//! ```
//!
//! # The folders, each above those that it imports
//!
//! ```text
//! commands  handlers with their rows, and the table of all      transactions  rdb
//! keyspace  slots, expiry, eviction, what a command did to its keys
//! snapshot  the records of a snapshot      command  what a row says      events  scripting
//! edit      a collection open for change
//! object    a key with its value
//! value     the kinds of value
//! ```
//!
//! Two types name each other: a row of `command` holds a function over the [`Keyspace`], which runs rows.
//!
//! # How a command is written
//!
//! A handler checks its arguments, changes the keyspace, answers, in this order; on `Err` it has changed
//! and answered nothing, and the error text goes to the client. Arity was checked before.
//!
//! ```text
//! // Reading: None for an absent key; WRONGTYPE through `?`.
//! match keyspace.view::<Hash>(args[1], ctx.now)? {
//!     None => out.integer(0),
//!     Some(View::Packed(bytes)) => out.integer(packed::len(bytes)),
//!     Some(View::Full(hash)) => out.integer(hash.len()),
//! }
//! // Changing: `edit` for an existing collection, `edit_or_create`, or `store` for a whole new one.
//! let added = keyspace.edit_or_create::<Hash, _>(args[1], ctx.now, |edit| {
//!     // edit.view() looks; these change, and so give the key a new version:
//!     //   edit.splice(range, bytes), edit.packed_mut()   packed bytes in place
//!     //   edit.full_mut()                                the structure
//!     //   edit.set(Whole::Full(hash))                    from packed to full, or back
//!     Ok(1)
//! })?;
//! ```
//!
//! A collection left empty is deleted with its key; versions, counts, expiry, memory and snapshots are
//! seen to by the keyspace. A handler touches only keys that its row's key positions name.
//!
//! Adding a command: one file under `commands/<family>/` with the handler and its row, and that file's name in the
//! family's list; or a handler and a row in the file of its relatives. Adding a kind of collection:
//! [`value::Collection`].

mod allocation;
pub mod args;
pub mod authority;
mod command;
mod commands;
mod context;
mod debug;
pub mod decimal;
mod edit;
pub mod error;
pub mod events;
mod glob;
mod keyspace;
mod lengthy;
pub mod number;
mod object;
pub mod op;
mod operations;
mod rdb;
mod scatter;
pub mod scripting;
mod slot_table;
mod snapshot;
mod transactions;
pub mod value;
pub mod waiting;

pub use command::{
    Access, Categories, Command, Extent, Flags, Group, Handler, InnerKeys, KeySpec, KeyWords,
};
pub use commands::lock::{TreeCall, tree_call};
pub use commands::{commands, lookup};
pub use context::{Args, Context, random};
pub use debug::debug_protocol;
pub use edit::Edit;
pub use glob::Glob;
pub use keyspace::{
    Candidate, ChangedKeys, CorruptSnapshot, Expiry, ExpiryCursor, Garbage, Keyspace,
    KeyspaceStats, Measures, Noted, Restorer, ScanFilter, UNDECLARED, follows_patterns,
    patterns_of, warm,
};
pub use object::Text;
pub use scatter::Joined;
pub use synod_machine::digest;
pub use transactions::{BUSY, Changes, Commands, NO, STAGED, Scratch, Surroundings, YES};
pub use value::{View, Whole};
