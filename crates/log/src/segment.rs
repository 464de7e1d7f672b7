//! A segment file: a header sector, batches, zeros, and a trailer sector that is filled in once the next
//! segment exists.
//!
//! ```text
//! header:   0 magic | 8 version u32 | 12 zero u32 | 16 number u64 | 24 bytes u64 | 32 first sequence u64
//! trailer:  0 magic | 8 number u64 | 16 end of the batches u64 | 24 next sequence u64
//! both:   508 CRC32C of bytes 0..508
//! ```

use crate::batch::{take_u32, take_u64};
use crate::disk::{Disk, DiskFile, SECTOR_BYTES, is_full};
use crate::error::AppendError;
use crate::wal::Prepared;
use std::io;
use std::path::{Path, PathBuf};
use synod_types::plant::planted;

/// The version of the format of segments, batches and records.
pub(crate) const FORMAT: u32 = 1;
/// Where the batches begin.
pub(crate) const BATCHES_AT: u64 = SECTOR_BYTES as u64;
/// What of a segment is not for batches.
pub(crate) const OVERHEAD_BYTES: u64 = 2 * SECTOR_BYTES as u64;
/// The smallest segment that is of any use.
pub(crate) const BYTES_MIN: u64 = 8 * SECTOR_BYTES as u64;

const HEADER_MAGIC: &[u8; 8] = b"SynodLog";
const TRAILER_MAGIC: &[u8; 8] = b"SynodEnd";
const CRC_AT: usize = SECTOR_BYTES - 4;
const SUFFIX: &str = ".wal";
/// The segment in preparation. It becomes part of the log by being renamed.
pub(crate) const NEXT_NAME: &str = "next.tmp";
/// How much is zeroed in one write.
const ZERO_BYTES: usize = 1 << 20;

type Sector = [u8; SECTOR_BYTES];

fn with_crc(mut sector: Sector) -> Sector {
    let crc = crc32c::crc32c(&sector[..CRC_AT]);
    sector[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
    sector
}

fn checked<'a>(sector: &'a [u8], magic: &[u8; 8]) -> Option<&'a [u8]> {
    let sector = sector.first_chunk::<SECTOR_BYTES>()?;
    let intact = crc32c::crc32c(&sector[..CRC_AT]).to_le_bytes() == sector[CRC_AT..];
    if intact { sector.strip_prefix(magic) } else { None }
}

/// The first sector. It is durable before the segment gets its name, so it is never torn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// The format version.
    pub version: u32,
    /// Counts segments from 1.
    pub number: u64,
    /// The length of the file.
    pub bytes: u64,
    /// The sequence number of the first batch.
    pub sequence_first: u64,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Sector {
        let mut out = [0; SECTOR_BYTES];
        out[..8].copy_from_slice(HEADER_MAGIC);
        out[8..12].copy_from_slice(&self.version.to_le_bytes());
        out[16..24].copy_from_slice(&self.number.to_le_bytes());
        out[24..32].copy_from_slice(&self.bytes.to_le_bytes());
        out[32..40].copy_from_slice(&self.sequence_first.to_le_bytes());
        with_crc(out)
    }

    pub(crate) fn decode(sector: &[u8]) -> Option<Self> {
        let mut rest = checked(sector, HEADER_MAGIC)?;
        let version = take_u32(&mut rest)?;
        let _zero = take_u32(&mut rest)?;
        Some(Self {
            version,
            number: take_u64(&mut rest)?,
            bytes: take_u64(&mut rest)?,
            sequence_first: take_u64(&mut rest)?,
        })
    }
}

/// The last sector, zeros until the next segment is durable. It proves that a next segment existed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentTrailer {
    /// The number of this segment.
    pub number: u64,
    /// Where its batches end.
    pub end: u64,
    /// The sequence number of the next segment's first batch.
    pub sequence_next: u64,
}

impl SegmentTrailer {
    pub(crate) fn encode(&self) -> Sector {
        let mut out = [0; SECTOR_BYTES];
        out[..8].copy_from_slice(TRAILER_MAGIC);
        out[8..16].copy_from_slice(&self.number.to_le_bytes());
        out[16..24].copy_from_slice(&self.end.to_le_bytes());
        out[24..32].copy_from_slice(&self.sequence_next.to_le_bytes());
        with_crc(out)
    }

    pub(crate) fn decode(sector: &[u8]) -> Option<Self> {
        let mut rest = checked(sector, TRAILER_MAGIC)?;
        Some(Self {
            number: take_u64(&mut rest)?,
            end: take_u64(&mut rest)?,
            sequence_next: take_u64(&mut rest)?,
        })
    }
}

/// The file of a segment.
pub(crate) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}{SUFFIX}"))
}

/// The number in a segment's file name; `None` for any other file.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let all_digits = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { digits.parse().ok() } else { None }
}

/// How a segment comes by its zeros before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// They are written. A sync of what is written over them later moves no metadata: best for many small
    /// batches.
    Written,
    /// The space is set aside and reads as zeros. It costs nothing now and a little at each sync: best for
    /// large batches, and when syncs are rare. Where the file system cannot do it, zeros are written.
    Reserved,
}

/// A segment being prepared ahead of its use.
pub struct NextSegment {
    file: Box<dyn DiskFile>,
    /// How much is set aside; 0 where the file system cannot do that.
    reserved: u64,
    /// How much is zeroed. `zeroed <= bytes`.
    zeroed: u64,
    /// How long it is going to be.
    bytes: u64,
    synced: bool,
}

/// How many zeros are written between two syncs.
const SYNC_STRETCH_BYTES: u64 = 4 << 20;

impl NextSegment {
    /// Reserves it, or zeroes up to `budget_bytes` of it.
    ///
    /// # Errors
    /// [`AppendError::Full`] leaves it usable; what was prepared is kept. After any other error the log it belongs to
    /// is to be used no more.
    pub fn work(&mut self, fill: Fill, budget_bytes: u64) -> Result<Prepared, AppendError> {
        match self.prepare(fill, budget_bytes) {
            Ok(()) if self.is_ready(fill) => Ok(Prepared::Ready),
            Ok(()) => Ok(Prepared::More),
            Err(error) if is_full(&error) => Err(AppendError::Full(error)),
            Err(error) => Err(AppendError::Failed(error)),
        }
    }

    pub(crate) fn create(disk: &dyn Disk, dir: &Path, bytes: u64) -> io::Result<Self> {
        let file = disk.create(&dir.join(NEXT_NAME))?;
        Ok(Self { file, reserved: 0, zeroed: 0, bytes, synced: false })
    }

    pub(crate) fn is_ready(&self, fill: Fill) -> bool {
        self.synced || (fill == Fill::Reserved && self.reserved >= self.bytes)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes sure that it will be this long at least.
    pub(crate) fn grow(&mut self, bytes: u64) {
        if bytes > self.bytes {
            self.bytes = bytes;
            self.synced = false;
        }
    }

    /// Sets all its space aside if that can be done and was not yet.
    fn reserve(&mut self) -> io::Result<()> {
        if self.reserved < self.bytes && self.file.reserve(self.bytes)? {
            self.reserved = self.bytes;
        }
        Ok(())
    }

    /// Reserves the whole, or writes up to `budget` bytes of zeros more and makes them durable once they are
    /// complete. What was zeroed before an error stays zeroed.
    pub(crate) fn prepare(&mut self, fill: Fill, budget: u64) -> io::Result<()> {
        self.reserve()?;
        if !self.is_ready(fill) { self.zero(budget) } else { Ok(()) }
    }

    fn zero(&mut self, budget: u64) -> io::Result<()> {
        static ZEROS: [u8; ZERO_BYTES] = [0; ZERO_BYTES];
        let goal = self.bytes.min(self.zeroed.saturating_add(budget));
        let stretch = self.zeroed / SYNC_STRETCH_BYTES;
        while self.zeroed < goal {
            let len = (goal - self.zeroed).min(ZERO_BYTES as u64);
            self.file.write_all_at(&ZEROS[..len as usize], self.zeroed)?;
            self.zeroed += len;
        }
        // Synced a stretch at a time: one large sync at the end would hold up those of the log itself.
        let whole = self.zeroed == self.bytes && !self.synced;
        if whole || self.zeroed / SYNC_STRETCH_BYTES > stretch {
            self.file.sync_data().inspect_err(|error| {
                // A file system that allocates late finds out here that it is full. What it kept of the
                // zeros is unknown, so they are all written again.
                if is_full(error) {
                    self.zeroed = 0;
                }
            })?;
            self.synced = self.zeroed == self.bytes;
        }
        Ok(())
    }

    /// Writes the header and the first batch, durably, and gives the file its name, durably.
    pub(crate) fn activate(
        self,
        disk: &dyn Disk,
        dir: &Path,
        header: &SegmentHeader,
        checkpoint: &[u8],
    ) -> io::Result<Box<dyn DiskFile>> {
        self.file.write_all_at(&header.encode(), 0)?;
        self.file.write_all_at(checkpoint, BATCHES_AT)?;
        self.file.sync_data()?;
        disk.rename(&dir.join(NEXT_NAME), &path(dir, header.number))?;
        if !planted("directory-not-synced") {
            disk.sync_dir(dir)?;
        }
        Ok(self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_trailers_refuse_any_flipped_byte() {
        let header = SegmentHeader { version: FORMAT, number: 7, bytes: 4096, sequence_first: 99 };
        let trailer = SegmentTrailer { number: 7, end: 1024, sequence_next: 120 };
        assert_eq!(SegmentHeader::decode(&header.encode()), Some(header));
        assert_eq!(SegmentTrailer::decode(&trailer.encode()), Some(trailer));
        for at in 0..SECTOR_BYTES {
            let (mut one, mut other) = (header.encode(), trailer.encode());
            one[at] ^= 0x10;
            other[at] ^= 0x10;
            assert_eq!(SegmentHeader::decode(&one), None);
            assert_eq!(SegmentTrailer::decode(&other), None);
        }
        assert_eq!(number_of("00000000000000000012.wal"), Some(12));
        assert_eq!(number_of("+0000000000000000012.wal"), None);
        assert_eq!(number_of("12.wal"), None);
    }
}
