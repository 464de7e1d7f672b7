//! Writes past the page cache: durable when they return, at about two thirds of what a write and its `fdatasync` cost.
//!
//! The kernel wants the memory, the length and the offset of such a write aligned; the log's sectors see to the last
//! two, and a buffer of this file's own to the first.

use super::{DirectFile, SECTOR_BYTES};
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// What memory is aligned to: a page, which satisfies every device.
const ALIGN_BYTES: usize = 4096;
/// The largest write, in bytes. It is one for the disk; a larger one had better go through the page cache.
pub(crate) const DIRECT_BYTES_MAX: usize = 1 << 20;

pub(super) struct RealDirect {
    file: File,
    /// Never grows, so the aligned part stays where it is.
    buffer: Vec<u8>,
    /// Where the aligned part begins.
    start: usize,
}

impl RealDirect {
    /// `None` where the file system does not open files like that.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let flags = (OFlags::DIRECT | OFlags::DSYNC).bits() as i32;
        let file = match OpenOptions::new().write(true).custom_flags(flags).open(path) {
            Err(error) if super::is_refused(&error) => return Ok(None),
            opened => opened?,
        };
        // Zeroed memory that was never touched takes no space.
        let buffer = vec![0; DIRECT_BYTES_MAX + ALIGN_BYTES];
        let start = buffer.as_ptr().align_offset(ALIGN_BYTES);
        Ok((start < ALIGN_BYTES).then_some(Self { file, buffer, start }))
    }
}

impl DirectFile for RealDirect {
    fn write_durably_at(&mut self, data: &[u8], offset: u64) -> io::Result<()> {
        debug_assert!(data.len().is_multiple_of(SECTOR_BYTES));
        let mut at = offset;
        for part in data.chunks(DIRECT_BYTES_MAX) {
            let aligned = &mut self.buffer[self.start..][..part.len()];
            aligned.copy_from_slice(part);
            self.file.write_all_at(aligned, at)?;
            at += part.len() as u64;
        }
        Ok(())
    }
}
