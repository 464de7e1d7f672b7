//! The files thread of a worker: snapshots are written, served, received and loaded here, and large deleted values
//! freed, beside the turns.

use crate::inbox::{Mail, Postbox};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use synod_log::Disk;
use synod_log::snapshot::{
    SnapshotError, SnapshotFile, SnapshotReader, SnapshotReceiver, SnapshotWriter, prune,
};
use synod_node::{FileWork, Node};
use synod_replica::{Chunk, Loader, State};
use synod_ring::ClusterMap;
use synod_types::{NodeId, PartitionId, SnapshotMeta, limits};

/// One thing to do.
pub enum Task {
    /// What the node asked for.
    Work(FileWork),
    /// Older snapshots of the group can go.
    Prune(PartitionId, SnapshotMeta),
    /// The cluster map, which tells the slots of a partition being loaded.
    Map(Arc<ClusterMap>),
}

struct Files {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    postbox: Postbox,
    map: Arc<ClusterMap>,
    writers: BTreeMap<PartitionId, SnapshotWriter>,
    receivers: BTreeMap<PartitionId, SnapshotReceiver>,
    served: BTreeMap<PartitionId, SnapshotFile>,
}

/// Starts the thread. It ends when the sender is dropped.
pub fn start(
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    map: Arc<ClusterMap>,
    postbox: Postbox,
    worker: u16,
) -> std::io::Result<Sender<Task>> {
    let (sender, receiver) = channel();
    let files = Files {
        disk,
        dir,
        postbox,
        map,
        writers: BTreeMap::new(),
        receivers: BTreeMap::new(),
        served: BTreeMap::new(),
    };
    thread::Builder::new().name(format!("files-{worker}")).spawn(move || files.run(&receiver))?;
    Ok(sender)
}

impl Files {
    fn run(mut self, tasks: &Receiver<Task>) {
        for task in tasks {
            match task {
                Task::Work(work) => self.work(work),
                Task::Map(map) => self.map = map,
                Task::Prune(group, meta) => {
                    self.served.remove(&group);
                    if let Err(error) = prune(&*self.disk, &self.dir, group, meta.index) {
                        tracing::warn!(%group, %error, "older snapshots could not be removed");
                    }
                }
            }
        }
    }

    fn work(&mut self, work: FileWork) {
        let (group, result) = match work {
            FileWork::Write { group, chunk } => (group, self.write(group, &chunk)),
            FileWork::Serve { group, to, meta, offset } => {
                // A snapshot that is gone is not an error here: the follower will be offered a newer one.
                let result = self.serve(group, to, &meta, offset);
                if let Err(error) = result {
                    tracing::warn!(%group, %error, "a snapshot could not be served");
                }
                return;
            }
            FileWork::Receive { group, meta } => (group, self.receive(group, &meta)),
            FileWork::Store { group, meta, offset, total, bytes } => {
                (group, self.store(group, &meta, offset, total, &bytes))
            }
            FileWork::Discard(garbage) => return drop(garbage),
        };
        if let Err(error) = result {
            tracing::warn!(%group, %error, "a snapshot was given up; it will be tried again");
            let written = self.writers.remove(&group).map(SnapshotWriter::abandon);
            let received = self.receivers.remove(&group).map(SnapshotReceiver::abandon);
            if let Some(Err(error)) = written.or(received) {
                tracing::warn!(%group, %error, "what was written of it could not be removed");
            }
            self.postbox.send(Mail::SnapshotFailed(group));
        }
    }

    fn write(&mut self, group: PartitionId, chunk: &Chunk) -> Result<(), SnapshotError> {
        self.postbox.send(Mail::ChunkWritten);
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
            let file = writer.finish()?;
            tracing::info!(%group, index = %chunk.meta.index, bytes = file.len(), "snapshot taken");
            self.postbox.send(Mail::SnapshotWritten(group, chunk.meta.clone()));
        }
        Ok(())
    }

    fn serve(
        &mut self,
        group: PartitionId,
        to: NodeId,
        meta: &SnapshotMeta,
        offset: u64,
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
        self.postbox.send(Mail::SnapshotFrame(to, frame));
        Ok(())
    }

    fn receive(&mut self, group: PartitionId, meta: &SnapshotMeta) -> Result<(), SnapshotError> {
        self.receivers.remove(&group);
        let receiver = SnapshotReceiver::begin(self.disk.clone(), &self.dir, group, meta)?;
        let offset = receiver.offset();
        tracing::info!(%group, index = %meta.index, offset, "receiving a snapshot");
        self.receivers.insert(group, receiver);
        self.postbox.send(Mail::SnapshotProgress(group, meta.clone(), offset, false));
        Ok(())
    }

    fn store(
        &mut self,
        group: PartitionId,
        meta: &SnapshotMeta,
        offset: u64,
        total: u64,
        bytes: &[u8],
    ) -> Result<(), SnapshotError> {
        let Some(receiver) = self.receivers.get_mut(&group) else { return Ok(()) };
        receiver.write(offset, bytes)?;
        let offset = receiver.offset();
        let complete = offset >= total;
        self.postbox.send(Mail::SnapshotProgress(group, meta.clone(), offset, complete));
        if !complete {
            return Ok(());
        }
        let Some(receiver) = self.receivers.remove(&group) else { return Ok(()) };
        receiver.finish()?;
        let mail = match load(&*self.disk, &self.dir, group, meta, &self.map) {
            Ok(Some((_, state))) => {
                tracing::info!(%group, index = %meta.index, bytes = total, "snapshot received and loaded");
                Mail::SnapshotLoaded(group, meta.clone(), Box::new(state))
            }
            Ok(None) => Mail::SnapshotFailed(group),
            Err(error) => {
                tracing::error!(%group, %error, "a received snapshot cannot be loaded");
                Mail::SnapshotFailed(group)
            }
        };
        self.postbox.send(mail);
        Ok(())
    }
}

/// Loads the snapshot with this index and term; `None` when there is no such file.
///
/// # Errors
/// The file cannot be read or is damaged.
pub fn load(
    disk: &dyn Disk,
    dir: &std::path::Path,
    group: PartitionId,
    meta: &SnapshotMeta,
    map: &ClusterMap,
) -> anyhow::Result<Option<(SnapshotMeta, State)>> {
    let Some(mut reader) = SnapshotReader::open_at(disk, dir, group, meta)? else {
        return Ok(None);
    };
    let mut loader =
        match group {
            PartitionId::META => Loader::meta(),
            _ => Loader::data(map.slots_of(group).ok_or_else(|| {
                anyhow::anyhow!("the cluster map does not know partition {group}")
            })?),
        };
    while let Some(chunk) = reader.next_chunk()? {
        loader.chunk(&chunk).map_err(anyhow::Error::msg)?;
    }
    let state = loader.finish().map_err(anyhow::Error::msg)?;
    Ok(Some((reader.into_file().meta().clone(), state)))
}
