//! How much waits in a node: what grows under trouble and must be gone when it is over.

use crate::node::Node;

/// Lengths of a worker's queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queues {
    /// Requests waiting for a leader.
    pub parked: usize,
    /// Requests sent to another node and not answered.
    pub forwards: usize,
    /// Commands split over partitions and not complete.
    pub gathers: usize,
    /// Reads waiting for the engine's word.
    pub reads: usize,
    /// Batches of writes proposed and not applied.
    pub proposals: usize,
    /// Snapshots being taken.
    pub snapshots: usize,
    /// Snapshots being fetched.
    pub fetches: usize,
    /// Reply bytes that no session has taken yet.
    pub reply_bytes: usize,
    /// Requests of clients that are not answered.
    pub unanswered: usize,
}

impl Node {
    /// What waits here now.
    #[must_use]
    pub fn queues(&self) -> Queues {
        let mut queues = Queues {
            parked: self.under_way.unrouted().len(),
            forwards: self.under_way.ledger().len(),
            gathers: self.clients.gathers().len(),
            fetches: self.groups.fetches().len(),
            ..Queues::default()
        };
        for replica in self.groups.replicas() {
            queues.reads += replica.reads_waiting();
            queues.proposals += replica.proposals_waiting();
            queues.snapshots += usize::from(replica.snapshot_running());
        }
        for session in self.clients.sessions().iter() {
            queues.reply_bytes += session.out().len();
            queues.unanswered += session.unanswered();
        }
        queues
    }
}
