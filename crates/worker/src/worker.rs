//! One turn of a worker, whatever the world: what happened goes into the node, the node is stepped once, and what it
//! wants done is there to be taken.
//!
//! ```text
//!   begin_turn(now)       time passes: ticks
//!   report, node().frame, connections ...      what happened since the turn before
//!   end_turn              snapshots go on, the node's turn ends
//!   take_tasks            for the files
//!   take_asides           for whoever runs long operations
//!   take_migrations       for whoever reaches other servers
//!   node().output()       for the log, the peers and the clients
//! ```

use crate::files::Task;
use crate::report::{DiskSpace, Report};
use synod_node::{Migration, Node, TICK_MS};
use synod_replica::Aside;
use synod_types::Now;
use synod_types::plant::planted;

const TICK_US: u64 = TICK_MS * 1000;
/// How many chunks of a snapshot may wait to be written.
const CHUNKS_MAX: usize = 4;
/// More ticks than this are not made up for; they are several election time-outs.
const TICKS_MAX: u64 = 64;

/// A node and the duties of its worker that need no world.
pub struct Worker {
    node: Node,
    /// What the files are to do, besides what the node's output asks for.
    tasks: Vec<Task>,
    /// Chunks on their way to the files.
    chunks: usize,
    /// When the last tick was.
    ticked_us: u64,
    lease_reads: bool,
    log_bytes: u64,
}

impl Worker {
    /// A worker whose last tick was at `ticked_us`.
    #[must_use]
    pub fn new(node: Node, lease_reads: bool, ticked_us: u64) -> Self {
        Self { node, tasks: Vec::new(), chunks: 0, ticked_us, lease_reads, log_bytes: 0 }
    }

    /// The node.
    pub fn node(&mut self) -> &mut Node {
        &mut self.node
    }

    /// The node, to be looked at.
    #[must_use]
    pub fn node_ref(&self) -> &Node {
        &self.node
    }

    /// A turn begins; whether a tick was due.
    ///
    /// Time passes before anything else happens. With lease reads every tick that was missed is made up for, so that a
    /// process that was stopped finds its lease gone before it answers anything. Without, one tick will do: a stall here
    /// says nothing about the others, whose messages may be waiting.
    pub fn begin_turn(&mut self, now: Now) -> bool {
        self.node.begin_turn(now);
        let missed = now.mono_us.saturating_sub(self.ticked_us) / TICK_US;
        if missed == 0 {
            return false;
        }
        self.ticked_us = now.mono_us;
        let made_up = self.lease_reads && !planted("lease-ignores-pause");
        for _ in 0..if made_up { missed.min(TICKS_MAX) } else { 1 } {
            self.node.tick();
        }
        true
    }

    /// The log or the files have something to say.
    pub fn report(&mut self, report: Report) {
        let node = &mut self.node;
        match report {
            Report::Flushed(flushed) => {
                self.log_bytes = flushed.log_bytes;
                for (group, token) in flushed.acks {
                    node.persisted(group, token);
                }
                for (group, meta) in flushed.marks.into_iter().filter(|(_, meta)| meta.index.0 > 0)
                {
                    node.snapshot_is_marked(group, meta.index);
                    self.tasks.push(Task::Prune(group, meta));
                }
                for group in flushed.removed {
                    self.tasks.push(Task::Remove(group));
                    node.group_removed(group);
                }
            }
            Report::Disk(DiskSpace::Full) => node.disk_is_full(),
            Report::Disk(space) => node.refuse_writes(space != DiskSpace::Enough),
            Report::Pins(groups) => groups.into_iter().for_each(|group| node.snapshot_now(group)),
            Report::ChunkWritten => self.chunks = self.chunks.saturating_sub(1),
            Report::SnapshotWritten(group, meta, _) => node.snapshot_written(group, meta),
            Report::SnapshotFailed(group) => node.snapshot_failed(group),
            Report::SnapshotProgress(group, meta, offset, complete) => {
                node.snapshot_progress(group, &meta, offset, complete);
            }
            Report::SnapshotLoaded(group, meta, state) => {
                node.snapshot_loaded(group, meta, *state);
            }
            Report::Ran(aside) => node.come_back(*aside),
            Report::Migrated(client, how) => node.migrated(client, &how),
        }
    }

    /// The turn ends: snapshots go on as far as the files keep up, and `end` ends the turn of the node, together with
    /// whatever else is stepped with it.
    pub fn end_turn(&mut self, end: impl FnOnce(&mut Node)) {
        while self.chunks < CHUNKS_MAX && self.node.snapshot_step() {
            self.chunks += 1;
        }
        end(&mut self.node);
    }

    /// What the files are to do, in order.
    pub fn take_tasks(&mut self) -> impl Iterator<Item = Task> {
        let output = self.node.output();
        let work = std::mem::take(&mut output.files).into_iter().map(Task::Work);
        std::mem::take(&mut self.tasks).into_iter().chain(work)
    }

    /// The operations that are to be run beside the turns, each to be reported as [`Report::Ran`].
    pub fn take_asides(&mut self) -> Vec<Box<Aside>> {
        std::mem::take(&mut self.node.output().asides)
    }

    /// Keys to be moved to other servers, each to be reported as [`Report::Migrated`].
    pub fn take_migrations(&mut self) -> Vec<Box<Migration>> {
        std::mem::take(&mut self.node.output().migrations)
    }

    /// When the next tick is due, by the node's clock.
    #[must_use]
    pub fn due_us(&self) -> u64 {
        self.ticked_us + TICK_US
    }

    /// Bytes of all segments of the log, as far as its last flush told.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        self.log_bytes
    }

    /// Whether there is more to do at once: a snapshot goes on, and the files keep up.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.chunks < CHUNKS_MAX && self.node.snapshot_running()
    }
}
