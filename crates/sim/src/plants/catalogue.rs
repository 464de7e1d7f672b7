//! The catalogue, as far as connections, partitions and their logs go: name, class, place, what it does; then the trouble that brings it out, and a seed that did.

use super::Plant;

/// The planted bugs of connections, partitions and their logs, but those of one engine alone.
pub const CATALOGUE: &[Plant] = &[
    // What a connection may rely on.
    Plant::new(
        "read-before-own-write",
        "B1 stale read: a connection misses its own write",
        "replica",
        "a read behind unanswered writes of its connection is not placed behind them",
    )
    .seed(1),
    // What those who wait may rely on.
    Plant::new(
        "wait-lost-at-leader-change",
        "B28 trouble does not end when its cause goes",
        "node",
        "a wait that a leader gave back or took along is not armed at the next one",
    )
    .with_queues()
    .seed(2),
    Plant::new(
        "told-before-applied",
        "B22 watches: a change is told before it can be read",
        "replica",
        "who keeps copies is told of a change when its entry is proposed, not when it is applied",
    )
    .under("slow-disk")
    .with_lease_reads()
    .with_copies()
    .seed(2),
    // What the slots of a partition promise.
    Plant::new(
        "call-of-an-older-epoch",
        "B18 a call meets a partition whose slots have changed hands",
        "replica",
        "an entry is applied though the partition's slots changed hands since its leader took it",
    )
    .under("seal")
    .seed(2),
    Plant::new(
        "split-under-an-intent",
        "B18 a partition is split and something is lost on the way",
        "data",
        "slots are split off though an undecided transaction holds keys of them",
    )
    .with_banks()
    .under("split,kill,depose")
    .seed(5),
    Plant::new(
        "split-begins-versions-anew",
        "B18 a partition is split and something is lost on the way",
        "data",
        "keys that were split off have versions that other keys had before",
    )
    .under("split,depose")
    .seed(1),
    Plant::new(
        "merge-loses-expiry",
        "B18 two partitions are merged and something is lost on the way",
        "data",
        "keys of the partition that becomes part of another one never expire any more",
    )
    .under("merge")
    .seed(21),
    Plant::new(
        "merge-keeps-lower-versions",
        "B18 two partitions are merged and something is lost on the way",
        "data",
        "versions go on from the count of the partition that absorbs, though the other one's are greater",
    )
    .under("merge,depose")
    .seed(17),
    Plant::new(
        "merge-loses-locks",
        "B18 two partitions are merged and something is lost on the way",
        "data",
        "the locks of the partition that becomes part of another one are forgotten",
    )
    .with_locks()
    .under("merge"),
    Plant::new(
        "merge-under-an-intent",
        "B18 two partitions are merged and something is lost on the way",
        "data",
        "a partition gives its slots away while a transaction is prepared in it",
    )
    .with_banks()
    .under("merge,split,kill,depose"),
    Plant::new(
        "merge-taken-back",
        "B18 both owners of slots that have changed hands answer",
        "replica",
        "a leader takes slots back that its partition has given away, as after a seal",
    )
    .under("merge,pause,isolate")
    .seed(87),
    // What a leader and its voters promise.
    Plant::new(
        "read-unconfirmed",
        "B1 stale read of a deposed leader",
        "consensus",
        "a leader answers reads without asking a quorum whether it still leads",
    )
    .under("partition,one-way,isolate,clog,pause,delay,slow-disk")
    .seed(138),
    Plant::new(
        "lease-too-long",
        "B2 lease beyond its bound",
        "consensus",
        "a lease counts for four times as long as the followers keep to it",
    )
    .seconds(60)
    .under("isolate")
    .with_lease_reads()
    .seed(12),
    Plant::new(
        "lease-ignores-pause",
        "B2 lease beyond its bound",
        "sim",
        "a process that was stopped does not make up for the ticks that it missed",
    )
    .under("partition,isolate,pause,disconnect")
    .with_lease_reads()
    .seed(12),
    Plant::new(
        "learner-counted",
        "B4 the word of a non-voter counts",
        "consensus",
        "an entry counts as committed when a majority of all members, learners included, has it",
    )
    .nodes(5)
    .under("membership,isolate,partition,kill")
    .seed(10),
    Plant::new(
        "vote-counted-twice",
        "B4 a vote that does not count is counted",
        "consensus",
        "a candidate counts votes, not voters: one that arrives twice counts twice",
    )
    .nodes(5)
    .under("duplicate,kill,isolate,partition,one-way,crash-point")
    .seed(19),
    Plant::new(
        "vote-for-shorter-log",
        "B6 everything lost on failover",
        "consensus",
        "a vote goes to a candidate that lacks entries of the voter",
    )
    .seed(5),
    Plant::new(
        "reply-before-quorum",
        "B6 everything lost on failover",
        "consensus",
        "a leader commits what only its own disk has",
    )
    .seed(5),
    Plant::new(
        "count-older-term",
        "B6 an entry of an older term is committed by counting (Raft, figure 8)",
        "consensus",
        "a leader commits what an earlier term left once a majority has it",
    )
    .seconds(60)
    .under("depose")
    .seed(18),
    Plant::new(
        "append-truncates",
        "B8 acknowledged entries are truncated",
        "consensus",
        "an append that comes late cuts off what the follower acknowledged since",
    )
    .seed(275),
    Plant::new(
        "follower-acks-early",
        "B8 entries are acknowledged before they are durable",
        "consensus",
        "a follower acknowledges entries before its log has them",
    )
    .under("power,blackout,slow-disk")
    .seed(31),
    Plant::new(
        "wiped-voter-votes",
        "B8 a member that lost its disk counts as the voter that it was",
        "node",
        "a node with an empty directory founds its groups anew, and everybody believes it",
    )
    .seconds(40)
    .under("wipe,isolate,partition,kill")
    .seed(2),
    Plant::new(
        "vote-before-durable",
        "B8 a promise is made before it is durable",
        "consensus",
        "a vote leaves before it is in the log",
    )
    .seconds(60)
    .under("crash-point,power,slow-disk,depose")
    .seed(8),
    Plant::new(
        "floor-forgotten",
        "B8 a promise is forgotten",
        "consensus",
        "a member whose replica was dropped once gives its vote as if it had never had a log",
    )
    .seconds(60)
    .under(
        "reshape,wipe,older-copy,membership,bit-flip,engine,moved,disk-full,sync-error,crash-point,kill,power,blackout,\
         depose,clock-leap",
    )
    .seed(93),
    Plant::new(
        "commit-beyond-match",
        "B8 a follower commits what it was not asked about",
        "consensus",
        "heartbeats tell a follower a commit index beyond what it is known to hold",
    )
    .seed(51),
    Plant::new(
        "apply-before-commit",
        "B17 aborted read",
        "consensus",
        "a leader applies and answers entries before they are committed",
    )
    .seed(1),
    Plant::new(
        "candidate-never-retries",
        "B26 an election race wedges the group",
        "consensus",
        "a candidate that is not answered waits for ever",
    )
    .under("loss,kill,isolate,partition")
    .seed(105),
    // What a replica makes of the log.
    Plant::new(
        "apply-local-clock",
        "B3 clock skew",
        "replica",
        "entries are applied by the replica's clock instead of the entry's stamp",
    )
    .under("clock-jump,drift,snapshot")
    .seed(1),
    Plant::new(
        "expiry-by-follower",
        "B3 clock skew",
        "replica",
        "every replica drops expired keys by its own clock",
    )
    .under("clock-jump,drift,pause")
    .seed(1),
    Plant::new(
        "snapshot-index-off-by-one",
        "B10 a snapshot's index does not fit its content",
        "replica",
        "a snapshot says it ends one entry before it does",
    )
    .under("snapshot,kill,power")
    .seed(1),
    Plant::new(
        "snapshot-half-batch",
        "B10 a snapshot covers half of a batch",
        "replica",
        "a snapshot is begun between two operations of one entry",
    )
    .under("snapshot,kill,power")
    .seed(1),
    Plant::new(
        "versions-lost-in-snapshot",
        "B23 state missing after a snapshot",
        "data",
        "the versions of absent keys, which WATCH compares, are not in snapshots",
    )
    .under("snapshot,kill,power")
    .seed(1),
    Plant::new(
        "expiries-lost-in-snapshot",
        "B19 a deadline is not carried over",
        "data",
        "keys lose their expiry when a snapshot is loaded",
    )
    .under("snapshot,kill,power")
    .seed(1),
    Plant::new(
        "watch-ignored",
        "B17 lost update",
        "data",
        "EXEC runs whatever happened to the watched keys",
    )
    .seed(1),
    // What a node tells its clients.
    Plant::new(
        "unknown-retried",
        "B15 an ambiguous request is sent again",
        "node",
        "a forwarded write whose leader was lost is sent to the next one",
    )
    .seed(1),
    Plant::new(
        "error-for-committed",
        "B16 an error for a write that was committed",
        "node",
        "a write of unknown fate is reported as not executed",
    )
    .seed(5),
    Plant::new(
        "parked-forever",
        "B28 trouble does not end when its cause goes",
        "node",
        "requests that wait for a leader are not sent when there is one",
    )
    .seed(3),
    Plant::new(
        "disk-full-forever",
        "B27 disk full",
        "node",
        "a disk that was full once counts as full for ever",
    )
    .under("disk-full")
    .seed(2),
    // What the log and the snapshot files keep.
    Plant::new(
        "fsync-retried",
        "B14 a failed fsync is tried again",
        "log",
        "after a failed sync the log syncs again and believes it",
    )
    .under("sync-error,power,blackout")
    .seed(8),
    Plant::new(
        "recovered-not-synced",
        "B14 what was read after a crash counts as durable",
        "log",
        "a start does not sync what the one before may not have",
    )
    .under("kill,power,blackout,slow-disk,crash-point")
    .seed(203),
    Plant::new(
        "directory-not-synced",
        "B27 a directory is not synced",
        "log",
        "a new segment's name is not made durable",
    )
    .under("power,blackout,power-inside")
    .seed(1),
    Plant::new(
        "snapshot-not-synced",
        "B9 a snapshot's file is not durable when it counts",
        "log",
        "a snapshot gets its name before its content is synced",
    )
    .under("snapshot,power,blackout")
    .seed(1),
    Plant::new(
        "received-not-synced",
        "B9 the installation of a snapshot is interrupted",
        "log",
        "a fetched snapshot is installed before it is synced",
    )
    .seconds(40)
    .under("snapshot,power,crash-point,isolate,pause")
    .seed(3),
    Plant::new(
        "released-too-early",
        "B12 compaction takes what is needed",
        "log",
        "segments are removed whether or not a snapshot has their entries",
    )
    .under("snapshot,kill,power")
    .seed(1),
    // What is large, and what there is no room for.
    Plant::new(
        "long-in-turn",
        "B34 a long command starves heartbeats, leaders fall",
        "replica",
        "operations are run in turns however long they are",
    )
    .seconds(120)
    .seed(46),
    Plant::new(
        "rest-of-entry-lost",
        "B34 a slice lets a half-done command be seen",
        "replica",
        "what stands behind a long operation in its entry is forgotten",
    )
    .seed(9),
    Plant::new(
        "limit-at-restore",
        "B29 a limit is checked on restoring and not on accepting",
        "data",
        "a snapshot with an object of more than 100,000 bytes counts as corrupt",
    )
    .under("large-values,snapshot,kill")
    .seed(4),
    Plant::new(
        "held-for-ever",
        "B28 trouble does not end when its cause goes",
        "worker",
        "a connection whose client had much to read is not gone on with when it was read",
    )
    .seconds(40)
    .under("large-values,slow-reader")
    .seed(1),
    Plant::new(
        "evicts-for-itself",
        "B30 replicas decide what is the leader's to decide",
        "node",
        "every replica gives up keys by its own memory",
    )
    .under("memory-ceiling")
    .seed(2),
    Plant::new(
        "ceilings-of-others-unheard",
        "B30 a limit that only some of the ways in know",
        "node",
        "a leader does not heed that another replica of its partition has no room",
    )
    .under("memory-ceiling")
    .seed(9),
    Plant::new(
        "forwarded-past-the-ceiling",
        "B30 a limit that only some of the ways in know",
        "node",
        "a write that another node or worker sends on is taken though memory is short",
    )
    .under("memory-ceiling")
    .seed(1),
];
