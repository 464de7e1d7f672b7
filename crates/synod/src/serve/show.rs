//! A configuration as `--check` prints it.

use crate::namespaces::{self};
use crate::settings::InitialCluster;
use synod_server::{Config, TlsSettings};

/// The configuration as a file for `--config` that says the same.
pub(super) fn show(config: &Config) -> String {
    let cluster = InitialCluster(config.initial_cluster.clone());
    let mut table = toml::Table::new();
    let mut put = |key: &str, value: toml::Value| drop(table.insert(key.into(), value));
    put("node-id", (config.node_id.0 as i64).into());
    put("data", config.data.display().to_string().into());
    put("listen", config.listen.to_string().into());
    put("peer-listen", config.peer_listen.to_string().into());
    put("http", config.http.to_string().into());
    if !config.zookeeper.is_empty() {
        put("zookeeper", namespaces::show(&config.zookeeper).into());
    }
    if let Some(digest) = &config.zookeeper_super_digest {
        put("zookeeper-super-digest", digest.clone().into());
    }
    if config.tls.is_used() {
        put_tls(&config.tls, &mut put);
    }
    if !config.tx.callbacks.is_empty() {
        put("tx-callbacks", config.tx.callbacks.to_string().into());
    }
    if let Some(file) = &config.tx.databases_file {
        put("tx-databases", file.display().to_string().into());
    }
    if let Some(file) = &config.tx.ca_file {
        put("tx-ca-file", file.display().to_string().into());
    }
    put("durability", config.durability.as_str().into());
    put("workers", i64::from(config.workers).into());
    put("partitions", i64::from(config.partitions).into());
    put("replicas", i64::from(config.replicas).into());
    put("engine", config.engine.as_str().into());
    put("initial-cluster", cluster.to_string().into());
    put("lease-reads", config.lease_reads.into());
    put("enable-debug-command", config.debug_command.into());
    if let Some(zone) = &config.zone {
        put("zone", zone.clone().into());
    }
    if let Some(weight) = config.weight {
        put("weight", i64::from(weight).into());
    }
    put("maxmemory", config.maxmemory.to_string().into());
    put("log-writes", config.tuning.log_writes.as_str().into());
    put("log-flush", config.tuning.log_flush.as_str().into());
    put("spin-us", i64::from(config.tuning.spin_us).into());
    table.to_string()
}

fn put_tls(tls: &TlsSettings, put: &mut dyn FnMut(&str, toml::Value)) {
    if let Some(port) = tls.port {
        put("tls-port", i64::from(port).into());
    }
    put("tls-cert-file", tls.cert_file.display().to_string().into());
    put("tls-key-file", tls.key_file.display().to_string().into());
    if let Some(ca) = &tls.ca_cert_file {
        put("tls-ca-cert-file", ca.display().to_string().into());
    }
    put("tls-auth-clients", tls.auth_clients.as_str().into());
    put("tls-auth-clients-user", tls.auth_user.as_str().into());
    put("tls-cluster", tls.cluster.into());
    put("tls-cluster-name", tls.cluster_name.clone().into());
    put("tls-http", tls.http.into());
    put("tls-zookeeper", tls.zookeeper.into());
}
