//! Commands that speak of the connection, of the cluster, or of all partitions at once.
//!
//! One file per family. Each function answers through the session, in order, and says whether the next
//! request may be offered.

pub(crate) mod acl;
pub(crate) mod client;
mod cluster;
mod command;
mod config;
pub(crate) mod connection;
mod debug;
mod exec;
pub(crate) use exec::Running;
mod function;
pub(crate) mod hotkeys;
pub(crate) mod info;
mod keyspace;
mod latency;
pub(crate) mod memory;
mod migrate;
mod module;
mod persistence;
pub(crate) mod pubsub;
mod script;
pub(crate) mod slowlog;
pub(crate) mod subcommand;
mod transaction;

use crate::node::Node;
use synod_data::Command;
use synod_redis::Flow;
use synod_redis::Space;
use synod_types::ClientId;

/// How much of an unknown command's arguments is repeated in the error (Redis: 128 bytes).
const ECHO_BYTES_MAX: usize = 128;

/// The error of a pattern that the names of all keys or channels would be compared with.
const LONG_PATTERN: &str = "ERR the pattern is too long: it may have 65536 bytes";

/// Runs a session command. Arity was checked.
pub(crate) fn run(
    node: &mut Node,
    client: ClientId,
    command: &'static Command,
    args: &[&[u8]],
) -> Flow {
    match command.name {
        "ping" => connection::ping(node, client, args),
        "echo" => connection::echo(node, client, args),
        "quit" => connection::quit(node, client),
        "reset" => connection::reset(node, client),
        "hello" => connection::hello(node, client, args),
        "acl" => acl::run(node, client, args),
        "auth" => connection::auth(node, client, args),
        "select" => connection::select(node, client, args),
        "move" | "swapdb" => connection::one_database(node, client, command.name),
        "migrate" => migrate::run(node, client, args),
        "asking" | "readonly" | "readwrite" => connection::ok(node, client),
        "time" => connection::time(node, client),
        "wait" => connection::wait(node, client, args),
        "multi" => transaction::multi(node, client),
        "exec" => transaction::exec(node, client),
        "discard" => transaction::discard(node, client),
        "watch" => transaction::watch(node, client, args),
        "unwatch" => transaction::unwatch(node, client),
        "dbsize" => keyspace::dbsize(node, client),
        "keys" => keyspace::keys(node, client, args),
        "scan" => keyspace::scan(node, client, args),
        "randomkey" => keyspace::random_key(node, client),
        "flushall" | "flushdb" => keyspace::flush(node, client, args),
        "client" => client::run(node, client, args),
        "command" => command::run(node, client, args),
        "config" => config::run(node, client, args),
        "debug" => debug::run(node, client, args),
        "function" => function::run(node, client, args),
        "hotkeys" => hotkeys::run(node, client, args),
        "info" => info::run(node, client, args),
        "role" => info::role(node, client),
        "bgsave" => persistence::bgsave(node, client, args),
        "bgrewriteaof" => persistence::bgrewriteaof(node, client),
        "lastsave" => persistence::lastsave(node, client),
        "save" => persistence::save(node, client),
        "replicaof" | "slaveof" => persistence::replicaof(node, client, args),
        "latency" => latency::run(node, client, args),
        "lolwut" => info::lolwut(node, client),
        "module" => module::run(node, client, args),
        "monitor" => node.monitor(client),
        "script" => script::run(node, client, args),
        "slowlog" => slowlog::run(node, client, args),
        "subscribe" => pubsub::subscribe(node, client, args, Space::Channel),
        "psubscribe" => pubsub::subscribe(node, client, args, Space::Pattern),
        "ssubscribe" => pubsub::subscribe(node, client, args, Space::Shard),
        "unsubscribe" => pubsub::unsubscribe(node, client, args, Space::Channel),
        "punsubscribe" => pubsub::unsubscribe(node, client, args, Space::Pattern),
        "sunsubscribe" => pubsub::unsubscribe(node, client, args, Space::Shard),
        "publish" => pubsub::publish(node, client, args, false),
        "spublish" => pubsub::publish(node, client, args, true),
        "pubsub" => pubsub::run(node, client, args),
        "cluster" => cluster::run(node, client, args),
        _ => node.refuse_request(client, &unknown_command(args)),
    }
}

/// The subcommands of a command that the node runs; none for most.
pub(crate) fn subcommands_of(name: &str) -> &'static [subcommand::Subcommand] {
    match name {
        "acl" => acl::TABLE,
        "client" => client::TABLE,
        "cluster" => cluster::TABLE,
        "command" => command::TABLE,
        "config" => config::TABLE,
        "debug" => debug::TABLE,
        "function" => function::TABLE,
        "hotkeys" => hotkeys::TABLE,
        "latency" => latency::TABLE,
        "module" => module::TABLE,
        "script" => script::TABLE,
        "slowlog" => slowlog::TABLE,
        "pubsub" => pubsub::TABLE,
        _ => command::of_keyspace(name),
    }
}

/// The name of a command, or `command|subcommand`, as the tables have it.
pub(crate) fn known_name(name: &[u8]) -> Option<&'static str> {
    let command = synod_data::lookup(name.split(|b| *b == b'|').next()?)?;
    let subs = subcommands_of(command.name).iter().map(|sub| sub.name);
    std::iter::once(command.name).chain(subs).find(|known| known.as_bytes() == name)
}

/// The flags of a subcommand, if there is such a one.
pub(crate) fn subcommand_flags(command: &str, word: &[u8]) -> Option<synod_data::Flags> {
    subcommand::find(subcommands_of(command), word).map(|sub| sub.flags)
}

/// Whether it is a command of the session's that has subcommands.
#[inline]
pub(crate) fn has_subcommands(command: &Command) -> bool {
    command.is_session() && !subcommands_of(command.name).is_empty()
}

/// LOCK LIST: the locks of all partitions.
pub(crate) fn list_locks(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    keyspace::list_locks(node, client, args)
}

/// Whether the keys of these commands lie in several partitions.
pub(crate) fn lie_apart(node: &Node, commands: &[synod_data::op::Args<'_>]) -> bool {
    transaction::home(node, commands, &[]).is_err()
}

/// Commands that act at once between MULTI and EXEC instead of being queued.
pub(crate) fn runs_inside_multi(name: &str) -> bool {
    matches!(name, "multi" | "exec" | "discard" | "watch" | "quit" | "reset")
}

/// Redis's words for a command that it does not know.
pub(crate) fn unknown_command(args: &[&[u8]]) -> String {
    let name = String::from_utf8_lossy(printed(args[0], ECHO_BYTES_MAX));
    let mut text = format!("ERR unknown command '{name}', with args beginning with: ");
    let mut room = ECHO_BYTES_MAX;
    for arg in &args[1..] {
        if room == 0 {
            break;
        }
        let part = printed(arg, room);
        room = room.saturating_sub(part.len() + "'' ".len());
        text.push_str(&format!("'{}' ", String::from_utf8_lossy(part)));
    }
    text
}

/// What an error repeats of an argument: up to a zero byte, as C's formats do, and not more than `room`.
fn printed(arg: &[u8], room: usize) -> &[u8] {
    let end = arg.iter().position(|b| *b == 0).unwrap_or(arg.len());
    &arg[..end.min(room)]
}

/// Redis's words for a wrong number of arguments.
pub(crate) fn wrong_arity(name: &str) -> String {
    format!("ERR wrong number of arguments for '{name}' command")
}

/// Redis's words for a subcommand that it does not know.
pub(crate) fn unknown_subcommand(command: &str, sub: &[u8]) -> String {
    let sub = String::from_utf8_lossy(&sub[..sub.len().min(ECHO_BYTES_MAX)]);
    format!("ERR unknown subcommand '{sub}'. Try {command} HELP.")
}
