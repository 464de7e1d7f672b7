//! Restart: the log and the snapshots of a worker become groups again.

use std::path::{Path, PathBuf};
use synod_log::snapshot::{self, SnapshotError, SnapshotReader};
use synod_log::{Disk, Recovered};
use synod_node::{RecoveredGroup, RecoveredMap};
use synod_replica::{Loader, State};
use synod_ring::ClusterMap;
use synod_types::plant::planted;
use synod_types::{Index, NodeId, PartitionId, SnapshotMeta};

/// Why the groups of a worker cannot be had from its disk. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// A file could not be read, or is damaged.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A snapshot's content is not what a state is made of.
    #[error("the content of the snapshot of partition {0} cannot be used: {1}")]
    Content(PartitionId, String),
    /// The log counts on a snapshot that is not there.
    #[error(
        "the snapshot of partition {0} at entry {1} is missing from {path}; without it this node's data is incomplete. \
         Restore the file, or remove the node's data directory and let it join again as a new member",
        path = .2.display()
    )]
    Missing(PartitionId, Index, PathBuf),
}

/// The map that the metadata group holds, so that partitions can be loaded with their slots.
///
/// # Errors
/// The snapshot is damaged.
pub fn map_of(
    disk: &dyn Disk,
    dir: &Path,
    recovered: &Recovered,
) -> Result<RecoveredMap, RecoveryError> {
    let Some(group) = recovered.groups.get(&PartitionId::META) else {
        return Ok(RecoveredMap::default());
    };
    let mut map = ClusterMap::default();
    if group.snapshot.index > Index(0)
        && let Some(state) = load(disk, dir, PartitionId::META, &group.snapshot)?
    {
        map = state.map().cloned().unwrap_or_default();
    }
    Ok(RecoveredMap::replay(map, &group.entries, group.hard_state.commit))
}

/// Loads the state of every group, and removes what is half written of others.
///
/// # Errors
/// A snapshot that the log counts on is missing or damaged.
pub fn load_groups(
    disk: &dyn Disk,
    dir: &Path,
    recovered: Recovered,
    map: &ClusterMap,
) -> Result<Vec<RecoveredGroup>, RecoveryError> {
    if !recovered.groups.is_empty() {
        snapshot::sweep(disk, dir)
            .map_err(|source| SnapshotError::Io { path: dir.into(), source })?;
    }
    let mut groups = Vec::new();
    for (group, mut log) in recovered.groups {
        if planted("vote-forgotten") {
            log.hard_state.vote = NodeId(0);
        }
        if planted("tail-forgotten") {
            log.entries.pop();
        }
        let state = match log.snapshot.index {
            Index(0) if group == PartitionId::META => None,
            Index(0) => map.founded_slots_of(group).map(State::data),
            index => match load(disk, dir, group, &log.snapshot)? {
                Some(state) => Some(state),
                None => return Err(RecoveryError::Missing(group, index, dir.into())),
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

/// Loads the snapshot with this index and term; `None` when there is no such file.
///
/// # Errors
/// The file cannot be read or is damaged.
pub fn load(
    disk: &dyn Disk,
    dir: &Path,
    group: PartitionId,
    meta: &SnapshotMeta,
) -> Result<Option<State>, RecoveryError> {
    let opened = match planted("newest-snapshot-loaded") {
        true => SnapshotReader::open(disk, dir, group)?,
        false => SnapshotReader::open_at(disk, dir, group, meta)?,
    };
    let Some(mut reader) = opened else { return Ok(None) };
    let mut loader = match group {
        PartitionId::META => Loader::meta(),
        _ => Loader::data(),
    };
    while let Some(chunk) = reader.next_chunk()? {
        loader.chunk(&chunk).map_err(|why| RecoveryError::Content(group, why))?;
    }
    loader.finish().map(Some).map_err(|why| RecoveryError::Content(group, why))
}
