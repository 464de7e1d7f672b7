//! `/top`: what this node does and for which keys, as JSON. `synod top` puts those of all nodes together.

use crate::config::Config;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use synod_consensus::Role;
use synod_hotkeys::{HotKey, Key, Load, Report, Sized};
use synod_node::{GroupStatus, Histogram, NodeStatus};

/// How long a key's text is at most.
pub const KEY_CHARS_MAX: usize = 200;

/// What the workers know of keys, together.
pub fn heat(workers: &[NodeStatus]) -> Report {
    let mut whole = Report::default();
    workers.iter().for_each(|worker| whole.merge(worker.heat.clone()));
    whole
}

/// Renders what the workers said.
pub fn json(config: &Config, workers: &[NodeStatus]) -> String {
    let Some(first) = workers.first() else { return "{}".into() };
    let map = &first.map;
    let heat = heat(workers);
    let loads: BTreeMap<u32, &Load> = heat.loads.iter().map(|load| (load.group, load)).collect();
    let nodes = map.nodes.iter().map(|(id, info)| {
        json!({
            "id": id.0, "listen": info.client_addr, "http": info.http_addr,
            "up": workers.iter().any(|w| w.up.contains(id)),
            "draining": map.is_draining(*id), "drained": map.is_drained(*id),
        })
    });
    let led = workers.iter().flat_map(|w| &w.groups).filter(|g| g.role == Role::Leader);
    let partitions = led.filter_map(|group| {
        let info = map.partition(group.group)?;
        let slots = (info.slots.start().0, info.slots.end().0);
        Some(partition(group, slots, loads.get(&group.group.0).copied()))
    });
    let moves = map.moves().map(|(partition, to)| {
        let from = map.partition(partition).map(|info| &info.replicas);
        let from: Vec<u64> = from.into_iter().flatten().map(|n| n.0).collect();
        json!({ "partition": partition.0, "from": from, "to": to.iter().map(|n| n.0).collect::<Vec<_>>() })
    });
    let sum = |f: fn(&NodeStatus) -> u64| workers.iter().map(f).sum::<u64>();
    let body = json!({
        "cluster": format!("{:016x}", map.cluster.0),
        "node": config.node_id.0,
        "version": env!("CARGO_PKG_VERSION"),
        "not_serving": super::not_serving(workers),
        "workers": config.workers,
        "clients": sum(|w| w.clients as u64),
        "commands_per_s": sum(|w| w.counters.commands_per_s),
        "net_in_per_s": sum(|w| w.counters.net_in_per_s),
        "net_out_per_s": sum(|w| w.counters.net_out_per_s),
        "rss_bytes": first.facts.rss_bytes,
        "read_latency": latency(workers, |w| &w.reads),
        "write_latency": latency(workers, |w| &w.writes),
        "sample_ratio": first.sample_ratio,
        "nodes": nodes.collect::<Vec<_>>(),
        "partitions": partitions.collect::<Vec<_>>(),
        "moves": moves.collect::<Vec<_>>(),
        "hot_keys": heat.hot.iter().map(hot).collect::<Vec<_>>(),
        "big_keys": heat.largest.iter().map(|(group, one)| big(*group, one)).collect::<Vec<_>>(),
    });
    format!("{body:#}\n")
}

fn partition(group: &GroupStatus, slots: (u16, u16), load: Option<&Load>) -> Value {
    let [ops, bytes, cpu_us] = load.map_or([0.0; 3], |load| load.rates);
    json!({
        "id": group.group.0,
        "slots": slots,
        "replicas": group.members.iter().map(|n| n.0).collect::<Vec<_>>(),
        "keys": group.keys,
        "bytes": group.bytes,
        "lag_entries": group.followers.iter().map(|f| f.entries).max().unwrap_or(0),
        "ops_per_s": ops, "net_bytes_per_s": bytes, "cpu_us_per_s": cpu_us,
    })
}

fn hot(hot: &HotKey) -> Value {
    let [ops, bytes, cpu_us] = hot.rates;
    let [ops_error, bytes_error, cpu_error] = hot.errors;
    json!({
        "key": text(&hot.key), "partition": hot.group,
        "ops_per_s": ops, "net_bytes_per_s": bytes, "cpu_us_per_s": cpu_us,
        "ops_error": ops_error, "net_bytes_error": bytes_error, "cpu_us_error": cpu_error,
    })
}

fn big(group: u32, one: &Sized) -> Value {
    json!({ "key": text(&one.key), "partition": group, "bytes": one.bytes })
}

fn text(key: &Key) -> String {
    key.text(KEY_CHARS_MAX)
}

/// How many requests there were since the process began, and what half and 99 of 100 took at most.
fn latency(workers: &[NodeStatus], pick: fn(&NodeStatus) -> &Histogram) -> Value {
    let mut all = Histogram::default();
    workers.iter().for_each(|w| all.merge(pick(w)));
    json!({ "count": all.count, "p50_us": all.percentile(500), "p99_us": all.percentile(990) })
}
