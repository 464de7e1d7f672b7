//! The rows of the commands that the node runs: they speak of the connection, of the cluster, or of
//! all partitions at once. They stand here so that COMMAND has one table to answer from.

use super::{Command, Flags, Group};

const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE).and(Flags::NOSCRIPT);
const FAST: Flags = Flags::FAST;

#[rustfmt::skip] // one command per line or two: this is a table
pub(super) const ROWS: &[Command] = &[
    Command::session(Group::Connection, "auth", -2).flags(ANYTIME.and(FAST).and(Flags::NO_AUTH))
        .about("1.0.0", "Authenticates the connection."),
    Command::session(Group::Connection, "client", -2).flags(ANYTIME)
        .about("2.4.0", "A container for client connection commands."),
    Command::session(Group::Connection, "echo", 2).flags(Flags::LOADING.and(Flags::STALE).and(FAST))
        .about("1.0.0", "Returns the given string."),
    Command::session(Group::Connection, "hello", -1).flags(ANYTIME.and(FAST).and(Flags::NO_AUTH))
        .about("6.0.0", "Handshakes with the Redis server."),
    Command::session(Group::Connection, "ping", -1).flags(Flags::LOADING.and(Flags::STALE).and(FAST))
        .about("1.0.0", "Returns the server's liveliness response."),
    Command::session(Group::Connection, "quit", -1).flags(ANYTIME.and(FAST).and(Flags::NO_AUTH))
        .about("1.0.0", "Closes the connection."),
    Command::session(Group::Connection, "reset", 1).flags(ANYTIME.and(FAST).and(Flags::NO_AUTH))
        .about("6.2.0", "Resets the connection."),
    Command::session(Group::Connection, "select", 2).flags(Flags::LOADING.and(Flags::STALE).and(FAST))
        .about("1.0.0", "Changes the selected database."),

    Command::session(Group::Cluster, "cluster", -2).flags(Flags::STALE.and(Flags::LOADING))
        .about("3.0.0", "A container for Redis Cluster commands."),
    Command::session(Group::Cluster, "readonly", 1).flags(Flags::LOADING.and(Flags::STALE).and(FAST))
        .about("3.0.0", "Enables read-only queries for a connection to a Redis Cluster replica node."),
    Command::session(Group::Cluster, "readwrite", 1).flags(Flags::LOADING.and(Flags::STALE).and(FAST))
        .about("3.0.0", "Enables read-write queries for a connection to a Redis Cluster replica node."),

    Command::session(Group::Server, "command", -1).flags(Flags::LOADING.and(Flags::STALE))
        .about("2.8.13", "Returns detailed information about all commands."),
    Command::session(Group::Server, "config", -2).flags(ANYTIME.and(Flags::ADMIN))
        .about("2.0.0", "A container for server configuration commands."),
    Command::session(Group::Server, "dbsize", 1).flags(Flags::READONLY.and(FAST))
        .about("1.0.0", "Returns the number of keys in the database."),
    Command::session(Group::Server, "flushall", -1).flags(Flags::WRITE)
        .about("1.0.0", "Removes all keys from all databases."),
    Command::session(Group::Server, "flushdb", -1).flags(Flags::WRITE)
        .about("1.0.0", "Removes all keys from the current database."),
    Command::session(Group::Server, "info", -1).flags(Flags::LOADING.and(Flags::STALE))
        .about("1.0.0", "Returns information and statistics about the server."),

    Command::session(Group::Generic, "keys", 2).flags(Flags::READONLY)
        .about("1.0.0", "Returns all key names that match a pattern."),
    Command::session(Group::Generic, "randomkey", 1).flags(Flags::READONLY)
        .about("1.0.0", "Returns a random key name from the database."),
    Command::session(Group::Generic, "scan", -2).flags(Flags::READONLY)
        .about("2.8.0", "Iterates over the key names in the database."),

    Command::session(Group::Transactions, "discard", 1).flags(ANYTIME.and(FAST))
        .about("2.0.0", "Discards a transaction."),
    Command::session(Group::Transactions, "exec", 1).flags(ANYTIME)
        .about("1.2.0", "Executes all commands in a transaction."),
    Command::session(Group::Transactions, "multi", 1).flags(ANYTIME.and(FAST))
        .about("1.2.0", "Starts a transaction."),
    Command::session(Group::Transactions, "unwatch", 1).flags(ANYTIME.and(FAST))
        .about("2.2.0", "Forgets about watched keys of a transaction."),
    Command::session(Group::Transactions, "watch", -2).flags(ANYTIME.and(FAST)).keys(1, -1, 1)
        .about("2.2.0", "Monitors changes to keys to determine the execution of a transaction."),
];
