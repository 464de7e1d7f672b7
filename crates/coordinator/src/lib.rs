//! Transactions over services and databases outside of the cluster: what the coordinator remembers of one, and its steps.
//!
//! A [`Record`] is the whole state of a transaction. It is replicated, and changed by compare-and-set on its version: whoever
//! lost the comparison reads it anew. What is to be done outside follows from the record alone ([`Record::duty`]), so any node may go
//! on where another stopped.
//!
//! ```text
//!          commit asked        all voted yes (2pc), with the keys' writes
//!  Open ---------------> Preparing ---------------------------------------> Committed --+
//!   |                        |  \                                             ^         |  all participants
//!   |                        |   \  all voted yes (3pc), with the keys' writes |         |  have answered
//!   | abort, deadline        |    +------------------> PreCommitted -----------+         v
//!   +------------------------+                                                        ended, forgotten
//!                            |   a no, the deadline, a driver that was lost              ^
//!                            +-----------------------------------> Aborted --------------+
//! ```
//!
//! The decision is replicated before a participant hears of it. Before it, abort is presumed: a driver that takes over a
//! transaction in `Preparing` aborts it. After it, what was decided is told until everybody has answered.

mod allowed;
pub mod bounds;
mod participant;
mod record;
mod request;
mod shown;

pub use allowed::{Allowed, Target};
pub use participant::{Command, Kind, Participant, Statement};
pub use record::{Duty, Phase, Protocol, Record, Refusal};
pub use request::{Begin, Invalid, participant};
pub use shown::{shown, summary};
