//! The Redis serialization protocol, versions 2 and 3: requests in, replies out.
//!
//! The server uses [`Decoder`] and [`RespWriter`]. [`Value`] reads replies and serves those who stand
//! on the other side: tests, the command line, the benchmark.

mod decode;
mod double;
mod encode;
mod error;
mod inline;
mod lookahead;
mod number;
mod reply;

pub use decode::{Args, Decoded, Decoder, Limits};
pub use double::DoubleText;
pub use encode::{Proto, RespWriter, write_ok, write_pong, write_queued, write_request};
pub use error::ProtocolError;
pub use lookahead::{Ahead, Lookahead};
pub use reply::{ReplyError, Value, reply_len};
