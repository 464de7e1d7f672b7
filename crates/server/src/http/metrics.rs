//! `/metrics`: the same numbers in Prometheus's text format.
//!
//! The counters live unshared in the workers, so there is no registry to collect from; the format is three kinds
//! of line. Source: "Exposition formats" of the Prometheus documentation, version 0.0.4.

use super::top::KEY_CHARS_MAX;
use crate::config::Config;
use crate::coordinator::Counters;
use std::collections::BTreeMap;
use std::fmt::Write;
use synod_consensus::Role;
use synod_hotkeys::{Key, Measure};
use synod_node::{Histogram, NodeStatus};

/// So many keys of each kind have a line.
const KEYS_MAX: usize = 10;

struct Page {
    text: String,
    node: u64,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _a_string_takes_all = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let node = self.node;
        let comma = if labels.is_empty() { "" } else { "," };
        let _a_string_takes_all =
            writeln!(self.text, "{name}{{node=\"{node}\"{comma}{labels}}} {value}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        self.sample(name, "", value);
    }
}

/// Appends what the coordinator of transactions has done here, and how many there are in the whole cluster by their state, if
/// that is known.
pub fn add_coordinator(
    text: &mut String,
    config: &Config,
    counters: &Counters,
    states: Option<&BTreeMap<String, u64>>,
) {
    let mut page = Page { text: std::mem::take(text), node: config.node_id.0 };
    for (name, help, value) in counters.told() {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        page.single(name, kind, help, value);
    }
    if let Some(states) = states {
        let name = "synod_tx_not_ended";
        page.family(name, "gauge", "Transactions of the cluster that are not ended, by state.");
        for (state, count) in states {
            page.sample(name, &format!("state=\"{state}\""), count);
        }
    }
    *text = page.text;
}

/// Renders what the workers said.
pub fn text(config: &Config, workers: &[NodeStatus]) -> String {
    let mut page = Page { text: String::new(), node: config.node_id.0 };
    let sum = |f: fn(&NodeStatus) -> u64| workers.iter().map(f).sum::<u64>();
    let serving = u8::from(super::not_serving(workers).is_none());
    page.single(
        "synod_serving",
        "gauge",
        "Whether every group has a leader (as /health).",
        serving,
    );
    let counters: [(&str, &str, u64); 15] = [
        (
            "synod_connections_total",
            "Client connections accepted.",
            sum(|w| w.counters.connections),
        ),
        ("synod_commands_total", "Client commands taken.", sum(|w| w.counters.commands)),
        ("synod_commands_refused_total", "Requests refused.", sum(|w| w.counters.refused)),
        ("synod_requests_forwarded_total", "Requests sent on.", sum(|w| w.counters.forwarded)),
        ("synod_frames_received_total", "Frames from peers.", sum(|w| w.counters.frames_in)),
        (
            "synod_role_changes_total",
            "Changes of role or leader.",
            sum(|w| w.counters.role_changes),
        ),
        ("synod_snapshots_taken_total", "Snapshots taken.", sum(|w| w.counters.snapshots)),
        (
            "synod_snapshots_installed_total",
            "Snapshots received from leaders.",
            sum(|w| w.counters.snapshots_installed),
        ),
        (
            "synod_clients_evicted_total",
            "Clients closed because of replies that they had not read while memory was short.",
            sum(|w| w.counters.clients_evicted),
        ),
        (
            "synod_transactions_total",
            "Transactions over several partitions begun.",
            sum(|w| w.counters.transactions),
        ),
        (
            "synod_transactions_retried_total",
            "Attempts of them that met others over the same keys.",
            sum(|w| w.counters.transactions_retried),
        ),
        (
            "synod_transactions_refused_total",
            "Those of them that wrote nothing and were answered an error.",
            sum(|w| w.counters.transactions_refused),
        ),
        (
            "synod_transactions_unknown_total",
            "Those of them whose outcome is not known.",
            sum(|w| w.counters.transactions_unknown),
        ),
        (
            "synod_transactions_resolved_total",
            "Questions of leaders what became of one.",
            sum(|w| w.counters.transactions_resolved),
        ),
        ("synod_log_bytes", "Bytes of all log segments.", sum(|w| w.facts.log_bytes)),
    ];
    for (name, help, value) in counters {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        page.single(name, kind, help, value);
    }
    gauges(&mut page, workers);
    groups(&mut page, workers);
    latencies(&mut page, workers);
    keys(&mut page, workers);
    page.text
}

fn gauges(page: &mut Page, workers: &[NodeStatus]) {
    let clients: usize = workers.iter().map(|w| w.clients).sum();
    let parked: usize = workers.iter().map(|w| w.parked).sum();
    let full = workers.iter().any(|w| w.disk_full);
    page.single("synod_clients", "gauge", "Clients connected.", clients);
    let transactions: usize = workers.iter().map(|w| w.transactions).sum();
    page.single(
        "synod_transactions",
        "gauge",
        "Transactions over several partitions under way.",
        transactions,
    );
    page.single("synod_requests_parked", "gauge", "Requests waiting for a leader.", parked);
    page.single("synod_disk_full", "gauge", "1 while writes are refused.", u8::from(full));
    let rss = workers.first().map_or(0, |w| w.facts.rss_bytes);
    page.single("process_resident_memory_bytes", "gauge", "Resident memory.", rss);
    if let Some(first) = workers.first() {
        page.family("synod_node_up", "gauge", "1 for each node that can be reached from here.");
        for id in first.map.nodes.keys() {
            let up = u8::from(workers.iter().any(|w| w.up.contains(id)));
            page.sample("synod_node_up", &format!("peer=\"{id}\""), up);
        }
    }
}

fn groups(page: &mut Page, workers: &[NodeStatus]) {
    type Field = fn(&synod_node::GroupStatus) -> u64;
    let families: [(&str, &str, Field); 8] = [
        ("synod_partition_leader", "1 where this node leads.", |g| {
            u64::from(g.role == Role::Leader)
        }),
        ("synod_partition_term", "The term.", |g| g.term.0),
        ("synod_partition_commit", "Last committed entry.", |g| g.commit.0),
        ("synod_partition_applied", "Last applied entry.", |g| g.applied.0),
        ("synod_partition_keys", "Keys.", |g| g.keys),
        ("synod_partition_bytes", "Bytes of keys and values.", |g| g.bytes),
        ("synod_partition_transactions_undecided", "Transactions prepared and not ended.", |g| {
            g.undecided
        }),
        ("synod_partition_transactions_waiting", "Requests that wait for them.", |g| g.waiting),
    ];
    for (name, help, field) in families {
        page.family(name, "gauge", help);
        for group in workers.iter().flat_map(|w| &w.groups) {
            page.sample(name, &format!("partition=\"{}\"", group.group), field(group));
        }
    }
    page.family("synod_partition_lag", "gauge", "Entries a follower is behind its leader here.");
    for group in workers.iter().flat_map(|w| &w.groups) {
        for follower in &group.followers {
            let labels = format!("partition=\"{}\",follower=\"{}\"", group.group, follower.node);
            page.sample("synod_partition_lag", &labels, follower.entries);
        }
    }
}

/// The hottest and the largest keys of this node. Their number is bounded, and so is the length of a label.
fn keys(page: &mut Page, workers: &[NodeStatus]) {
    let heat = super::top::heat(workers);
    let labels = |group: u32, key: &Key| {
        format!("partition=\"{group}\",key=\"{}\"", label(&key.text(KEY_CHARS_MAX)))
    };
    let families = [
        ("synod_hot_key_ops", Measure::Ops, "Requests per second for the keys with most."),
        ("synod_hot_key_net_bytes", Measure::Bytes, "Bytes per second for the keys with most."),
        (
            "synod_hot_key_cpu_seconds",
            Measure::Cpu,
            "Processor time for the keys with most, in seconds per second.",
        ),
    ];
    for (name, measure, help) in families {
        page.family(name, "gauge", help);
        for hot in heat.by(measure, KEYS_MAX) {
            let rate = hot.rates[measure as usize];
            let value = if measure == Measure::Cpu { rate / 1e6 } else { rate };
            page.sample(name, &labels(hot.group, &hot.key), format_args!("{value:.6}"));
        }
    }
    let name = "synod_big_key_bytes";
    page.family(name, "gauge", "Bytes that the largest keys take with their values.");
    for (group, one) in heat.largest.iter().take(KEYS_MAX) {
        page.sample(name, &labels(*group, &one.key), one.bytes);
    }
    page.family("synod_partition_ops", "gauge", "Requests per second for partitions led here.");
    for load in &heat.loads {
        let labels = format!("partition=\"{}\"", load.group);
        page.sample("synod_partition_ops", &labels, format_args!("{:.3}", load.rates[0]));
    }
}

/// A text as the value of a label.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn latencies(page: &mut Page, workers: &[NodeStatus]) {
    let name = "synod_request_duration_seconds";
    page.family(
        name,
        "histogram",
        "From the turn that read a request to the turn that answered it.",
    );
    type Pick = fn(&NodeStatus) -> &Histogram;
    let kinds: [(&str, Pick); 2] = [("read", |w| &w.reads), ("write", |w| &w.writes)];
    for (kind, pick) in kinds {
        let mut all = Histogram::default();
        workers.iter().for_each(|w| all.merge(pick(w)));
        let mut below = 0;
        for (limit_us, count) in all.buckets() {
            below += count;
            let labels = format!("kind=\"{kind}\",le=\"{}\"", limit_us as f64 / 1e6);
            page.sample(&format!("{name}_bucket"), &labels, below);
        }
        page.sample(&format!("{name}_bucket"), &format!("kind=\"{kind}\",le=\"+Inf\""), all.count);
        let labels = format!("kind=\"{kind}\"");
        page.sample(&format!("{name}_sum"), &labels, all.sum_us as f64 / 1e6);
        page.sample(&format!("{name}_count"), &labels, all.count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_label_is_escaped() {
        let key = |bytes: &[u8]| Key::new(bytes, 0).text(KEY_CHARS_MAX);
        assert_eq!(label(&key(b"user:1")), "user:1");
        assert_eq!(label(&key(b"a\nb\xff")), "a\\\\x0ab\\\\xff");
        assert_eq!(label("\"\\"), "\\\"\\\\");
        assert!(!label(&key(b"\"} 1\nsynod_evil 2")).contains('\n'));
    }
}
