//! One consensus contract and the engines that fill it.
//!
//! The modules besides the engines are shared by all of them and know nothing of any: the log view, quorum
//! arithmetic, per-peer progress, membership, the read barrier, and what waits for the disk. An engine owns how
//! a leader is elected, how the log is recovered and when an entry is committed.

mod contract;
pub mod durability;
pub mod log_view;
pub mod membership;
mod message;
pub mod progress;
pub mod quorum;
pub mod raft;
pub mod random;
pub mod read_barrier;

pub use contract::{
    Config, Effect, Engine, PeerStatus, Position, Recovered, Refused, Role, Status, Token,
};
pub use message::Message;
