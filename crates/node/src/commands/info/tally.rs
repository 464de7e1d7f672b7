//! What one worker adds to INFO, as it travels to the worker that was asked.
//!
//! ```text
//! the numbers as varints, in the order of `numbers` | count, (code, times)* | count, (command, times)*
//! ```

use crate::calls::CallCounts;
use crate::errors::ErrorCounts;
use crate::node::Node;
use crate::pubsub::Space;
use crate::session::Waits;
use synod_consensus::Role;
use synod_types::{PartitionId, varint};

/// Sums over the workers of a node, but for `behind_max` and `snapshot_s`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub clients: u64,
    /// Those of them that wait: in a blocking command, or for the end of CLIENT PAUSE.
    pub paused: u64,
    /// Requests that wait for a leader.
    pub parked: u64,
    pub connections: u64,
    pub commands: u64,
    pub commands_per_s: u64,
    pub reads: u64,
    pub writes: u64,
    pub refused: u64,
    pub forwarded: u64,
    pub frames_in: u64,
    pub role_changes: u64,
    pub snapshots: u64,
    pub snapshots_installed: u64,
    pub snapshots_running: u64,
    /// Workers whose log takes no more.
    pub disks_full: u64,
    /// Bytes of the logs.
    pub log_bytes: u64,
    /// Bytes of keys and values of all replicas here.
    pub data_bytes: u64,
    /// Keys of the partitions led here.
    pub keys: u64,
    pub expires: u64,
    /// Data partitions led here.
    pub led: u64,
    /// Data partitions that another node leads and a replica here follows.
    pub followed: u64,
    /// How many entries the slowest follower of a group led here is behind.
    pub behind_max: u64,
    /// Keys that were found, and not found, by reading commands.
    pub keyspace_hits: u64,
    pub keyspace_misses: u64,
    /// Keys that were deleted because their time had passed.
    pub expired_keys: u64,
    /// Channels and patterns that somebody listens to, worker by worker.
    pub pubsub_channels: u64,
    pub pubsub_patterns: u64,
    /// Bytes from and to clients.
    pub net_in: u64,
    pub net_out: u64,
    /// The most bytes that keys and values took, worker by worker.
    pub data_peak: u64,
    /// Entries applied, of all groups here.
    pub applied: u64,
    /// When a snapshot was durable last, in seconds of the wall clock.
    pub snapshot_s: u64,
    /// Keys that were deleted because memory was short.
    pub evicted_keys: u64,
    pub errors: ErrorCounts,
    pub calls: CallCounts,
}

const NUMBERS: usize = 35;

impl Tally {
    /// What this worker has to tell now.
    pub fn of(node: &Node) -> Self {
        let counters = &node.counters;
        let errors = node.sessions.errors();
        let mut tally = Self {
            clients: node.sessions.len as u64,
            paused: node
                .sessions
                .iter()
                .filter(|session| {
                    session.waits() == Some(Waits::Pause) || session.blocked.is_some()
                })
                .count() as u64,
            pubsub_channels: node.pubsub.of(Space::Channel).len() as u64,
            pubsub_patterns: node.pubsub.of(Space::Pattern).len() as u64,
            parked: node.unrouted.len() as u64,
            connections: counters.connections,
            commands: counters.commands,
            commands_per_s: counters.commands_per_s,
            reads: counters.reads,
            writes: counters.writes,
            refused: counters.refused,
            forwarded: counters.forwarded,
            frames_in: counters.frames_in,
            role_changes: counters.role_changes,
            snapshots: counters.snapshots,
            snapshots_installed: counters.snapshots_installed,
            net_in: counters.net_in,
            net_out: counters.net_out,
            snapshot_s: counters.snapshot_s,
            snapshots_running: u64::from(node.snapshot_running()),
            disks_full: u64::from(node.disk_full),
            log_bytes: node.facts.log_bytes,
            errors,
            calls: node.calls.clone(),
            ..Self::default()
        };
        for replica in node.replicas.iter().flatten() {
            tally.add_replica(replica);
        }
        tally.data_peak = counters.data_peak.max(tally.data_bytes);
        tally
    }

    fn add_replica(&mut self, replica: &synod_replica::Replica) {
        let leads = replica.role().0 == Role::Leader;
        if let Some(keyspace) = replica.state().keyspace() {
            self.data_bytes += keyspace.memory() as u64;
            let stats = keyspace.stats();
            self.keyspace_hits += stats.hits;
            self.keyspace_misses += stats.misses;
            self.expired_keys += stats.expired;
            self.evicted_keys += stats.evicted;
            if leads {
                self.keys += keyspace.len() as u64;
                self.expires += keyspace.expires_len() as u64;
            }
        }
        self.applied += replica.applied().0.0;
        if leads {
            let status = replica.status();
            let behind = status.peers.iter().map(|p| status.last.0.saturating_sub(p.matched.0));
            self.behind_max = self.behind_max.max(behind.max().unwrap_or(0));
        }
        if replica.group() != PartitionId::META {
            self.led += u64::from(leads);
            self.followed += u64::from(!leads);
        }
    }

    /// Every number, in the order in which they travel.
    fn numbers(&mut self) -> [&mut u64; NUMBERS] {
        [
            &mut self.clients,
            &mut self.paused,
            &mut self.parked,
            &mut self.connections,
            &mut self.commands,
            &mut self.commands_per_s,
            &mut self.reads,
            &mut self.writes,
            &mut self.refused,
            &mut self.forwarded,
            &mut self.frames_in,
            &mut self.role_changes,
            &mut self.snapshots,
            &mut self.snapshots_installed,
            &mut self.snapshots_running,
            &mut self.disks_full,
            &mut self.log_bytes,
            &mut self.data_bytes,
            &mut self.keys,
            &mut self.expires,
            &mut self.led,
            &mut self.followed,
            &mut self.behind_max,
            &mut self.keyspace_hits,
            &mut self.keyspace_misses,
            &mut self.expired_keys,
            &mut self.pubsub_channels,
            &mut self.pubsub_patterns,
            &mut self.evicted_keys,
            &mut self.net_in,
            &mut self.net_out,
            &mut self.data_peak,
            &mut self.applied,
            &mut self.snapshot_s,
            &mut self.errors.total,
        ]
    }

    pub fn encode(mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.numbers().into_iter().for_each(|n| varint::put(&mut out, *n));
        varint::put(&mut out, self.errors.by_code.len() as u64);
        for (code, times) in &self.errors.by_code {
            varint::put_bytes(&mut out, code.as_bytes());
            varint::put(&mut out, *times);
        }
        self.calls.encode(&mut out);
        out
    }

    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut tally = Self::default();
        for number in tally.numbers() {
            *number = varint::take(&mut bytes)?;
        }
        for _ in 0..varint::take(&mut bytes)? {
            let code = std::str::from_utf8(varint::take_bytes(&mut bytes)?).ok()?;
            tally.errors.add(code, varint::take(&mut bytes)?);
        }
        tally.calls = CallCounts::decode(&mut bytes)?;
        bytes.is_empty().then_some(tally)
    }

    /// Adds what another worker tells.
    pub fn merge(&mut self, mut other: Self) {
        let behind_max = self.behind_max.max(other.behind_max);
        let snapshot_s = self.snapshot_s.max(other.snapshot_s);
        other.errors.by_code.iter().for_each(|(code, times)| self.errors.add(code, *times));
        self.numbers().into_iter().zip(other.numbers()).for_each(|(mine, theirs)| *mine += *theirs);
        self.behind_max = behind_max;
        self.snapshot_s = snapshot_s;
        self.calls.merge(&other.calls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted() -> Tally {
        let mut tally = Tally::default();
        tally.numbers().into_iter().enumerate().for_each(|(i, n)| *n = i as u64 * 1000);
        tally.errors.add("ERR", 5);
        tally.calls.by_name.insert("get", 7);
        tally
    }

    #[test]
    fn tallies_round_trip_and_cut_ones_are_refused() {
        let bytes = counted().encode();
        assert_eq!(Tally::decode(&bytes), Some(counted()));
        for cut in 0..bytes.len() {
            assert_eq!(Tally::decode(&bytes[..cut]), None);
        }
    }

    #[test]
    fn tallies_sum_up() {
        let mut sum = counted();
        sum.merge(counted());
        assert_eq!(sum.clients, 0);
        assert_eq!(sum.connections, 6000);
        assert_eq!(sum.behind_max, counted().behind_max);
        assert_eq!(sum.errors.total, 2 * counted().errors.total);
        assert_eq!(sum.errors.by_code["ERR"], 10);
        assert_eq!(sum.calls.by_name["get"], 14);
    }
}
