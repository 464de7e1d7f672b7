//! What the table says of a command: name, arity, flags, key positions, categories, and what runs it.

mod access;
mod categories;
mod extent;
mod flags;
mod row;

pub use access::Access;
pub use categories::Categories;
pub use extent::Extent;
pub use flags::Flags;
pub use row::{Command, Group, Handler, InnerKeys, KeySpec, KeyWords};
