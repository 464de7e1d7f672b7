//! Reads the batches of one segment, and says of each place that holds none whether it was never written
//! or is damaged.

use crate::batch::{self, BatchHeader};
use crate::disk::{Disk, DiskFile, SECTOR_BYTES};
use crate::error::{ADVICE, Damage, OpenError};
use crate::record::{self, RecordError, RecordHeader};
use crate::sector;
use crate::segment::{self, BATCHES_AT, FORMAT, OVERHEAD_BYTES, SegmentHeader, SegmentTrailer};
use bytes::{Bytes, BytesMut};
use std::path::{Path, PathBuf};
use synod_types::PartitionId;
use synod_types::plant::planted;

/// How much is read at once. Recovered entries keep the chunk they were read in alive.
const CHUNK_BYTES: usize = 1 << 20;

/// No log gets this far; what says so was not written by this program.
const SEQUENCE_MAX: u64 = 1 << 62;

/// What stands at the reader's place.
pub(crate) enum Step {
    /// An intact batch; its records are still to be checked.
    Batch { header: BatchHeader, offset: u64, body: Bytes },
    /// A sector that belongs to the batch that would stand here was never written.
    End,
}

/// What follows the end of the batches in the segment being written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Remains {
    /// The end of the last sector that is not zeros; 0 if there is none.
    pub nonzero_end: u64,
    /// Where a batch stands that was written when the missing one was already durable.
    pub proof: Option<u64>,
}

/// Reads one segment from its first batch on.
pub(crate) struct SegmentReader {
    pub file: Box<dyn DiskFile>,
    pub header: SegmentHeader,
    path: PathBuf,
    /// Bytes read ahead. `buf[0]` is the byte of the file at `offset`.
    buf: BytesMut,
    /// Where the next batch is expected. A multiple of the sector, at most `limit`.
    offset: u64,
    /// Where batches must end.
    limit: u64,
}

impl SegmentReader {
    pub(crate) fn open(disk: &dyn Disk, dir: &Path, number: u64) -> Result<Self, OpenError> {
        let path = segment::path(dir, number);
        let file = disk.open(&path).map_err(OpenError::io(&path))?;
        let size = file.size().map_err(OpenError::io(&path))?;
        let damage = |detail: &str| damage(&path, number, 0, None, detail.to_owned());
        if size < segment::BYTES_MIN {
            return Err(damage("the file is cut short, shorter than any segment"));
        }
        let mut first = [0; SECTOR_BYTES];
        file.read_exact_at(&mut first, 0).map_err(OpenError::io(&path))?;
        let header = SegmentHeader::decode(&first)
            .ok_or_else(|| damage("the segment header does not match its checksum"))?;
        if header.version != FORMAT {
            return Err(OpenError::Version { path, found: header.version, known: FORMAT });
        }
        if header.number != number {
            return Err(damage(&format!("the file holds segment {}", header.number)));
        }
        if header.bytes != size || size % SECTOR_BYTES as u64 != 0 {
            return Err(damage(&format!("the file has {size} bytes instead of {}", header.bytes)));
        }
        if !(1..SEQUENCE_MAX).contains(&header.sequence_first) {
            return Err(damage("the segment begins with a batch number that is never reached"));
        }
        let limit = size - OVERHEAD_BYTES + BATCHES_AT;
        Ok(Self { file, header, path, buf: BytesMut::new(), offset: BATCHES_AT, limit })
    }

    /// Where the next batch is expected, or the batches end.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// How far the file was read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.offset + self.buf.len() as u64
    }

    /// The damage at `offset` of this segment.
    pub(crate) fn damage(
        &self,
        offset: u64,
        group: Option<PartitionId>,
        detail: impl Into<String>,
    ) -> OpenError {
        damage(&self.path, self.header.number, offset, group, detail.into())
    }

    /// The trailer; `None` if it was not written yet.
    pub(crate) fn trailer(&self) -> Result<Option<SegmentTrailer>, OpenError> {
        let mut last = [0; SECTOR_BYTES];
        self.file.read_exact_at(&mut last, self.limit).map_err(OpenError::io(&self.path))?;
        if sector::is_zero(&last) {
            return Ok(None);
        }
        match SegmentTrailer::decode(&last) {
            Some(trailer) if trailer.number == self.header.number => Ok(Some(trailer)),
            _ => Err(self.damage(
                self.limit,
                None,
                "the segment trailer does not match its checksum",
            )),
        }
    }

    /// Reads ahead until `bytes` bytes from the present place are in the buffer.
    ///
    /// The caller makes sure that they are in the file.
    fn fill(&mut self, bytes: usize) -> Result<(), OpenError> {
        if self.buf.len() >= bytes {
            return Ok(());
        }
        let have = self.buf.len();
        let left = usize::try_from(self.limit - self.offset).unwrap_or(usize::MAX);
        let mut fresh = BytesMut::zeroed(bytes.max(left.min(CHUNK_BYTES)));
        fresh[..have].copy_from_slice(&self.buf);
        let result = self.file.read_exact_at(&mut fresh[have..], self.offset + have as u64);
        result.map_err(OpenError::io(&self.path))?;
        self.buf = fresh;
        Ok(())
    }

    /// Reads the batch with this sequence number, which was written after the one whose chain value is
    /// `previous` (`None` if that is not known).
    pub(crate) fn next(&mut self, sequence: u64, previous: Option<u32>) -> Result<Step, OpenError> {
        if self.offset >= self.limit {
            return Ok(Step::End);
        }
        self.fill(SECTOR_BYTES)?;
        let Some(header) = BatchHeader::decode(&self.buf) else {
            if sector::is_zero(&self.buf[..SECTOR_BYTES]) || planted("damage-is-the-end") {
                return Ok(Step::End);
            }
            let detail = "there is neither a batch nor a sector that was never written";
            return Err(self.damage(self.offset, None, detail));
        };
        self.check_place(&header, sequence)?;
        if previous.is_some_and(|previous| previous != header.previous) {
            // Left behind by an earlier life of the log, at whose end this place was cleared.
            return Ok(Step::End);
        }
        let bytes = header.padded_bytes();
        self.fill(bytes)?;
        if sector::has_zero_sector(&self.buf[..bytes]) {
            return Ok(Step::End);
        }
        let offset = self.offset;
        let mut body = self.buf.split_to(bytes);
        self.offset += bytes as u64;
        bytes::Buf::advance(&mut body, batch::HEADER_BYTES);
        sector::apply_mask(&mut body, header.mask);
        let padding = body.split_off(header.body_bytes as usize);
        if padding.iter().any(|byte| *byte != batch::PADDING) {
            return Err(self.damage(offset, None, "the padding of the batch was changed"));
        }
        Ok(Step::Batch { header, offset, body: body.freeze() })
    }

    fn check_place(&self, header: &BatchHeader, sequence: u64) -> Result<(), OpenError> {
        let wrong = |detail: String| Err(self.damage(self.offset, None, detail));
        if header.segment != self.header.number || !self.is_at(header, self.offset) {
            return wrong(format!(
                "the batch was written to sector {} of segment {}",
                header.sector, header.segment
            ));
        }
        if header.sequence != sequence {
            return wrong(format!("batch {} stands in the place of {sequence}", header.sequence));
        }
        if header.padded_bytes() as u64 > self.limit - self.offset {
            return wrong("the batch is longer than the rest of the segment".to_owned());
        }
        Ok(())
    }

    fn is_at(&self, header: &BatchHeader, offset: u64) -> bool {
        u64::from(header.sector) * SECTOR_BYTES as u64 == offset
    }

    /// Looks through the rest of the segment for what an unfinished write may have left, and for a batch
    /// that proves that batch `sequence`, which is missing here, was durable.
    pub(crate) fn survey(&mut self, sequence: u64) -> Result<Remains, OpenError> {
        let mut remains = Remains::default();
        let mut offset = self.offset;
        while offset < self.limit {
            self.fill(SECTOR_BYTES)?;
            let chunk = std::mem::take(&mut self.buf);
            for sector in chunk.chunks(SECTOR_BYTES) {
                if !sector::is_zero(sector) {
                    remains.nonzero_end = offset + SECTOR_BYTES as u64;
                    if self.proves(sector, offset, sequence) {
                        remains.proof.get_or_insert(offset);
                    }
                }
                offset += SECTOR_BYTES as u64;
            }
            self.offset = offset;
        }
        Ok(remains)
    }

    fn proves(&self, sector: &[u8], offset: u64, sequence: u64) -> bool {
        BatchHeader::decode(sector).is_some_and(|header| {
            header.segment == self.header.number
                && self.is_at(&header, offset)
                && header.durable >= sequence
        })
    }
}

fn damage(
    path: &Path,
    segment: u64,
    offset: u64,
    group: Option<PartitionId>,
    detail: String,
) -> OpenError {
    Damage { path: path.to_path_buf(), segment, offset, group, detail, advice: ADVICE }.into()
}

/// The records of a batch, one by one. After an error there are no more.
pub(crate) struct Records<'a> {
    body: &'a [u8],
    at: usize,
}

/// A record that is not intact: where in the body, whose it is if that can be read, and why.
pub(crate) type BadRecord = (usize, Option<PartitionId>, RecordError);

impl<'a> Records<'a> {
    pub(crate) const fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0 }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<(usize, RecordHeader, &'a [u8]), BadRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let rest = self.body.get(at..).filter(|rest| !rest.is_empty())?;
        match record::decode(rest) {
            Ok((header, payload, len)) => {
                self.at += len;
                Some(Ok((at, header, payload)))
            }
            Err(error) => {
                self.at = self.body.len();
                let group = record::decode_header(rest).ok().map(|header| header.group);
                Some(Err((at, group, error)))
            }
        }
    }
}
