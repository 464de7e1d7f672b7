//! What a worker does with its clients' bytes: everything but the sockets.
//!
//! The server reads and writes sockets; what stands between a socket and the node is here, so that tests and fuzzers
//! drive the very code that ships. A connection's life:
//!
//! ```text
//!            received            executed                     written
//!   socket ----------> Intake -----------> Node -> session ----------> Outbox -> socket
//!                        |  the rest
//!                        v
//!                      input, until the request is whole, the node takes it, or the replies before it are read
//!
//!   Open <--> Stalled     the node does not take the request yet
//!   Open <--> Held        the client does not read its replies
//!   Open <--> Loaded      what is under way of it is to be answered first: much, or large
//!   Open <--> Yielded     the turn has done as much work as a turn may; goes on first in the next
//!   any   --> GivenUp     nothing that arrives is looked at again
//! ```
//!
//! Invariants:
//! - Of a connection that was given up no byte reaches a decoder again.
//! - What a connection holds, in and out, is bounded, and so is what all of them hold of unfinished requests.

mod connection;
mod connections;
mod intake;
mod outbox;

pub use connection::{Connection, Why};
pub use connections::Connections;
pub use intake::READ_BYTES;
pub use outbox::Outbox;
