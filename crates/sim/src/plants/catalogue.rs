//! The catalogue: name, class, place, what it does; then the trouble that brings it out, and a seed that did.

use super::Plant;

/// Every planted bug but those of one engine alone.
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
    .seed(5),
    Plant::new(
        "told-before-applied",
        "B22 watches: a change is told before it can be read",
        "replica",
        "who keeps copies is told of a change when its entry is proposed, not when it is applied",
    )
    .under("slow-disk")
    .with_lease_reads()
    .with_copies()
    .seed(1),
    // What the slots of a partition promise.
    Plant::new(
        "call-of-an-older-epoch",
        "B18 a call meets a partition whose slots have changed hands",
        "replica",
        "an entry is applied though the partition's slots changed hands since its leader took it",
    )
    .under("seal")
    .seed(1),
    // What a leader and its voters promise.
    Plant::new(
        "read-unconfirmed",
        "B1 stale read of a deposed leader",
        "consensus",
        "a leader answers reads without asking a quorum whether it still leads",
    )
    .under("partition,one-way,isolate,clog,pause,delay,slow-disk")
    .seed(310),
    Plant::new(
        "lease-too-long",
        "B2 lease beyond its bound",
        "consensus",
        "a lease counts for four times as long as the followers keep to it",
    )
    .seconds(60)
    .under("isolate")
    .with_lease_reads()
    .seed(67),
    Plant::new(
        "lease-ignores-pause",
        "B2 lease beyond its bound",
        "sim",
        "a process that was stopped does not make up for the ticks that it missed",
    )
    .under("partition,isolate,pause,disconnect")
    .with_lease_reads()
    .seed(53),
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
    .seed(16),
    Plant::new(
        "vote-for-shorter-log",
        "B6 everything lost on failover",
        "consensus",
        "a vote goes to a candidate that lacks entries of the voter",
    )
    .seed(10),
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
    .seed(12),
    Plant::new(
        "append-truncates",
        "B8 acknowledged entries are truncated",
        "consensus",
        "an append that comes late cuts off what the follower acknowledged since",
    )
    .seed(96),
    Plant::new(
        "follower-acks-early",
        "B8 entries are acknowledged before they are durable",
        "consensus",
        "a follower acknowledges entries before its log has them",
    )
    .under("power,blackout,slow-disk")
    .seed(35),
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
    .seed(7),
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
    .seed(272),
    Plant::new(
        "commit-beyond-match",
        "B8 a follower commits what it was not asked about",
        "consensus",
        "heartbeats tell a follower a commit index beyond what it is known to hold",
    )
    .seed(60),
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
    .seed(67),
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
    .seed(5),
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
    .seed(76),
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
    .seed(16),
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
    .seed(4),
    Plant::new(
        "evicts-for-itself",
        "B30 replicas decide what is the leader's to decide",
        "node",
        "every replica gives up keys by its own memory",
    )
    .under("memory-ceiling")
    .seed(2),
    Plant::new(
        "forwarded-past-the-ceiling",
        "B30 a limit that only some of the ways in know",
        "node",
        "a write that another node or worker sends on is taken though memory is short",
    )
    .under("memory-ceiling")
    .seed(1),
    // Who speaks to a node, and what it says of itself.
    Plant::new(
        "incarnation-unchecked",
        "B31 a peer without identity is believed",
        "node",
        "a hello is believed whatever data directory it speaks of",
    )
    .under("stranger")
    .seed(1),
    Plant::new(
        "older-copy-believed",
        "B8 a member that went back on its disk counts as the voter that it was",
        "node",
        "a directory that was started less often than is known is let in",
    )
    .seconds(40)
    .under("kill,older-copy")
    .seed(3),
    Plant::new(
        "old-address-kept",
        "B31 members do not find each other again",
        "ring",
        "a node that announces another address keeps the one that is known",
    )
    .under("moved")
    .seed(1),
    Plant::new(
        "serves-without-quorum",
        "B32 a node that does not serve says that it does",
        "node",
        "a node says that it serves whether or not it knows leaders",
    )
    .under("partition,isolate")
    .seed(1),
    Plant::new(
        "left-client-writes",
        "B33 a client that left still acts",
        "sim",
        "a connection whose request is held back is not forgotten when its client leaves",
    )
    .under("held-back")
    .seed(1),
    // What locks promise.
    Plant::new(
        "lease-by-wall-clock",
        "B3 clock skew",
        "replica",
        "leases of locks are counted by the wall clock",
    )
    .under("clock-leap")
    .with_locks()
    .seed(4),
    Plant::new(
        "stale-token-writes",
        "B20 a lock without fencing",
        "locks",
        "a write is accepted whose token is an old one",
    )
    .with_locks()
    .seed(1),
    Plant::new(
        "tokens-repeat",
        "B20 a lock without fencing",
        "locks",
        "a grant gets the token of the one before it",
    )
    .with_locks()
    .seed(1),
    Plant::new(
        "renewal-ignored",
        "B20 a lease ends early",
        "locks",
        "the end of a lease counts although it was renewed meanwhile",
    )
    .seconds(60)
    .with_locks()
    .seed(9),
    Plant::new(
        "line-jumped",
        "B20 two hold a lock",
        "tree",
        "who comes to a lock of the tree is told that it holds it though others are before",
    )
    .seconds(60)
    .with_locks()
    .seed(1),
    Plant::new(
        "tree-token-outlives",
        "B20 a lock without fencing",
        "locks",
        "the token of a lock of the tree may write after its holder has left the line",
    )
    .seconds(60)
    .with_locks()
    .seed(1),
    Plant::new(
        "lease-cut-short",
        "B20 a lease ends early",
        "replica",
        "a leader takes every lease for a fifth shorter than it is",
    )
    .with_locks()
    .seed(1),
    Plant::new(
        "locks-lost-in-snapshot",
        "B9 a snapshot lacks a part of the state",
        "data",
        "a snapshot has no locks",
    )
    .under("snapshot,kill,power,isolate")
    .with_locks()
    .seed(1),
    // What a transaction over several partitions may rely on.
    Plant::new(
        "early-decision",
        "B14 a transaction is decided before every participant has prepared it",
        "txn",
        "home is asked to decide together with the others, and the first to agree counts",
    )
    .with_banks()
    .seed(3),
    Plant::new(
        "version-unchecked",
        "B14 a transaction builds on what was changed since",
        "data",
        "leaders lock nothing, and a participant prepares without comparing the versions that were read",
    )
    .with_banks()
    .seed(30),
    Plant::new(
        "intents-lost-in-snapshot",
        "B9 a snapshot lacks a part of the state",
        "data",
        "a snapshot has neither intents nor decisions",
    )
    .under("snapshot,kill,power,isolate")
    .with_banks()
    .seed(1),
    Plant::new(
        "abort-not-remembered",
        "B14 a transaction is decided twice, and not the same",
        "txn",
        "home says that a transaction is aborted and does not remember it",
    )
    .under("pause,isolate,delay,one-way")
    .with_banks()
    .seed(4),
    Plant::new(
        "read-past-intent",
        "B14 half of a transaction is seen",
        "data",
        "keys that a prepared transaction holds are read and written as ever",
    )
    .with_banks()
    .seed(5),
    Plant::new(
        "orphan-unresolved",
        "B28 trouble does not end when its cause goes",
        "replica",
        "nobody asks what became of a transaction whose conductor is gone",
    )
    .under("kill,isolate")
    .with_banks()
    .seed(1),
    Plant::new(
        "decision-forgotten",
        "B14 a transaction is decided twice, and not the same",
        "txn",
        "home is told to forget what it decided while others still have to end it",
    )
    .under("pause,isolate,delay,one-way,kill")
    .with_banks()
    .seed(7),
    Plant::new(
        "abort-after-answer",
        "B14 half of a transaction is seen",
        "txn",
        "a participant is told to drop what was committed and answered",
    )
    .with_banks()
    .seed(1),
    Plant::new(
        "resolved-by-itself",
        "B14 a transaction is decided twice, and not the same",
        "node",
        "whoever hears nothing of an intent drops it without asking home",
    )
    .under("pause,isolate,delay,one-way,kill")
    .with_banks()
    .seed(1),
    Plant::new(
        "order-relaxed",
        "B29 what a connection wrote later is seen first",
        "node",
        "a write to another partition does not wait for those before it though order is strict",
    )
    .with_banks()
    .seed(11),
    // What users of the cluster may rely on.
    Plant::new(
        "users-lost-in-snapshot",
        "B23 state missing after a snapshot",
        "ring",
        "a snapshot of the cluster map has no users",
    )
    .under("snapshot,kill,power,isolate")
    .with_users()
    .seed(1),
    Plant::new(
        "users-answered-early",
        "B1 stale read: a connection misses its own change of users",
        "node",
        "a change of users is answered before the node of its client has applied it",
    )
    .under("isolate,one-way,partition,delay,clog")
    .with_users()
    .seed(1),
    // What a tree and its gate promise.
    Plant::new(
        "watch-after-reply",
        "B22 watches: time travel",
        "zookeeper",
        "a reply is not held back until the watches that it concerns are told",
    )
    .nodes(5)
    .with_trees()
    .seed(1),
    Plant::new(
        "watch-begins-late",
        "B22 watches: loss",
        "zookeeper",
        "what happened between a read and the moment in which its watch stands is not told",
    )
    .with_trees()
    .seed(1),
    Plant::new(
        "missed-not-told",
        "B22 watches: loss",
        "tree",
        "a client that connects again is told nothing of what it missed",
    )
    .with_trees()
    .seed(3),
    Plant::new(
        "ephemerals-outlive",
        "B21 session expiry races ephemeral nodes",
        "tree",
        "the end of a session leaves its last ephemeral",
    )
    .with_trees()
    .seed(1),
    Plant::new(
        "sequence-by-children",
        "B12 a number goes back",
        "tree",
        "a sequential name is numbered by how many children there are",
    )
    .with_trees()
    .seed(1),
    Plant::new(
        "session-cut-short",
        "B21 session expiry races ephemeral nodes",
        "replica",
        "a leader ends sessions after a quarter of their timeout",
    )
    .under("kill,pause,isolate,partition,disconnect")
    .with_trees()
    .seed(3),
    // The duties around the node.
    Plant::new(
        "ack-before-fsync",
        "B7 acknowledged before fsync",
        "sim",
        "what was appended to the log counts as durable",
    )
    .under("power,blackout,slow-disk")
    .seed(8),
    Plant::new(
        "tail-forgotten",
        "B6 everything lost on failover",
        "sim",
        "a restart loses the last entry of every group",
    )
    .seed(2),
    Plant::new(
        "vote-forgotten",
        "B8 a promise is forgotten",
        "sim",
        "a restart forgets whom it voted for",
    )
    .seconds(60)
    .under("crash-point,power,slow-disk,kill,isolate")
    .seed(1),
    Plant::new(
        "mark-before-file",
        "B9 a snapshot's mark is durable before its file",
        "sim",
        "the log says that a snapshot exists before the file has its name",
    )
    .under("snapshot,power,blackout,crash-point")
    .seed(7),
    Plant::new(
        "newest-snapshot-loaded",
        "B11 applied index and data are not atomic",
        "sim",
        "a restart loads the newest snapshot file, whichever the log says it starts from",
    )
    .under("snapshot,kill,power,crash-point")
    .seed(27),
];
