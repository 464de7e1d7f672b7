//! BGSAVE and its kin: the snapshots that a node takes of its partitions anyway, taken now.
//!
//! The log has every write that was answered, as durably as `--durability` says; a snapshot makes a restart quicker and the log
//! shorter, and no data depends on it.

use crate::errand::Errand;
use crate::node::Node;
use synod_redis::{Flow, Join};
use synod_types::ClientId;

const NO_SAVE: &str = "ERR SAVE is not supported: it would stop all clients, and the log has every write already; BGSAVE takes the \
                       same snapshots";

/// BGSAVE [SCHEDULE]: with or without the word, a replica of which a snapshot is being taken is left alone.
pub(super) fn bgsave(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    match args {
        [_] => {}
        [_, word] if word.eq_ignore_ascii_case(b"SCHEDULE") => {}
        _ => return node.refuse_request(client, "ERR syntax error"),
    }
    node.ask_colleagues(client, Join::Said("Background saving started"), &Errand::Snapshot)
}

/// BGREWRITEAOF: the log is cut behind a snapshot.
pub(super) fn bgrewriteaof(node: &mut Node, client: ClientId) -> Flow {
    let text = "Background append only file rewriting started";
    node.ask_colleagues(client, Join::Said(text), &Errand::Snapshot)
}

/// LASTSAVE: when a snapshot was durable last, or else when the node started, which is when it read everything.
pub(super) fn lastsave(node: &mut Node, client: ClientId) -> Flow {
    let up_s = node.local.up_for_us() / 1_000_000;
    let started_s = (node.local.now().wall.0 / 1000).saturating_sub(up_s);
    node.ask_colleagues(client, Join::LastSave(started_s, super::known_name), &Errand::Tally)
}

pub(super) fn save(node: &mut Node, client: ClientId) -> Flow {
    node.refuse_request(client, NO_SAVE)
}

/// REPLICAOF, SLAVEOF: in Redis Cluster's words.
pub(super) fn replicaof(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let name = if args[0].eq_ignore_ascii_case(b"slaveof") { "SLAVEOF" } else { "REPLICAOF" };
    node.refuse_request(client, &format!("ERR {name} not allowed in cluster mode."))
}
