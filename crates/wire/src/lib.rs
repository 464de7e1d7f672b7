//! Bytes to requests and back.
//!
//! `resp` and `jute` are what clients speak, `peer` is what the nodes of one cluster speak among themselves. Both
//! are incremental (any split of the bytes means the same), bounded (no buffer grows past a named
//! limit because of what the other side says) and pure: bytes in, values out, no socket.

pub mod jute;
pub mod peer;
pub mod resp;
