//! INFO: what the node knows of itself, by section.
//!
//! Each worker counts for itself; a [`Tally`] of every worker is asked for and summed up, and the [`Page`], begun
//! when the request came, is written with the sums.

use crate::errand::Errand;
use crate::node::Node;
use crate::settings::Setting;
use synod_consensus::Role;
use synod_redis::{
    Flow, Join, Page, REDIS_VERSION, Section, Session, Space, Tally, Waits, sections,
};
use synod_replica::Replica;
use synod_types::{ClientId, PartitionId, ReplySink};

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let page = page_of(node, sections(args));
    node.ask_colleagues(client, Join::Info(Box::new(page)), &Errand::Tally)
}

/// ROLE: every node takes writes for every key. The offset is INFO's: entries applied, of all groups here.
pub(super) fn role(node: &mut Node, client: ClientId) -> Flow {
    node.ask_colleagues(client, Join::Role(super::known_name), &Errand::Tally)
}

/// LOLWUT without the art.
pub(super) fn lolwut(node: &mut Node, client: ClientId) -> Flow {
    node.reply(client, |out| out.verbatim(&format!("Redis ver. {REDIS_VERSION}\n")));
    Flow::Next
}

/// What INFO tells beside the sums.
pub(super) fn page_of(node: &Node, sections: Vec<Section>) -> Page {
    let map = node.groups.map();
    Page {
        sections,
        facts: node.local.facts().clone(),
        now: node.local.now(),
        uptime_s: node.local.up_for_us() / 1_000_000,
        node: node.local.id(),
        cluster: map.cluster,
        epoch: map.epoch,
        engine: node.wanted_engine(),
        nodes: map.nodes.len(),
        nodes_up: map.nodes.keys().filter(|id| node.others.peers().is_up(**id)).count(),
        partitions: map.partitions().len(),
        workers: node.local.config().workers,
        version: node.local.config().info.version.clone(),
        aof: super::config::durability(node).0 == "yes",
        maxclients: node.settings.get(Setting::MaxClients),
        maxmemory: node.settings.get(Setting::MaxMemory).cast_unsigned(),
        maxmemory_policy: node.settings.text(Setting::MaxMemoryPolicy),
        known_name: super::known_name,
    }
}

/// What this worker adds to INFO.
pub(crate) fn tally_of(node: &Node) -> Tally {
    let counters = node.counted.counters();
    let errors = node.clients.sessions().errors();
    let output_max = node.clients.sessions().iter().map(|session| session.out().len()).max();
    let tracked = node.caching.tracked();
    let (tracked_keys, tracked_items, tracked_prefixes) = tracked.sizes();
    let mut tally = Tally {
        clients: node.clients.sessions().len() as u64,
        paused: node
            .clients
            .sessions()
            .iter()
            .filter(|session| session.waits() == Some(Waits::Pause) || session.blocked().is_some())
            .count() as u64,
        pubsub_channels: node.clients.pubsub().of(Space::Channel).len() as u64,
        pubsub_patterns: node.clients.pubsub().of(Space::Pattern).len() as u64,
        tracking_clients: tracked.clients().len() as u64,
        tracked_keys: tracked_keys as u64,
        tracked_items: tracked_items as u64,
        tracked_prefixes: tracked_prefixes as u64,
        parked: node.under_way.unrouted().len() as u64,
        connections: counters.connections,
        rejected: counters.rejected,
        commands: counters.commands,
        commands_per_s: counters.commands_per_s,
        reads: counters.reads,
        writes: counters.writes,
        refused: counters.refused,
        forwarded: counters.forwarded,
        frames_in: counters.frames_in,
        role_changes: counters.role_changes,
        snapshots: counters.snapshots,
        clients_evicted: counters.clients_evicted,
        snapshots_installed: counters.snapshots_installed,
        net_in: counters.net_in,
        net_out: counters.net_out,
        snapshot_s: counters.snapshot_s,
        snapshots_running: u64::from(node.snapshot_running()),
        disks_full: u64::from(node.room.disk_is_full()),
        log_bytes: node.local.facts().log_bytes,
        transactions: counters.transactions,
        transactions_retried: counters.transactions_retried,
        transactions_refused: counters.transactions_refused,
        transactions_unknown: counters.transactions_unknown,
        transactions_resolved: counters.transactions_resolved,
        transactions_conducted: node.conductor.under_way() as u64,
        shard_channels: node.clients.pubsub().of(Space::Shard).len() as u64,
        waits_timed: node.clients.sessions().iter().filter(|session| waits_timed(session)).count()
            as u64,
        full_elsewhere: node.full_elsewhere() as u64,
        links: node.others.peers().links() as u64,
        output_bytes: node
            .clients
            .sessions()
            .iter()
            .map(|session| session.out().len() as u64)
            .sum(),
        output_bytes_max: output_max.unwrap_or(0) as u64,
        net_in_per_s: counters.net_in_per_s,
        net_out_per_s: counters.net_out_per_s,
        errors,
        calls: node.counted.calls().clone(),
        ..Tally::default()
    };
    for replica in node.groups.replicas() {
        add_replica(&mut tally, replica);
    }
    tally.data_peak = counters.data_peak.max(tally.data_bytes);
    tally
}

/// Whether it waits for a key no longer than until some moment.
fn waits_timed(session: &Session) -> bool {
    session.blocked().is_some_and(|blocked| blocked.deadline_us().is_some())
}

fn add_replica(tally: &mut Tally, replica: &Replica) {
    let leads = replica.role().0 == Role::Leader;
    if let Some(keyspace) = replica.state().measures() {
        tally.data_bytes += keyspace.memory as u64;
        tally.object_bytes += keyspace.object_bytes as u64;
        let (scripts, script_bytes) = keyspace.scripts;
        let (libraries, functions, library_bytes) = keyspace.libraries;
        tally.scripts = tally.scripts.max(scripts as u64);
        tally.script_bytes += script_bytes as u64;
        tally.libraries = tally.libraries.max(libraries as u64);
        tally.functions = tally.functions.max(functions as u64);
        tally.library_bytes += library_bytes as u64;
        let stats = keyspace.stats;
        tally.keyspace_hits += stats.hits;
        tally.keyspace_misses += stats.misses;
        tally.expired_keys += stats.expired;
        tally.expired_fields += stats.expired_fields;
        tally.evicted_keys += stats.evicted;
        if leads {
            tally.keys += keyspace.keys as u64;
            tally.expires += keyspace.expires as u64;
            tally.expiring_hashes += keyspace.expiring_hashes as u64;
        }
    }
    tally.applied += replica.applied().0.0;
    tally.unsaved_entries += replica.entries_since_snapshot();
    tally.unsaved_bytes += replica.bytes_since_snapshot() as u64;
    if leads {
        tally.transactions_undecided += replica.undecided() as u64;
        tally.transactions_waiting += replica.gate_load().0 as u64;
        let status = replica.status();
        let behind = status.peers.iter().map(|p| status.last.0.saturating_sub(p.matched.0));
        tally.behind_max = tally.behind_max.max(behind.max().unwrap_or(0));
    }
    if replica.group() != PartitionId::META {
        tally.led += u64::from(leads);
        tally.followed += u64::from(!leads);
    }
}
