//! MODULE: there are none, which LIST says; whatever would change that is refused.

use super::subcommand::{self, Subcommand};
use crate::node::Node;
use synod_data::Flags;
use synod_redis::Flow;
use synod_types::{ClientId, ReplySink};

const LOOK: Flags = Flags::ADMIN.and(Flags::NOSCRIPT);
const CHANGE: Flags = LOOK.and(Flags::NO_ASYNC_LOADING);
const NONE: &str = "ERR modules are not supported";

#[rustfmt::skip] // one subcommand per line or two: this is a table
pub(super) const TABLE: &[Subcommand] = &[
    Subcommand::new("module|list", 2, LOOK, list)
        .about("4.0.0", "", "The modules: there are none."),
    Subcommand::new("module|load", -3, CHANGE, refuse)
        .about("4.0.0", "<path> [<arg> ...]", "Refused: there are no modules."),
    Subcommand::new("module|loadex", -3, CHANGE, refuse)
        .about("7.0.0", "<path> [CONFIG <name> <value> ...] [ARGS <arg> ...]", "Refused: there are no modules."),
    Subcommand::new("module|unload", 3, CHANGE, refuse)
        .about("4.0.0", "<name>", "Refused: there are no modules."),
    Subcommand::new("module|help", 2, Flags::LOADING.and(Flags::STALE), help)
        .about("5.0.0", "", "Prints this help."),
];

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    subcommand::dispatch(node, client, "MODULE", TABLE, args)
}

fn help(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    subcommand::help(node, client, "MODULE", None, TABLE)
}

fn list(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    node.reply(client, |out| out.array(0));
    Flow::Next
}

fn refuse(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    node.refuse_request(client, NONE)
}
