//! The frame: a fixed header of 32 bytes, little-endian, and a body.
//!
//! ```text
//!  0       2      3       4        8         12      16                            32
//!  +-------+------+-------+--------+---------+-------+-----------------------------+
//!  | magic | kind | flags | group  | length  |  crc  | reserved, zero              | body ...
//!  +-------+------+-------+--------+---------+-------+-----------------------------+
//! ```
//!
//! `length` counts the body. `crc` is the CRC32C of everything else, header and body. Flags and the
//! reserved bytes are zero in this version and a frame in which they are not is refused, so that a
//! later version can give them a meaning. Whoever receives a bad frame closes the connection: what was
//! lost with it is sent again by those who need it.

use bytes::{Buf, Bytes, BytesMut};
use synod_types::{PartitionId, limits};

/// The length of a header.
pub const HEADER_BYTES: usize = 32;

/// "SY"; the version of the protocol is told once, in [`super::Hello`].
const MAGIC: [u8; 2] = *b"SY";

const GROUP: usize = 4;
const LENGTH: usize = 8;
const CRC: usize = 12;
const RESERVED: usize = 16;

/// The longest body.
const BODY_BYTES_MAX: usize = limits::FRAME_BYTES_MAX - HEADER_BYTES;
/// The longest body before the other side has said who it is.
const HELLO_BODY_BYTES_MAX: usize = 1024;

/// What a frame holds. The numbers are part of the wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FrameKind {
    /// A [`super::Hello`]; the first frame of each direction, and only the first.
    Hello = 1,
    /// Heartbeats of all groups that two nodes share.
    Heartbeat = 2,
    /// A message of a group's consensus engine.
    Consensus = 3,
    /// A request for a partition that lives on the receiver.
    Forward = 4,
    /// The answer to a [`FrameKind::Forward`].
    ForwardReply = 5,
    /// A request for a part of a snapshot.
    SnapshotFetch = 6,
    /// A part of a snapshot.
    SnapshotChunk = 7,
    /// A client no longer waits for what a [`FrameKind::Forward`] asked.
    Unwait = 8,
    /// A message for the subscribers of all workers of the receiver.
    Publish = 9,
    /// A request for a part of a reply that is too long for one [`FrameKind::ForwardReply`].
    ReplyFetch = 10,
    /// Whom a node met before the cluster was founded, so that all found the same one.
    Introduction = 11,
    /// Who the members are, for one that knows an earlier map of the cluster.
    Members = 12,
    /// Keys that have changed, for all workers of the receiver whose clients keep copies.
    Changed = 13,
}

impl FrameKind {
    /// The kind with this number, if there is one.
    #[must_use]
    pub const fn from_u8(n: u8) -> Option<Self> {
        Some(match n {
            1 => Self::Hello,
            2 => Self::Heartbeat,
            3 => Self::Consensus,
            4 => Self::Forward,
            5 => Self::ForwardReply,
            6 => Self::SnapshotFetch,
            7 => Self::SnapshotChunk,
            8 => Self::Unwait,
            9 => Self::Publish,
            10 => Self::ReplyFetch,
            11 => Self::Introduction,
            12 => Self::Members,
            13 => Self::Changed,
            _ => return None,
        })
    }
}

/// One message between two nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the body holds.
    pub kind: FrameKind,
    /// The group it is for.
    pub group: PartitionId,
    /// The content. Shares the memory it was received into; copy what is to be kept for long.
    pub body: Bytes,
}

/// A frame that cannot be used. When reading, the connection is to be closed; when writing, nothing was
/// written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The bytes are no frame; the other side may be no node at all.
    #[error("not a Synod peer connection: a frame begins with {0:02x?}")]
    Magic([u8; 2]),
    /// A kind that this version does not know.
    #[error("unknown kind of frame {0}")]
    Kind(u8),
    /// Something in a place that this version keeps empty.
    #[error("a frame uses reserved bits")]
    Reserved,
    /// Longer than is allowed here.
    #[error("a frame body of {len} bytes, where at most {max} are allowed")]
    TooLong {
        /// What the header says.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// The bytes arrived damaged.
    #[error("a frame's checksum is {computed:08x} but its header says {stored:08x}")]
    Checksum {
        /// What the header says.
        stored: u32,
        /// What was computed.
        computed: u32,
    },
}

/// Appends a frame to `out`. `write_body` appends the body behind the header; it must not touch what
/// stands before.
///
/// # Errors
/// [`FrameError::TooLong`]; `out` is as it was.
pub fn encode_frame(
    out: &mut Vec<u8>,
    kind: FrameKind,
    group: PartitionId,
    write_body: impl FnOnce(&mut Vec<u8>),
) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    write_body(out);
    let len = out.len() - start - HEADER_BYTES;
    if len > BODY_BYTES_MAX {
        out.truncate(start);
        return Err(FrameError::TooLong { len, max: BODY_BYTES_MAX });
    }
    let (header, body) = out[start..].split_at_mut(HEADER_BYTES);
    header[..2].copy_from_slice(&MAGIC);
    header[2] = kind as u8;
    header[GROUP..LENGTH].copy_from_slice(&group.0.to_le_bytes());
    header[LENGTH..CRC].copy_from_slice(&(len as u32).to_le_bytes());
    let crc = checksum(header, body);
    header[CRC..RESERVED].copy_from_slice(&crc.to_le_bytes());
    Ok(())
}

fn checksum(header: &[u8], body: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&header[..CRC]);
    let crc = crc32c::crc32c_append(crc, &header[RESERVED..]);
    crc32c::crc32c_append(crc, body)
}

/// What a header says, checked as far as it can be without the body.
#[derive(Clone, Copy, Debug)]
struct Header {
    kind: FrameKind,
    group: PartitionId,
    body_len: usize,
    crc: u32,
}

impl Header {
    fn decode(bytes: &[u8; HEADER_BYTES], body_bytes_max: usize) -> Result<Self, FrameError> {
        let u32_at = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let magic = [bytes[0], bytes[1]];
        if magic != MAGIC {
            return Err(FrameError::Magic(magic));
        }
        let kind = FrameKind::from_u8(bytes[2]).ok_or(FrameError::Kind(bytes[2]))?;
        if bytes[3] != 0 || bytes[RESERVED..].iter().any(|byte| *byte != 0) {
            return Err(FrameError::Reserved);
        }
        let body_len = u32_at(LENGTH) as usize;
        if body_len > body_bytes_max {
            return Err(FrameError::TooLong { len: body_len, max: body_bytes_max });
        }
        Ok(Self { kind, group: PartitionId(u32_at(GROUP)), body_len, crc: u32_at(CRC) })
    }
}

/// Reads the frames of one connection.
#[derive(Debug)]
pub struct FrameDecoder {
    body_bytes_max: usize,
    /// The header of the frame whose body has not arrived as a whole.
    header: Option<Header>,
    /// How many bytes that frame still needed when it was last looked at.
    missing: usize,
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameDecoder {
    /// A decoder at the start of a connection. Only short frames are let through until
    /// [`Self::established`].
    #[must_use]
    pub fn new() -> Self {
        Self { body_bytes_max: HELLO_BODY_BYTES_MAX, header: None, missing: HEADER_BYTES }
    }

    /// The other side has said who it is: frames may be as long as `limits::FRAME_BYTES_MAX` from now on.
    pub fn established(&mut self) {
        self.body_bytes_max = BODY_BYTES_MAX;
    }

    /// Takes the next frame off the front of `input`, whose front the decoder owns: leave there what it
    /// leaves there and append what arrives. `None` while the frame is not there as a whole.
    ///
    /// # Errors
    /// The connection is to be closed; the decoder is of no more use.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        let header = match self.header {
            Some(header) => header,
            None => {
                let Some(bytes) = input.first_chunk::<HEADER_BYTES>() else {
                    self.missing = HEADER_BYTES - input.len();
                    return Ok(None);
                };
                *self.header.insert(Header::decode(bytes, self.body_bytes_max)?)
            }
        };
        let total = HEADER_BYTES + header.body_len;
        if input.len() < total {
            self.missing = total - input.len();
            return Ok(None);
        }
        let (head, rest) = input.split_at(HEADER_BYTES);
        let computed = checksum(head, &rest[..header.body_len]);
        if computed != header.crc {
            return Err(FrameError::Checksum { stored: header.crc, computed });
        }
        self.header = None;
        self.missing = HEADER_BYTES;
        let mut body = input.split_to(total).freeze();
        body.advance(HEADER_BYTES);
        Ok(Some(Frame { kind: header.kind, group: header.group, body }))
    }

    /// After `None`: at least how many bytes more are needed. Bounded by `limits::FRAME_BYTES_MAX`; a
    /// reader does well to reserve a part of it at a time.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.missing
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
