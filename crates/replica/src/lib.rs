//! One partition on one node: a consensus engine and the state machine it feeds.
//!
//! A replica gathers the writes of one turn of the event loop into a batch, proposes it as one entry,
//! and remembers who waits for which answer. When the entry comes back committed it is applied, and
//! the answers go to their origins. Reads wait for the engine's read barrier, a turn's worth at a time, or
//! stand behind a write of their connection at its place in the log.
//!
//! ```text
//!   write -> Batch --propose--> Engine --Persist/Send--> world
//!                                 |
//!   read  -> ReadQueue --read-->  +--Commit--> apply -> State -> Audience (replies)
//!        \-> Riders of the batch, if it is behind a write of its connection
//! ```
//!
//! Invariants:
//! - An answer leaves only after its entry was handed out by `Effect::Commit` with the term it was
//!   proposed in; an entry of another term at that index means the write was not executed.
//! - Nothing here reads a clock: the stamp of a batch comes in, and never goes backwards.

mod absorption;
mod apply;
mod aside;
mod batch;
mod changes;
mod cluster;
mod epochs;
mod eviction;
mod expiry;
mod gate;
mod intake;
mod leases;
mod loader;
mod lock_leases;
mod news;
mod offspring;
pub mod payload;
mod pending;
mod propose;
mod reads;
mod replica;
mod riders;
mod roles;
mod slots;
mod snapshot;
mod stamps;
mod state;
mod waits;

pub use absorption::Awaited;
pub use aside::Aside;
pub use changes::Changes;
pub use gate::Silent;
pub use loader::Loader;
pub use offspring::Offspring;
pub use pending::{Access, Audience, Bounced, Failure, Origin};
pub use replica::{Output, Replica, Step};
pub use slots::{Claim, Claimed, Owned};
pub use snapshot::Chunk;
pub use state::State;
pub use waits::WaitEnd;
