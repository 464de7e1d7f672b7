//! The rows of the commands that the node runs: they speak of the connection, of the cluster, or of
//! all partitions at once. They stand here so that COMMAND has one table to answer from.

use crate::command::{Access, Categories, Command, Flags, Group};

const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE).and(Flags::NOSCRIPT);
const FAST: Flags = Flags::FAST;
const SAVE: Flags = Flags::ADMIN.and(Flags::NO_ASYNC_LOADING).and(Flags::NOSCRIPT);
const FOLLOW: Flags = SAVE.and(Flags::STALE);
const LISTEN: Flags = Flags::PUBSUB.and(ANYTIME);

#[rustfmt::skip] // one command per line or two: this is a table
pub(super) const ROWS: &[Command] = &[
    Command::session(Group::Server, "acl", -2)
        .about("6.0.0", "Makes users and says what they may do."),

    Command::session(Group::Connection, "auth", -2).flags(ANYTIME.and(FAST).and(Flags::NO_AUTH))
        .syntax("[username] password")
        .about("1.0.0", "Proves who the client is."),
    Command::session(Group::Connection, "client", -2)
        .not_in(Categories::CONNECTION)
        .about("2.4.0", "Names, lists and steers client connections."),
    Command::session(Group::Connection, "echo", 2).flags(Flags::LOADING.and(Flags::STALE).and(FAST))
        .syntax("message")
        .about("1.0.0", "Answers its argument."),
    Command::session(Group::Connection, "hello", -1).flags(ANYTIME.and(FAST).and(Flags::NO_AUTH))
        .syntax("[protover [AUTH <username password>] [SETNAME clientname]]")
        .about("6.0.0", "Chooses the protocol version, and may authenticate."),
    Command::session(Group::Connection, "ping", -1).flags(FAST)
        .syntax("[message]")
        .about("1.0.0", "Answers PONG, or its argument."),
    Command::session(Group::Connection, "quit", -1).flags(ANYTIME.and(FAST).and(Flags::NO_AUTH))
        .about("1.0.0", "Closes the connection."),
    Command::session(Group::Connection, "reset", 1).flags(ANYTIME.and(FAST).and(Flags::NO_AUTH))
        .about("6.2.0", "Puts the connection back to how it began."),
    Command::session(Group::Connection, "select", 2).flags(Flags::LOADING.and(Flags::STALE).and(FAST))
        .syntax("index")
        .about("1.0.0", "Chooses the database; there is one, 0."),

    Command::session(Group::Cluster, "asking", 1).flags(FAST)
        .also_in(Categories::CONNECTION)
        .about("3.0.0", "Changes nothing: no slot is ever on its way from one node to another."),
    Command::session(Group::Cluster, "cluster", -2)
        .about("3.0.0", "Tells which node serves which slots."),
    Command::session(Group::Cluster, "readonly", 1).flags(Flags::LOADING.and(Flags::STALE).and(FAST))
        .also_in(Categories::CONNECTION)
        .about("3.0.0", "Allows reads from replicas on this connection."),
    Command::session(Group::Cluster, "readwrite", 1).flags(Flags::LOADING.and(Flags::STALE).and(FAST))
        .also_in(Categories::CONNECTION)
        .about("3.0.0", "Ends what READONLY began."),

    Command::session(Group::Server, "command", -1).flags(Flags::LOADING.and(Flags::STALE))
        .also_in(Categories::CONNECTION)
        .about("2.8.13", "Tells about commands."),
    Command::session(Group::Server, "config", -2)
        .about("2.0.0", "Reads and changes settings."),
    Command::session(Group::Server, "debug", -2).flags(ANYTIME.and(Flags::ADMIN))
        .about("1.0.0", "Shows and changes what tests of clients want to see."),
    Command::session(Group::Server, "dbsize", 1).flags(Flags::READONLY.and(FAST))
        .also_in(Categories::KEYSPACE)
        .about("1.0.0", "The number of keys."),
    Command::session(Group::Server, "flushall", -1).flags(Flags::WRITE)
        .also_in(Categories::KEYSPACE.and(Categories::DANGEROUS))
        .syntax("[ASYNC | SYNC]")
        .about("1.0.0", "Deletes all keys."),
    Command::session(Group::Server, "flushdb", -1).flags(Flags::WRITE)
        .also_in(Categories::KEYSPACE.and(Categories::DANGEROUS))
        .syntax("[ASYNC | SYNC]")
        .about("1.0.0", "Deletes all keys."),
    Command::session(Group::Server, "info", -1).flags(Flags::LOADING.and(Flags::STALE))
        .also_in(Categories::DANGEROUS)
        .syntax("[section]...")
        .about("1.0.0", "Tells how the server is."),

    Command::session(Group::Server, "bgrewriteaof", 1).flags(SAVE)
        .about("1.0.0", "Takes a snapshot of every partition of this node, behind which its log is cut."),
    Command::session(Group::Server, "bgsave", -1).flags(SAVE)
        .syntax("[SCHEDULE]")
        .about("1.0.0", "Takes a snapshot of every partition of this node."),
    Command::session(Group::Server, "lastsave", 1).flags(Flags::LOADING.and(Flags::STALE).and(FAST))
        .also_in(Categories::ADMIN.and(Categories::DANGEROUS))
        .about("1.0.0", "When this node's last snapshot was durable, in seconds since 1970."),
    Command::session(Group::Server, "replicaof", 3).flags(FOLLOW)
        .syntax("host port")
        .about("5.0.0", "Refused: replicas are placed by the cluster."),
    Command::session(Group::Server, "role", 1).flags(ANYTIME.and(FAST))
        .also_in(Categories::ADMIN.and(Categories::DANGEROUS))
        .about("2.8.12", "Tells that this node takes writes, and how many entries it has applied."),
    Command::session(Group::Server, "save", 1).flags(SAVE.and(Flags::NO_MULTI))
        .about("1.0.0", "Refused: BGSAVE takes the same snapshots without stopping anyone."),
    Command::session(Group::Server, "slaveof", 3).flags(FOLLOW)
        .syntax("host port")
        .about("1.0.0", "Refused: replicas are placed by the cluster."),
    Command::session(Group::Server, "hotkeys", -2)
        .about("8.6.0", "Tells which keys cost most, in the whole cluster."),
    Command::session(Group::Server, "latency", -2)
        .about("2.8.13", "Tells what took long, and how long each command takes."),
    Command::session(Group::Server, "lolwut", -1).flags(Flags::READONLY.and(FAST))
        .syntax("[VERSION version:integer]")
        .about("5.0.0", "The version of Redis that is followed."),
    Command::session(Group::Server, "module", -2)
        .about("4.0.0", "Tells that there are no modules."),
    Command::session(Group::Server, "monitor", 1).flags(ANYTIME.and(Flags::ADMIN))
        .about("1.0.0", "Shows the commands that this node's clients send."),
    Command::session(Group::Server, "slowlog", -2)
        .about("2.2.12", "Tells which requests took long."),

    Command::session(Group::Scripting, "function", -2)
        .about("7.0.0", "Loads, lists and deletes libraries of functions."),
    Command::session(Group::Scripting, "script", -2)
        .about("2.6.0", "Keeps, looks for and forgets scripts."),

    Command::session(Group::Server, "time", 1).flags(Flags::LOADING.and(Flags::STALE).and(FAST))
        .about("2.6.0", "The time of this node in seconds and microseconds."),

    Command::session(Group::Generic, "migrate", -6).flags(Flags::WRITE.and(Flags::NOSCRIPT))
        .migrated_keys().access(Access::TAKE).also_in(Categories::DANGEROUS)
        .syntax("host port <key | \"\"> destination-db:integer timeout:integer [COPY] [REPLACE] [<AUTH password | AUTH2 <username password>>] [KEYS key...]")
        .about("2.6.0", "Moves keys to another server: they are deleted here when that has them."),
    Command::session(Group::Generic, "move", 3).flags(Flags::WRITE.and(FAST).and(Flags::NOSCRIPT)).keys(1, 1, 1).access(Access::UPDATE)
        .syntax("key db:integer")
        .about("1.0.0", "Refused: there is one database, 0."),
    Command::session(Group::Server, "swapdb", 3).flags(Flags::WRITE.and(FAST).and(Flags::NOSCRIPT))
        .also_in(Categories::KEYSPACE.and(Categories::DANGEROUS))
        .syntax("index1:integer index2:integer")
        .about("4.0.0", "Refused: there is one database, 0."),
    Command::session(Group::Generic, "wait", 3).flags(Flags::NOSCRIPT)
        .not_in(Categories::KEYSPACE).also_in(Categories::CONNECTION)
        .syntax("numreplicas timeout")
        .about("3.0.0", "How many other nodes are sure to hold this connection's writes."),
    Command::session(Group::Generic, "keys", 2).flags(Flags::READONLY)
        .also_in(Categories::DANGEROUS)
        .syntax("pattern")
        .about("1.0.0", "All keys that match a pattern."),
    Command::session(Group::Generic, "randomkey", 1).flags(Flags::READONLY)
        .about("1.0.0", "Any key."),
    Command::session(Group::Generic, "scan", -2).flags(Flags::READONLY)
        .syntax("cursor [MATCH pattern] [COUNT count] [TYPE type]")
        .about("2.8.0", "Walks through all keys, some at a time."),

    Command::session(Group::PubSub, "psubscribe", -2).flags(LISTEN)
        .syntax("pattern...")
        .about("2.0.0", "Listens for messages published to channels that match one or more patterns."),
    Command::session(Group::PubSub, "publish", 3).flags(Flags::PUBSUB.and(Flags::LOADING).and(Flags::STALE).and(FAST))
        .syntax("channel message")
        .about("2.0.0", "Posts a message to a channel."),
    Command::session(Group::PubSub, "pubsub", -2)
        .about("2.8.0", "Tells about the subscribers of this node."),
    Command::session(Group::PubSub, "punsubscribe", -1).flags(LISTEN)
        .syntax("[pattern]...")
        .about("2.0.0", "Stops listening to messages published to channels that match one or more patterns."),
    Command::session(Group::PubSub, "spublish", 3).flags(Flags::PUBSUB.and(Flags::LOADING).and(Flags::STALE).and(FAST))
        .syntax("shardchannel message")
        .about("7.0.0", "Posts a message to a shard channel."),
    Command::session(Group::PubSub, "ssubscribe", -2).flags(LISTEN)
        .syntax("shardchannel...")
        .about("7.0.0", "Listens for messages published to shard channels."),
    Command::session(Group::PubSub, "subscribe", -2).flags(LISTEN)
        .syntax("channel...")
        .about("2.0.0", "Listens for messages published to channels."),
    Command::session(Group::PubSub, "sunsubscribe", -1).flags(LISTEN)
        .syntax("[shardchannel]...")
        .about("7.0.0", "Stops listening to messages posted to shard channels."),
    Command::session(Group::PubSub, "unsubscribe", -1).flags(LISTEN)
        .syntax("[channel]...")
        .about("2.0.0", "Stops listening to messages posted to channels."),

    Command::session(Group::Transactions, "discard", 1).flags(ANYTIME.and(FAST))
        .about("2.0.0", "Forgets the commands since MULTI."),
    Command::session(Group::Transactions, "exec", 1).flags(ANYTIME)
        .about("1.2.0", "Runs the commands since MULTI as one."),
    Command::session(Group::Transactions, "multi", 1).flags(ANYTIME.and(FAST))
        .about("1.2.0", "Begins to gather commands that run as one."),
    Command::session(Group::Transactions, "unwatch", 1).flags(ANYTIME.and(FAST))
        .about("2.2.0", "Forgets the watched keys."),
    Command::session(Group::Transactions, "watch", -2).flags(ANYTIME.and(FAST)).keys(1, -1, 1).access(Access::LOOK)
        .syntax("key...")
        .about("2.2.0", "Makes EXEC run nothing should one of the keys have changed."),
];
