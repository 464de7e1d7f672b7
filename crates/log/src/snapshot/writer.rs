//! Writes a snapshot, chunk by chunk, while the group goes on.

use super::format::{ChunkHeader, Header, Trailer};
use super::{CHUNK_BYTES_MAX, SUFFIX, SnapshotError, SnapshotFile, WRITING_SUFFIX, path};
use crate::disk::{Disk, DiskFile};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synod_types::plant::planted;
use synod_types::{PartitionId, SnapshotMeta};

/// How much is written before it is synced, so that the last sync is short and the log's syncs, which
/// share the disk, never wait behind a whole snapshot.
const SYNC_BYTES: u64 = 8 << 20;

/// A snapshot in the making. Dropped unfinished, it leaves a file that [`super::sweep`] removes.
pub struct SnapshotWriter {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    header: Header,
    /// Where the next chunk goes.
    offset: u64,
    synced: u64,
    trailer: Trailer,
    buf: Vec<u8>,
}

impl SnapshotWriter {
    /// Begins a snapshot under a temporary name; one begun before with the same meta is overwritten.
    ///
    /// # Errors
    /// The file cannot be made or written.
    pub fn create(
        disk: Arc<dyn Disk>,
        dir: &Path,
        group: PartitionId,
        meta: &SnapshotMeta,
    ) -> Result<Self, SnapshotError> {
        let path = path(dir, group, meta, WRITING_SUFFIX);
        disk.create_dir_all(dir).map_err(SnapshotError::io(dir))?;
        let file = disk.create(&path).map_err(SnapshotError::io(&path))?;
        let header = Header { group, meta: meta.clone() };
        let bytes = header.encode();
        file.write_all_at(&bytes, 0).map_err(SnapshotError::io(&path))?;
        Ok(Self {
            disk,
            dir: dir.to_path_buf(),
            path,
            file,
            header,
            offset: bytes.len() as u64,
            synced: 0,
            trailer: Trailer::default(),
            buf: Vec::new(),
        })
    }

    /// Adds a chunk, which a reader gets back as one.
    ///
    /// # Errors
    /// Too large, or the disk refuses; after the latter the snapshot cannot be finished.
    pub fn chunk(&mut self, data: &[u8]) -> Result<(), SnapshotError> {
        if data.len() > CHUNK_BYTES_MAX {
            return Err(SnapshotError::TooLarge(data.len()));
        }
        let header = ChunkHeader {
            bytes: data.len() as u32,
            number: self.trailer.chunks,
            crc: crc32c::crc32c(data),
        };
        self.buf.clear();
        self.buf.extend_from_slice(&header.encode());
        self.buf.extend_from_slice(data);
        self.write()?;
        self.trailer.add(&header);
        if self.offset - self.synced >= SYNC_BYTES {
            self.file.sync_data().map_err(SnapshotError::io(&self.path))?;
            self.synced = self.offset;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), SnapshotError> {
        let result = self.file.write_all_at(&self.buf, self.offset);
        result.map_err(SnapshotError::io(&self.path))?;
        self.offset += self.buf.len() as u64;
        Ok(())
    }

    /// How many bytes were written.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.offset
    }

    /// Gives up and removes what was written.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn abandon(self) -> Result<(), SnapshotError> {
        self.disk.remove(&self.path).map_err(SnapshotError::io(&self.path))
    }

    /// Completes the file, makes it durable, and gives it its name, durably.
    ///
    /// # Errors
    /// The disk refuses; there is no such snapshot then, and what was written of it is removed if that can be done.
    pub fn finish(self) -> Result<SnapshotFile, SnapshotError> {
        let (disk, path) = (Arc::clone(&self.disk), self.path.clone());
        self.complete().inspect_err(|_| {
            let _the_first_error_tells_more = disk.remove(&path);
        })
    }

    fn complete(mut self) -> Result<SnapshotFile, SnapshotError> {
        self.buf.clear();
        self.buf.extend_from_slice(&self.trailer.encode());
        self.write()?;
        if !planted("snapshot-not-synced") {
            self.file.sync_data().map_err(SnapshotError::io(&self.path))?;
        }
        let to = path(&self.dir, self.header.group, &self.header.meta, SUFFIX);
        self.disk.rename(&self.path, &to).map_err(SnapshotError::io(&to))?;
        self.disk.sync_dir(&self.dir).map_err(SnapshotError::io(&self.dir))?;
        Ok(SnapshotFile::new(self.file, to, self.header, self.offset))
    }
}
