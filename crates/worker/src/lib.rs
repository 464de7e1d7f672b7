//! What a worker does in a turn and beside it: everything but sockets, threads and clocks.
//!
//! The server and the simulator are two worlds around this crate: the turn (`worker`), the duties towards the log
//! (`commit`) and the snapshot files (`files`), restart (`recovery`), and what stands between a client's socket and the
//! node, so that the simulator, tests and fuzzers drive the very code that ships. A connection's life:
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

mod commit;
mod connection;
mod connections;
mod files;
mod intake;
mod outbox;
mod recovery;
mod report;
mod sums;
mod worker;

pub use commit::{Commit, Job};
pub use connection::{Connection, Why};
pub use connections::Connections;
pub use files::{Done, Files, Task, Trouble};
pub use intake::READ_BYTES;
pub use outbox::Outbox;
pub use recovery::{RecoveryError, load_groups, map_of};
pub use report::{DiskSpace, Flushed, Report};
pub use sums::Sums;
pub use worker::Worker;
