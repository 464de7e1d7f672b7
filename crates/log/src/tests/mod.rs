//! What the log promises, tried on the disk model and on the real disk.

mod basics;
mod crash;
mod damage;
mod disk_full;
mod evidence;
mod model;
mod random;
mod torn;

use crate::{Batch, Disk, GroupLog, OpenError, Options, Recovered, Wal};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use synod_types::{
    Entry, EntryKind, HardState, Index, Membership, NodeId, PartitionId, SnapshotMeta, Term,
};

pub(crate) const DIR: &str = "/data/log";
pub(crate) const SMALL: Options = Options { segment_bytes: 4096, direct: false };
pub(crate) const SMALL_DIRECT: Options = Options { segment_bytes: 4096, direct: true };

pub(crate) type Groups = BTreeMap<PartitionId, GroupLog>;

pub(crate) fn open_in(
    disk: &(impl Disk + Clone + 'static),
    dir: &Path,
) -> Result<(Wal, Recovered), OpenError> {
    Wal::open(Arc::new(disk.clone()), dir, SMALL, &mut |_| {})
}

pub(crate) fn open_with(
    disk: &(impl Disk + Clone + 'static),
    options: Options,
) -> Result<(Wal, Recovered), OpenError> {
    Wal::open(Arc::new(disk.clone()), Path::new(DIR), options, &mut |_| {})
}

pub(crate) fn open(disk: &(impl Disk + Clone + 'static)) -> Result<(Wal, Recovered), OpenError> {
    open_in(disk, Path::new(DIR))
}

pub(crate) fn entry(index: u64, term: u64, payload: &[u8]) -> Entry {
    Entry {
        term: Term(term),
        index: Index(index),
        kind: EntryKind::Commands,
        payload: Bytes::copy_from_slice(payload),
    }
}

pub(crate) fn meta(index: u64, term: u64) -> SnapshotMeta {
    let membership = Membership::of_voters(vec![NodeId(1), NodeId(2), NodeId(3)]);
    SnapshotMeta { index: Index(index), term: Term(term), membership }
}

pub(crate) fn vote(term: u64, commit: u64) -> HardState {
    HardState { term: Term(term), vote: NodeId(2), commit: Index(commit), ..HardState::default() }
}

pub(crate) fn batch_of(fill: impl FnOnce(&mut Batch)) -> Batch {
    let mut batch = Batch::new();
    fill(&mut batch);
    batch
}

pub(crate) fn append(wal: &mut Wal, fill: impl FnOnce(&mut Batch)) {
    wal.append(&mut batch_of(fill)).unwrap();
}

pub(crate) fn indexes(log: &GroupLog) -> Vec<u64> {
    log.entries.iter().map(|entry| entry.index.0).collect()
}
