//! Snapshots as they travel: taken here, served to a follower, fetched from a leader.
//!
//! The follower pulls: it asks for the piece at an offset, and asks again where it stopped when an answer is lost.
//!
//! ```text
//! SnapshotFetch body:  index u64 | term u64 | offset u64
//! SnapshotChunk body:  index u64 | term u64 | offset u64 | total u64 | bytes
//! ```

use crate::forward;
use crate::node::Node;
use crate::output::FileWork;
use bytes::Bytes;
use std::collections::BTreeMap;
use synod_replica::State;
use synod_types::{Index, Membership, NodeId, PartitionId, SnapshotMeta, Term};
use synod_wire::peer::FrameKind;

/// A piece that did not come within this time is asked for again.
const FETCH_RETRY_US: u64 = 500_000;
/// A fetch that made no progress for this long is given up; the leader will offer again.
const FETCH_IDLE_US_MAX: u64 = 10_000_000;

/// A snapshot being fetched.
#[derive(Debug)]
pub(crate) struct Fetch {
    from: NodeId,
    meta: SnapshotMeta,
    offset: u64,
    asked_us: u64,
    progress_us: u64,
    /// Whether the files are ready to take pieces.
    begun: bool,
    /// Whether all pieces are there and the state is being loaded.
    loading: bool,
}

/// All fetches of a worker.
pub(crate) type Fetches = BTreeMap<PartitionId, Fetch>;

impl Node {
    /// Hands out the next piece of the snapshots being taken. The world calls this while it has room for pieces.
    pub fn snapshot_step(&mut self) -> bool {
        if let Some(work) = self.births.next_chunk() {
            self.output.files.push(work);
            return true;
        }
        let running = self.groups.replicas_mut().find(|r| r.snapshot_running());
        let Some(replica) = running else { return false };
        let group = replica.group();
        if let Some(chunk) = replica.next_chunk() {
            self.output.files.push(FileWork::Write { group, chunk });
        }
        true
    }

    /// Whether [`Self::snapshot_step`] has something to do.
    #[must_use]
    pub fn snapshot_running(&self) -> bool {
        self.births.is_running() || self.groups.replicas().any(|r| r.snapshot_running())
    }

    /// Asks a replica to take a snapshot now, whatever the amount of log behind it.
    pub fn snapshot_now(&mut self, group: PartitionId) {
        if let Some(replica) = self.replica(group) {
            replica.begin_snapshot();
        }
    }

    /// The snapshot file is durable under its name.
    pub fn snapshot_written(&mut self, group: PartitionId, meta: SnapshotMeta) {
        if self.begin_child(group, &meta) {
            return;
        }
        if let Some((replica, asked)) = self.groups.open(group) {
            replica.snapshot_written(meta, asked);
            self.groups.touch(group);
        }
        self.counted.counters_mut().snapshots += 1;
        self.counted.counters_mut().snapshot_s = self.local.now().wall.0 / 1000;
        self.absorb(group);
    }

    /// The log durably counts on a snapshot that goes so far.
    pub fn snapshot_is_marked(&mut self, group: PartitionId, index: Index) {
        if let Some(replica) = self.replica(group) {
            replica.snapshot_is_marked(index);
        }
    }

    /// The snapshot file could not be written or received.
    pub fn snapshot_failed(&mut self, group: PartitionId) {
        if self.births.failed(group) {
            return;
        }
        let fetched = self.groups.fetches_mut().remove(&group).is_some();
        if let Some(replica) = self.replica(group) {
            if fetched {
                replica.engine().snapshot_failed();
            } else {
                replica.snapshot_failed();
            }
            self.touch(group);
        }
    }

    pub(crate) fn begin_fetch(&mut self, group: PartitionId, from: NodeId, meta: SnapshotMeta) {
        let now = self.local.now().mono_us;
        self.output.files.push(FileWork::Receive { group, meta: meta.clone() });
        self.groups.fetches_mut().insert(
            group,
            Fetch {
                from,
                meta,
                offset: 0,
                asked_us: now,
                progress_us: now,
                begun: false,
                loading: false,
            },
        );
    }

    /// The files hold everything before `offset`; go on from there. `complete` when nothing is missing.
    pub fn snapshot_progress(
        &mut self,
        group: PartitionId,
        meta: &SnapshotMeta,
        offset: u64,
        complete: bool,
    ) {
        let now = self.local.now().mono_us;
        let Some(fetch) = self.groups.fetches_mut().get_mut(&group).filter(|f| f.meta == *meta)
        else {
            return;
        };
        fetch.begun = true;
        fetch.offset = offset;
        fetch.progress_us = now;
        fetch.loading = complete;
        if !complete {
            self.ask(group);
        }
    }

    fn ask(&mut self, group: PartitionId) {
        let now = self.local.now().mono_us;
        let own = self.local.id();
        let Some(fetch) = self.groups.fetches_mut().get_mut(&group) else { return };
        fetch.asked_us = now;
        let (from, index, term, offset) =
            (fetch.from, fetch.meta.index, fetch.meta.term, fetch.offset);
        let frames = forward::queue(&mut self.output, own, from, 0);
        forward::put_frame(frames, FrameKind::SnapshotFetch, group, |body| {
            for word in [index.0, term.0, offset] {
                body.extend_from_slice(&word.to_le_bytes());
            }
        });
    }

    pub(crate) fn tend_fetches(&mut self) {
        let now = self.local.now().mono_us;
        let late =
            |f: &Fetch, us: u64| f.begun && !f.loading && now.saturating_sub(us) > FETCH_RETRY_US;
        let again: Vec<_> = self
            .groups
            .fetches()
            .iter()
            .filter(|(_, f)| late(f, f.asked_us))
            .map(|(g, _)| *g)
            .collect();
        for group in again {
            let idle = now.saturating_sub(self.groups.fetches()[&group].progress_us);
            if idle > FETCH_IDLE_US_MAX {
                self.snapshot_failed(group);
            } else {
                self.ask(group);
            }
        }
    }

    pub(crate) fn serve_snapshot(&mut self, to: NodeId, group: PartitionId, body: &[u8]) {
        let Some(([index, term, offset], _)) = words::<3>(body) else { return };
        let (index, term) = (Index(index), Term(term));
        let meta = SnapshotMeta { index, term, membership: Membership::default() };
        self.output.files.push(FileWork::Serve { group, to, meta, offset });
    }

    /// Appends the frame that answers a `FileWork::Serve`. `meta.membership` is not part of it.
    pub fn encode_chunk(
        frames: &mut Vec<u8>,
        group: PartitionId,
        meta: &SnapshotMeta,
        offset: u64,
        total: u64,
        bytes: &[u8],
    ) {
        forward::put_frame(frames, FrameKind::SnapshotChunk, group, |body| {
            for word in [meta.index.0, meta.term.0, offset, total] {
                body.extend_from_slice(&word.to_le_bytes());
            }
            body.extend_from_slice(bytes);
        });
    }

    pub(crate) fn store_chunk(&mut self, group: PartitionId, body: &Bytes) {
        let Some(([index, term, offset, total], at)) = words::<4>(body) else { return };
        let Some(fetch) = self.groups.fetches_mut().get_mut(&group) else { return };
        let wanted = fetch.meta.index.0 == index && fetch.meta.term.0 == term;
        if !wanted || fetch.offset != offset || !fetch.begun || fetch.loading {
            return;
        }
        fetch.begun = false; // until the files have taken this piece
        let meta = fetch.meta.clone();
        let bytes = body.slice(at..);
        self.output.files.push(FileWork::Store { group, meta, offset, total, bytes });
    }

    /// A fetched snapshot is durable and loaded.
    pub fn snapshot_loaded(&mut self, group: PartitionId, meta: SnapshotMeta, state: State) {
        if self.groups.fetches_mut().remove(&group).is_none_or(|f| f.meta != meta) {
            return;
        }
        let mut out = self.groups.take_asked();
        self.with_desk(group, |replica, desk| replica.install(meta, state, desk, &mut out));
        self.touch(group);
        self.counted.counters_mut().snapshots_installed += 1;
        self.groups.give_back_asked(out);
        self.absorb(group);
    }
}

fn words<const N: usize>(body: &[u8]) -> Option<([u64; N], usize)> {
    let mut words = [0; N];
    for (at, word) in words.iter_mut().enumerate() {
        let bytes = body.get(at * 8..at * 8 + 8)?;
        *word = u64::from_le_bytes(bytes.try_into().ok()?);
    }
    Some((words, N * 8))
}
