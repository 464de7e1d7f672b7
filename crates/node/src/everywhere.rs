//! What one worker asks of all workers of all nodes: for commands that speak of the cluster as a whole and of what no log
//! knows, such as HOTKEYS.
//!
//! It travels as an errand does (`colleagues.rs`), to other nodes as a `Forward` frame of a group that no partition has and
//! whose number tells the worker there. A node that cannot be reached does not hold up the answer: its part says so.

use crate::attempts::Attempt;
use crate::colleagues::NODE;
use crate::errand::Errand;
use crate::forward::{self, Forward};
use crate::node::Node;
use crate::output::Destination;
use synod_redis::{Flow, Join, Kind, Waits, no_answer};
use synod_replica::{Access, Origin};
use synod_types::{ClientId, Epoch, PartitionId, limits};

/// Groups from here on are no partitions but workers: `limits::PARTITIONS_MAX` is less.
const WORKERS_FROM: u32 = 1 << 31;

/// Whether frames of this group are for a worker, whatever partitions it has.
pub(crate) fn is_of_worker(group: PartitionId) -> bool {
    group.0 >= WORKERS_FROM
}

/// The group that worker `worker` of `workers` is reached by: frames are given out by the remainder.
fn group_of(worker: u16, workers: u16) -> PartitionId {
    let workers = u32::from(workers.max(1));
    PartitionId(WORKERS_FROM.next_multiple_of(workers) + u32::from(worker))
}

impl Node {
    /// All workers of the cluster as far as the map tells, those of this node too.
    pub(crate) fn cluster_workers(&self) -> Vec<Destination> {
        let own = self.local.id();
        let known = self
            .groups
            .map()
            .nodes
            .iter()
            .filter(|(id, _)| **id != own)
            .map(|(id, info)| (*id, u16::try_from(info.workers).unwrap_or(1).max(1)));
        let mut all: Vec<_> = known.chain([(own, self.local.config().workers)]).collect();
        all.sort_unstable();
        let workers =
            |(node, workers)| (0..workers).map(move |worker| Destination { node, worker });
        all.into_iter().flat_map(workers).collect()
    }

    /// Asks all workers of the cluster, in the order of [`Self::cluster_workers`], and joins their answers.
    pub(crate) fn ask_cluster(&mut self, client: ClientId, join: Join, errand: &Errand) -> Flow {
        let workers = self.cluster_workers();
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        if session.is_writing() {
            return session.wait_for(Waits::Writes);
        }
        let seq = session.reserve_barrier(Kind::Read);
        let gather = self.clients.gathers_mut().open(client, seq, join, workers.len());
        for (part, to) in workers.iter().enumerate() {
            let origin = Origin::Gather { gather, part: part as u32, resp3: false };
            if to.node == self.local.id() {
                self.ask_colleague(to.worker, origin, errand);
            } else if self.others.peers().is_up(to.node) {
                let of_node = workers.iter().filter(|other| other.node == to.node).count();
                self.ask_worker(*to, of_node as u16, origin, errand);
            } else {
                self.desk(NODE).relay(origin, no_answer());
            }
        }
        Flow::Next
    }

    fn ask_worker(&mut self, to: Destination, of_node: u16, origin: Origin, errand: &Errand) {
        let (own, now_us) = (self.local.id(), self.local.now().mono_us);
        let mut op = Vec::new();
        errand.encode(&mut op);
        let forward = Forward {
            partition: group_of(to.worker, of_node),
            origin,
            op,
            access: Access::Read,
            resp3: false,
            deadline_us: now_us + limits::REQUEST_WAIT_MS_MAX * 1000,
            to: to.node,
            attempt: Attempt::default(),
            epoch: Epoch(0),
            parts: crate::fetches::Parts::default(),
            wait: None,
        };
        let id = self.under_way.ledger_mut().next_id();
        let frames = forward::queue(&mut self.output, own, to.node, 0);
        forward::put_forward(frames, id, self.local.config().worker, &forward, now_us);
        self.under_way.ledger_mut().insert(id, forward);
    }

    /// Another node asks this worker. Of errands that concern a node itself none is taken from there.
    pub(crate) fn asked_from_afar(&mut self, origin: Origin, bytes: &[u8]) {
        if let Some(errand @ Errand::HotKeys(_)) = Errand::decode(bytes) {
            self.run_errand(origin, &errand);
        }
    }

    /// A request to a worker of another node that has no answer and gets none: whether it was one.
    pub(crate) fn is_left_out(&mut self, forward: &Forward) -> bool {
        let is_left_out = is_of_worker(forward.partition) && forward.to != self.local.id();
        if is_left_out {
            self.desk(NODE).relay(forward.origin, no_answer());
        }
        is_left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_a_worker_is_no_partition_and_reaches_it() {
        for workers in 1..=64 {
            for worker in 0..workers {
                let group = group_of(worker, workers);
                assert!(is_of_worker(group) && group != NODE && group.0 > limits::PARTITIONS_MAX);
                assert_eq!(group.0 % u32::from(workers), u32::from(worker));
            }
        }
    }

    /// A node of an earlier version knows no such group: its part is left out at once, and nothing is sent again.
    #[test]
    fn who_does_not_know_the_question_is_left_out() {
        let mut node = crate::node::started(1);
        let peer = synod_types::NodeId(2);
        let to = Destination { node: peer, worker: 0 };
        let question = Errand::HotKeys(crate::commands::hotkeys::Question::Top);
        node.ask_worker(to, 1, Origin::Internal, &question);
        assert_eq!(node.under_way.ledger().len(), 1);
        let request = node.under_way.ledger().find(|_| true)[0];
        let status = crate::answers::Status::NotLeader(None);
        let attempt = Some(Attempt::default());
        node.answered(peer, &crate::answers::Outcome { request, attempt, status, reply: b"" });
        assert_eq!((node.under_way.ledger().len(), node.under_way.unrouted().len()), (0, 0));
    }
}
