//! FUNCTION: the libraries that FCALL finds. Every partition keeps all of them, as it does scripts.
//!
//! A change is answered when all partitions have made it; each decides alike, from the same libraries. What only looks
//! asks the first one.

use super::subcommand::{self, Subcommand};
use crate::node::Node;
use crate::requests::NOT_READY;
use synod_data::Flags;
use synod_data::op::Op;
use synod_redis::{Flow, Kind};
use synod_types::ClientId;

const LOOK: Flags = Flags::NOSCRIPT;
const CHANGE: Flags = Flags::NOSCRIPT.and(Flags::WRITE);
const ADD: Flags = CHANGE.and(Flags::DENYOOM);
const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE);

#[rustfmt::skip] // one subcommand per line or two: this is a table
pub(super) const TABLE: &[Subcommand] = &[
    Subcommand::new("function|delete", 3, CHANGE, change)
        .about("7.0.0", "<library-name>", "Delete a library."),
    Subcommand::new("function|dump", 2, LOOK, look)
        .about("7.0.0", "", "All libraries as a payload for RESTORE."),
    Subcommand::new("function|flush", -2, CHANGE, flush)
        .about("7.0.0", "[ASYNC|SYNC]", "Delete all libraries."),
    Subcommand::new("function|kill", 2, LOOK, kill)
        .about("7.0.0", "", "Kill the function that is running: there is never one when this is read."),
    Subcommand::new("function|list", -2, LOOK, look)
        .about("7.0.0", "[LIBRARYNAME <pattern>] [WITHCODE]", "The libraries with their functions."),
    Subcommand::new("function|load", -3, ADD, change)
        .about("7.0.0", "[REPLACE] <code>", "Load a library."),
    Subcommand::new("function|restore", -3, ADD, restore)
        .about("7.0.0", "<payload> [FLUSH|APPEND|REPLACE]", "Load the libraries of a payload."),
    Subcommand::new("function|stats", 2, LOOK, look)
        .about("7.0.0", "", "How many libraries and functions there are."),
    Subcommand::new("function|help", 2, ANYTIME, help)
        .about("7.0.0", "", "Prints this help."),
];

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    subcommand::dispatch(node, client, "FUNCTION", TABLE, args)
}

fn help(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    subcommand::help(node, client, "FUNCTION", None, TABLE)
}

fn change(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let op = Op::ChangeFunctions(args[1..].iter().copied().collect());
    node.run_everywhere(client, &op)
}

fn flush(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    at_most(node, client, args, 3)
}

fn restore(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    at_most(node, client, args, 4)
}

fn at_most(node: &mut Node, client: ClientId, args: &[&[u8]], words: usize) -> Flow {
    if args.len() > words {
        let sub = String::from_utf8_lossy(args[1]);
        let text = format!(
            "ERR unknown subcommand or wrong number of arguments for '{sub}'. Try FUNCTION HELP."
        );
        return node.refuse_request(client, &text);
    }
    change(node, client, args)
}

fn look(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let op = Op::ReadFunctions(args[1..].iter().copied().collect());
    match node.partitions().first().copied() {
        Some(partition) => node.run_op(client, partition, Kind::Read, &op),
        None => node.refuse_request(client, NOT_READY),
    }
}

/// A function is one step of its partition: by the time that this is read, none is running.
fn kill(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    node.refuse_request(client, "NOTBUSY No scripts in execution right now.")
}
