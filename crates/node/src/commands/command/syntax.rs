//! The syntax of every subcommand that takes arguments, as Redis documents it; a command's own stands in its row. [`super::arguments`] explains the
//! notation; COMMAND DOCS answers from these lines, and redis-cli's hints show them.

/// The line of `command|subcommand`.
pub(super) fn line(name: &str) -> Option<&'static str> {
    LINES.iter().find(|(known, _)| *known == name).map(|(_, line)| *line)
}

#[rustfmt::skip] // one command per line: this is a table
pub(super) const LINES: &[(&str, &str)] = &[
    ("client|caching", "<YES | NO>"),
    ("client|kill", "<ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME yes/no]>...>"),
    ("client|list", "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id...]"),
    ("client|no-evict", "<ON | OFF>"),
    ("client|no-touch", "<ON | OFF>"),
    ("client|pause", "timeout [WRITE | ALL]"),
    ("client|reply", "<ON | OFF | SKIP>"),
    ("client|setinfo", "<LIB-NAME libname | LIB-VER libver>"),
    ("client|setname", "connection-name"),
    ("client|unblock", "client-id [TIMEOUT | ERROR]"),
    ("command|docs", "[command-name]..."),
    ("command|info", "[command-name]..."),
    ("command|list", "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]"),
    ("config|get", "parameter..."),
    ("config|set", "<parameter value>..."),
    ("function|delete", "library-name"),
    ("function|flush", "[ASYNC | SYNC]"),
    ("function|list", "[LIBRARYNAME library-name-pattern] [WITHCODE]"),
    ("function|load", "[REPLACE] function-code"),
    ("function|restore", "serialized-value [FLUSH | APPEND | REPLACE]"),
    ("memory|usage", "key [SAMPLES count]"),
    ("object|encoding", "key"),
    ("object|freq", "key"),
    ("object|idletime", "key"),
    ("object|refcount", "key"),
    ("pubsub|channels", "[pattern]"),
    ("pubsub|numsub", "[channel]..."),
    ("pubsub|shardchannels", "[pattern]"),
    ("pubsub|shardnumsub", "[shardchannel]..."),
    ("script|exists", "sha1..."),
    ("script|flush", "[ASYNC | SYNC]"),
    ("script|load", "script"),
    ("slowlog|get", "[count]"),
    ("xgroup|create", "key groupname <id | $> [MKSTREAM] [ENTRIESREAD entries_read:integer]"),
    ("xgroup|createconsumer", "key groupname consumername"),
    ("xgroup|delconsumer", "key groupname consumername"),
    ("xgroup|destroy", "key groupname"),
    ("xgroup|setid", "key groupname <id | $> [ENTRIESREAD entries_read:integer]"),
    ("xinfo|consumers", "key groupname"),
    ("xinfo|groups", "key"),
    ("xinfo|stream", "key [FULL [COUNT count]]"),
    ("cluster|count-failure-reports", "node-id"),
    ("cluster|countkeysinslot", "slot"),
    ("cluster|getkeysinslot", "slot count"),
    ("cluster|keyslot", "key:string"),
    ("cluster|replace", "node-number:integer incarnation"),
    ("cluster|replicas", "node-id"),
    ("cluster|slaves", "node-id"),
];
