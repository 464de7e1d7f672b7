//! Reads a snapshot back, as chunks or as raw bytes for another node.

use super::format::{
    self, CHUNK_HEADER_BYTES, FormatError, HEADER_BYTES, Header, TRAILER_BYTES, Trailer,
};
use super::{SUFFIX, SnapshotError, list, path};
use crate::disk::{Disk, DiskFile};
use std::io;
use std::path::{Path, PathBuf};
use synod_types::{PartitionId, SnapshotMeta};

/// A finished snapshot, for sending it as it is.
pub struct SnapshotFile {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    header: Header,
    len: u64,
}

impl SnapshotFile {
    pub(super) fn new(file: Box<dyn DiskFile>, path: PathBuf, header: Header, len: u64) -> Self {
        Self { file, path, header, len }
    }

    /// Opens the file of this snapshot; `None` if there is none. Only its header is checked.
    ///
    /// # Errors
    /// It cannot be read, or its header is damaged or of another snapshot.
    pub fn open(
        disk: &dyn Disk,
        dir: &Path,
        group: PartitionId,
        meta: &SnapshotMeta,
    ) -> Result<Option<Self>, SnapshotError> {
        let path = path(dir, group, meta, SUFFIX);
        let file = match disk.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(SnapshotError::io(&path))?,
        };
        let (walk, header) = Walk::begin(&*file, &path)?;
        let len = walk.size;
        let expected = header.group == group
            && (header.meta.index, header.meta.term) == (meta.index, meta.term);
        if !expected {
            return Err(SnapshotError::Damaged { path, offset: 0, reason: FormatError::Other });
        }
        Ok(Some(Self { file, path, header, len }))
    }

    /// What it stands for.
    #[must_use]
    pub const fn meta(&self) -> &SnapshotMeta {
        &self.header.meta
    }

    /// The group it is of.
    #[must_use]
    pub const fn group(&self) -> PartitionId {
        self.header.group
    }

    /// The length of the file, in bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Never: there is a header at least.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Up to `bytes` bytes of the file from `offset`; fewer at its end, none behind it.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn read_raw_at(&self, offset: u64, bytes: usize) -> Result<Vec<u8>, SnapshotError> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut out = vec![0; bytes.min(left)];
        if !out.is_empty() {
            let result = self.file.read_exact_at(&mut out, offset);
            result.map_err(SnapshotError::io(&self.path))?;
        }
        Ok(out)
    }
}

/// A snapshot being read, chunk by chunk.
pub struct SnapshotReader {
    file: SnapshotFile,
    place: Walk,
}

impl SnapshotReader {
    /// Opens the newest snapshot of the group whose header and trailer are intact; `None` if there is
    /// none. Its chunks are checked as they are read.
    ///
    /// # Errors
    /// The disk refuses. Damaged files are passed over.
    pub fn open(
        disk: &dyn Disk,
        dir: &Path,
        group: PartitionId,
    ) -> Result<Option<Self>, SnapshotError> {
        let found = match list(disk, dir, group) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found.map_err(SnapshotError::io(dir))?,
        };
        for (index, term) in found {
            let meta = SnapshotMeta { index, term, ..SnapshotMeta::default() };
            match Self::open_at(disk, dir, group, &meta) {
                Err(SnapshotError::Damaged { .. }) => {}
                found => return found,
            }
        }
        Ok(None)
    }

    /// Opens the snapshot with this index and term; `None` if there is none.
    ///
    /// # Errors
    /// The disk refuses, or the header or the trailer is damaged.
    pub fn open_at(
        disk: &dyn Disk,
        dir: &Path,
        group: PartitionId,
        meta: &SnapshotMeta,
    ) -> Result<Option<Self>, SnapshotError> {
        let Some(file) = SnapshotFile::open(disk, dir, group, meta)? else { return Ok(None) };
        let (place, _) = Walk::begin(&*file.file, &file.path)?;
        let trailer_at = file.len.saturating_sub(TRAILER_BYTES as u64).max(place.offset);
        let trailer = file.read_raw_at(trailer_at, TRAILER_BYTES)?;
        if let Err(reason) = format::decode_trailer(&trailer) {
            return Err(SnapshotError::Damaged { path: file.path, offset: trailer_at, reason });
        }
        Ok(Some(Self { file, place }))
    }

    /// What it stands for.
    #[must_use]
    pub const fn meta(&self) -> &SnapshotMeta {
        self.file.meta()
    }

    /// The length of the file and how much of it was read, in bytes.
    #[must_use]
    pub const fn progress(&self) -> (u64, u64) {
        (self.place.offset, self.file.len)
    }

    /// The next chunk, intact; `None` after the last one.
    ///
    /// # Errors
    /// The disk refuses, or the file is damaged. What was read before is part of an incomplete state.
    pub fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, SnapshotError> {
        let mut data = Vec::new();
        let more = self.place.next(&*self.file.file, &self.file.path, &mut data)?;
        Ok(more.then_some(data))
    }

    /// The same file, for sending it.
    #[must_use]
    pub fn into_file(self) -> SnapshotFile {
        self.file
    }
}

/// Walks over a file's chunks and checks them.
pub(super) struct Walk {
    /// The next chunk, or the end of the file once the trailer was passed.
    pub offset: u64,
    pub size: u64,
    /// Whether the trailer was passed.
    pub done: bool,
    so_far: Trailer,
}

impl Walk {
    /// Reads the header.
    pub(super) fn begin(file: &dyn DiskFile, path: &Path) -> Result<(Self, Header), SnapshotError> {
        let io = SnapshotError::io(path);
        let damaged =
            |reason| SnapshotError::Damaged { path: path.to_path_buf(), offset: 0, reason };
        let size = file.size().map_err(&io)?;
        if size < HEADER_BYTES as u64 {
            return Err(damaged(FormatError::Cut));
        }
        let mut bytes = vec![0; HEADER_BYTES];
        file.read_exact_at(&mut bytes, 0).map_err(&io)?;
        let end = HEADER_BYTES + format::membership_bytes(&bytes).map_err(damaged)?;
        if size < end as u64 {
            return Err(damaged(FormatError::Cut));
        }
        bytes.resize(end, 0);
        file.read_exact_at(&mut bytes, 0).map_err(&io)?;
        let (header, end) = format::decode_header(&bytes).map_err(damaged)?;
        let walk = Self { offset: end as u64, size, done: false, so_far: Trailer::default() };
        Ok((walk, header))
    }

    /// Reads the next chunk into `data`; false after the last one, when the whole file was intact.
    pub(super) fn next(
        &mut self,
        file: &dyn DiskFile,
        path: &Path,
        data: &mut Vec<u8>,
    ) -> Result<bool, SnapshotError> {
        let damaged = |offset, reason| {
            Err(SnapshotError::Damaged { path: path.to_path_buf(), offset, reason })
        };
        if self.done {
            return Ok(false);
        }
        let left = self.size - self.offset;
        let mut front = [0; TRAILER_BYTES];
        let front = &mut front[..left.min(TRAILER_BYTES as u64) as usize];
        file.read_exact_at(front, self.offset).map_err(SnapshotError::io(path))?;
        let header = match format::decode_chunk_header(front) {
            Ok(Some(header)) => header,
            Ok(None) => return self.end(front).or_else(|reason| damaged(self.offset, reason)),
            Err(reason) => return damaged(self.offset, reason),
        };
        if header.number != self.so_far.chunks {
            return damaged(self.offset, FormatError::ChunkNumber);
        }
        let len = CHUNK_HEADER_BYTES as u64 + u64::from(header.bytes);
        if len > left {
            return damaged(self.offset, FormatError::Cut);
        }
        data.resize(header.bytes as usize, 0);
        let result = file.read_exact_at(data, self.offset + CHUNK_HEADER_BYTES as u64);
        result.map_err(SnapshotError::io(path))?;
        if crc32c::crc32c(data) != header.crc {
            return damaged(self.offset, FormatError::Chunk);
        }
        self.so_far.add(&header);
        self.offset += len;
        Ok(true)
    }

    fn end(&mut self, front: &[u8]) -> Result<bool, FormatError> {
        if format::decode_trailer(front)? != self.so_far {
            return Err(FormatError::Trailer);
        }
        let end = self.offset + TRAILER_BYTES as u64;
        if end != self.size {
            return Err(FormatError::Excess);
        }
        self.offset = end;
        self.done = true;
        Ok(false)
    }
}
