//! CLUSTER JOIN, DRAIN, RESTORE, REMOVE, COPIES and PLACE: Synod's own words for members that come and go. `synod serve --join`
//! and `synod node` say them; what the metadata group makes of them is told in `synod_ring::Reshape`.

use crate::node::Node;
use std::str::{self, FromStr};
use synod_redis::Flow;
use synod_ring::{MetaCommand, NodeInfo, Place, Reshape};
use synod_types::{ClientId, ClusterId, Incarnation, NodeId};

const NO_NODE: &str = "ERR a node is named by its number, from 1; `synod node list` shows them";

fn word<T: FromStr>(word: &[u8]) -> Option<T> {
    str::from_utf8(word).ok()?.parse().ok()
}

fn hex(word: &[u8]) -> Option<u64> {
    u64::from_str_radix(str::from_utf8(word).ok()?, 16).ok()
}

fn text(word: &[u8]) -> Option<String> {
    str::from_utf8(word).ok().map(str::to_owned)
}

/// `CLUSTER JOIN cluster node incarnation peers clients http version workers starts process`
pub(super) fn join(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    match admission(args) {
        Some(admit) => node.change_map(client, &MetaCommand::Reshape(admit)),
        None => node.refuse_request(client, "ERR that is not what a node says that wants to join"),
    }
}

fn admission(args: &[&[u8]]) -> Option<Reshape> {
    let [_, _, cluster, node, incarnation, peers, clients, http, version, workers, starts, process] =
        args
    else {
        return None;
    };
    let info = NodeInfo {
        client_addr: text(clients)?,
        peer_addr: text(peers).filter(|peers| !peers.is_empty())?,
        http_addr: text(http)?,
        version: text(version)?,
        workers: word(workers)?,
        incarnation: Incarnation(hex(incarnation)?),
        starts: word(starts)?,
        process: word(process)?,
    };
    Some(Reshape::Admit { cluster: ClusterId(hex(cluster)?), node: NodeId(word(node)?), info })
}

pub(super) fn drain(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let Some(who) = word(args[2]).map(NodeId) else { return node.refuse_request(client, NO_NODE) };
    match refusal_of_drain(node, who) {
        Some(refusal) => node.refuse_request(client, &refusal),
        None => node.change_map(client, &MetaCommand::Reshape(Reshape::Drain(who))),
    }
}

/// Why the cluster could not do without a node now: the rest of some group would be without a quorum.
fn refusal_of_drain(node: &Node, who: NodeId) -> Option<String> {
    let meta = (String::from("the metadata group"), node.meta_voters());
    let held = node
        .groups
        .map()
        .partitions()
        .iter()
        .map(|(id, info)| (format!("partition {id}"), info.replicas.clone()));
    std::iter::once(meta).chain(held).filter(|(_, holders)| holders.contains(&who)).find_map(|(group, holders)| {
        let others: Vec<NodeId> = holders.into_iter().filter(|holder| *holder != who).collect();
        let rest = if others.is_empty() { vec![who] } else { others };
        let down: Vec<String> =
            rest.iter().filter(|n| !node.others.peers().is_up(**n)).map(ToString::to_string).collect();
        ((rest.len() - down.len()) * 2 <= rest.len()).then(|| {
            format!(
                "ERR without node {who}, {group} would have no quorum: node {} cannot be reached. Start what is down first",
                down.join(", ")
            )
        })
    })
}

pub(super) fn restore(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    match word(args[2]).map(NodeId) {
        Some(who) => node.change_map(client, &MetaCommand::Reshape(Reshape::Restore(who))),
        None => node.refuse_request(client, NO_NODE),
    }
}

pub(super) fn remove(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    match word(args[2]).map(NodeId) {
        Some(who) => node.change_map(client, &MetaCommand::Reshape(Reshape::Remove(who))),
        None => node.refuse_request(client, NO_NODE),
    }
}

pub(super) fn copies(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    match word(args[2]) {
        Some(copies) => node.change_map(client, &MetaCommand::Reshape(Reshape::Copies(copies))),
        None => node.refuse_request(client, "ERR value is not an integer or out of range"),
    }
}

const NO_PLACE: &str = "ERR a place is WEIGHT and a number from 1 to 64, or ZONE and a name of up to 64 printing characters, or both";

/// `CLUSTER PLACE node [WEIGHT weight] [ZONE zone]`: what is not named stays as it is.
pub(super) fn place(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let Some(who) = word(args[2]).map(NodeId) else { return node.refuse_request(client, NO_NODE) };
    match replaced(node.groups.map().place_of(who), &args[3..]).filter(Place::is_bounded) {
        Some(place) => node.change_map(client, &MetaCommand::Reshape(Reshape::Place(who, place))),
        None => node.refuse_request(client, NO_PLACE),
    }
}

fn replaced(mut place: Place, words: &[&[u8]]) -> Option<Place> {
    let (pairs, rest) = words.as_chunks::<2>();
    for [name, value] in pairs {
        match name.to_ascii_uppercase().as_slice() {
            b"WEIGHT" => place.weight = word(value)?,
            b"ZONE" => place.zone = text(value)?,
            _ => return None,
        }
    }
    rest.is_empty().then_some(place)
}
