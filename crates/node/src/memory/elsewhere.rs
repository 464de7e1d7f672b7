//! Ceilings of others: a partition takes no more than the fullest of its replicas has room for.
//!
//! A worker that is over its share of `maxmemory` says so in its heartbeats, and by how much. Whoever leads a partition
//! that it holds a replica of gives up as much of that partition, where the policy lets it, or refuses writes to it that may need memory.
//!
//! ```text
//! last of a heartbeat:  excess u16, parts of 65,536 of what the worker holds that have to go; 0: it has room
//! ```

use super::{EvictionPolicy, Memory};
use crate::node::Node;
use std::collections::{BTreeMap, BTreeSet};
use synod_types::plant::planted;
use synod_types::{NodeId, PartitionId};

/// How long a partition is left alone after it gave keys up for others, in microseconds: until then what they say may be older than that.
pub(super) const SETTLE_US: u64 = 100_000;

/// What another worker said last.
#[derive(Clone, Copy, Debug)]
struct Report {
    /// How many workers its node has.
    workers: u16,
    excess: u16,
}

/// What is known of the memory of other workers, and what follows for partitions led here.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// Only those that have no room.
    full: BTreeMap<(NodeId, u16), Report>,
    /// Partitions led here to which writes are refused on their account.
    refused: BTreeSet<PartitionId>,
    /// When partitions gave keys up, in microseconds of the monotonic clock.
    evicted: BTreeMap<PartitionId, u64>,
}

impl Elsewhere {
    /// Whether writes to the partition are refused because another replica of it has no room.
    #[inline]
    pub fn refuses(&self, group: PartitionId) -> bool {
        !self.refused.is_empty() && self.refused.contains(&group)
    }

    /// By how much a node exceeds its ceiling with what the worker there holds that has this partition.
    fn excess(&self, node: NodeId, group: PartitionId) -> u16 {
        let of_node = self.full.range((node, 0)..=(node, u16::MAX));
        let holds = |(worker, workers): (u16, u16)| {
            group.0 % u32::from(workers.max(1)) == u32::from(worker)
        };
        let mut of_it = of_node.filter(|((_, worker), report)| holds((*worker, report.workers)));
        of_it.next().map_or(0, |(_, report)| report.excess)
    }
}

impl Memory {
    /// By how much this worker exceeds its share with `used` bytes, as its heartbeats say it.
    fn excess(&self, used: usize) -> u16 {
        match used.checked_sub(self.limit) {
            Some(over) if over > 0 && self.limit > 0 => {
                ((over as u128 * 65_536 / used as u128) as u16).max(1)
            }
            _ => 0,
        }
    }
}

impl Node {
    /// What heartbeats say last: see the page of this module.
    pub(crate) fn excess(&self) -> u16 {
        self.memory.excess(self.memory_used())
    }

    /// What a worker of another node says at the end of its heartbeat; of an older one, nothing.
    pub(crate) fn heard_of_excess(&mut self, from: NodeId, worker: u16, workers: u16, tail: &[u8]) {
        if from == self.local.config().id {
            return;
        }
        let excess = tail.first_chunk::<2>().map_or(0, |excess| u16::from_le_bytes(*excess));
        let full = &mut self.memory.elsewhere.full;
        full.retain(|(of, worker), _| *of != from || *worker < workers);
        let news = match excess {
            0 => full.remove(&(from, worker)).is_some(),
            _ => full.insert((from, worker), Report { workers, excess }).is_none(),
        };
        if news {
            self.tend_elsewhere();
        }
    }

    /// To how many partitions led here writes are refused because a replica of them elsewhere has no room.
    pub(crate) fn full_elsewhere(&self) -> usize {
        self.memory.elsewhere.refused.len()
    }

    /// The most by which a replica of the partition on another node that is up exceeds its ceiling.
    fn excess_elsewhere(&self, group: PartitionId) -> u16 {
        let replica = self.groups.replica(group).filter(|_| self.is_leader(group));
        let Some(replica) = replica else { return 0 };
        let members = replica.committed_membership();
        let all = members.voters.iter().chain(&members.outgoing).chain(&members.learners);
        let others = all
            .filter(|node| **node != self.local.config().id && self.others.peers().is_up(**node));
        others.map(|node| self.memory.elsewhere.excess(*node, group)).max().unwrap_or(0)
    }

    /// Once a tick, and when a worker is full that was not, or the other way round: keys go, or writes are refused, where another
    /// replica has no room.
    pub(super) fn tend_elsewhere(&mut self) {
        let elsewhere = &mut self.memory.elsewhere;
        elsewhere.refused.clear();
        if elsewhere.full.is_empty() || planted("ceilings-of-others-unheard") {
            elsewhere.evicted.clear();
            return;
        }
        let now_us = self.local.now().mono_us;
        elsewhere.evicted.retain(|_, at| *at + SETTLE_US > now_us);
        let evicts = self.memory.policy != EvictionPolicy::NoEviction && !self.room.disk_is_full();
        for group in self.groups.numbers() {
            let excess = self.excess_elsewhere(group);
            if excess == 0 || self.memory.elsewhere.evicted.contains_key(&group) {
                continue;
            }
            let keyspace = self.groups.replica(group).and_then(|r| r.state().keyspace());
            let held = keyspace.map_or(0, |keyspace| keyspace.object_bytes());
            let part = (held as u128 * u128::from(excess) / 65_536) as usize;
            if evicts && self.evict_from(group, part.max(1)) {
                self.memory.elsewhere.evicted.insert(group, now_us);
            } else {
                self.memory.elsewhere.refused.insert(group);
            }
        }
    }
}
