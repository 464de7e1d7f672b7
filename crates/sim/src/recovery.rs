//! The duties of the server's restart: the log and the snapshots of a machine become groups again.

use std::path::Path;
use synod_log::snapshot::SnapshotReader;
use synod_log::{Disk, Recovered};
use synod_node::{RecoveredGroup, RecoveredMap};
use synod_replica::{Loader, State};
use synod_ring::ClusterMap;
use synod_types::plant::planted;
use synod_types::{Index, PartitionId, SnapshotMeta};

/// The map that the metadata group holds, so that partitions can be loaded with their slots.
pub(crate) fn map_of(
    disk: &dyn Disk,
    dir: &Path,
    recovered: &Recovered,
) -> Result<RecoveredMap, String> {
    let Some(group) = recovered.groups.get(&PartitionId::META) else {
        return Ok(RecoveredMap::default());
    };
    let mut map = ClusterMap::default();
    if group.snapshot.index > Index(0)
        && let Some(state) =
            load(disk, dir, PartitionId::META, &group.snapshot, &ClusterMap::default())?
    {
        map = state.map().cloned().unwrap_or_default();
    }
    Ok(RecoveredMap::replay(map, &group.entries, group.hard_state.commit))
}

/// Loads the state of every group.
pub(crate) fn load_groups(
    disk: &dyn Disk,
    dir: &Path,
    recovered: Recovered,
    map: &ClusterMap,
) -> Result<Vec<RecoveredGroup>, String> {
    let mut groups = Vec::new();
    for (group, mut log) in recovered.groups {
        if planted("vote-forgotten") {
            log.hard_state.vote = synod_types::NodeId(0);
        }
        if planted("tail-forgotten") {
            log.entries.pop();
        }
        let state = match log.snapshot.index {
            Index(0) if group == PartitionId::META => None,
            Index(0) => map.slots_of(group).map(State::data),
            index => match load(disk, dir, group, &log.snapshot, map)? {
                Some(state) => Some(state),
                None => return Err(format!("the snapshot of group {group} at {index} is missing")),
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
pub(crate) fn load(
    disk: &dyn Disk,
    dir: &Path,
    group: PartitionId,
    meta: &SnapshotMeta,
    map: &ClusterMap,
) -> Result<Option<State>, String> {
    let newest = planted("newest-snapshot-loaded");
    let opened = match newest {
        true => SnapshotReader::open(disk, dir, group),
        false => SnapshotReader::open_at(disk, dir, group, meta),
    };
    let opened = opened.map_err(|e| e.to_string())?;
    let Some(mut reader) = opened else { return Ok(None) };
    let mut loader = match group {
        PartitionId::META => Loader::meta(),
        _ => Loader::data(map.slots_of(group).ok_or("the map does not know the partition")?),
    };
    while let Some(chunk) = reader.next_chunk().map_err(|e| e.to_string())? {
        loader.chunk(&chunk).map_err(|e| format!("{e:?}"))?;
    }
    loader.finish().map(Some).map_err(|e| format!("{e:?}"))
}
