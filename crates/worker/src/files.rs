//! The duties towards snapshot files: they are written, served, received and loaded, and large deleted values freed,
//! one task after the other, beside the turns. The server gives them a thread, the simulator moments of their own.

use crate::recovery::{self, RecoveryError};
use crate::report::Report;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use synod_log::Disk;
use synod_log::snapshot::{
    SnapshotError, SnapshotFile, SnapshotReceiver, SnapshotWriter, prune, remove_all,
};
use synod_node::{FileWork, Node};
use synod_replica::Chunk;
use synod_types::plant::planted;
use synod_types::{NodeId, PartitionId, SnapshotMeta, limits};

/// One thing to do.
pub enum Task {
    /// What the node asked for.
    Work(FileWork),
    /// Older snapshots of the group can go.
    Prune(PartitionId, SnapshotMeta),
    /// The group is gone from the log: all of its snapshots can go.
    Remove(PartitionId),
}

/// What a task brought forth.
#[derive(Default)]
pub struct Done {
    /// For the worker, in order.
    pub reports: Vec<Report>,
    /// A frame for a peer's snapshot connection.
    pub frame: Option<(NodeId, Vec<u8>)>,
    /// What went wrong, for people to read. The worker is told by a report where it has to know.
    pub trouble: Option<Trouble>,
}

/// A task that could not be done.
#[derive(Debug)]
pub struct Trouble {
    /// The group whose snapshot it was about.
    pub group: PartitionId,
    /// What could not be done.
    pub what: &'static str,
    /// Why.
    pub error: RecoveryError,
}

/// The snapshot files of one worker.
pub struct Files {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    writers: BTreeMap<PartitionId, SnapshotWriter>,
    receivers: BTreeMap<PartitionId, SnapshotReceiver>,
    served: BTreeMap<PartitionId, SnapshotFile>,
}

impl Files {
    /// Nothing is under way.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> Self {
        let (writers, receivers, served) = Default::default();
        Self { disk, dir, writers, receivers, served }
    }

    /// Does one task, as a whole.
    pub fn run(&mut self, task: Task) -> Done {
        let mut done = Done::default();
        match task {
            Task::Work(work) => self.work(work, &mut done),
            Task::Prune(group, meta) => {
                self.served.remove(&group);
                if planted("mark-before-file")
                    && let Some(writer) = self.writers.remove(&group)
                {
                    let _the_mark_is_there_already = writer.finish();
                }
                if let Err(source) = prune(&*self.disk, &self.dir, group, meta.index) {
                    let what = "older snapshots could not be removed";
                    let error = SnapshotError::Io { path: self.dir.clone(), source }.into();
                    done.trouble = Some(Trouble { group, what, error });
                }
            }
            Task::Remove(group) => {
                self.served.remove(&group);
                self.give_up(group);
                if let Err(source) = remove_all(&*self.disk, &self.dir, group) {
                    let what = "snapshots of a partition that moved away could not be removed";
                    let error = SnapshotError::Io { path: self.dir.clone(), source }.into();
                    done.trouble = Some(Trouble { group, what, error });
                }
            }
        }
        done
    }

    fn work(&mut self, work: FileWork, done: &mut Done) {
        let (group, result) = match work {
            FileWork::Write { group, chunk } => (group, self.write(group, &chunk, done)),
            FileWork::Serve { group, to, meta, offset } => {
                // A snapshot that is gone is not an error here: the follower will be offered a newer one.
                if let Err(error) = self.serve(group, to, &meta, offset, done) {
                    let what = "a snapshot could not be served";
                    done.trouble = Some(Trouble { group, what, error: error.into() });
                }
                return;
            }
            FileWork::Receive { group, meta } => (group, self.receive(group, &meta, done)),
            FileWork::Store { group, meta, offset, total, bytes } => {
                (group, self.store(group, &meta, offset, total, &bytes, done))
            }
            FileWork::Discard(garbage) => return drop(garbage),
        };
        if let Err(error) = result {
            self.give_up(group);
            done.reports.push(Report::SnapshotFailed(group));
            let what = "a snapshot was given up; it will be tried again";
            done.trouble = Some(Trouble { group, what, error: error.into() });
        }
    }

    /// Drops what is half written or half received of a group. Whatever cannot be removed now is swept at the next start.
    fn give_up(&mut self, group: PartitionId) {
        if let Some(writer) = self.writers.remove(&group) {
            let _swept_at_the_next_start = writer.abandon();
        }
        if let Some(receiver) = self.receivers.remove(&group) {
            let _swept_at_the_next_start = receiver.abandon();
        }
    }

    fn write(
        &mut self,
        group: PartitionId,
        chunk: &Chunk,
        done: &mut Done,
    ) -> Result<(), SnapshotError> {
        done.reports.push(Report::ChunkWritten);
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
            let mut bytes = 0;
            if planted("mark-before-file") {
                self.writers.insert(group, writer);
            } else {
                bytes = writer.finish()?.len();
            }
            done.reports.push(Report::SnapshotWritten(group, chunk.meta.clone(), bytes));
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
        done.reports.push(Report::SnapshotProgress(group, meta.clone(), offset, false));
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
        done.reports.push(Report::SnapshotProgress(group, meta.clone(), offset, complete));
        if !complete {
            return Ok(());
        }
        let Some(receiver) = self.receivers.remove(&group) else { return Ok(()) };
        receiver.finish()?;
        done.reports.push(match recovery::load(&*self.disk, &self.dir, group, meta) {
            Ok(Some(state)) => Report::SnapshotLoaded(group, meta.clone(), Box::new(state)),
            Ok(None) => Report::SnapshotFailed(group),
            Err(error) => {
                let what = "a received snapshot cannot be loaded";
                done.trouble = Some(Trouble { group, what, error });
                Report::SnapshotFailed(group)
            }
        });
        Ok(())
    }
}
