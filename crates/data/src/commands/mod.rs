//! The commands, one file each (close relatives share one): the handler, and with it the row of the table that
//! tells its name, arity, keys, syntax and categories. The family's `mod.rs` lists its files' rows.
//!
//! A handler checks its arguments first, changes the keyspace second and answers last; on `Err` it has changed
//! and answered nothing.

pub(crate) mod bitmap;
mod element_scan;
pub(crate) mod geo;
pub(crate) mod hash;
pub(crate) mod hyperloglog;
pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod lock;
mod random_picks;
pub(crate) mod script;
mod session;
pub(crate) mod set;
pub(crate) mod stream;
pub(crate) mod string;
mod table;
pub(crate) mod waiting;
pub(crate) mod zset;

pub use table::{commands, lookup};

/// What a command's file begins with.
pub(crate) mod prelude {
    pub use crate::command::{Access, Categories, Command, Extent, Flags, Group, Handler};
    pub use crate::error::{self, Failure, Outcome};
    pub use crate::{Args, Context, Keyspace, args};
    pub use synod_types::ReplySink;
}
