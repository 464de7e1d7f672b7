//! The commands, one file each (close relatives share one). A handler checks its arguments first,
//! changes the keyspace second and answers last; on `Err` it has changed and answered nothing.

pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod string;

/// What a command's file begins with.
pub(crate) mod prelude {
    pub use crate::error::{self, Failure, Outcome};
    pub use crate::{Args, Context, Keyspace, args};
    pub use synod_types::ReplySink;
}
