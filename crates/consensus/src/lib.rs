//! One consensus contract and the engines that fill it.
//!
//! The modules besides the engines are shared by all of them: the log view, quorum arithmetic, per-peer progress,
//! membership, the read barrier, what waits for the disk, and the [`Member`] that is made of them. An engine owns how a
//! leader is elected, how the log is recovered and when an entry is committed; that is all its folder holds.

mod contract;
pub mod durability;
pub mod log_view;
mod member;
pub mod membership;
mod message;
pub mod paxos;
pub mod progress;
mod protocol;
pub mod quorum;
pub mod raft;
pub mod random;
pub mod read_barrier;
pub mod zab;

pub use contract::{
    Config, Effect, Engine, PeerStatus, Position, Recovered, Refused, Role, Status, Token,
};
pub use message::{Body, Message};
pub use protocol::start;
pub use synod_types::{Protocol, UnknownProtocol};
