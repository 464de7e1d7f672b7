//! The part of the catalogue that is about members, locks, transactions, users and trees, and about the duties around a node.

use super::Plant;

/// The planted bugs of all that stands above one partition.
pub const ABOVE: &[Plant] = &[
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
    .seed(23),
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
    .seed(1),
    Plant::new(
        "version-unchecked",
        "B14 a transaction builds on what was changed since",
        "data",
        "leaders lock nothing, and a participant prepares without comparing the versions that were read",
    )
    .with_banks()
    .seed(17),
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
    .seed(31),
    Plant::new(
        "read-past-intent",
        "B14 half of a transaction is seen",
        "data",
        "keys that a prepared transaction holds are read and written as ever",
    )
    .with_banks()
    .seed(11),
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
    // What a transaction may rely on that is answered before it is decided.
    Plant::new(
        "answered-before-prepared",
        "B14 a transaction is decided before every participant has prepared it",
        "txn",
        "a parallel commit is answered and concluded when the first part of it is kept",
    )
    .with_parallel_commit()
    .seed(2),
    Plant::new(
        "refusal-not-remembered",
        "B14 a transaction is decided twice, and not the same",
        "txn",
        "a participant tells home that it has not prepared and does not remember that it may not any more",
    )
    .under("pause,isolate,delay,one-way")
    .with_parallel_commit()
    .seed(88),
    Plant::new(
        "ended-before-decided",
        "B14 a transaction is decided twice, and not the same",
        "txn",
        "participants are told to end a parallel commit before home has recorded it, so home finds them without",
    )
    .under("pause,isolate,delay,one-way,kill")
    .with_parallel_commit()
    .seed(3),
    Plant::new(
        "resolver-decides-twice",
        "B14 a transaction is decided twice, and not the same",
        "node",
        "home's leader has the others end what they keep as it found them, and decides in home's log besides",
    )
    .under("pause,isolate,delay,one-way,kill")
    .with_parallel_commit()
    .seed(75),
    Plant::new(
        "silence-is-consent",
        "B14 a transaction is decided before every participant has prepared it",
        "node",
        "home's leader takes a participant that does not answer for one that has prepared",
    )
    .under("pause,isolate,delay,one-way,kill")
    .with_parallel_commit()
    .seed(211),
    Plant::new(
        "stages-lost-in-snapshot",
        "B9 a snapshot lacks a part of the state",
        "txn",
        "a snapshot does not tell which of home's intents are staged",
    )
    .under("snapshot,kill,power,isolate")
    .with_parallel_commit()
    .seed(1),
    Plant::new(
        "stage-unresolved",
        "B28 trouble does not end when its cause goes",
        "replica",
        "nobody finds out whether a staged transaction whose conductor is gone is committed",
    )
    .under("kill,isolate")
    .with_parallel_commit()
    .seed(2),
    Plant::new(
        "order-relaxed",
        "B29 what a connection wrote later is seen first",
        "node",
        "a write to another partition does not wait for those before it though order is strict",
    )
    .with_banks()
    .seed(27),
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
    .seed(37),
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
