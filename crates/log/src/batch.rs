//! A batch: what goes to the log in one write. The encoder touches no disk and runs on the worker's
//! thread.
//!
//! A batch begins on a sector boundary with a header that says how far the log was known to be durable
//! when it was written. That is what lets recovery tell a torn write from damage: see
//! docs/log-format.md.
//!
//! ```text
//!  0 magic u32 | 4 body bytes u32 | 8 segment u64 | 16 sequence u64 | 24 durable sequence u64
//! 32 mask u64 | 40 sector u32 | 44 records u32 | 48 flags u32 | 52 previous batch's CRC u32
//! 56 digest u32 | 60 CRC32C of bytes 0..60 u32
//! 64 body: records, then 0xff up to the end of the sector; all of it XORed with the mask
//! ```

use crate::record;
use crate::sector;
use synod_types::{Entry, HardState, PartitionId, SnapshotMeta};

/// The bytes of a batch before its first record.
pub(crate) const HEADER_BYTES: usize = 64;
/// The largest batch, in bytes: room for several of the largest entries, and for an allocation that a
/// damaged length cannot make dangerous.
pub const BATCH_BYTES_MAX: usize = 1 << 30;
/// What fills the last sector.
pub(crate) const PADDING: u8 = 0xff;

const MAGIC: u32 = u32::from_le_bytes(*b"SynB");
const CRC_AT: usize = HEADER_BYTES - 4;
const FLAG_CHECKPOINT: u32 = 1;

/// The header of a batch. `durable < sequence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    /// The bytes of all records.
    pub body_bytes: u32,
    /// The segment it was written to.
    pub segment: u64,
    /// Counts all batches of the log, from 1, without a gap.
    pub sequence: u64,
    /// Every batch up to this one was durable when this one was written.
    pub durable: u64,
    /// What the body is XORed with.
    pub mask: u64,
    /// Where it was written, in sectors from the start of the segment.
    pub sector: u32,
    /// How many records there are.
    pub records: u32,
    /// Whether this is the checkpoint at the start of a segment.
    pub checkpoint: bool,
    /// The header CRC of the batch before it, so that a leftover of an earlier life of the log, whose
    /// sequence number happens to fit, is not taken for the next batch.
    pub previous: u32,
    /// The CRC32C of the header CRCs of all records; each of these speaks for its record's payload.
    pub digest: u32,
}

impl BatchHeader {
    /// The bytes it takes up in the segment, whole sectors.
    pub(crate) fn padded_bytes(&self) -> usize {
        sector::round_up(HEADER_BYTES + self.body_bytes as usize)
    }

    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        out[4..8].copy_from_slice(&self.body_bytes.to_le_bytes());
        out[8..16].copy_from_slice(&self.segment.to_le_bytes());
        out[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        out[24..32].copy_from_slice(&self.durable.to_le_bytes());
        out[32..40].copy_from_slice(&self.mask.to_le_bytes());
        out[40..44].copy_from_slice(&self.sector.to_le_bytes());
        out[44..48].copy_from_slice(&self.records.to_le_bytes());
        let flags = if self.checkpoint { FLAG_CHECKPOINT } else { 0 };
        out[48..52].copy_from_slice(&flags.to_le_bytes());
        out[52..56].copy_from_slice(&self.previous.to_le_bytes());
        out[56..60].copy_from_slice(&self.digest.to_le_bytes());
        let crc = crc32c::crc32c(&out[..CRC_AT]);
        out[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// What the next batch must carry as `previous`.
    pub(crate) fn chain(&self) -> u32 {
        crc32c::crc32c(&self.encode()[..CRC_AT])
    }

    /// Reads a header; `None` for anything that is not an intact one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest: &[u8] = bytes.first_chunk::<HEADER_BYTES>()?;
        let intact = take_u32(&mut rest)? == MAGIC;
        let crc = &bytes[CRC_AT..HEADER_BYTES];
        if !intact || crc32c::crc32c(&bytes[..CRC_AT]).to_le_bytes() != *crc {
            return None;
        }
        let header = Self {
            body_bytes: take_u32(&mut rest)?,
            segment: take_u64(&mut rest)?,
            sequence: take_u64(&mut rest)?,
            durable: take_u64(&mut rest)?,
            mask: take_u64(&mut rest)?,
            sector: take_u32(&mut rest)?,
            records: take_u32(&mut rest)?,
            checkpoint: match take_u32(&mut rest)? {
                0 => false,
                FLAG_CHECKPOINT => true,
                _ => return None,
            },
            previous: take_u32(&mut rest)?,
            digest: take_u32(&mut rest)?,
        };
        let sound = header.durable < header.sequence
            && header.body_bytes as usize <= BATCH_BYTES_MAX
            && header.body_bytes.is_multiple_of(8);
        sound.then_some(header)
    }
}

pub(crate) fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (n, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*n))
}

pub(crate) fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (n, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*n))
}

/// The digest of a batch with one more record.
pub(crate) fn add_to_digest(digest: u32, record: &[u8]) -> u32 {
    crc32c::crc32c_append(digest, &record[record::HEADER_BYTES - 4..record::HEADER_BYTES])
}

/// Records on their way to the log, in the order in which they take effect.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Room for the header, the records, and (once sealed) the padding.
    bytes: Vec<u8>,
    /// Where the records end. `HEADER_BYTES <= end <= bytes.len()`.
    end: usize,
    records: u32,
    digest: u32,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: vec![0; HEADER_BYTES], end: HEADER_BYTES, records: 0, digest: 0 }
    }

    /// Adds an entry. One whose index is not after the group's last replaces that entry and all behind it.
    pub fn entry(&mut self, group: PartitionId, entry: &Entry) {
        record::put_entry(&mut self.bytes, group, entry);
        self.added();
    }

    /// Adds a hard state, which replaces the one before.
    pub fn hard_state(&mut self, group: PartitionId, state: &HardState) {
        record::put_hard_state(&mut self.bytes, group, state);
        self.added();
    }

    /// Marks that the group starts from this snapshot (or is founded, with index 0). Entries up to its
    /// index are obsolete. Entries after it stay if the log holds the snapshot's last entry with the same
    /// term, as it always does for a snapshot taken here; otherwise, when a leader's snapshot was
    /// installed, they are of another history and are dropped. A mark older than the group's present one
    /// does nothing.
    pub fn snapshot(&mut self, group: PartitionId, meta: &SnapshotMeta) {
        record::put_snapshot(&mut self.bytes, group, meta);
        self.added();
    }

    /// Forgets the group and all it ever wrote.
    pub fn remove_group(&mut self, group: PartitionId) {
        record::put_removed(&mut self.bytes, group);
        self.added();
    }

    pub(crate) fn checkpoint(&mut self, group: PartitionId, state: &crate::GroupState) {
        record::put_checkpoint(&mut self.bytes, group, state);
        self.added();
    }

    /// Takes the record that was put at the end into account.
    fn added(&mut self) {
        self.digest = add_to_digest(self.digest, &self.bytes[self.end..]);
        self.end = self.bytes.len();
        self.records = self.records.saturating_add(1);
    }

    /// Empties the batch and keeps its buffer.
    pub fn clear(&mut self) {
        self.bytes.truncate(HEADER_BYTES);
        self.end = HEADER_BYTES;
        self.records = 0;
        self.digest = 0;
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// How many bytes its records take up.
    #[must_use]
    pub const fn len_bytes(&self) -> usize {
        self.end - HEADER_BYTES
    }

    /// The records, as long as the batch is not sealed.
    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[HEADER_BYTES..self.end]
    }

    /// The bytes it will take up in a segment.
    pub(crate) fn padded_bytes(&self) -> usize {
        sector::round_up(self.end)
    }

    /// Pads and masks the body, puts the header in front, and gives the bytes to write. The records are
    /// not readable any more; the batch can only be cleared.
    pub(crate) fn seal(&mut self, header: &mut BatchHeader) -> &[u8] {
        self.bytes.resize(sector::round_up(self.end), PADDING);
        self.bytes[..HEADER_BYTES].fill(PADDING);
        header.mask = sector::choose_mask(&self.bytes);
        header.body_bytes = self.len_bytes() as u32;
        header.records = self.records;
        header.digest = self.digest;
        sector::apply_mask(&mut self.bytes[HEADER_BYTES..], header.mask);
        self.bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
        &self.bytes
    }
}
