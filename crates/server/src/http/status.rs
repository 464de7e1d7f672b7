//! `/status`: the cluster as this node sees it, as JSON.

use crate::config::Config;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use synod_consensus::Role;
use synod_node::{GroupStatus, NodeStatus};
use synod_types::{Incarnation, NodeId, PartitionId};

/// Renders what the workers said.
pub fn json(config: &Config, workers: &[NodeStatus]) -> String {
    let Some(first) = workers.first() else { return "{}".into() };
    let map = &first.map;
    let up: BTreeSet<NodeId> = workers.iter().flat_map(|w| w.up.iter().copied()).collect();
    let nodes: Vec<Value> = map
        .nodes
        .iter()
        .map(|(id, info)| {
            json!({
                "id": id.0, "listen": info.client_addr, "peer_listen": info.peer_addr,
                "http": info.http_addr, "version": info.version, "workers": info.workers,
                "up": up.contains(id), "incarnation": format!("{:016x}", info.incarnation.0),
                "weight": map.place_of(*id).weight, "zone": map.place_of(*id).zone,
                "draining": map.is_draining(*id), "retired": map.is_retired(*id), "drained": map.is_drained(*id),
            })
        })
        .collect();
    let groups = std::iter::once(PartitionId::META).chain(map.partitions().keys().copied());
    let partitions: Vec<Value> = groups.map(|group| partition(group, workers)).collect();
    let sum = |f: fn(&NodeStatus) -> u64| workers.iter().map(f).sum::<u64>();
    let body = json!({
        "cluster": format!("{:016x}", map.cluster.0),
        "epoch": map.epoch,
        "node": config.node_id.0,
        "version": env!("CARGO_PKG_VERSION"),
        "durability": config.durability.as_str(),
        "engine": map.engine.unwrap_or(config.engine).as_str(),
        "founded_with": config.engine.as_str(),
        "copies": map.copies(),
        "splitting": map.splits().map(|(partition, _)| partition.0).collect::<Vec<_>>(),
        "resizing": map.resizes(),
        "merging": map.partitions().keys().filter(|id| map.is_merging(**id)).map(|id| id.0).collect::<Vec<_>>(),
        "moving": map.moves().map(|(partition, _)| partition.0).collect::<Vec<_>>(),
        "tls_port": config.tls.port,
        "workers": config.workers,
        "clients": sum(|w| w.clients as u64),
        "parked_requests": sum(|w| w.parked as u64),
        "commands_per_s": sum(|w| w.counters.commands_per_s),
        "disk_full": workers.iter().any(|w| w.disk_full),
        "serving": super::not_serving(workers).is_none(),
        "not_serving": super::not_serving(workers),
        "replacing": map.replacements().map(|(node, _)| node.0).collect::<Vec<_>>(),
        "knocking": knocking(workers),
        "nodes": nodes,
        "partitions": partitions,
    });
    format!("{body:#}\n")
}

/// The new data directories that want a member's seat, each once, whichever workers heard it.
fn knocking(workers: &[NodeStatus]) -> Vec<Value> {
    let heard = workers.iter().flat_map(|worker| &worker.knocking);
    let each: BTreeMap<_, _> =
        heard.map(|knock| ((knock.node, knock.incarnation), knock.elsewhere)).collect();
    let value = |((node, incarnation), elsewhere): ((NodeId, Incarnation), bool)| {
        let incarnation = format!("{:016x}", incarnation.0);
        json!({ "node": node.0, "incarnation": incarnation, "elsewhere": elsewhere })
    };
    each.into_iter().map(value).collect()
}

fn partition(group: PartitionId, workers: &[NodeStatus]) -> Value {
    let known = workers.iter().flat_map(|w| &w.leaders).filter(|(g, _)| *g == group);
    let leader = known.filter_map(|(_, leader)| *leader).next();
    let info = workers.first().and_then(|w| w.map.partition(group));
    let here = workers.iter().flat_map(|w| &w.groups).find(|g| g.group == group);
    let replicas: Vec<u64> = match (info, here) {
        (Some(info), _) => info.replicas.iter().map(|n| n.0).collect(),
        (None, Some(here)) => here.members.iter().map(|n| n.0).collect(),
        (None, None) => Vec::new(),
    };
    let mut value = json!({
        "id": group.0,
        "slots": info.map(|i| (i.slots.start().0, i.slots.end().0)),
        "leader": leader.map(|n| n.0),
        "replicas": replicas,
    });
    if let (Some(here), Some(fields)) = (here, value.as_object_mut()) {
        let Value::Object(more) = replica(here) else { return value };
        fields.extend(more);
    }
    value
}

fn replica(group: &GroupStatus) -> Value {
    let lag: serde_json::Map<String, Value> =
        group.followers.iter().map(|f| (f.node.0.to_string(), Value::from(f.entries))).collect();
    json!({
        "engine": group.engine.as_str(),
        "role": role(group.role),
        "term": group.term.0,
        "commit": group.commit.0,
        "applied": group.applied.0,
        "last": group.last.0,
        "asleep": group.asleep,
        "keys": group.keys,
        "bytes": group.bytes,
        "lag": lag,
    })
}

/// The name of a role.
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Follower => "follower",
        Role::PreCandidate => "pre-candidate",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
    }
}
