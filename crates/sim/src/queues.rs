//! Bounded memory: nothing that waits grows without end under trouble, and nothing is left when it is over.
//!
//! The bounds follow from the clients of a run: each has at most [`BURST_MAX`] requests out and gives up after a
//! while, a node gives a request up after `limits::REQUEST_WAIT_MS_MAX`. Bug class: overload that does not recover when
//! the load goes (TigerBeetle).

use crate::world::World;
use synod_node::Queues;
use synod_types::limits;

/// The most requests that a client sends without having an answer.
const BURST_MAX: usize = 10;
/// A client gives up after a second at the least, a node after `REQUEST_WAIT_MS_MAX`; a request may be given back and
/// wait once more.
const ABANDONED_MAX: usize = 2 * limits::REQUEST_WAIT_MS_MAX as usize / 1_000;
/// The largest reply is a list or a set of all that was ever added to it.
const REPLY_BYTES_MAX: usize = 1 << 20;
/// What a flush may hold while the one before it takes its second.
const UNSYNCED_BYTES_MAX: usize = 4 << 20;
/// Tasks that wait for the files: chunks of snapshots to be written, served or received, marks and maps.
const TASKS_MAX: usize = 2_000;

impl World {
    /// How many requests may be under way in one node at a time.
    fn requests_max(&self) -> usize {
        self.params.clients * BURST_MAX * (1 + ABANDONED_MAX)
    }

    /// Looks at what waits in a node.
    pub(crate) fn measure_queues(&mut self, at: usize) {
        let Some(process) = &self.machines[at].process else { return };
        let queues = process.worker.node_ref().queues();
        let requests_max = self.requests_max();
        let groups = self.partitions_max() as usize + 1;
        let long = self.params.clients * self.large.burst_bytes();
        let bounds = [
            ("parked requests", queues.parked, requests_max),
            ("forwarded requests", queues.forwards, requests_max),
            ("split commands", queues.gathers, requests_max),
            ("reads", queues.reads, requests_max),
            ("proposals", queues.proposals, requests_max),
            ("unanswered requests", queues.unanswered, requests_max),
            ("snapshots being taken", queues.snapshots, groups),
            ("snapshots being fetched", queues.fetches, groups),
            ("reply bytes", queues.reply_bytes, REPLY_BYTES_MAX + long),
            ("unsynced bytes", process.next_flush.job.len_bytes(), UNSYNCED_BYTES_MAX + long),
            ("file tasks", process.tasks.len(), TASKS_MAX),
        ];
        self.check_readers(at);
        let over = bounds.into_iter().find(|(_, len, max)| len > max);
        if let Some((what, len, max)) = over {
            self.fail("bounded queues", format!("node {}: {len} {what}, not {max}", at + 1));
        }
    }

    /// No connection waits for a client that has read everything.
    fn check_readers(&mut self, at: usize) {
        let Some(process) = &mut self.machines[at].process else { return };
        let (connections, again) = (&mut process.connections, &process.again);
        let waits_in_vain = process.sessions.iter().find(|(_, session)| {
            let unsent = process.worker.node().session_load(session.id).0;
            unsent == 0
                && !again.contains(&session.at)
                && connections
                    .get(session.at)
                    .is_some_and(|c| c.waits_for_reader() && c.outbox.is_empty())
        });
        if let Some(client) = waits_in_vain.map(|(client, _)| *client) {
            let detail = format!("node {}: nothing is left for client {client} to read", at + 1);
            self.fail("slow readers", detail);
        }
    }

    /// What still waits somewhere though nobody has asked for anything.
    pub(crate) fn still_queued(&self) -> Option<String> {
        self.machines.iter().enumerate().find_map(|(at, machine)| {
            let process = machine.process.as_ref()?;
            let queues = process.worker.node_ref().queues();
            let tasks = process.tasks.len();
            (queues != Queues::default() || tasks > 0)
                .then(|| format!("node {}: {queues:?}, {tasks} file tasks", at + 1))
        })
    }
}
