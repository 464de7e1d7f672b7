//! The figures as rows of words, and all of them as one page of plain text.

use super::figures::{Cluster, Order};
use super::screen::printable;
use crate::status::columns;
use std::fmt::Write as _;

/// How much of a key is printed.
const KEY_CHARS_MAX: usize = 60;

/// The state of a node that does not answer.
pub const UNREACHABLE: &str = "unreachable";
/// The state of one that answers and serves nobody.
pub const NOT_SERVING: &str = "not serving";

/// A table: what stands above its columns, and its rows.
pub struct Table<const N: usize> {
    pub head: [&'static str; N],
    pub rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub fn write(self, out: &mut String) {
        let mut lines = vec![self.head.map(String::from)];
        lines.extend(self.rows);
        columns(out, &lines);
    }
}

/// The nodes.
pub fn nodes(cluster: &Cluster) -> Table<9> {
    let head = [
        "NODE",
        "STATE",
        "ADDRESS",
        "LEADS",
        "CLIENTS",
        "COMMANDS/S",
        "READ p50/p99",
        "WRITE p50/p99",
        "MEMORY",
    ];
    let row = |(node, answer): &(super::figures::Node, Option<super::figures::Answer>)| {
        let leads = cluster.partitions.iter().filter(|p| p.leader == node.id).count();
        let Some(answer) = answer else {
            let unknown = || "-".to_owned();
            return [
                node.id.to_string(),
                UNREACHABLE.to_owned(),
                node.listen.clone(),
                unknown(),
                unknown(),
                unknown(),
                unknown(),
                unknown(),
                unknown(),
            ];
        };
        let state = match (&answer.not_serving, node.drained, node.draining) {
            (Some(_), ..) => NOT_SERVING,
            (_, true, _) => "drained",
            (_, _, true) => "draining",
            _ => "up",
        };
        let pair = |l: super::figures::Latency| format!("{} / {}", time(l.p50_us), time(l.p99_us));
        [
            node.id.to_string(),
            state.to_owned(),
            node.listen.clone(),
            leads.to_string(),
            answer.clients.to_string(),
            answer.commands_per_s.to_string(),
            pair(answer.read_latency),
            pair(answer.write_latency),
            size(answer.rss_bytes as f64),
        ]
    };
    Table { head, rows: cluster.nodes.iter().map(row).collect() }
}

/// The busiest partitions.
pub fn partitions(cluster: &Cluster, order: Order, count: usize) -> Table<9> {
    let head =
        ["PARTITION", "SLOTS", "LEADER", "REPLICAS", "KEYS", "SIZE", "OPS/S", "BYTES/S", "CPU"];
    let rows = cluster.busiest_by(order).into_iter().take(count).map(|p| {
        [
            p.id.to_string(),
            format!("{}-{}", p.slots.0, p.slots.1),
            p.leader.to_string(),
            join(&p.replicas),
            p.keys.to_string(),
            size(p.bytes as f64),
            rate(p.ops_per_s),
            size(p.net_bytes_per_s),
            share(p.cpu_us_per_s),
        ]
    });
    Table { head, rows: rows.collect() }
}

/// The moves under way.
pub fn moves(cluster: &Cluster) -> Table<3> {
    let row = |m: &super::figures::Move| [m.partition.to_string(), join(&m.from), join(&m.to)];
    Table { head: ["MOVING", "FROM", "TO"], rows: cluster.moves.iter().map(row).collect() }
}

/// The hottest keys.
pub fn hot_keys(cluster: &Cluster, order: Order, count: usize) -> Table<5> {
    let rows = cluster.hot_by(order).into_iter().take(count).map(|k| {
        [
            key(&k.key),
            k.partition.to_string(),
            rate(k.ops_per_s),
            size(k.net_bytes_per_s),
            share(k.cpu_us_per_s),
        ]
    });
    Table { head: ["HOT KEY", "PARTITION", "OPS/S", "BYTES/S", "CPU"], rows: rows.collect() }
}

/// The largest keys.
pub fn big_keys(cluster: &Cluster, count: usize) -> Table<3> {
    let rows = cluster.big_keys.iter().take(count);
    let row =
        |k: &super::figures::BigKey| [key(&k.key), k.partition.to_string(), size(k.bytes as f64)];
    Table { head: ["BIG KEY", "PARTITION", "SIZE"], rows: rows.map(row).collect() }
}

/// What stands above everything.
pub fn title(cluster: &Cluster) -> String {
    let answers = cluster.nodes.iter().filter_map(|(_, answer)| answer.as_ref());
    let commands: u64 = answers.clone().map(|answer| answer.commands_per_s).sum();
    let clients: u64 = answers.map(|answer| answer.clients).sum();
    let all = cluster.nodes.len();
    let answering = all - cluster.silent().len();
    let sampled = match cluster.sample_ratio {
        0 => "keys are not counted (hotkeys-sample-ratio is 0)".to_owned(),
        1 => "every request counted".to_owned(),
        n => format!("one request in {n} counted"),
    };
    format!(
        "cluster {}: {answering} of {all} nodes answer, {clients} clients, {commands} commands/s, {sampled}",
        cluster.name
    )
}

/// Everything.
pub fn page(cluster: &Cluster, order: Order, count: usize) -> String {
    let mut out = title(cluster);
    out.push_str("\n\n");
    nodes(cluster).write(&mut out);
    for (node, answer) in &cluster.nodes {
        if let Some(why) = answer.as_ref().and_then(|answer| answer.not_serving.as_deref()) {
            let _a_string_takes_all = writeln!(out, "node {} does not serve: {why}", node.id);
        }
    }
    out.push('\n');
    partitions(cluster, order, count).write(&mut out);
    left_out(&mut out, cluster.partitions.len(), count, "partitions");
    if !cluster.moves.is_empty() {
        out.push('\n');
        moves(cluster).write(&mut out);
    }
    out.push('\n');
    hot_keys(cluster, order, count).write(&mut out);
    out.push('\n');
    big_keys(cluster, count).write(&mut out);
    out
}

fn left_out(out: &mut String, all: usize, shown: usize, what: &str) {
    if all > shown {
        let _a_string_takes_all = writeln!(out, "and {} more {what}", all - shown);
    }
}

fn join(nodes: &[u64]) -> String {
    nodes.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

fn key(text: &str) -> String {
    let shown = text.chars().map(printable);
    if text.chars().count() <= KEY_CHARS_MAX {
        return shown.collect();
    }
    shown.take(KEY_CHARS_MAX - 3).chain("...".chars()).collect()
}

fn rate(per_s: f64) -> String {
    if per_s < 10.0 { format!("{per_s:.1}") } else { format!("{per_s:.0}") }
}

fn size(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (bytes, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{value:.0} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

fn time(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        _ => format!("{:.1} s", us as f64 / 1e6),
    }
}

/// Microseconds per second as a share of one processor.
fn share(us_per_s: f64) -> String {
    format!("{:.2} %", us_per_s / 1e4)
}
