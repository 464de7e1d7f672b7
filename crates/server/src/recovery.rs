//! Restart: the log of a worker is read, and operators see how far.

use crate::space::{Allowance, SEGMENT_BYTES, on_disk_of};
use crate::tuning::LogWrites;
use anyhow::{Context, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use synod_log::{Disk, OpenError, Options, Recovered, Wal};

/// Progress is shown this often, in bytes of log.
const SHOW_BYTES: u64 = 256 << 20;

/// Opens a worker's log.
///
/// # Errors
/// The log is damaged or cannot be read; nothing was changed.
pub fn open_log(disk: Arc<dyn Disk>, dir: &Path, writes: LogWrites) -> Result<(Wal, Recovered)> {
    let begun = Instant::now();
    let mut shown = 0;
    let mut progress = |p: synod_log::Progress| {
        if p.bytes_read >= shown + SHOW_BYTES {
            shown = p.bytes_read;
            let (read, total) = (p.bytes_read >> 20, p.bytes_total >> 20);
            tracing::info!(read_mib = read, total_mib = total, "reading the log");
        }
    };
    disk.create_dir_all(dir).map_err(|source| OpenError::Io { path: dir.to_path_buf(), source })?;
    // The first segment has to leave room as well; nothing is known yet of what snapshots will take.
    let segment_bytes = on_disk_of(dir)
        .map_or(SEGMENT_BYTES, |(free, total)| Allowance::of(free, total, 0).segment_bytes);
    let options = Options { direct: writes == LogWrites::Auto, segment_bytes };
    let (wal, recovered) = Wal::open(disk, dir, options, &mut progress)
        .with_context(|| format!("the log in {} cannot be used", dir.display()))?;
    let report = recovered.report;
    if report.records > 0 {
        tracing::info!(
            segments = report.segments,
            records = report.records,
            torn_bytes = report.torn_bytes,
            ms = begun.elapsed().as_millis() as u64,
            "log read"
        );
    }
    if options.direct && !wal.is_direct() {
        tracing::info!(
            dir = %dir.display(),
            "the file system takes no direct writes: the log is written through the page cache"
        );
    }
    Ok((wal, recovered))
}
