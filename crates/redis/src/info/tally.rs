//! What one worker adds to INFO, as it travels to the worker that was asked.
//!
//! ```text
//! the numbers as varints, in the order of `numbers` | count, (code, times)* | count, (command, times)*
//! ```

use crate::calls::{CallCounts, KnownName};
use crate::errors::ErrorCounts;
use synod_types::varint;
use synod_wire::resp::Value;

/// Sums over the workers of a node, but for the numbers of which [`Tally::merge`] keeps the largest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Connections.
    pub clients: u64,
    /// Those of them that wait: in a blocking command, or for the end of CLIENT PAUSE.
    pub paused: u64,
    /// Requests that wait for a leader.
    pub parked: u64,
    /// Connections that were ever taken.
    pub connections: u64,
    /// Commands that were run.
    pub commands: u64,
    /// Commands of the last second.
    pub commands_per_s: u64,
    /// Reads among them.
    pub reads: u64,
    /// Writes among them.
    pub writes: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Requests that were sent on.
    pub forwarded: u64,
    /// Frames of peers.
    pub frames_in: u64,
    /// Changes of leaders and followers.
    pub role_changes: u64,
    /// Snapshots taken.
    pub snapshots: u64,
    /// Snapshots taken over from others.
    pub snapshots_installed: u64,
    /// Clients closed because of what they had not read.
    pub clients_evicted: u64,
    /// Snapshots being taken.
    pub snapshots_running: u64,
    /// Workers whose log takes no more.
    pub disks_full: u64,
    /// Bytes of the logs.
    pub log_bytes: u64,
    /// Bytes of keys and values of all replicas here.
    pub data_bytes: u64,
    /// Keys of the partitions led here.
    pub keys: u64,
    /// Keys of them with a time to live.
    pub expires: u64,
    /// Data partitions led here.
    pub led: u64,
    /// Data partitions that another node leads and a replica here follows.
    pub followed: u64,
    /// How many entries the slowest follower of a group led here is behind.
    pub behind_max: u64,
    /// Keys that were found, and not found, by reading commands.
    pub keyspace_hits: u64,
    /// See above.
    pub keyspace_misses: u64,
    /// Keys that were deleted because their time had passed.
    pub expired_keys: u64,
    /// Fields of hashes that were deleted because their time had passed.
    pub expired_fields: u64,
    /// Hashes with fields that expire, where this node leads.
    pub expiring_hashes: u64,
    /// Channels and patterns that somebody listens to, worker by worker.
    pub pubsub_channels: u64,
    /// See above.
    pub pubsub_patterns: u64,
    /// Connections that keep copies, the keys that they have read, those who have read each, and prefixes, worker by worker.
    pub tracking_clients: u64,
    /// See above.
    pub tracked_keys: u64,
    /// See above.
    pub tracked_items: u64,
    /// See above.
    pub tracked_prefixes: u64,
    /// Bytes from and to clients.
    pub net_in: u64,
    /// See above.
    pub net_out: u64,
    /// The most bytes that keys and values took, worker by worker.
    pub data_peak: u64,
    /// Entries applied, of all groups here.
    pub applied: u64,
    /// When a snapshot was durable last, in seconds of the wall clock.
    pub snapshot_s: u64,
    /// Keys that were deleted because memory was short.
    pub evicted_keys: u64,
    /// Partitions led here to which writes are refused because a replica elsewhere is over its ceiling.
    pub full_elsewhere: u64,
    /// Transactions over several partitions that were begun here.
    pub transactions: u64,
    /// How often one began again, because others were faster.
    pub transactions_retried: u64,
    /// Those of them that were refused: nothing was written.
    pub transactions_refused: u64,
    /// Those of them whose outcome nobody could tell.
    pub transactions_unknown: u64,
    /// How often a leader here asked what became of one.
    pub transactions_resolved: u64,
    /// Those under way here.
    pub transactions_conducted: u64,
    /// Those that are prepared in a partition led here and not ended.
    pub transactions_undecided: u64,
    /// Requests that wait for them at leaders here.
    pub transactions_waiting: u64,
    /// Errors that were answered.
    pub errors: ErrorCounts,
    /// Shard channels that somebody listens to, worker by worker.
    pub shard_channels: u64,
    /// Connections that wait with a deadline.
    pub waits_timed: u64,
    /// Links to and from other nodes' workers, worker by worker.
    pub links: u64,
    /// Bytes that wait for clients to be written, and the most of one.
    pub output_bytes: u64,
    /// See above.
    pub output_bytes_max: u64,
    /// Bytes of keys and values alone, of all replicas here.
    pub object_bytes: u64,
    /// Scripts that EVALSHA finds in some partition here, the most of one, and their bytes of all.
    pub scripts: u64,
    /// See above.
    pub script_bytes: u64,
    /// Libraries and functions, the most of one partition, and their bytes of all.
    pub libraries: u64,
    /// See above.
    pub functions: u64,
    /// See above.
    pub library_bytes: u64,
    /// Entries since the last snapshot, and their bytes.
    pub unsaved_entries: u64,
    /// See above.
    pub unsaved_bytes: u64,
    /// Connections that were turned away because there were too many.
    pub rejected: u64,
    /// Kilobits a second from and to clients, over the last second or so, in bytes.
    pub net_in_per_s: u64,
    /// See above.
    pub net_out_per_s: u64,
    /// How often each command was called.
    pub calls: CallCounts,
}

const NUMBERS: usize = 67;

impl Tally {
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
            &mut self.clients_evicted,
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
            &mut self.expired_fields,
            &mut self.expiring_hashes,
            &mut self.pubsub_channels,
            &mut self.pubsub_patterns,
            &mut self.tracking_clients,
            &mut self.tracked_keys,
            &mut self.tracked_items,
            &mut self.tracked_prefixes,
            &mut self.evicted_keys,
            &mut self.full_elsewhere,
            &mut self.net_in,
            &mut self.net_out,
            &mut self.data_peak,
            &mut self.applied,
            &mut self.snapshot_s,
            &mut self.transactions,
            &mut self.transactions_retried,
            &mut self.transactions_refused,
            &mut self.transactions_unknown,
            &mut self.transactions_resolved,
            &mut self.transactions_conducted,
            &mut self.transactions_undecided,
            &mut self.transactions_waiting,
            &mut self.shard_channels,
            &mut self.waits_timed,
            &mut self.links,
            &mut self.output_bytes,
            &mut self.output_bytes_max,
            &mut self.object_bytes,
            &mut self.scripts,
            &mut self.script_bytes,
            &mut self.libraries,
            &mut self.functions,
            &mut self.library_bytes,
            &mut self.unsaved_entries,
            &mut self.unsaved_bytes,
            &mut self.rejected,
            &mut self.net_in_per_s,
            &mut self.net_out_per_s,
            &mut self.errors.total,
        ]
    }

    /// As it travels.
    #[must_use]
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

    /// What another worker told; `None` if that cannot be read.
    #[must_use]
    pub fn decode(mut bytes: &[u8], known: KnownName) -> Option<Self> {
        let mut tally = Self::default();
        for number in tally.numbers() {
            *number = varint::take(&mut bytes)?;
        }
        for _ in 0..varint::take(&mut bytes)? {
            let code = std::str::from_utf8(varint::take_bytes(&mut bytes)?).ok()?;
            tally.errors.add(code, varint::take(&mut bytes)?);
        }
        tally.calls = CallCounts::decode(&mut bytes, known)?;
        bytes.is_empty().then_some(tally)
    }

    /// The sum of what workers told, each with one bulk string; what cannot be read does not count.
    #[must_use]
    pub fn of_replies(replies: &[Vec<u8>], known: KnownName) -> Self {
        let read = |reply: &Vec<u8>| Value::decode(reply).ok().flatten().map(|(value, _)| value);
        Self::of_values(replies.iter().filter_map(read), known)
    }

    /// As [`Self::of_replies`], of replies that were read.
    pub(crate) fn of_values(values: impl Iterator<Item = Value>, known: KnownName) -> Self {
        let mut sum = Self::default();
        let bytes = |value| if let Value::Bulk(bytes) = value { Some(bytes) } else { None };
        let told = values.filter_map(bytes).filter_map(|bytes| Self::decode(&bytes, known));
        told.for_each(|tally| sum.merge(tally));
        sum
    }

    /// Adds what another worker tells.
    pub fn merge(&mut self, mut other: Self) {
        let largest = |tally: &Self| {
            let Self {
                behind_max,
                snapshot_s,
                output_bytes_max,
                scripts,
                libraries,
                functions,
                ..
            } = *tally;
            [behind_max, snapshot_s, output_bytes_max, scripts, libraries, functions]
        };
        let (mine, theirs) = (largest(self), largest(&other));
        other.errors.by_code.iter().for_each(|(code, times)| self.errors.add(code, *times));
        self.numbers().into_iter().zip(other.numbers()).for_each(|(mine, theirs)| *mine += *theirs);
        let most = std::array::from_fn(|at| mine[at].max(theirs[at]));
        [
            self.behind_max,
            self.snapshot_s,
            self.output_bytes_max,
            self.scripts,
            self.libraries,
            self.functions,
        ] = most;
        self.calls.merge(&other.calls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Calls;

    fn counted() -> Tally {
        let mut tally = Tally::default();
        tally.numbers().into_iter().enumerate().for_each(|(i, n)| *n = i as u64 * 1000);
        tally.errors.add("ERR", 5);
        let mut durations = crate::latency::Histogram::default();
        durations.record(90, 7);
        let calls = Calls { times: 7, took_us: 90, rejected: 1, failed: 2, durations };
        tally.calls.by_name.insert("get", calls);
        tally
    }

    #[test]
    fn tallies_round_trip_and_cut_ones_are_refused() {
        let bytes = counted().encode();
        let known: KnownName = |name| (name == b"get").then_some("get");
        assert_eq!(Tally::decode(&bytes, known), Some(counted()));
        assert_eq!(Tally::decode(&bytes, |_| None), None, "no such command");
        for cut in 0..bytes.len() {
            assert_eq!(Tally::decode(&bytes[..cut], known), None);
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
        let mut durations = crate::latency::Histogram::default();
        durations.record(90, 14);
        let calls = Calls { times: 14, took_us: 180, rejected: 2, failed: 4, durations };
        assert_eq!(sum.calls.by_name["get"], calls);
    }
}
