//! DEBUG: what tests of clients ask of a server. Refused unless the node was started with `--enable-debug-command`.
//!
//! RELOAD and SET-ACTIVE-EXPIRE go through the logs of all partitions, so that every replica does the same.

use super::subcommand::{self, Subcommand};
use crate::node::Node;
use crate::requests::NOT_READY;
use synod_data::op::Op;
use synod_data::{Flags, debug_protocol};
use synod_redis::{Flow, Kind};
use synod_types::{ClientId, ReplySink, key_slot};

const FLAGS: Flags = Flags::ADMIN.and(Flags::NOSCRIPT).and(Flags::LOADING).and(Flags::STALE);

const REFUSED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run \
                       it from a local connection, otherwise you need to set this option in the configuration file, and then \
                       restart the server.";

#[rustfmt::skip] // one subcommand per line or two: this is a table
pub(super) const TABLE: &[Subcommand] = &[
    Subcommand::new("debug|loadaof", 2, FLAGS, reload)
        .about("1.0.0", "", "As RELOAD: there is one way to write a keyspace."),
    Subcommand::new("debug|object", 3, FLAGS, object)
        .about("1.0.0", "<key>", "How a value is kept."),
    Subcommand::new("debug|protocol", 3, FLAGS, protocol)
        .about("1.0.0", "<type>", "A reply of this type: string, integer, double, null, array, set, map, attrib, verbatim, true, false or bignum."),
    Subcommand::new("debug|quicklist-packed-threshold", 3, FLAGS, packed_threshold)
        .about("1.0.0", "<size>", "Of no effect: there is one way to keep an element of a list, whatever its length."),
    Subcommand::new("debug|reload", 2, FLAGS, reload)
        .about("1.0.0", "", "Writes every partition as a snapshot and reads it back in its place, on all replicas."),
    Subcommand::new("debug|set-active-expire", 3, FLAGS, set_active_expire)
        .about("1.0.0", "<0|1>", "Whether leaders look for keys whose time has passed; until the node is started again."),
    Subcommand::new("debug|set-disable-deny-scripts", 3, FLAGS, set_disable_deny_scripts)
        .about("1.0.0", "<0|1>", "Of no effect: of DEBUG, scripts may always call PROTOCOL, and never anything else."),
    Subcommand::new("debug|help", 2, FLAGS, help)
        .about("1.0.0", "", "Prints this help."),
];

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    if node.local.facts().settings.get("enable-debug-command").is_none_or(|value| value != "yes") {
        return node.refuse_request(client, REFUSED);
    }
    subcommand::dispatch(node, client, "DEBUG", TABLE, args)
}

fn help(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    subcommand::help(node, client, "DEBUG", None, TABLE)
}

fn reload(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let op = Op::Debug([&b"RELOAD"[..]].into_iter().collect());
    node.run_everywhere(client, &op)
}

fn set_active_expire(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    if !matches!(args[2], b"0" | b"1") {
        return node.refuse_request(client, "ERR value is not an integer or out of range");
    }
    node.run_everywhere(client, &Op::Debug(args[1..].iter().copied().collect()))
}

/// What Redis's suite sets before its scripts call DEBUG PROTOCOL.
fn set_disable_deny_scripts(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    match args[2] {
        b"0" | b"1" => node.reply(client, |out| out.simple("OK")),
        _ => return node.refuse_request(client, "ERR value is not an integer or out of range"),
    }
    Flow::Next
}

/// What Redis's suite sets before it puts long elements into lists; `b`, `k` and the like may follow the number.
fn packed_threshold(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let digits = args[2].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unit = args[2][digits..].to_ascii_lowercase();
    let units: [&[u8]; 8] = [b"", b"b", b"k", b"kb", b"m", b"mb", b"g", b"gb"];
    if digits == 0 || !units.contains(&&unit[..]) {
        return node.refuse_request(
            client,
            "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
        );
    }
    node.reply(client, |out| out.simple("OK"));
    Flow::Next
}

fn object(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    match node.groups.map().partition_of(key_slot(args[2])) {
        Some(partition) => node.run_op(client, partition, Kind::Read, &Op::DebugObject(args[2])),
        None => node.refuse_request(client, NOT_READY),
    }
}

fn protocol(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    node.reply(client, |out| debug_protocol(args[2], out));
    Flow::Next
}
