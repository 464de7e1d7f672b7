//! The duties of the server's files thread: snapshots are written, served, received and loaded, one task after
//! the other, beside the turns.

use crate::machine::Mail;
use crate::recovery;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use synod_log::Disk;
use synod_log::snapshot::{SnapshotError, SnapshotFile, SnapshotReceiver, SnapshotWriter, prune};
use synod_node::{FileWork, Node};
use synod_replica::Chunk;
use synod_ring::ClusterMap;
use synod_types::plant::planted;
use synod_types::{NodeId, PartitionId, SnapshotMeta, limits};

/// One thing to do.
pub(crate) enum Task {
    Work(FileWork),
    Prune(PartitionId, SnapshotMeta),
    Map(Arc<ClusterMap>),
}

/// What a task brought forth.
#[derive(Default)]
pub(crate) struct Done {
    pub mail: Vec<Mail>,
    /// A frame for a peer.
    pub frame: Option<(NodeId, Vec<u8>)>,
    /// Whether the disk reported an error.
    pub failed: bool,
}

pub(crate) struct Files {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    map: Arc<ClusterMap>,
    writers: BTreeMap<PartitionId, SnapshotWriter>,
    receivers: BTreeMap<PartitionId, SnapshotReceiver>,
    served: BTreeMap<PartitionId, SnapshotFile>,
}

impl Files {
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf, map: Arc<ClusterMap>) -> Self {
        let (writers, receivers, served) = Default::default();
        Self { disk, dir, map, writers, receivers, served }
    }

    pub fn run(&mut self, task: Task) -> Done {
        let mut done = Done::default();
        match task {
            Task::Work(work) => self.work(work, &mut done),
            Task::Map(map) => self.map = map,
            Task::Prune(group, meta) => {
                self.served.remove(&group);
                if planted("mark-before-file")
                    && let Some(writer) = self.writers.remove(&group)
                {
                    let _the_mark_is_there_already = writer.finish();
                }
                done.failed = prune(&*self.disk, &self.dir, group, meta.index).is_err();
            }
        }
        done
    }

    fn work(&mut self, work: FileWork, done: &mut Done) {
        let (group, result) = match work {
            FileWork::Write { group, chunk } => (group, self.write(group, &chunk, done)),
            FileWork::Serve { group, to, meta, offset } => {
                done.failed = self.serve(group, to, &meta, offset, done).is_err();
                return;
            }
            FileWork::Receive { group, meta } => (group, self.receive(group, &meta, done)),
            FileWork::Store { group, meta, offset, total, bytes } => {
                (group, self.store(group, &meta, offset, total, &bytes, done))
            }
            FileWork::Discard(garbage) => return drop(garbage),
        };
        if result.is_err() {
            self.writers.remove(&group);
            self.receivers.remove(&group);
            done.mail.push(Mail::SnapshotFailed(group));
            done.failed = true;
        }
    }

    fn write(
        &mut self,
        group: PartitionId,
        chunk: &Chunk,
        done: &mut Done,
    ) -> Result<(), SnapshotError> {
        done.mail.push(Mail::ChunkWritten);
        if chunk.first {
            let writer = SnapshotWriter::create(self.disk.clone(), &self.dir, group, &chunk.meta)?;
            self.writers.insert(group, writer);
        }
        let Some(writer) = self.writers.get_mut(&group) else { return Ok(()) };
        if !chunk.bytes.is_empty() {
            writer.chunk(&chunk.bytes)?;
        }
        if chunk.last
            && let Some(writer) = self.writers.remove(&group)
        {
            if planted("mark-before-file") {
                self.writers.insert(group, writer);
            } else {
                writer.finish()?;
            }
            done.mail.push(Mail::SnapshotWritten(group, chunk.meta.clone()));
        }
        Ok(())
    }

    fn serve(
        &mut self,
        group: PartitionId,
        to: NodeId,
        meta: &SnapshotMeta,
        offset: u64,
        done: &mut Done,
    ) -> Result<(), SnapshotError> {
        let same = |f: &SnapshotFile| (f.meta().index, f.meta().term) == (meta.index, meta.term);
        if !self.served.get(&group).is_some_and(same) {
            let Some(file) = SnapshotFile::open(&*self.disk, &self.dir, group, meta)? else {
                return Ok(());
            };
            self.served.insert(group, file);
        }
        let file = &self.served[&group];
        let bytes = file.read_raw_at(offset, limits::SNAPSHOT_CHUNK_BYTES)?;
        let mut frame = Vec::with_capacity(bytes.len() + 96);
        Node::encode_chunk(&mut frame, group, meta, offset, file.len(), &bytes);
        done.frame = Some((to, frame));
        Ok(())
    }

    fn receive(
        &mut self,
        group: PartitionId,
        meta: &SnapshotMeta,
        done: &mut Done,
    ) -> Result<(), SnapshotError> {
        self.receivers.remove(&group);
        let receiver = SnapshotReceiver::begin(self.disk.clone(), &self.dir, group, meta)?;
        let offset = receiver.offset();
        self.receivers.insert(group, receiver);
        done.mail.push(Mail::SnapshotProgress(group, meta.clone(), offset, false));
        Ok(())
    }

    fn store(
        &mut self,
        group: PartitionId,
        meta: &SnapshotMeta,
        offset: u64,
        total: u64,
        bytes: &[u8],
        done: &mut Done,
    ) -> Result<(), SnapshotError> {
        let Some(receiver) = self.receivers.get_mut(&group) else { return Ok(()) };
        receiver.write(offset, bytes)?;
        let offset = receiver.offset();
        let complete = offset >= total;
        done.mail.push(Mail::SnapshotProgress(group, meta.clone(), offset, complete));
        if !complete {
            return Ok(());
        }
        let Some(receiver) = self.receivers.remove(&group) else { return Ok(()) };
        receiver.finish()?;
        done.mail.push(match recovery::load(&*self.disk, &self.dir, group, meta, &self.map) {
            Ok(Some(state)) => Mail::SnapshotLoaded(group, meta.clone(), Box::new(state)),
            Ok(None) | Err(_) => Mail::SnapshotFailed(group),
        });
        Ok(())
    }
}
