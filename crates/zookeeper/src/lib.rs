//! The gate of ZooKeeper's clients: bytes in, calls out; outcomes and events in, bytes out.
//!
//! ```text
//! bytes --> Connection --call--> node --> leader: Tree --+
//!    ^          |  ^                                     | outcome, with the zxid it shows
//!    +- replies +  +------------- outcome ---------------+
//!               ^
//!     Follower -+  events in the order of zxids: from the replica here, or asked for, whichever is first
//! ```
//!
//! - Replies leave in the order of the requests. Reads and writes of one connection are not on their way together, so
//!   a read sees the writes before it and none behind it.
//! - A watch's event leaves before any reply that shows its cause: a reply with a zxid that the gate has not followed
//!   to is held back while its connection watches anything.
//! - A connection whose session was not confirmed by the leader for two thirds of its timeout is closed: its session may
//!   be over.
//! - What is not served is answered `UNIMPLEMENTED` (-6). A request whose fate is not known closes the connection, which
//!   clients report as a lost connection.
//!
//! Pure: time, randomness and the addresses of clients come in as values.

mod auth;
mod connection;
mod deliver;
mod follower;
mod gate;
mod latency;
mod listings;
mod news;
mod pending;
mod read_only;
mod render;
mod sha1;
mod submit;
mod surroundings;
mod translate;
mod watchers;
mod watches;
mod words;

pub use connection::ConnectionId;
pub use gate::Gate;
pub use submit::{Outcome, Submit};
pub use surroundings::{Hearing, Mode, Surroundings};
