//! Receives a snapshot's bytes from another node, and resumes where an earlier attempt stopped.

use super::reader::Walk;
use super::{RECEIVING_SUFFIX, SUFFIX, SnapshotError, SnapshotFile, path};
use crate::disk::{self, Disk, DiskFile};
use crate::snapshot::FormatError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synod_types::plant::planted;
use synod_types::{PartitionId, SnapshotMeta};

/// How much is written before it is synced: that much is received again after a crash, at most.
const SYNC_BYTES: u64 = 8 << 20;

/// A snapshot on its way from another node. Dropped unfinished, it leaves what it has for the next try.
pub struct SnapshotReceiver {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    group: PartitionId,
    meta: SnapshotMeta,
    offset: u64,
    synced: u64,
}

impl SnapshotReceiver {
    /// Begins to receive this snapshot, or resumes: what an earlier attempt left is checked and kept up to
    /// the last intact chunk.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn begin(
        disk: Arc<dyn Disk>,
        dir: &Path,
        group: PartitionId,
        meta: &SnapshotMeta,
    ) -> Result<Self, SnapshotError> {
        let path = path(dir, group, meta, RECEIVING_SUFFIX);
        disk.create_dir_all(dir).map_err(SnapshotError::io(dir))?;
        let file = match disk.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(&path),
            file => file,
        };
        let file = file.map_err(SnapshotError::io(&path))?;
        let offset = intact(&*file, &path, group, meta)?;
        let kept = file.set_size(offset).and_then(|()| disk::rewrite(&*file, 0, offset));
        kept.map_err(SnapshotError::io(&path))?;
        let (dir, meta) = (dir.to_path_buf(), meta.clone());
        Ok(Self { disk, dir, path, file, group, meta, offset, synced: offset })
    }

    /// Where the file goes on: the byte to ask the other node for.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Appends bytes of the file. They are checked when it is complete.
    ///
    /// # Errors
    /// The bytes do not begin at [`Self::offset`] (nothing is written then), or the disk refuses.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), SnapshotError> {
        if offset != self.offset {
            return Err(SnapshotError::OutOfPlace { offset, expected: self.offset });
        }
        let io = SnapshotError::io(&self.path);
        self.file.write_all_at(bytes, offset).map_err(&io)?;
        self.offset += bytes.len() as u64;
        if self.offset - self.synced >= SYNC_BYTES {
            self.file.sync_data().map_err(&io)?;
            self.synced = self.offset;
        }
        Ok(())
    }

    /// Checks the whole file, makes it durable, and gives it its name, durably.
    ///
    /// # Errors
    /// The disk refuses, or the file is not intact, cut short, or of another snapshot; in that case it
    /// is removed, and a new attempt begins from the start.
    pub fn finish(self) -> Result<SnapshotFile, SnapshotError> {
        let header = match verify(&*self.file, &self.path, self.group, &self.meta) {
            Err(error) => {
                if matches!(error, SnapshotError::Damaged { .. }) {
                    self.disk.remove(&self.path).map_err(SnapshotError::io(&self.path))?;
                }
                return Err(error);
            }
            Ok(header) => header,
        };
        if !planted("received-not-synced") {
            self.file.sync_data().map_err(SnapshotError::io(&self.path))?;
        }
        let to = path(&self.dir, self.group, &self.meta, SUFFIX);
        self.disk.rename(&self.path, &to).map_err(SnapshotError::io(&to))?;
        self.disk.sync_dir(&self.dir).map_err(SnapshotError::io(&self.dir))?;
        Ok(SnapshotFile::new(self.file, to, header, self.offset))
    }

    /// Gives up and removes what was received.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn abandon(self) -> Result<(), SnapshotError> {
        self.disk.remove(&self.path).map_err(SnapshotError::io(&self.path))
    }
}

fn begin_walk(
    file: &dyn DiskFile,
    path: &Path,
    group: PartitionId,
    meta: &SnapshotMeta,
) -> Result<(Walk, super::Header), SnapshotError> {
    let (walk, header) = Walk::begin(file, path)?;
    if header.group != group || header.meta != *meta {
        let (path, reason) = (path.to_path_buf(), FormatError::Other);
        return Err(SnapshotError::Damaged { path, offset: 0, reason });
    }
    Ok((walk, header))
}

/// Up to where a partial file is intact.
fn intact(
    file: &dyn DiskFile,
    path: &Path,
    group: PartitionId,
    meta: &SnapshotMeta,
) -> Result<u64, SnapshotError> {
    let mut walk = match begin_walk(file, path, group, meta) {
        Ok((walk, _)) => walk,
        Err(SnapshotError::Damaged { .. }) => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut data = Vec::new();
    loop {
        match walk.next(file, path, &mut data) {
            Ok(true) => {}
            Ok(false) | Err(SnapshotError::Damaged { .. }) => return Ok(walk.offset),
            Err(error) => return Err(error),
        }
    }
}

fn verify(
    file: &dyn DiskFile,
    path: &Path,
    group: PartitionId,
    meta: &SnapshotMeta,
) -> Result<super::Header, SnapshotError> {
    let (mut walk, header) = begin_walk(file, path, group, meta)?;
    let mut data = Vec::new();
    while walk.next(file, path, &mut data)? {}
    Ok(header)
}
