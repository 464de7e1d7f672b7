//! Snapshot files: the state of one group after one entry, in chunks.
//!
//! A file is written under a temporary name and gets its own only when it is complete and durable, so a
//! file with a snapshot's name was whole once; its checksums tell whether it still is. A leader serves
//! the bytes as they are ([`SnapshotFile::read_raw_at`]), and the receiver resumes after the last chunk
//! that it has intact.

mod format;
mod reader;
mod receiver;
mod writer;

#[cfg(test)]
mod tests;

pub use format::{
    CHUNK_BYTES_MAX, ChunkHeader, FormatError, Header, Trailer, decode_chunk_header, decode_header,
    decode_trailer,
};
pub use reader::{SnapshotFile, SnapshotReader};
pub use receiver::SnapshotReceiver;
pub use writer::SnapshotWriter;

use crate::disk::Disk;
use std::io;
use std::path::{Path, PathBuf};
use synod_types::{Index, PartitionId, SnapshotMeta, Term};

const SUFFIX: &str = ".snap";
const WRITING_SUFFIX: &str = ".snap.tmp";
const RECEIVING_SUFFIX: &str = ".snap.part";

/// Why a snapshot could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The operating system refused something.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The file is not what was written.
    #[error("{}: the snapshot is damaged at byte {offset}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        reason: FormatError,
    },
    /// Bytes were received that do not continue the file. Nothing was written.
    #[error("the snapshot goes on at byte {expected}, not {offset}")]
    OutOfPlace {
        /// Where the bytes belong.
        offset: u64,
        /// Where the file goes on.
        expected: u64,
    },
    /// The chunk is larger than [`CHUNK_BYTES_MAX`]. Nothing was written.
    #[error("a chunk of {0} bytes is too large for a snapshot")]
    TooLarge(usize),
}

impl SnapshotError {
    fn io(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io { path: path.clone(), source }
    }

    /// Whether the disk is full; what was being written may be tried again later.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if crate::disk::is_full(source))
    }
}

fn path(dir: &Path, group: PartitionId, meta: &SnapshotMeta, suffix: &str) -> PathBuf {
    let SnapshotMeta { index, term, .. } = meta;
    dir.join(format!("{:010}-{:020}-{:020}{suffix}", group.0, index.0, term.0))
}

/// What a file name says: group, index, term and suffix.
fn parse(name: &str) -> Option<(PartitionId, Index, Term, &str)> {
    let (stem, suffix) = name.split_at(name.find('.')?);
    let mut parts = stem.split('-');
    let mut number = |digits: usize| {
        let part = parts.next()?;
        let plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        if plain { part.parse::<u64>().ok() } else { None }
    };
    let group = PartitionId(u32::try_from(number(10)?).ok()?);
    let (index, term) = (Index(number(20)?), Term(number(20)?));
    parts.next().is_none().then_some((group, index, term, suffix))
}

/// The index and term of each finished snapshot of the group, newest first. They may be damaged.
///
/// # Errors
/// The directory cannot be read.
pub fn list(disk: &dyn Disk, dir: &Path, group: PartitionId) -> io::Result<Vec<(Index, Term)>> {
    let names = disk.list(dir)?;
    let parsed = names.iter().filter_map(|name| parse(name));
    let finished = parsed.filter(|(of, _, _, suffix)| *of == group && *suffix == SUFFIX);
    let mut found: Vec<_> = finished.map(|(_, index, term, _)| (index, term)).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// Removes the group's snapshots before `keep`, and unfinished files up to it. Says how many.
///
/// # Errors
/// A file cannot be removed, or that cannot be made durable.
pub fn prune(disk: &dyn Disk, dir: &Path, group: PartitionId, keep: Index) -> io::Result<usize> {
    remove_where(disk, dir, |of, index, suffix| {
        of == group && if suffix == SUFFIX { index < keep } else { index <= keep }
    })
}

/// Removes everything of a group that is no longer here. Says how many files.
///
/// # Errors
/// As [`prune`].
pub fn remove_all(disk: &dyn Disk, dir: &Path, group: PartitionId) -> io::Result<usize> {
    remove_where(disk, dir, |of, _, _| of == group)
}

/// Removes the snapshots that this process's predecessor left half written; meant for the start. Half
/// received ones stay: their transfer resumes.
///
/// # Errors
/// As [`prune`].
pub fn sweep(disk: &dyn Disk, dir: &Path) -> io::Result<usize> {
    remove_where(disk, dir, |_, _, suffix| suffix == WRITING_SUFFIX)
}

fn remove_where(
    disk: &dyn Disk,
    dir: &Path,
    condemned: impl Fn(PartitionId, Index, &str) -> bool,
) -> io::Result<usize> {
    let names = match disk.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0), // never had a snapshot
        names => names?,
    };
    let mut removed = 0;
    for name in names {
        if parse(&name).is_some_and(|(group, index, _, suffix)| condemned(group, index, suffix)) {
            disk.remove(&dir.join(name))?;
            removed += 1;
        }
    }
    if removed > 0 {
        disk.sync_dir(dir)?;
    }
    Ok(removed)
}
