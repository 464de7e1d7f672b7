//! Restart: the log of a worker is read, and operators see how far.

use crate::tuning::LogWrites;
use anyhow::{Context, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use synod_log::{Disk, Options, Recovered, Wal};

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
    let options = Options { direct: writes == LogWrites::Auto, ..Options::default() };
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
