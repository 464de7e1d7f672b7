//! CLUSTER: which node serves which slots, told from the cluster map and the leaders that are known.

mod members;
mod partitions;
mod shape;
mod view;

use super::subcommand::{self, Subcommand};
use crate::node::Node;
use synod_data::op::Op;
use synod_data::{Flags, number};
use synod_redis::{Flow, Kind, node_name};
use synod_ring::MetaCommand;
use synod_types::{ClientId, Incarnation, NodeId, ReplySink, SLOT_COUNT, Slot, key_slot};
use view::View;

const PLAIN: Flags = Flags::STALE;
const OPERATOR: Flags = Flags::STALE.and(Flags::ADMIN);
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";

#[rustfmt::skip] // one subcommand per line or two: this is a table
pub(super) const TABLE: &[Subcommand] = &[
    Subcommand::new("cluster|copies", 3, OPERATOR, members::copies)
        .about("7.0.0", "<count>", "Synod's own: how many replicas each partition is to have."),
    Subcommand::new("cluster|count-failure-reports", 3, OPERATOR, failure_reports)
        .about("3.0.0", "<node-id>", "Whether this node cannot reach another: 1 or 0."),
    Subcommand::new("cluster|countkeysinslot", 3, PLAIN, count_keys)
        .about("3.0.0", "<slot>", "The number of keys in a slot."),
    Subcommand::new("cluster|drain", 3, OPERATOR, members::drain)
        .about("7.0.0", "<node>", "Synod's own: moves everything that a node holds to the others."),
    Subcommand::new("cluster|engine", -2, OPERATOR, engine)
        .about("7.0.0", "[raft|paxos|zab]", "Synod's own: the consensus engine, or moves the running cluster to another."),
    Subcommand::new("cluster|getkeysinslot", 4, PLAIN, get_keys)
        .about("3.0.0", "<slot> <count>", "Some keys of a slot."),
    Subcommand::new("cluster|info", 2, PLAIN, info)
        .about("3.0.0", "", "Tells how the cluster is."),
    Subcommand::new("cluster|join", 12, OPERATOR, members::join)
        .about("7.0.0", "<cluster> <node> <incarnation> <peers> <clients> <http> <version> <workers> <starts> <process>", "Synod's own: what a new node says to be taken in."),
    Subcommand::new("cluster|keyslot", 3, PLAIN, key_slot_of)
        .about("3.0.0", "<key>", "The slot of a key."),
    Subcommand::new("cluster|links", 2, PLAIN, links)
        .about("7.0.0", "", "The connections to other nodes, each once for what is sent and once for what comes."),
    Subcommand::new("cluster|merge", 3, OPERATOR, partitions::merge)
        .about("7.0.0", "<partition>", "Synod's own: makes a partition part of the one whose slots are right below its own."),
    Subcommand::new("cluster|myid", 2, PLAIN, my_id)
        .about("3.0.0", "", "The id of this node."),
    Subcommand::new("cluster|nodes", 2, PLAIN, nodes)
        .about("3.0.0", "", "The nodes, a line each: <id> <ip:port@bus-port> <flags> <master> <ping> <pong> <epoch> <link> <slots> ..."),
    Subcommand::new("cluster|place", -5, OPERATOR, members::place)
        .about("7.0.0", "<node> [WEIGHT weight] [ZONE zone]", "Synod's own: how large a node's share of replicas is, and what fails as one with it."),
    Subcommand::new("cluster|remove", 3, OPERATOR, members::remove)
        .about("7.0.0", "<node>", "Synod's own: a drained node is no member any more."),
    Subcommand::new("cluster|replicas", 3, OPERATOR, replicas)
        .about("5.0.0", "<node-id>", "The nodes that serve nothing and are replicas of one that does."),
    Subcommand::new("cluster|replace", 4, OPERATOR, replace)
        .about("7.0.0", "<node-number> <incarnation>", "Synod's own: gives the seat of a member that lost its data to a new data directory."),
    Subcommand::new("cluster|resizing", 3, OPERATOR, partitions::resizing)
        .about("7.0.0", "<YES|NO>", "Synod's own: whether partitions are split and merged by themselves."),
    Subcommand::new("cluster|restore", 3, OPERATOR, members::restore)
        .about("7.0.0", "<node>", "Synod's own: a drained node may hold something again."),
    Subcommand::new("cluster|slaves", 3, OPERATOR, replicas)
        .about("3.0.0", "<node-id>", "The same as REPLICAS."),
    Subcommand::new("cluster|slots", 2, PLAIN, slots)
        .about("3.0.0", "", "The ranges of slots, each with its leader and its replicas."),
    Subcommand::new("cluster|shards", 2, PLAIN, shards)
        .about("7.0.0", "", "The nodes that serve slots, each with its slots and its replicas."),
    Subcommand::new("cluster|split", -3, OPERATOR, partitions::split)
        .about("7.0.0", "<partition> [slot|BY KEYS|BYTES|OPERATIONS]", "Synod's own: makes two partitions of one; the second begins with this slot, or in the middle of the load."),
    Subcommand::new("cluster|help", 2, Flags::LOADING.and(Flags::STALE), help)
        .about("5.0.0", "", "Prints this help."),
];

/// What would change the cluster by hand, were it kept by gossip.
const BY_HAND: [&str; 14] = [
    "addslots",
    "addslotsrange",
    "bumpepoch",
    "delslots",
    "delslotsrange",
    "failover",
    "flushslots",
    "forget",
    "meet",
    "replicate",
    "reset",
    "saveconfig",
    "set-config-epoch",
    "setslot",
];

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let by_hand = BY_HAND.iter().find(|name| args[1].eq_ignore_ascii_case(name.as_bytes()));
    if let Some(name) = by_hand {
        let name = name.to_ascii_uppercase();
        let text = format!(
            "ERR CLUSTER {name} is not supported: membership is replicated by the metadata group; see `synod node`"
        );
        return node.refuse_request(client, &text);
    }
    subcommand::dispatch(node, client, "CLUSTER", TABLE, args)
}

fn help(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    subcommand::help(node, client, "CLUSTER", None, TABLE)
}

/// Without a name, the engine that the cluster runs or is about to; with one, it is to run that: each group moves at
/// its turn, see `engines.rs`.
fn engine(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let name = match args {
        [_, _] => {
            let name = node.wanted_engine().as_str();
            node.reply(client, |out| out.bulk(name.as_bytes()));
            return Flow::Next;
        }
        [_, _, name] => String::from_utf8_lossy(name).to_ascii_lowercase(),
        _ => return node.refuse_request(client, "ERR syntax error"),
    };
    match name.parse() {
        Ok(engine) => node.change_map(client, &MetaCommand::Engine(engine)),
        Err(_) => node.refuse_request(client, "ERR no such engine; there are raft, paxos, zab"),
    }
}

/// The seat of a member that lost its data goes to the directory with this incarnation, given in hexadecimal as `/status`
/// tells it, wherever that is.
fn replace(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let id = number::parse_i64(args[2]).and_then(|id| u64::try_from(id).ok()).map(NodeId);
    let word = std::str::from_utf8(args[3]).ok();
    let successor = word.and_then(|word| u64::from_str_radix(word, 16).ok()).filter(|n| *n != 0);
    let (Some(id), Some(successor)) = (id, successor.map(Incarnation)) else {
        let text = "ERR a node's number and the incarnation of a data directory in hexadecimal";
        return node.refuse_request(client, text);
    };
    match node.replacement_by(id, successor) {
        Ok(command) => node.change_map(client, &command),
        Err(text) => node.refuse_request(client, &text),
    }
}

fn my_id(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let name = node_name(node.groups.map().cluster, node.local.id());
    node.reply(client, |out| out.bulk(name.as_bytes()));
    Flow::Next
}

fn key_slot_of(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    node.reply(client, |out| out.integer(key_slot(args[2]).0.into()));
    Flow::Next
}

fn slots(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let view = View::of(node, client);
    node.reply(client, |out| shape::slots(&view, out));
    Flow::Next
}

fn shards(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let view = View::of(node, client);
    node.reply(client, |out| shape::shards(&view, out));
    Flow::Next
}

fn nodes(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let view = View::of(node, client);
    let lines: String = view.members.keys().map(|id| shape::line(&view, *id) + "\n").collect();
    node.reply(client, |out| out.verbatim(&lines));
    Flow::Next
}

/// A connection carries both directions. What waits to be sent is the world's to know; nothing is told of it.
fn links(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let (mono_us, wall_ms, cluster) =
        (node.local.now().mono_us, node.local.now().wall.0, node.groups.map().cluster);
    let since = |up_us: u64| wall_ms.saturating_sub(mono_us.saturating_sub(up_us) / 1000);
    let peers = node.others.peers().connected();
    let peers: Vec<_> = peers.map(|(id, up_us)| (node_name(cluster, id), since(up_us))).collect();
    node.reply(client, |out| {
        out.array(2 * peers.len());
        for (name, since_ms) in &peers {
            shape::link(("to", "rw"), name, *since_ms, out);
            shape::link(("from", "r"), name, *since_ms, out);
        }
    });
    Flow::Next
}

fn info(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let view = View::of(node, client);
    let text = shape::info(&view, node.not_serving().is_none());
    node.reply(client, |out| out.verbatim(&text));
    Flow::Next
}

fn unknown_node(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(&name[..name.len().min(128)]);
    format!("ERR Unknown node {name}")
}

fn replicas(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let view = View::of(node, client);
    let Some(master) = view.find(args[2]) else {
        return node.refuse_request(client, &unknown_node(args[2]));
    };
    if view.master_of(master).is_some() {
        return node.refuse_request(client, "ERR The specified node is not a master");
    }
    let replicas = view.members.keys().filter(|id| view.master_of(**id) == Some(master));
    let lines: Vec<String> = replicas.map(|id| shape::line(&view, *id)).collect();
    node.reply(client, |out| {
        out.array(lines.len());
        lines.iter().for_each(|line| out.bulk(line.as_bytes()));
    });
    Flow::Next
}

fn failure_reports(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let view = View::of(node, client);
    let Some(id) = view.find(args[2]) else {
        return node.refuse_request(client, &unknown_node(args[2]));
    };
    let reports = i64::from(!view.members[&id].up);
    node.reply(client, |out| out.integer(reports));
    Flow::Next
}

/// A slot, or the words for what is none.
fn parse_slot(word: &[u8], refusal: &'static str) -> Result<Slot, &'static str> {
    let n = number::parse_i64(word).ok_or(NOT_AN_INTEGER)?;
    let slot = u16::try_from(n).ok().filter(|n| *n < SLOT_COUNT);
    slot.map(Slot).ok_or(refusal)
}

/// Asks the leader of a slot's partition.
fn ask_slot(node: &mut Node, client: ClientId, slot: Slot, op: &Op<'_>) -> Flow {
    match node.groups.map().partition_of(slot) {
        Some(partition) => node.run_op(client, partition, Kind::Read, op),
        None => node.refuse_request(client, crate::requests::NOT_READY),
    }
}

fn count_keys(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    match parse_slot(args[2], "ERR Invalid slot") {
        Ok(slot) => ask_slot(node, client, slot, &Op::SlotCount(slot)),
        Err(text) => node.refuse_request(client, text),
    }
}

fn get_keys(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    const REFUSAL: &str = "ERR Invalid slot or number of keys";
    let slot = parse_slot(args[2], REFUSAL);
    let count = number::parse_i64(args[3]).ok_or(NOT_AN_INTEGER);
    let both = match (slot, count) {
        (Err(NOT_AN_INTEGER), _) | (_, Err(_)) => Err(NOT_AN_INTEGER),
        (Err(text), _) => Err(text),
        (Ok(slot), Ok(count)) => u64::try_from(count).map(|n| (slot, n)).map_err(|_| REFUSAL),
    };
    match both {
        Ok((slot, count)) => ask_slot(node, client, slot, &Op::SlotKeys { slot, count }),
        Err(text) => node.refuse_request(client, text),
    }
}
