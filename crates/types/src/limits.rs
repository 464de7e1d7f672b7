//! The bounds of everything that comes from outside. One name, one number, one reason.

/// The largest bulk string a client may send unless `proto-max-bulk-len` says otherwise, in bytes (Redis: 512 MiB).
/// It can be set up to [`REQUEST_BYTES_MAX`], which the log and the peers carry.
pub const BULK_BYTES_MAX: usize = 64 << 20;
/// The most arguments of one command (Redis: 1,048,576).
pub const ARGS_MAX: usize = 1 << 20;
/// The longest inline command and the longest length line, in bytes (Redis: 64 KiB).
pub const INLINE_BYTES_MAX: usize = 64 << 10;
/// The most bytes of one unfinished request that a connection buffers.
pub const REQUEST_BYTES_MAX: usize = 128 << 20;
/// The most bytes that all connections of a node keep for unfinished requests; an eighth of what `maxmemory` leaves where that is
/// less.
pub const INPUT_BYTES_ALL_MAX: usize = 512 << 20;
/// The same where that would be less.
pub const INPUT_BYTES_ALL_MIN: usize = 16 << 20;
/// The most unsent reply bytes of one client of ZooKeeper before it is cut off.
pub const OUTPUT_BYTES_MAX: usize = 256 << 20;
/// While a client has not read more reply bytes than this, none of its requests is begun.
pub const OUTPUT_MARK_BYTES: usize = 1 << 20;
/// The same while clients have left much unread and memory is limited.
pub const OUTPUT_MARK_SCARCE_BYTES: usize = 64 << 10;
/// How many bytes of large values the commands of one connection may have to look at before those under way are
/// answered: about what takes a few milliseconds.
pub const INFLIGHT_WORK_BYTES: usize = 8 << 20;
/// The same for the commands of all connections of a worker in one turn: heartbeats wait no longer than that.
pub const TURN_WORK_BYTES: usize = 8 << 20;
/// An operation that looks at more bytes of values than this, or takes as long, is run beside the turns: some milliseconds.
pub const TURN_LENGTH_BYTES: usize = 1 << 20;
/// How many requests of a new connection may be under way; it grows to [`INFLIGHT_MAX`] while the replies are small.
pub const INFLIGHT_FIRST: usize = 64;
/// The same where memory is least.
pub const INFLIGHT_FIRST_MIN: usize = 4;
/// A client with unread replies that takes none of them for this long is closed, in milliseconds (Redis: the time of
/// its soft output limits).
pub const OUTPUT_STUCK_MS_MAX: u64 = 60_000;
/// How long a connection that was given up is still drained, so that its client gets to read why, in milliseconds.
pub const LINGER_MS_MAX: u64 = 10_000;
/// The most requests of one connection in flight before its socket is read no further.
pub const INFLIGHT_MAX: usize = 4096;
/// While a worker holds more than this for requests under way to other workers and nodes, or for a leader, and for the parts
/// of their answers, it begins no further request, in bytes; its part of an eighth of what `maxmemory` leaves where that is less.
pub const HELD_BYTES_MAX: usize = 256 << 20;
/// The same for all workers together where that would be less.
pub const HELD_BYTES_MIN: usize = 8 << 20;
/// When all replicas of a node together have more log than this that no snapshot contains, one of them is snapshotted, whatever
/// `maxmemory` leaves, in bytes; otherwise when it is more than a quarter of what that leaves.
pub const LOG_BYTES_MIN: usize = 16 << 20;
/// A reply to a request that another node or worker forwarded goes in parts of this length, in bytes.
pub const REPLY_PART_BYTES: usize = 1 << 20;
/// The longest reply where memory is limited is a quarter of what `maxmemory` leaves, but never less than this, in bytes.
pub const REPLY_BYTES_MIN: usize = 16 << 20;
/// The most client connections of one node (Redis: `maxclients`).
pub const CLIENTS_MAX: usize = 10_000;
/// The most commands between MULTI and EXEC.
pub const MULTI_COMMANDS_MAX: usize = 65_536;
/// The most bytes that the compressed strings of one RESTORE unpack to.
pub const RESTORE_BYTES_MAX: usize = 512 << 20;
/// The most cells of the table that LCS fills, the product of its strings' lengths; they take four bytes each.
pub const LCS_CELLS_MAX: usize = 32 << 20;
/// The most bytes of all commands between MULTI and EXEC: they go into one entry, like one request.
pub const MULTI_BYTES_MAX: usize = REQUEST_BYTES_MAX;
/// The most keys under WATCH by one connection.
pub const WATCH_KEYS_MAX: usize = 65_536;
/// How long these keys may be together, in bytes.
pub const WATCH_BYTES_MAX: usize = 16 << 20;
/// The largest log entry, in bytes; a batch is closed before it grows past it.
pub const ENTRY_BYTES_MAX: usize = 144 << 20;
/// A batch is closed when it reaches this many bytes, so that one entry stays cheap to ship.
pub const BATCH_BYTES: usize = 1 << 20;
/// The largest peer frame, in bytes, header included.
pub const FRAME_BYTES_MAX: usize = ENTRY_BYTES_MAX + (1 << 20);
/// The most bytes queued for one peer before messages to it are dropped (consensus repeats them).
pub const PEER_QUEUE_BYTES_MAX: usize = 256 << 20;
/// How much of a snapshot travels in one frame, in bytes.
pub const SNAPSHOT_CHUNK_BYTES: usize = 256 << 10;
/// The most partitions of one cluster.
pub const PARTITIONS_MAX: u32 = 4096;
/// The most partitions whose replicas move at the same time.
pub const MOVES_MAX: usize = 2;
/// A partition that holds more bytes of objects than this does not become part of another one: its content is copied in a turn.
pub const MERGE_BYTES_MAX: usize = 64 << 20;
/// Nor one that remembers more locks than this together with the other one.
pub const LOCKS_TOGETHER_MAX: usize = 65_536;
/// How many starts of a data directory before the present one its node tells of, each by the random number of its process.
pub const PAST_STARTS: usize = 7;
/// The most nodes of one cluster.
pub const NODES_MAX: usize = 1024;
/// How long a request may wait for a leader before it is refused, in milliseconds.
pub const REQUEST_WAIT_MS_MAX: u64 = 5_000;
/// The most waits of one partition (blocked clients), and of one key.
pub const WAITS_MAX: usize = 100_000;
/// The most waits for one key.
pub const WAITS_PER_KEY_MAX: usize = 50_000;
/// The most waits that one write runs again at once; further ones follow when these are served.
pub const WAITS_WOKEN_MAX: usize = 1024;
/// The most answers to waits that a replica remembers for whoever arms one again after its leader was lost.
pub const WAITS_SERVED_MAX: usize = 65_536;
/// The most bytes of such answers.
pub const WAITS_SERVED_BYTES_MAX: usize = 8 << 20;
/// How many instructions one script may run: about a second, during which its partition does nothing else.
pub const SCRIPT_INSTRUCTIONS_MAX: u64 = 100_000_000;
/// How many bytes one script may allocate between two runs of the collector.
pub const SCRIPT_MEMORY_BYTES_MAX: usize = 128 << 20;
/// The largest reply of a script, in bytes of its parts as they are kept until they are written.
pub const SCRIPT_REPLY_BYTES_MAX: usize = 64 << 20;
/// How deep tables may lie in each other in a script's reply.
pub const SCRIPT_REPLY_DEPTH_MAX: usize = 28;
/// The bodies of the scripts that one partition keeps, in bytes.
pub const SCRIPTS_BYTES_MAX: usize = 16 << 20;
/// The libraries of functions that a cluster keeps, in bytes of their texts, names and descriptions.
pub const FUNCTIONS_BYTES_MAX: usize = 16 << 20;
/// How many instructions the text of a library may run when it is loaded (Redis: half a second).
pub const LIBRARY_INSTRUCTIONS_MAX: u64 = 5_000_000;
/// How many scripts that were run and not loaded one partition keeps (Redis 7.4: 500).
pub const SCRIPTS_PASSING_MAX: usize = 500;
/// How many values a function of a script's libraries returns at most.
pub const SCRIPT_VALUES_MAX: usize = 7_900;
/// The most unread bytes of a subscriber before it is closed (Redis: client-output-buffer-limit pubsub, 32 MiB).
pub const PUBSUB_OUTPUT_BYTES_MAX: usize = 32 << 20;
/// As many unread bytes of a subscriber as it may have for [`PUBSUB_OUTPUT_SOFT_US`] and no longer (Redis: 8 MiB, 60 s).
pub const PUBSUB_OUTPUT_SOFT_BYTES: usize = 8 << 20;
/// See [`PUBSUB_OUTPUT_SOFT_BYTES`]; in microseconds.
pub const PUBSUB_OUTPUT_SOFT_US: u64 = 60_000_000;
/// The most keyspace events that one partition publishes of one turn; later ones of that turn are lost.
pub const EVENTS_MAX: usize = 100_000;
/// The most changed keys that one partition tells caching clients of one by one in a turn; of more it says that all have changed.
pub const CHANGED_KEYS_MAX: usize = 100_000;
/// The same in bytes of keys.
pub const CHANGED_BYTES_MAX: usize = 8 << 20;
/// The most bytes of keys that one worker remembers its clients to have read, whatever `tracking-table-max-keys` says.
pub const TRACKED_BYTES_MAX: usize = 256 << 20;
/// The most keys of that kind, with `tracking-table-max-keys` 0 too.
pub const TRACKED_KEYS_MAX: usize = 16_000_000;
/// The most messages that wait for one client behind a reply; instead of more it is told that all has changed.
pub const INVALIDATIONS_BEHIND_MAX: usize = 64;
/// The most prefixes of one client that tracks by prefix.
pub const TRACKED_PREFIXES_MAX: usize = 4_096;
/// From how many bytes on a line of MONITOR is cut.
pub const MONITOR_LINE_BYTES_MAX: usize = 64 << 10;
/// The most subscriptions of one client.
pub const SUBSCRIPTIONS_MAX: usize = 65_536;
/// How long their names may be together, in bytes.
pub const SUBSCRIPTIONS_BYTES_MAX: usize = 16 << 20;
/// The longest channel name or pattern that can be subscribed to, in bytes.
pub const CHANNEL_BYTES_MAX: usize = 64 << 10;
/// The longest pattern that the names of all keys or channels are compared with, in bytes: KEYS, SCAN, PUBSUB CHANNELS.
pub const PATTERN_BYTES_MAX: usize = 64 << 10;
/// The most users of one cluster.
pub const ACL_USERS_MAX: usize = 4096;
/// The most bytes that one user's name, rules and passwords take; a script that it runs carries what it may do.
pub const ACL_USER_BYTES_MAX: usize = 64 << 10;
/// The most bytes that all users take together: they are part of the cluster map, which every node has.
pub const ACL_BYTES_MAX: usize = 4 << 20;
/// The most refusals that ACL LOG keeps.
pub const ACL_LOG_LEN_MAX: usize = 10_000;
/// How much of a key, a channel or a name ACL LOG keeps, in bytes.
pub const ACL_LOG_TEXT_BYTES_MAX: usize = 1024;

/// The most keys of one transaction over several partitions.
pub const TXN_KEYS_MAX: usize = 4096;
/// The most bytes that the values of such a transaction take in one partition, before and after it.
pub const TXN_BYTES_MAX: usize = 32 << 20;
/// The most bytes of values that a transaction fetches from all partitions together; a sixteenth of what `maxmemory` leaves
/// where that is less.
pub const TXN_BYTES_ALL_MAX: usize = 512 << 20;
/// The same where that would be less.
pub const TXN_BYTES_ALL_MIN: usize = 8 << 20;
/// How many instructions the scripts of such a transaction may run: they run in a turn of their worker.
pub const TXN_SCRIPT_INSTRUCTIONS_MAX: u64 = 10_000_000;
/// The most partitions of one such transaction.
pub const TXN_PARTITIONS_MAX: usize = 256;
/// How many transactions one partition keeps that are prepared and not ended, and how many decisions of each sort.
pub const TXN_UNDECIDED_MAX: usize = 4096;
/// How many such transactions one worker conducts at the same time.
pub const TXN_CONDUCTED_MAX: usize = 4096;
/// How often a transaction is tried when others are faster.
pub const TXN_ATTEMPTS_MAX: u32 = 64;
/// How long it is tried again, in milliseconds; the last attempt may take longer.
pub const TXN_MS_MAX: u64 = 5_000;
/// How long after its keys were read a transaction may still be decided for, in milliseconds of its first partition's log.
pub const TXN_DECIDE_MS_MAX: u64 = 30_000;
/// How long a leader keeps a lock that nobody gives back, in milliseconds.
pub const TXN_LOCK_MS_MAX: u64 = 2_000;
/// How long slots that are to leave a partition wait for the transactions in them, in milliseconds, before new ones have to wait
/// for the slots.
pub const CLAIM_PATIENCE_MS: u64 = 2_000;
/// How long a request waits for keys of a transaction before it is refused, in milliseconds.
pub const TXN_WAIT_MS_MAX: u64 = 5_000;
/// How many requests wait for keys of transactions in one partition.
pub const TXN_WAITING_MAX: usize = 16_384;
/// How many bytes they hold.
pub const TXN_WAITING_BYTES_MAX: usize = 64 << 20;
/// After how long a leader asks what became of a transaction that it hears nothing of, in milliseconds.
pub const TXN_SILENT_MS: u64 = 1_000;
/// The longest name of a zone, in bytes.
pub const ZONE_BYTES_MAX: usize = 64;
/// How many MIGRATEs of one worker are under way; of those a few are done at a time.
pub const MIGRATIONS_MAX: usize = 64;
/// The longest value that MIGRATE sends, as DUMP has it, in bytes.
pub const MIGRATED_BYTES_MAX: usize = 128 << 20;
