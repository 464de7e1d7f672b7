//! `synod serve`: one node.

mod resolve;
mod show;

use crate::allocator;
use crate::logging::{self, Format, Level};
use crate::namespaces::Namespaces;
use crate::settings::{self, Address, InitialCluster, Memory, from_text};
use crate::{cli, signals};
use anyhow::Result;
use resolve::zone;
use serde::Deserialize;
use show::show;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use synod_server::{
    Allowed, AuthClients, AuthUser, Durability, Engine, LogFlush, LogWrites, Password,
};

/// What the operator says, before defaults. All fields are optional, so that the command line, the
/// environment and a file can be laid over each other.
#[derive(clap::Args, Deserialize, Debug, Default)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServeOptions {
    /// Read options from this TOML file
    #[arg(long, env = "SYNOD_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,

    /// The directory of this node's log and snapshots; made if it does not exist
    /// [default: ./synod-data/serve]
    #[arg(long, env = "SYNOD_DATA", value_name = "DIR")]
    data: Option<PathBuf>,

    /// Where Redis clients connect [default: 127.0.0.1:6379]
    #[arg(long, env = "SYNOD_LISTEN", value_name = "HOST:PORT")]
    #[serde(deserialize_with = "from_text")]
    listen: Option<Address>,

    /// Where the other nodes connect [default: this node's address in
    /// --initial-cluster, or 127.0.0.1:16379]
    #[arg(long, env = "SYNOD_PEER_LISTEN", value_name = "HOST:PORT")]
    #[serde(deserialize_with = "from_text")]
    peer_listen: Option<Address>,

    /// Where /status and /metrics are served [default: 127.0.0.1:26379]
    #[arg(long, env = "SYNOD_HTTP", value_name = "HOST:PORT")]
    #[serde(deserialize_with = "from_text")]
    http: Option<Address>,

    /// Where ZooKeeper's clients connect; they are not served without it
    ///
    /// HOST:PORT serves the default namespace, HOST:PORT/NAME another one, with a tree of its own. Several are separated by
    /// commas: 127.0.0.1:2181,127.0.0.1:2191/jobs. All nodes should serve the same ones.
    #[arg(long, env = "SYNOD_ZOOKEEPER", value_name = "HOST:PORT[/NAME]")]
    #[serde(deserialize_with = "from_text")]
    zookeeper: Option<Namespaces>,

    /// Which of ZooKeeper's clients may do everything, as USER:BASE64: the user's name and the SHA-1 of USER:PASSWORD
    /// (ZooKeeper's superDigest)
    #[arg(long, env = "SYNOD_ZOOKEEPER_SUPER_DIGEST", value_name = "DIGEST")]
    zookeeper_super_digest: Option<String>,

    /// When a write is on disk [default: always]
    ///
    /// always: on the disks of a majority before the reply leaves. everysec: within a second of the
    /// reply; a crash of all replicas at once may lose that second. none: when the operating system
    /// gets to it.
    #[arg(long, env = "SYNOD_DURABILITY", value_name = "WHEN", value_parser = cli::durability())]
    #[serde(deserialize_with = "from_text")]
    durability: Option<Durability>,

    /// How many worker threads [default: as the data directory was made with; one per two cores for a new one]
    #[arg(long, env = "SYNOD_WORKERS", value_name = "N")]
    workers: Option<u16>,

    /// How many partitions a new cluster is made with [default: 4 for each worker of each node]
    ///
    /// Commands and transactions whose keys are in different partitions cost more than those of one. Scripts and
    /// blocking commands answer CROSSSLOT then; with 1 nothing ever does. A cluster that exists has what it was made with.
    #[arg(long, env = "SYNOD_PARTITIONS", value_name = "N")]
    partitions: Option<u32>,

    /// On how many nodes a new cluster keeps each partition [default: 3, or all if fewer]
    ///
    /// A cluster that exists has what it was made with.
    #[arg(long, env = "SYNOD_REPLICAS", value_name = "N")]
    replicas: Option<u32>,

    /// Which consensus protocol keeps the replicas alike [default: raft]
    #[arg(long, env = "SYNOD_ENGINE", value_name = "ENGINE", value_parser = cli::engine())]
    #[serde(deserialize_with = "from_text")]
    engine: Option<Engine>,

    /// This node's number in the cluster, from 1 [default: 1]
    #[arg(long, env = "SYNOD_NODE_ID", value_name = "N")]
    node_id: Option<u64>,

    /// All nodes that the cluster is made of, this one included, and their peer addresses
    /// [default: this node alone]
    #[arg(long, env = "SYNOD_INITIAL_CLUSTER", value_name = "1=HOST:PEERPORT,2=...")]
    #[serde(deserialize_with = "from_text")]
    initial_cluster: Option<InitialCluster>,

    /// Join the cluster of which a member serves HTTP at this address, instead of founding one
    ///
    /// Give --node-id an id that no member has (`synod node list`). Needed once, and harmless later: a node that belongs
    /// to a cluster finds it by itself.
    #[arg(long, env = "SYNOD_JOIN", value_name = "HOST:PORT")]
    #[serde(deserialize_with = "from_text")]
    join: Option<Address>,

    /// Let a leader answer reads on its own while its lease lasts [default: false]
    ///
    /// Saves a round to a majority per batch of reads. Linearizable only while no node's clock runs more
    /// than 25 % faster than another's.
    #[arg(
        long,
        env = "SYNOD_LEASE_READS",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    lease_reads: Option<bool>,

    /// Let clients use DEBUG, as tests of clients do [default: false]
    ///
    /// Whoever may use it can make the node busy for a long time.
    #[arg(
        long,
        env = "SYNOD_ENABLE_DEBUG_COMMAND",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    enable_debug_command: Option<bool>,

    /// What fails as one with this node: a rack, a site. Of a partition no zone holds more replicas than it must
    ///
    /// The cluster remembers it; `synod node place` changes it.
    #[arg(long, env = "SYNOD_ZONE", value_name = "NAME", value_parser = zone)]
    zone: Option<String>,

    /// This node's share of replicas, relative to the others' [default: as the cluster knows it, 1 at first]
    #[arg(long, env = "SYNOD_WEIGHT", value_name = "1-64", value_parser = clap::value_parser!(u32).range(1..=64))]
    weight: Option<u32>,

    /// The most memory that keys and unread replies may take: bytes, or a number with kb, mb, gb; 0 for no limit
    /// [default: 70 % of the machine's or the control group's, and 512 MiB less than it at least]
    ///
    /// Beyond it, writes that may need memory answer OOM, or keys are evicted: see CONFIG SET maxmemory-policy.
    #[arg(long, env = "SYNOD_MAXMEMORY", value_name = "BYTES")]
    #[serde(deserialize_with = "from_text")]
    maxmemory: Option<Memory>,

    /// How the log's batches reach the disk [default: buffered]
    ///
    /// auto: past the page cache where the file system takes that, with every write durable when it returns.
    /// buffered: through the page cache, with fdatasync. INFO tells which it is.
    #[arg(long, env = "SYNOD_LOG_WRITES", value_name = "HOW", value_parser = cli::log_writes())]
    #[serde(deserialize_with = "from_text")]
    log_writes: Option<LogWrites>,

    /// Which thread flushes the log [default: thread]
    ///
    /// auto: the worker itself while the disk is quick, a thread beside it while it is not. loop: the worker.
    /// thread: the thread. INFO tells which it is.
    #[arg(long, env = "SYNOD_LOG_FLUSH", value_name = "WHO", value_parser = cli::log_flush())]
    #[serde(deserialize_with = "from_text")]
    log_flush: Option<LogFlush>,

    /// How long a worker looks for more to do before it sleeps, in microseconds; 0: it sleeps at once
    /// [default: 0]
    ///
    /// Saves the time to be woken where a core is free; workers notice when none is, and sleep at once then.
    #[arg(long, env = "SYNOD_SPIN_US", value_name = "US")]
    spin_us: Option<u32>,

    /// The password of Redis clients that name no user
    ///
    /// A cluster is founded with it: give it to all founding members. ACL SETUSER and CONFIG SET requirepass change it later.
    /// As long as the cluster has none, this node asks for this one. Better in the environment or the file than on the command
    /// line, which others on this machine can read.
    #[arg(long, env = "SYNOD_REQUIREPASS", value_name = "PASSWORD", hide_env_values = true)]
    #[serde(deserialize_with = "from_text")]
    requirepass: Option<Password>,

    /// Where Redis clients connect with TLS, on the address of --listen; the port of --listen itself: nobody connects without
    ///
    /// In a cluster whose nodes have both ports, the one for TLS has to be as far from the other on every node: clients are told
    /// so. TLS needs --tls-cert-file and --tls-key-file, and --tls-ca-cert-file unless nobody is asked for a certificate.
    #[arg(long, env = "SYNOD_TLS_PORT", value_name = "PORT")]
    tls_port: Option<u16>,

    /// The certificate of this node, and behind it those that lead to the CA (PEM)
    ///
    /// Read at the start, at SIGHUP and at CONFIG SET; each new connection uses what was read last.
    #[arg(long, env = "SYNOD_TLS_CERT_FILE", value_name = "FILE")]
    tls_cert_file: Option<PathBuf>,

    /// Its key (PEM)
    #[arg(long, env = "SYNOD_TLS_KEY_FILE", value_name = "FILE")]
    tls_key_file: Option<PathBuf>,

    /// The CA that signs the certificates of clients and nodes (PEM)
    #[arg(long, env = "SYNOD_TLS_CA_CERT_FILE", value_name = "FILE")]
    tls_ca_cert_file: Option<PathBuf>,

    /// Whether clients with TLS have to show a certificate [default: yes]
    ///
    /// optional: they need none, and one that they show has to be good.
    #[arg(long, env = "SYNOD_TLS_AUTH_CLIENTS", value_name = "WHETHER", value_parser = cli::auth_clients())]
    #[serde(deserialize_with = "from_text")]
    tls_auth_clients: Option<AuthClients>,

    /// Which field of a client's certificate names the user that it is logged in as [default: off]
    #[arg(long, env = "SYNOD_TLS_AUTH_CLIENTS_USER", value_name = "FIELD", value_parser = cli::auth_user())]
    #[serde(deserialize_with = "from_text")]
    tls_auth_clients_user: Option<AuthUser>,

    /// Whether nodes speak TLS with each other, each with its certificate [default: false]
    ///
    /// The certificate of node N has to be signed by the CA and to have the alternative name (DNS) node-N.NAME, or *.NAME, where
    /// NAME is --tls-cluster-name. All nodes of a cluster have to agree.
    #[arg(
        long,
        env = "SYNOD_TLS_CLUSTER",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    tls_cluster: Option<bool>,

    /// What the cluster is called in the certificates of its nodes [default: synod.internal]
    #[arg(long, env = "SYNOD_TLS_CLUSTER_NAME", value_name = "NAME")]
    tls_cluster_name: Option<String>,

    /// Whether the HTTP port speaks TLS only [default: false]
    #[arg(
        long,
        env = "SYNOD_TLS_HTTP",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    tls_http: Option<bool>,

    /// Whether ZooKeeper's port speaks TLS only [default: false]
    #[arg(
        long,
        env = "SYNOD_TLS_ZOOKEEPER",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    tls_zookeeper: Option<bool>,

    /// Which services may take part in transactions of /v1/tx and are called for that; none without it
    ///
    /// HOST or HOST:PORT, several with commas, spelled as the URLs of the participants are. Whoever may begin transactions can have
    /// this node send requests there, so name nothing that trusts whatever reaches it. All nodes should allow the same.
    #[arg(long, env = "SYNOD_TX_CALLBACKS", value_name = "HOST[:PORT],...")]
    #[serde(deserialize_with = "from_text")]
    tx_callbacks: Option<Allowed>,

    /// A TOML file that names the PostgreSQL databases that may take part in transactions of /v1/tx: NAME = "CONNECTION STRING"
    ///
    /// The strings hold passwords: they stay in this file, and nobody is told them. All nodes should know the same names.
    #[arg(long, env = "SYNOD_TX_DATABASES", value_name = "FILE")]
    tx_databases: Option<PathBuf>,

    /// The CAs (PEM) that sign the services of https:// URLs and the databases with sslmode=verify-full [default: the system's]
    #[arg(long, env = "SYNOD_TX_CA_FILE", value_name = "FILE")]
    tx_ca_file: Option<PathBuf>,

    /// Listen on addresses that other machines can reach, although whoever reaches them may read and change everything
    /// [default: false]
    ///
    /// Not needed where nobody gets in unasked: for --listen with --requirepass, or with TLS alone (--tls-port is its port) and
    /// certificates of clients; for --peer-listen with --tls-cluster; for --http and --zookeeper with --tls-http and
    /// --tls-zookeeper and certificates of clients.
    #[arg(
        long,
        env = "SYNOD_ALLOW_REMOTE",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    allow_remote: Option<bool>,

    /// How log lines on stderr look [default: human]
    #[arg(long, env = "SYNOD_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<Format>,

    /// What is logged: error, warn, info, debug, trace, off, or levels per part of the program such as
    /// info,synod_consensus=debug [default: info]
    #[arg(long, env = "SYNOD_LOG_LEVEL", value_name = "LEVEL")]
    #[serde(deserialize_with = "from_text")]
    log_level: Option<Level>,

    /// Print the configuration that results and exit
    #[arg(long)]
    #[serde(skip)]
    check: bool,

    /// Stop when stdin ends, which it does when the process that started this one dies
    #[arg(long, hide = true)]
    #[serde(skip)]
    stop_with_stdin: bool,
}

/// Runs a node until it is told to stop.
pub fn run(options: ServeOptions) -> Result<()> {
    let file = settings::from_file(options.config.as_deref())?;
    let (check, stop_with_stdin) = (options.check, options.stop_with_stdin);
    let mut options = options.over(file);
    let format = options.log_format.unwrap_or_default();
    let level = options.log_level.take().unwrap_or_default();
    let config = options.resolve()?;
    if check {
        print!("{}", show(&config));
        return Ok(());
    }
    logging::start(format, level);
    allocator::fit_into(synod_server::available_memory());
    let stop = signals::stop_flag()?;
    if stop_with_stdin {
        stop_when_stdin_ends(Arc::clone(&stop));
    }
    synod_server::run(config, &stop, &*signals::reload_flag()?)
}

impl ServeOptions {
    /// What is said here, and where nothing is, what the file says.
    fn over(self, file: Self) -> Self {
        Self {
            config: self.config,
            data: self.data.or(file.data),
            listen: self.listen.or(file.listen),
            peer_listen: self.peer_listen.or(file.peer_listen),
            http: self.http.or(file.http),
            zookeeper: self.zookeeper.or(file.zookeeper),
            zookeeper_super_digest: self.zookeeper_super_digest.or(file.zookeeper_super_digest),
            durability: self.durability.or(file.durability),
            workers: self.workers.or(file.workers),
            partitions: self.partitions.or(file.partitions),
            replicas: self.replicas.or(file.replicas),
            engine: self.engine.or(file.engine),
            node_id: self.node_id.or(file.node_id),
            initial_cluster: self.initial_cluster.or(file.initial_cluster),
            join: self.join.or(file.join),
            lease_reads: self.lease_reads.or(file.lease_reads),
            enable_debug_command: self.enable_debug_command.or(file.enable_debug_command),
            zone: self.zone.or(file.zone),
            weight: self.weight.or(file.weight),
            maxmemory: self.maxmemory.or(file.maxmemory),
            log_writes: self.log_writes.or(file.log_writes),
            log_flush: self.log_flush.or(file.log_flush),
            spin_us: self.spin_us.or(file.spin_us),
            requirepass: self.requirepass.or(file.requirepass),
            tls_port: self.tls_port.or(file.tls_port),
            tls_cert_file: self.tls_cert_file.or(file.tls_cert_file),
            tls_key_file: self.tls_key_file.or(file.tls_key_file),
            tls_ca_cert_file: self.tls_ca_cert_file.or(file.tls_ca_cert_file),
            tls_auth_clients: self.tls_auth_clients.or(file.tls_auth_clients),
            tls_auth_clients_user: self.tls_auth_clients_user.or(file.tls_auth_clients_user),
            tls_cluster: self.tls_cluster.or(file.tls_cluster),
            tls_cluster_name: self.tls_cluster_name.or(file.tls_cluster_name),
            tls_http: self.tls_http.or(file.tls_http),
            tls_zookeeper: self.tls_zookeeper.or(file.tls_zookeeper),
            tx_callbacks: self.tx_callbacks.or(file.tx_callbacks),
            tx_databases: self.tx_databases.or(file.tx_databases),
            tx_ca_file: self.tx_ca_file.or(file.tx_ca_file),
            allow_remote: self.allow_remote.or(file.allow_remote),
            log_format: self.log_format.or(file.log_format),
            log_level: self.log_level.or(file.log_level),
            check: self.check,
            stop_with_stdin: self.stop_with_stdin,
        }
    }
}

/// Whoever started this process holds the other end of stdin, so its end is that process's end.
fn stop_when_stdin_ends(stop: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut sink = [0; 64];
        while matches!(std::io::stdin().read(&mut sink), Ok(1..)) {}
        stop.store(true, Ordering::Relaxed);
    });
}
