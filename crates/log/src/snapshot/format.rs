//! The bytes of a snapshot file, little-endian.
//!
//! ```text
//! header:   0 magic | 8 version u32 | 12 group u32 | 16 index u64 | 24 term u64
//!          32 membership bytes u32 | 36 CRC32C of the membership u32 | 40 zero u32
//!          44 CRC32C of bytes 0..44 u32 | 48 membership
//! chunk:    0 bytes u32 | 4 number u32 | 8 CRC32C of the data u32 | 12 CRC32C of bytes 0..12 u32 | 16 data
//! trailer:  0 0xffff_ffff | 4 chunks u32 | 8 data bytes u64 | 16 CRC32C of bytes 0..12 of all chunk headers u32
//!          20 CRC32C of bytes 0..20 u32
//! ```

use crate::batch::{take_u32, take_u64};
use synod_types::{Index, Membership, PartitionId, SnapshotMeta, Term, limits};

/// The version of the format.
pub(crate) const FORMAT: u32 = 1;
/// The largest chunk; one entry's worth, since one key may be that large.
pub const CHUNK_BYTES_MAX: usize = limits::ENTRY_BYTES_MAX;
pub(crate) const HEADER_BYTES: usize = 48;
pub(crate) const CHUNK_HEADER_BYTES: usize = 16;
pub(crate) const TRAILER_BYTES: usize = 24;
/// More than any legal membership takes up.
pub(crate) const MEMBERSHIP_BYTES_MAX: usize = 3 * (2 + 8 * (u16::MAX as usize));

const MAGIC: &[u8; 8] = b"SynodSnp";
const TRAILER_MARK: u32 = u32::MAX;

/// Why bytes are not of a snapshot file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The file ends too early.
    #[error("the file is cut short")]
    Cut,
    /// The header is not what was written.
    #[error("the header does not match its checksum")]
    Header,
    /// The file is of another version of the format.
    #[error("the format is {0}, this program reads {FORMAT}")]
    Version(u32),
    /// The file is intact and of another snapshot than its name says.
    #[error("the file holds another snapshot")]
    Other,
    /// A chunk header is not what was written.
    #[error("a chunk header does not match its checksum")]
    ChunkHeader,
    /// A chunk is not where it belongs.
    #[error("a chunk is missing or repeated")]
    ChunkNumber,
    /// A chunk's data are not what was written.
    #[error("a chunk does not match its checksum")]
    Chunk,
    /// The trailer is not what was written, or does not fit the chunks before it.
    #[error("the trailer does not match the file")]
    Trailer,
    /// Something follows the trailer.
    #[error("the file goes on after its trailer")]
    Excess,
}

/// The front of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The group.
    pub group: PartitionId,
    /// What the snapshot stands for.
    pub meta: SnapshotMeta,
}

/// What precedes a chunk's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkHeader {
    /// The length of the data.
    pub bytes: u32,
    /// Counts chunks from 0.
    pub number: u32,
    /// The CRC32C of the data.
    pub crc: u32,
}

/// The end of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trailer {
    /// How many chunks there are.
    pub chunks: u32,
    /// How many bytes of data they hold.
    pub bytes: u64,
    /// The CRC32C of bytes 0..12 of all chunk headers, so that chunks of two files cannot be mixed.
    pub digest: u32,
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut membership = Vec::new();
        self.meta.membership.encode(&mut membership);
        let mut out = Vec::with_capacity(HEADER_BYTES + membership.len());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.extend_from_slice(&self.group.0.to_le_bytes());
        out.extend_from_slice(&self.meta.index.0.to_le_bytes());
        out.extend_from_slice(&self.meta.term.0.to_le_bytes());
        out.extend_from_slice(&(membership.len() as u32).to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&membership).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(&membership);
        out
    }
}

/// The length of the membership that follows the fixed part of a header.
pub(crate) fn membership_bytes(fixed: &[u8]) -> Result<usize, FormatError> {
    let fixed = fixed.first_chunk::<HEADER_BYTES>().ok_or(FormatError::Cut)?;
    let mut rest = fixed.strip_prefix(MAGIC).ok_or(FormatError::Header)?;
    if crc32c::crc32c(&fixed[..HEADER_BYTES - 4]).to_le_bytes() != fixed[HEADER_BYTES - 4..] {
        return Err(FormatError::Header);
    }
    let version = take_u32(&mut rest).ok_or(FormatError::Cut)?;
    if version != FORMAT {
        return Err(FormatError::Version(version));
    }
    let mut len = &fixed[32..];
    let len = take_u32(&mut len).ok_or(FormatError::Cut)? as usize;
    if len > MEMBERSHIP_BYTES_MAX { Err(FormatError::Header) } else { Ok(len) }
}

/// Reads the header at the front of `bytes`, and says how long it is.
///
/// # Errors
/// Anything that is not an intact header of this version.
pub fn decode_header(bytes: &[u8]) -> Result<(Header, usize), FormatError> {
    let end = HEADER_BYTES + membership_bytes(bytes)?;
    let membership = bytes.get(HEADER_BYTES..end).ok_or(FormatError::Cut)?;
    let mut rest = &bytes[12..];
    let mut fields = || {
        let group = PartitionId(take_u32(&mut rest)?);
        let (index, term) = (Index(take_u64(&mut rest)?), Term(take_u64(&mut rest)?));
        let (_len, crc) = (take_u32(&mut rest)?, take_u32(&mut rest)?);
        let intact = crc32c::crc32c(membership) == crc;
        let membership = Membership::decode(membership).filter(|_| intact)?;
        Some(Header { group, meta: SnapshotMeta { index, term, membership } })
    };
    Ok((fields().ok_or(FormatError::Header)?, end))
}

impl ChunkHeader {
    pub(crate) fn encode(&self) -> [u8; CHUNK_HEADER_BYTES] {
        let mut out = [0; CHUNK_HEADER_BYTES];
        out[0..4].copy_from_slice(&self.bytes.to_le_bytes());
        out[4..8].copy_from_slice(&self.number.to_le_bytes());
        out[8..12].copy_from_slice(&self.crc.to_le_bytes());
        let crc = crc32c::crc32c(&out[..12]);
        out[12..16].copy_from_slice(&crc.to_le_bytes());
        out
    }
}

/// Reads the chunk header at the front of `bytes`; `None` if the trailer stands there.
///
/// # Errors
/// Anything that is neither.
pub fn decode_chunk_header(bytes: &[u8]) -> Result<Option<ChunkHeader>, FormatError> {
    if bytes.starts_with(&TRAILER_MARK.to_le_bytes()) {
        return Ok(None);
    }
    let fixed = bytes.first_chunk::<CHUNK_HEADER_BYTES>().ok_or(FormatError::Cut)?;
    let mut rest: &[u8] = fixed;
    let mut field = || take_u32(&mut rest).ok_or(FormatError::Cut);
    let header = ChunkHeader { bytes: field()?, number: field()?, crc: field()? };
    let intact = crc32c::crc32c(&fixed[..12]) == field()?;
    if intact && header.bytes as usize <= CHUNK_BYTES_MAX {
        Ok(Some(header))
    } else {
        Err(FormatError::ChunkHeader)
    }
}

impl Trailer {
    /// Takes one more chunk into account.
    pub(crate) fn add(&mut self, header: &ChunkHeader) {
        self.chunks += 1;
        self.bytes += u64::from(header.bytes);
        // Without their own checksums: a CRC over something and its CRC is the same for everything.
        self.digest = crc32c::crc32c_append(self.digest, &header.encode()[..12]);
    }

    pub(crate) fn encode(&self) -> [u8; TRAILER_BYTES] {
        let mut out = [0; TRAILER_BYTES];
        out[0..4].copy_from_slice(&TRAILER_MARK.to_le_bytes());
        out[4..8].copy_from_slice(&self.chunks.to_le_bytes());
        out[8..16].copy_from_slice(&self.bytes.to_le_bytes());
        out[16..20].copy_from_slice(&self.digest.to_le_bytes());
        let crc = crc32c::crc32c(&out[..20]);
        out[20..24].copy_from_slice(&crc.to_le_bytes());
        out
    }
}

/// Reads the trailer at the front of `bytes`.
///
/// # Errors
/// Anything that is not an intact trailer.
pub fn decode_trailer(bytes: &[u8]) -> Result<Trailer, FormatError> {
    let fixed = bytes.first_chunk::<TRAILER_BYTES>().ok_or(FormatError::Cut)?;
    let mut rest: &[u8] = fixed;
    let mut fields = || {
        let mark = take_u32(&mut rest)?;
        let (chunks, bytes) = (take_u32(&mut rest)?, take_u64(&mut rest)?);
        let (digest, crc) = (take_u32(&mut rest)?, take_u32(&mut rest)?);
        let intact = mark == TRAILER_MARK && crc32c::crc32c(&fixed[..20]) == crc;
        intact.then_some(Trailer { chunks, bytes, digest })
    };
    fields().ok_or(FormatError::Trailer)
}
