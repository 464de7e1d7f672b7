//! SCRIPT: the scripts that EVALSHA finds. Every partition keeps them, so every node finds them.
//!
//! LOAD is answered when all partitions have the script, FLUSH when all have forgotten theirs. EXISTS says yes when
//! all of them have it.

use super::subcommand::{self, Subcommand};
use crate::node::Node;
use synod_data::Flags;
use synod_data::op::Op;
use synod_redis::Flow;
use synod_types::ClientId;

const FLAGS: Flags = Flags::NOSCRIPT;
const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE);

#[rustfmt::skip] // one subcommand per line or two: this is a table
pub(super) const TABLE: &[Subcommand] = &[
    Subcommand::new("script|exists", -3, FLAGS, exists)
        .about("2.6.0", "<sha1> [<sha1> ...]", "Return information about the existence of the scripts in the script cache."),
    Subcommand::new("script|flush", -2, FLAGS, flush)
        .about("2.6.0", "[ASYNC|SYNC]", "Flush the Lua scripts cache. Very dangerous on replicas."),
    Subcommand::new("script|kill", 2, FLAGS, kill)
        .about("2.6.0", "", "Kill the currently executing Lua script."),
    Subcommand::new("script|load", 3, FLAGS.and(Flags::STALE), load)
        .about("2.6.0", "<script>", "Load a script into the scripts cache without executing it."),
    Subcommand::new("script|help", 2, ANYTIME, help)
        .about("5.0.0", "", "Prints this help."),
];

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    subcommand::dispatch(node, client, "SCRIPT", TABLE, args)
}

fn help(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    subcommand::help(node, client, "SCRIPT", None, TABLE)
}

fn load(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    node.run_everywhere(client, &Op::LoadScript(args[2]))
}

fn exists(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let op = Op::FindScripts(args[2..].iter().copied().collect());
    node.run_everywhere(client, &op)
}

fn flush(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let known =
        |arg: &[u8]| arg.eq_ignore_ascii_case(b"sync") || arg.eq_ignore_ascii_case(b"async");
    if args.len() > 3 || !args[2..].iter().all(|arg| known(arg)) {
        let text = "ERR SCRIPT FLUSH only support SYNC|ASYNC option";
        return node.refuse_request(client, text);
    }
    node.run_everywhere(client, &Op::ForgetScripts)
}

/// A script is one step of its partition: by the time that this is read, none is running.
fn kill(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    node.refuse_request(client, "NOTBUSY No scripts in execution right now.")
}
