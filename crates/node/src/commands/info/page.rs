//! The text of INFO. What Redis has a name for stands under that name and means the same; what is Synod's own
//! begins with `synod_`.

use super::{Section, Tally};
use crate::commands::{cluster, config, connection::REDIS_VERSION};
use crate::config::Facts;
use crate::node::Node;
use crate::settings::Setting;
use std::fmt::Write;
use synod_types::{ClusterId, NodeId, Now, Protocol};

const SECONDS_PER_DAY: u64 = 86_400;

/// What INFO tells beside the sums: taken when the request came.
#[derive(Debug)]
pub(crate) struct Page {
    sections: Vec<Section>,
    facts: Facts,
    now: Now,
    uptime_s: u64,
    node: NodeId,
    cluster: ClusterId,
    epoch: u64,
    engine: Protocol,
    nodes: usize,
    nodes_up: usize,
    partitions: usize,
    workers: u16,
    version: String,
    aof: bool,
    maxclients: i64,
    maxmemory: u64,
    maxmemory_policy: String,
}

impl Page {
    pub fn of(node: &Node, sections: Vec<Section>) -> Self {
        let map = &node.map;
        Self {
            sections,
            facts: node.facts.clone(),
            now: node.now,
            uptime_s: node.now.mono_us.saturating_sub(node.started_us) / 1_000_000,
            node: node.config.id,
            cluster: map.cluster,
            epoch: map.epoch,
            engine: node.wanted_engine(),
            nodes: map.nodes.len(),
            nodes_up: map.nodes.keys().filter(|id| node.peers.is_up(**id)).count(),
            partitions: map.partitions().len(),
            workers: node.config.workers,
            version: node.config.info.version.clone(),
            aof: config::durability(node).0 == "yes",
            maxclients: node.settings.get(Setting::MaxClients),
            maxmemory: node.settings.get(Setting::MaxMemory).cast_unsigned(),
            maxmemory_policy: node.settings.text(Setting::MaxMemoryPolicy),
        }
    }

    /// The text, with the sums over all workers.
    pub fn render(&self, tally: &Tally) -> String {
        let mut lines = Lines::default();
        for section in &self.sections {
            lines.title(section.title());
            match section {
                Section::Server => self.server(&mut lines),
                Section::Clients => clients(&mut lines, tally, self.maxclients),
                Section::Memory => self.memory(&mut lines, tally),
                Section::Persistence => self.persistence(&mut lines, tally),
                Section::Stats => stats(&mut lines, tally),
                Section::Replication => self.replication(&mut lines, tally),
                Section::Cpu => {
                    lines.put("used_cpu_sys", format_args!("{:.6}", self.facts.cpu_sys_s));
                    lines.put("used_cpu_user", format_args!("{:.6}", self.facts.cpu_user_s));
                }
                Section::Modules => {}
                Section::Commandstats => {
                    for (name, times) in &tally.calls.by_name {
                        lines.put(&format!("cmdstat_{name}"), format_args!("calls={times}"));
                    }
                }
                Section::Errorstats => {
                    for (code, times) in &tally.errors.by_code {
                        lines.put(&format!("errorstat_{code}"), format_args!("count={times}"));
                    }
                }
                Section::Cluster => self.cluster(&mut lines, tally),
                Section::Keyspace if tally.keys > 0 => {
                    let (keys, expires) = (tally.keys, tally.expires);
                    lines.put("db0", format_args!("keys={keys},expires={expires},avg_ttl=0"));
                }
                Section::Keyspace => {}
            }
        }
        lines.text
    }

    fn server(&self, lines: &mut Lines) {
        let facts = &self.facts;
        lines.put("redis_version", REDIS_VERSION);
        lines.put("redis_mode", "cluster");
        lines.put("os", &facts.os);
        lines.put("arch_bits", usize::BITS);
        lines.put("process_id", facts.pid);
        lines.put("run_id", cluster::node_name(self.cluster, self.node));
        lines.put("tcp_port", facts.port);
        lines.put("server_time_usec", self.now.wall.0 * 1000);
        lines.put("uptime_in_seconds", self.uptime_s);
        lines.put("uptime_in_days", self.uptime_s / SECONDS_PER_DAY);
        lines.put("executable", &facts.executable);
        lines.put("config_file", "");
        lines.put("synod_version", &self.version);
        lines.put("synod_node_id", self.node);
        lines.put("synod_engine", self.engine);
        lines.put("synod_durability", facts.durability);
        lines.put("synod_workers", self.workers);
    }

    fn memory(&self, lines: &mut Lines, tally: &Tally) {
        let facts = &self.facts;
        lines.bytes("used_memory", tally.data_bytes);
        lines.bytes("used_memory_rss", facts.rss_bytes);
        lines.bytes("used_memory_peak", tally.data_peak);
        lines.bytes("synod_rss_peak", facts.rss_peak_bytes);
        lines.bytes("total_system_memory", facts.memory_total_bytes);
        lines.bytes("maxmemory", self.maxmemory);
        lines.put("maxmemory_policy", &self.maxmemory_policy);
        let ratio = facts.rss_bytes as f64 / tally.data_bytes.max(1) as f64;
        lines.put("mem_fragmentation_ratio", format_args!("{ratio:.2}"));
        lines.put("mem_allocator", facts.allocator);
    }

    fn persistence(&self, lines: &mut Lines, tally: &Tally) {
        lines.put("loading", 0);
        lines.put("async_loading", 0);
        lines.put("rdb_bgsave_in_progress", u8::from(tally.snapshots_running > 0));
        lines.put("rdb_last_save_time", tally.snapshot_s);
        lines.put("rdb_saves", tally.snapshots);
        lines.put("aof_enabled", u8::from(self.aof));
        lines.put("aof_rewrite_in_progress", 0);
        lines.put("aof_rewrite_scheduled", 0);
        lines.put("aof_last_write_status", if tally.disks_full > 0 { "err" } else { "ok" });
        if self.aof {
            lines.put("aof_current_size", tally.log_bytes);
        }
        lines.put("synod_log_bytes", tally.log_bytes);
        lines.put("synod_log_writes", self.facts.log_writes);
        lines.put("synod_log_flush", self.facts.log_flush);
        lines.put("synod_snapshots_installed", tally.snapshots_installed);
    }

    fn replication(&self, lines: &mut Lines, tally: &Tally) {
        lines.put("role", "master");
        lines.put("connected_slaves", self.nodes_up.saturating_sub(1));
        lines.put("master_failover_state", "no-failover");
        lines.put("master_replid", cluster::node_name(self.cluster, NodeId(0)));
        lines.put("master_repl_offset", tally.applied);
        lines.put("synod_partitions_led", tally.led);
        lines.put("synod_partitions_followed", tally.followed);
        lines.put("synod_entries_behind_max", tally.behind_max);
        lines.put("synod_role_changes", tally.role_changes);
    }

    fn cluster(&self, lines: &mut Lines, tally: &Tally) {
        lines.put("cluster_enabled", 1);
        lines.put("synod_cluster_id", format_args!("{:016x}", self.cluster.0));
        lines.put("synod_map_epoch", self.epoch);
        lines.put("synod_nodes", self.nodes);
        lines.put("synod_nodes_up", self.nodes_up);
        lines.put("synod_partitions", self.partitions);
        lines.put("synod_peer_frames_received", tally.frames_in);
    }
}

fn clients(lines: &mut Lines, tally: &Tally, maxclients: i64) {
    lines.put("connected_clients", tally.clients);
    lines.put("maxclients", maxclients);
    lines.put("blocked_clients", tally.paused);
    lines.put("tracking_clients", 0);
    lines.put("synod_requests_waiting", tally.parked);
}

fn stats(lines: &mut Lines, tally: &Tally) {
    lines.put("total_connections_received", tally.connections);
    lines.put("total_commands_processed", tally.commands);
    lines.put("instantaneous_ops_per_sec", tally.commands_per_s);
    lines.put("total_net_input_bytes", tally.net_in);
    lines.put("total_net_output_bytes", tally.net_out);
    lines.put("expired_keys", tally.expired_keys);
    lines.put("evicted_keys", tally.evicted_keys);
    lines.put("keyspace_hits", tally.keyspace_hits);
    lines.put("keyspace_misses", tally.keyspace_misses);
    lines.put("pubsub_channels", tally.pubsub_channels);
    lines.put("pubsub_patterns", tally.pubsub_patterns);
    lines.put("total_error_replies", tally.errors.total);
    lines.put("synod_reads", tally.reads);
    lines.put("synod_writes", tally.writes);
    lines.put("synod_requests_refused", tally.refused);
    lines.put("synod_requests_forwarded", tally.forwarded);
}

/// Lines of `name:value`, in sections that an empty line divides.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn title(&mut self, title: &str) {
        let gap = if self.text.is_empty() { "" } else { "\r\n" };
        let _writing_to_a_string_succeeds = write!(self.text, "{gap}# {title}\r\n");
    }

    fn put(&mut self, name: &str, value: impl std::fmt::Display) {
        let _writing_to_a_string_succeeds = write!(self.text, "{name}:{value}\r\n");
    }

    /// A number of bytes, and again for people.
    fn bytes(&mut self, name: &str, bytes: u64) {
        self.put(name, bytes);
        self.put(&format!("{name}_human"), human(bytes));
    }
}

/// Bytes as Redis writes them for people.
fn human(bytes: u64) -> String {
    let units = [(1u64 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    match units.into_iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.2}{unit}", bytes as f64 / size as f64),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_as_redis_tells_them() {
        let cases = [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (1_664_864, "1.59M")];
        for (bytes, text) in cases {
            assert_eq!(human(bytes), text);
        }
        assert_eq!(human(25_276_510_208), "23.54G");
    }
}
