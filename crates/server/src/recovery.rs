//! Restart: the log and the snapshots of a worker become groups again.

use crate::files;
use crate::tuning::LogWrites;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use synod_log::snapshot::{self, SnapshotError};
use synod_log::{Disk, Options, Recovered, Wal};
use synod_node::{RecoveredGroup, RecoveredMap};
use synod_replica::State;
use synod_ring::ClusterMap;
use synod_types::{Index, PartitionId};

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

/// The map that the metadata group holds, so that partitions can be loaded with their slots.
///
/// # Errors
/// The snapshot is damaged.
pub fn map_of(disk: &dyn Disk, snapshots: &Path, recovered: &Recovered) -> Result<RecoveredMap> {
    let Some(group) = recovered.groups.get(&PartitionId::META) else {
        return Ok(RecoveredMap::default());
    };
    let mut map = ClusterMap::default();
    if group.snapshot.index > Index(0) {
        let loaded = files::load(
            disk,
            snapshots,
            PartitionId::META,
            &group.snapshot,
            &ClusterMap::default(),
        )?;
        if let Some((_, state)) = loaded {
            map = state.map().cloned().unwrap_or_default();
        }
    }
    Ok(RecoveredMap::replay(map, &group.entries, group.hard_state.commit))
}

/// Loads the state of every group.
///
/// # Errors
/// A snapshot that the log counts on is missing or damaged.
pub fn load_groups(
    disk: &dyn Disk,
    snapshots: &Path,
    recovered: Recovered,
    map: &ClusterMap,
) -> Result<Vec<RecoveredGroup>> {
    if !recovered.groups.is_empty() {
        snapshot::sweep(disk, snapshots)
            .map_err(|source| SnapshotError::Io { path: snapshots.into(), source })
            .context("half-written snapshots cannot be removed")?;
    }
    let mut groups = Vec::new();
    for (group, log) in recovered.groups {
        let state = match log.snapshot.index {
            Index(0) if group == PartitionId::META => None,
            Index(0) => map.slots_of(group).map(State::data),
            index => match files::load(disk, snapshots, group, &log.snapshot, map)
                .with_context(|| format!("the snapshot of partition {group} at entry {index}"))?
            {
                Some((_, state)) => Some(state),
                None => bail!(
                    "the snapshot of partition {group} at entry {index} is missing from {}; without it this node's \
                     data is incomplete. Restore the file, or remove the node's data directory and let it \
                     join again as a new member",
                    snapshots.display()
                ),
            },
        };
        groups.push(RecoveredGroup {
            group,
            hard_state: log.hard_state,
            snapshot: log.snapshot,
            entries: log.entries,
            state,
        });
    }
    Ok(groups)
}
