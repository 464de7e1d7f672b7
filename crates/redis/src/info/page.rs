//! The text of INFO. What Redis has a name for stands under that name and means the same; what is Synod's own
//! begins with `synod_`.

use super::{Section, Tally};
use crate::REDIS_VERSION;
use crate::calls::{Calls, KnownName};
use std::collections::BTreeMap;
use std::fmt::Write;
use synod_types::{ClusterId, NodeId, Now, Protocol};

const SECONDS_PER_DAY: u64 = 86_400;
/// How often the node looks after what is due.
const TICKS_PER_S: u64 = 20;
/// Memory that nothing takes here: there is no backlog, no buffer of a log that is appended to, and no replica that is a client.
const NO_MEMORY: [&str; 8] = [
    "mem_not_counted_for_evict",
    "mem_replication_backlog",
    "mem_total_replication_buffers",
    "mem_clients_slaves",
    "mem_aof_buffer",
    "active_defrag_running",
    "lazyfree_pending_objects",
    "lazyfreed_objects",
];
/// The process never forks, and loads no file of Redis.
const NO_FORKS: [&str; 15] = [
    "current_cow_peak",
    "current_cow_size",
    "current_cow_size_age",
    "current_fork_perc",
    "current_save_keys_processed",
    "current_save_keys_total",
    "rdb_last_cow_size",
    "rdb_last_load_keys_expired",
    "rdb_last_load_keys_loaded",
    "aof_rewrites",
    "aof_rewrites_consecutive_failures",
    "aof_last_cow_size",
    "module_fork_in_progress",
    "module_fork_last_cow_size",
    "latest_fork_usec",
];
/// Followers are sent entries of the log.
const NO_BACKLOG: [&str; 4] = [
    "repl_backlog_active",
    "repl_backlog_size",
    "repl_backlog_first_byte_offset",
    "repl_backlog_histlen",
];
/// What does not happen here.
const NEVER: [&str; 17] = [
    "expired_time_cap_reached_count",
    "total_forks",
    "sync_partial_ok",
    "sync_partial_err",
    "migrate_cached_sockets",
    "slave_expires_tracked_keys",
    "active_defrag_hits",
    "active_defrag_misses",
    "active_defrag_key_hits",
    "active_defrag_key_misses",
    "total_active_defrag_time",
    "current_active_defrag_time",
    "io_threaded_reads_processed",
    "io_threaded_writes_processed",
    "reply_buffer_shrinks",
    "reply_buffer_expands",
    "unexpected_error_replies",
];

/// What only the world can know and INFO tells; refreshed about once a second.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Process id.
    pub pid: u32,
    /// The clients' port.
    pub port: u16,
    /// The port for clients with TLS, if there is one.
    pub tls_port: Option<u16>,
    /// Seconds since the process began.
    pub uptime_s: u64,
    /// What gives the process its memory.
    pub allocator: &'static str,
    /// Resident memory, in bytes.
    pub rss_bytes: u64,
    /// The highest resident memory so far, in bytes.
    pub rss_peak_bytes: u64,
    /// Memory of the machine, in bytes.
    pub memory_total_bytes: u64,
    /// CPU time spent in the kernel, in seconds.
    pub cpu_sys_s: f64,
    /// CPU time spent in user code, in seconds.
    pub cpu_user_s: f64,
    /// CPU time that the event loop of this worker spent in the kernel, in seconds.
    pub cpu_loop_sys_s: f64,
    /// CPU time that the event loop of this worker spent in user code, in seconds.
    pub cpu_loop_user_s: f64,
    /// Bytes of all log segments of this worker.
    pub log_bytes: u64,
    /// `direct` or `buffered`: whether the log is written past the page cache.
    pub log_writes: &'static str,
    /// `loop` or `thread`: whether the worker flushes its log itself.
    pub log_flush: &'static str,
    /// Name of the operating system and its version.
    pub os: String,
    /// Path of the program.
    pub executable: String,
    /// `always`, `everysec` or `none`.
    pub durability: &'static str,
    /// The configuration, as CONFIG GET shows it.
    pub settings: BTreeMap<String, String>,
}

/// What INFO tells beside the sums: taken when the request came.
#[derive(Debug)]
pub struct Page {
    /// What is asked for.
    pub sections: Vec<Section>,
    /// What the world told of itself.
    pub facts: Facts,
    /// When the request came.
    pub now: Now,
    /// How long the process has run, in seconds.
    pub uptime_s: u64,
    /// Who is asked.
    pub node: NodeId,
    /// Which cluster it is of.
    pub cluster: ClusterId,
    /// The epoch of the cluster map.
    pub epoch: u64,
    /// The consensus engine that it runs, or is about to.
    pub engine: Protocol,
    /// How many nodes the cluster has.
    pub nodes: usize,
    /// How many of them can be reached.
    pub nodes_up: usize,
    /// How many partitions the cluster has.
    pub partitions: usize,
    /// How many workers the node has.
    pub workers: u16,
    /// The version of the program.
    pub version: String,
    /// Whether a reply to a write says that it is on disk.
    pub aof: bool,
    /// The setting.
    pub maxclients: i64,
    /// The setting, in bytes.
    pub maxmemory: u64,
    /// The setting.
    pub maxmemory_policy: String,
    /// How the names of commands are found.
    pub known_name: KnownName,
}

impl Page {
    /// The text, with the sums over all workers.
    #[must_use]
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
                    lines.put("used_cpu_sys_children", "0.000000");
                    lines.put("used_cpu_user_children", "0.000000");
                    lines.put(
                        "used_cpu_sys_main_thread",
                        format_args!("{:.6}", self.facts.cpu_loop_sys_s),
                    );
                    lines.put(
                        "used_cpu_user_main_thread",
                        format_args!("{:.6}", self.facts.cpu_loop_user_s),
                    );
                }
                Section::Modules => {}
                Section::Commandstats => {
                    for (name, calls) in &tally.calls.by_name {
                        command(&mut lines, name, calls);
                    }
                }
                Section::Errorstats => {
                    for (code, times) in &tally.errors.by_code {
                        lines.put(&format!("errorstat_{code}"), format_args!("count={times}"));
                    }
                }
                Section::Latencystats => {
                    for (name, calls) in &tally.calls.by_name {
                        percentiles(&mut lines, name, calls);
                    }
                }
                Section::Cluster => self.cluster(&mut lines, tally),
                Section::Keyspace if tally.keys > 0 => {
                    let (keys, expires) = (tally.keys, tally.expires);
                    // As Redis 7.4 tells of hashes with fields that expire; 7.0 has none.
                    let hashes = match tally.expiring_hashes {
                        0 => String::new(),
                        hashes => format!(",subexpiry={hashes}"),
                    };
                    lines.put(
                        "db0",
                        format_args!("keys={keys},expires={expires},avg_ttl=0{hashes}"),
                    );
                }
                Section::Keyspace => {}
            }
        }
        lines.text
    }

    fn server(&self, lines: &mut Lines) {
        let facts = &self.facts;
        lines.put("redis_version", REDIS_VERSION);
        lines.put("redis_git_sha1", "00000000");
        lines.put("redis_git_dirty", 0);
        lines.put("redis_build_id", &self.version);
        lines.put("redis_mode", "cluster");
        lines.put("os", &facts.os);
        lines.put("arch_bits", usize::BITS);
        lines.put("monotonic_clock", "POSIX clock_gettime");
        lines.put("multiplexing_api", "epoll");
        lines.put("atomicvar_api", "rust-core");
        lines.put("gcc_version", "0.0.0");
        lines.put("process_id", facts.pid);
        lines.put("process_supervised", "no");
        lines.put("run_id", node_name(self.cluster, self.node));
        lines.put("tcp_port", facts.port);
        lines.put("server_time_usec", self.now.wall.0 * 1000);
        lines.put("uptime_in_seconds", self.uptime_s);
        lines.put("uptime_in_days", self.uptime_s / SECONDS_PER_DAY);
        lines.put("hz", TICKS_PER_S);
        lines.put("configured_hz", TICKS_PER_S);
        lines.put("lru_clock", (self.now.wall.0 / 1000) & 0x00ff_ffff);
        lines.put("executable", &facts.executable);
        lines.put("config_file", "");
        lines.put("io_threads_active", 0);
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
        let peak = percent(tally.data_bytes, tally.data_peak);
        lines.put("used_memory_peak_perc", format_args!("{peak:.2}%"));
        let overhead = tally.data_bytes.saturating_sub(tally.object_bytes);
        lines.put("used_memory_overhead", overhead);
        lines.put("used_memory_startup", 0);
        lines.put("used_memory_dataset", tally.object_bytes);
        let dataset = percent(tally.object_bytes, tally.data_bytes);
        lines.put("used_memory_dataset_perc", format_args!("{dataset:.2}%"));
        lines.bytes("synod_rss_peak", facts.rss_peak_bytes);
        lines.bytes("total_system_memory", facts.memory_total_bytes);
        lines.bytes("maxmemory", self.maxmemory);
        lines.put("maxmemory_policy", &self.maxmemory_policy);
        lines.put("synod_partitions_full_elsewhere", tally.full_elsewhere);
        let ratio = facts.rss_bytes as f64 / tally.data_bytes.max(1) as f64;
        lines.put("mem_fragmentation_ratio", format_args!("{ratio:.2}"));
        let beyond = facts.rss_bytes.cast_signed() - tally.data_bytes.cast_signed();
        lines.put("mem_fragmentation_bytes", beyond);
        lines.put("rss_overhead_ratio", format_args!("{ratio:.2}"));
        lines.put("rss_overhead_bytes", beyond);
        lines.put("used_memory_scripts_eval", tally.script_bytes);
        lines.put("number_of_cached_scripts", tally.scripts);
        lines.put("number_of_functions", tally.functions);
        lines.put("number_of_libraries", tally.libraries);
        lines.put("used_memory_functions", tally.library_bytes);
        lines.bytes("used_memory_scripts", tally.script_bytes + tally.library_bytes);
        lines.zeros(&["used_memory_vm_eval", "used_memory_vm_functions"]);
        lines.bytes("used_memory_lua", 0);
        lines.bytes("used_memory_vm_total", 0);
        lines.put("mem_clients_normal", tally.output_bytes);
        lines.zeros(&NO_MEMORY);
        lines.put("mem_allocator", facts.allocator);
    }

    fn persistence(&self, lines: &mut Lines, tally: &Tally) {
        lines.put("loading", 0);
        lines.put("async_loading", 0);
        lines.put("rdb_bgsave_in_progress", u8::from(tally.snapshots_running > 0));
        lines.put("rdb_last_save_time", tally.snapshot_s);
        lines.put("rdb_last_bgsave_status", "ok");
        lines.put("rdb_last_bgsave_time_sec", -1);
        lines.put("rdb_current_bgsave_time_sec", -1);
        lines.put("aof_last_rewrite_time_sec", -1);
        lines.put("aof_current_rewrite_time_sec", -1);
        lines.put("aof_last_bgrewrite_status", "ok");
        lines.put("rdb_saves", tally.snapshots);
        lines.put("rdb_changes_since_last_save", tally.unsaved_entries);
        lines.put("synod_bytes_since_last_save", tally.unsaved_bytes);
        lines.zeros(&NO_FORKS);
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
        lines.put("master_replid", node_name(self.cluster, NodeId(0)));
        lines.put("master_replid2", "0".repeat(40));
        lines.put("master_repl_offset", tally.applied);
        lines.put("second_repl_offset", -1);
        lines.zeros(&NO_BACKLOG);
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

fn command(lines: &mut Lines, name: &str, calls: &Calls) {
    let Calls { times, took_us, rejected, failed, .. } = *calls;
    let us_per_call = if times == 0 { 0.0 } else { took_us as f64 / times as f64 };
    lines.put(
        &format!("cmdstat_{name}"),
        format_args!(
            "calls={times},usec={took_us},usec_per_call={us_per_call:.2},rejected_calls={rejected},failed_calls={failed}"
        ),
    );
}

/// What half, 99 and 99.9 of a hundred calls took at most.
fn percentiles(lines: &mut Lines, name: &str, calls: &Calls) {
    let of = |permille| calls.durations.percentile(permille) as f64;
    if calls.durations.count > 0 {
        let (half, most, nearly_all) = (of(500), of(990), of(999));
        lines.put(
            &format!("latency_percentiles_usec_{name}"),
            format_args!("p50={half:.3},p99={most:.3},p99.9={nearly_all:.3}"),
        );
    }
}

/// How much of the whole a part is; all of it where there is nothing.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 100.0 } else { part as f64 * 100.0 / whole as f64 }
}

fn clients(lines: &mut Lines, tally: &Tally, maxclients: i64) {
    lines.put("connected_clients", tally.clients);
    lines.put("cluster_connections", tally.links);
    lines.put("maxclients", maxclients);
    lines.put("client_recent_max_output_buffer", tally.output_bytes_max);
    lines.put("blocked_clients", tally.paused);
    lines.put("clients_in_timeout_table", tally.waits_timed);
    lines.put("tracking_clients", tally.tracking_clients);
    lines.put("synod_requests_waiting", tally.parked);
}

fn stats(lines: &mut Lines, tally: &Tally) {
    lines.put("total_connections_received", tally.connections);
    lines.put("rejected_connections", tally.rejected);
    lines.put("total_commands_processed", tally.commands);
    lines.put("instantaneous_ops_per_sec", tally.commands_per_s);
    lines.put("total_net_input_bytes", tally.net_in);
    lines.put("total_net_output_bytes", tally.net_out);
    lines.put("instantaneous_input_kbps", format_args!("{:.2}", kib(tally.net_in_per_s)));
    lines.put("instantaneous_output_kbps", format_args!("{:.2}", kib(tally.net_out_per_s)));
    lines.put("sync_full", tally.snapshots_installed);
    lines.put("expired_keys", tally.expired_keys);
    lines.put("expired_subkeys", tally.expired_fields);
    // Each payload is checked before anything is done with it.
    let restores =
        ["restore", "restore-asking"].into_iter().filter_map(|name| tally.calls.by_name.get(name));
    lines.put("dump_payload_sanitizations", restores.map(|calls| calls.times).sum::<u64>());
    // What is due is known to the millisecond, and an entry deletes it.
    lines.put("expired_stale_perc", "0.00");
    lines.put("evicted_keys", tally.evicted_keys);
    lines.put("evicted_clients", tally.clients_evicted);
    lines.put("keyspace_hits", tally.keyspace_hits);
    lines.put("keyspace_misses", tally.keyspace_misses);
    lines.put("pubsub_channels", tally.pubsub_channels);
    lines.put("pubsub_patterns", tally.pubsub_patterns);
    lines.put("pubsubshard_channels", tally.shard_channels);
    lines.put("tracking_total_keys", tally.tracked_keys);
    lines.put("tracking_total_items", tally.tracked_items);
    lines.put("tracking_total_prefixes", tally.tracked_prefixes);
    lines.put("total_error_replies", tally.errors.total);
    lines.zeros(&NEVER);
    lines.put("synod_reads", tally.reads);
    lines.put("synod_writes", tally.writes);
    lines.put("synod_requests_refused", tally.refused);
    lines.put("synod_requests_forwarded", tally.forwarded);
    lines.put("synod_transactions", tally.transactions);
    lines.put("synod_transactions_retried", tally.transactions_retried);
    lines.put("synod_transactions_refused", tally.transactions_refused);
    lines.put("synod_transactions_unknown", tally.transactions_unknown);
    lines.put("synod_transactions_resolved", tally.transactions_resolved);
    lines.put("synod_transactions_under_way", tally.transactions_conducted);
    lines.put("synod_transactions_undecided", tally.transactions_undecided);
    lines.put("synod_transactions_waited_for", tally.transactions_waiting);
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

    /// Numbers of what there is none of.
    fn zeros(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.put(name, 0));
    }

    /// A number of bytes, and again for people.
    fn bytes(&mut self, name: &str, bytes: u64) {
        self.put(name, bytes);
        self.put(&format!("{name}_human"), human(bytes));
    }
}

fn kib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}

/// Bytes as Redis writes them for people.
pub(super) fn human(bytes: u64) -> String {
    let units = [(1u64 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    match units.into_iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.2}{unit}", bytes as f64 / size as f64),
        None => format!("{bytes}B"),
    }
}

/// A node's name: 40 hexadecimal digits drawn from the cluster's id and the node's.
#[must_use]
pub fn node_name(cluster: ClusterId, node: NodeId) -> String {
    let word = |n: u64| {
        let mut z = cluster.0 ^ node.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ n.rotate_left(32);
        for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb, 0xd6e8_feb8_6659_fd93] {
            z = (z ^ (z >> 31)).wrapping_mul(factor).wrapping_add(n);
        }
        z ^ (z >> 32)
    };
    let tail = word(3) >> 32;
    format!("{:016x}{:016x}{tail:08x}", word(1), word(2))
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
