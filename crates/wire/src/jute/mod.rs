//! Jute: how ZooKeeper's clients and servers write their messages.
//!
//! ```text
//! frame:    length i32 | payload                             at most FRAME_BYTES_MAX
//! request:  xid i32 | opcode i32 | fields                    the first one of a connection: Connect, without a header
//! reply:    xid i32 | zxid i64 | error i32 | fields          fields only without an error
//! event:    the header of a reply with xid and zxid -1 | type i32 | state i32 | path
//! ```
//! Big-endian; strings, buffers and vectors carry their length as i32, -1 for none. Source: zookeeper.jute of Apache
//! ZooKeeper 3.8. Nothing here knows what a request does.

mod answer;
mod ask;
mod connect;
mod read;
mod reply;
mod request;
#[cfg(test)]
mod tests;
mod write;

pub use answer::{Answer, granted_session};
pub use ask::put_connect;
pub use connect::{ConnectRequest, put_connect_reply};
pub use read::{Malformed, Oversized, take_frame, take_reply_frame};
pub use reply::{Body, Stat, put_event, put_reply};
pub use request::{AclEntry, Op, Request, WatchPaths, opcode};

/// The longest frame that is taken or sent, in bytes without its length (ZooKeeper: `jute.maxbuffer`, 0xfffff there).
pub const FRAME_BYTES_MAX: usize = 0xf_ffff;

/// The longest reply that a client takes.
pub const REPLY_BYTES_MAX: usize = 64 << 20;
