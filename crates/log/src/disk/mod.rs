//! The disk as the log sees it: a few calls, each with a stated meaning after a crash.
//!
//! The format code above asks for nothing else, so the simulator can put its disk model here and
//! recovery is tested byte for byte. [`RealDisk`] is the one place in the product that opens files of
//! the data directory; [`MemDisk`] is the model.

mod direct;
mod mem;
mod real;

#[cfg(test)]
mod conformance;

pub(crate) use direct::DIRECT_BYTES_MAX;
pub use mem::{DirectWrites, Fault, MemDisk, Operation, Struck, Trap, Unsynced};
pub use real::RealDisk;

use std::io;
use std::path::Path;

/// What a disk writes all or nothing, in bytes.
pub const SECTOR_BYTES: usize = 512;

/// The file on which direct writes are tried.
pub(crate) const PROBE_NAME: &str = "probe.tmp";

/// Names: what exists in a directory, and under which name.
///
/// A change of names (create, rename, remove) is durable only after [`Disk::sync_dir`]; until then a
/// crash may undo any of them, each as a whole.
pub trait Disk: Send + Sync {
    /// Makes the directory and its parents, durably. It may exist already.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// The names of the files in `dir`, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes an empty file, or empties the one that is there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens an existing file for writes that go past the page cache and are durable when they return; `None` where
    /// the file system has no such thing.
    fn open_direct(&self, path: &Path) -> io::Result<Option<Box<dyn DirectFile>>>;
    /// Gives a file another name in the same directory, replacing what has that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes every change of names in `dir` so far durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// The bytes of one open file.
///
/// What was written is durable only after [`DiskFile::sync_data`] succeeded; until then a crash may
/// keep or lose each sector of [`SECTOR_BYTES`] on its own. After a failed `sync_data` nothing is known
/// of what was written since the last good one, and trying again proves nothing.
pub trait DiskFile: Send + Sync {
    /// The length in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Fills `buf` from `offset`; [`io::ErrorKind::UnexpectedEof`] when the file ends before.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of `data` at `offset`, growing the file if need be.
    fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts the file, or grows it by zeros.
    fn set_size(&self, bytes: u64) -> io::Result<()>;
    /// Grows the file to `bytes` and sets the space aside; what is behind its present end reads as zeros. `false`,
    /// and nothing has changed, where the file system cannot do that.
    ///
    /// # Errors
    /// Such as a full disk; the length is then unknown.
    fn reserve(&self, bytes: u64) -> io::Result<bool>;
    /// Makes contents and length durable (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
}

/// A file of which each write is durable when it returns: that write and nothing else.
///
/// What was written to the file through a [`DiskFile`] needs its sync as before.
pub trait DirectFile: Send {
    /// Writes whole sectors at the border of one.
    ///
    /// # Errors
    /// [`is_refused`]: nothing was written, and nothing ever will be this way. After any other error each sector may be
    /// there or not, and writing again proves nothing.
    fn write_durably_at(&mut self, data: &[u8], offset: u64) -> io::Result<()>;
}

/// Whether the error says that the file system wants direct writes of another form, or none.
#[must_use]
pub fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

/// Whether files in `dir` take direct writes of single sectors, tried on a file that holds nothing.
///
/// # Errors
/// The disk fails; that it is full only means no.
pub(crate) fn takes_direct(disk: &dyn Disk, dir: &Path) -> io::Result<bool> {
    let path = dir.join(PROBE_NAME);
    let probe = || {
        let file = disk.create(&path)?;
        file.set_size(2 * SECTOR_BYTES as u64)?;
        let Some(mut direct) = disk.open_direct(&path)? else { return Ok(false) };
        direct.write_durably_at(&[0xff; SECTOR_BYTES], SECTOR_BYTES as u64).map(|()| true)
    };
    let taken = match probe() {
        Err(error) if is_refused(&error) || is_full(&error) => false,
        probed => probed?,
    };
    disk.remove(&path)?;
    Ok(taken)
}

/// Whether the error says that the disk (or the user's share of it) is full.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Writes the bytes from `from` to `to` again, as they are.
///
/// What a process finds in a file may exist only in the page cache of an operating system that failed to
/// write it, said so to a process that is gone, and counts it as written. Only writing it again makes the
/// next sync mean something (Rebello et al., ATC '20).
pub(crate) fn rewrite(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    const STEP_BYTES: u64 = 1 << 20;
    let mut buf = vec![0; to.saturating_sub(from).min(STEP_BYTES) as usize];
    let mut at = from;
    while at < to {
        let part = &mut buf[..(to - at).min(STEP_BYTES) as usize];
        file.read_exact_at(part, at)?;
        file.write_all_at(part, at)?;
        at += part.len() as u64;
    }
    Ok(())
}
