//! What the nodes of one cluster say to each other: frames of bytes, the first of which is a [`Hello`].
//!
//! What stands inside the other frames is the business of those who send them; this module only makes
//! sure that a body arrives as it was sent, for the group it was meant for, or not at all.

mod frame;
mod hello;

pub use frame::{Frame, FrameDecoder, FrameError, FrameKind, HEADER_BYTES, encode_frame};
pub use hello::{EngineName, Hello, HelloRefused, PROTOCOL_VERSION, Purpose, address_hash};
