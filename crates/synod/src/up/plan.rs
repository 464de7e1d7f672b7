//! What a cluster on this machine looks like, and what is remembered of it between two starts.

use super::certificates::Certificates;
use crate::cli;
use crate::logging::{Format, Level};
use crate::settings::{self, InitialCluster, Memory, Usage, from_text, to_text};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use synod_server::{Durability, Engine, REPLICAS_DEFAULT, WORKERS_MAX, default_partitions};
use synod_types::{NodeId, limits};

/// How far the peer port of a node is above its client port.
const PEER_PORT_OFFSET: u16 = 10_000;
/// How far the HTTP port of a node is above its client port.
const HTTP_PORT_OFFSET: u16 = 20_000;
/// From here on the system gives ports to whoever connects somewhere (Linux's default; see ip_local_port_range).
const EPHEMERAL_PORT_MIN: u16 = 32_768;
/// More nodes than anybody wants on one machine.
const NODES_MAX: u16 = 32;
const MEMORY: &str = "cluster.toml";

/// What the operator says, before defaults.
#[derive(clap::Args, Deserialize, Debug, Default)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct UpOptions {
    /// Read options from this TOML file
    #[arg(long, env = "SYNOD_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,

    /// How many nodes [default: 3]
    #[arg(long, env = "SYNOD_NODES", value_name = "N")]
    nodes: Option<u16>,

    /// The directory of the whole cluster; made if it does not exist [default: ./synod-data]
    #[arg(long, env = "SYNOD_DATA", value_name = "DIR")]
    data: Option<PathBuf>,

    /// The client port of the first node [default: 6379]
    #[arg(long, env = "SYNOD_BASE_PORT", value_name = "P")]
    base_port: Option<u16>,

    /// When a write is on disk [default: always]
    ///
    /// always: on the disks of a majority before the reply leaves. everysec: within a second of the
    /// reply. none: when the operating system gets to it.
    #[arg(long, env = "SYNOD_DURABILITY", value_name = "WHEN", value_parser = cli::durability())]
    #[serde(deserialize_with = "from_text")]
    durability: Option<Durability>,

    /// How many partitions a new cluster is made with [default: 4 for each worker of each node]
    #[arg(long, env = "SYNOD_PARTITIONS", value_name = "N")]
    partitions: Option<u32>,

    /// How many worker threads each node has [default: the machine's cores shared out]
    #[arg(long, env = "SYNOD_WORKERS", value_name = "N")]
    workers: Option<u16>,

    /// On how many nodes a new cluster keeps each partition [default: 3, or all if fewer]
    #[arg(long, env = "SYNOD_REPLICAS", value_name = "N")]
    replicas: Option<u32>,

    /// Which consensus protocol a new cluster is founded with [default: raft]
    #[arg(long, env = "SYNOD_ENGINE", value_name = "ENGINE", value_parser = cli::engine())]
    #[serde(deserialize_with = "from_text")]
    engine: Option<Engine>,

    /// Let leaders answer reads on their own while their lease lasts; see `synod help serve`
    /// [default: false]
    #[arg(
        long,
        env = "SYNOD_LEASE_READS",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    lease_reads: Option<bool>,

    /// The most memory of each node that keys and unread replies may take: bytes, or a number with kb, mb, gb; 0 for no limit
    /// [default: 70 % of the machine's, shared out, and 512 MiB per node less at least]
    ///
    /// Beyond it, writes that may need memory answer OOM, or keys are evicted: see CONFIG SET maxmemory-policy.
    #[arg(long, env = "SYNOD_MAXMEMORY", value_name = "BYTES")]
    #[serde(deserialize_with = "from_text")]
    maxmemory: Option<Memory>,

    /// Have clients, nodes and HTTP speak TLS, with a CA made for trying out under DIR/tls [default: false]
    ///
    /// Clients need no certificate; DIR/tls/client.crt and client.key are one. ZooKeeper's ports stay without TLS.
    #[arg(
        long,
        env = "SYNOD_TLS",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    tls: Option<bool>,

    /// How lines in the nodes' log files look [default: human]
    #[arg(long, env = "SYNOD_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<Format>,

    /// What the nodes log; see `synod help serve` [default: info]
    #[arg(long, env = "SYNOD_LOG_LEVEL", value_name = "LEVEL")]
    #[serde(deserialize_with = "from_text")]
    log_level: Option<Level>,
}

impl UpOptions {
    /// The file to read options from.
    pub fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The directory of the whole cluster.
    pub fn data(&self) -> &Path {
        self.data.as_deref().unwrap_or(Path::new("synod-data"))
    }

    /// What is said here, and where nothing is, what the file says.
    pub fn over(self, file: Self) -> Self {
        Self {
            config: self.config,
            nodes: self.nodes.or(file.nodes),
            data: self.data.or(file.data),
            base_port: self.base_port.or(file.base_port),
            durability: self.durability.or(file.durability),
            partitions: self.partitions.or(file.partitions),
            workers: self.workers.or(file.workers),
            replicas: self.replicas.or(file.replicas),
            engine: self.engine.or(file.engine),
            lease_reads: self.lease_reads.or(file.lease_reads),
            maxmemory: self.maxmemory.or(file.maxmemory),
            tls: self.tls.or(file.tls),
            log_format: self.log_format.or(file.log_format),
            log_level: self.log_level.or(file.log_level),
        }
    }

    /// Refuses what makes no sense whatever the data directory holds.
    pub fn check(&self) -> Result<(), Usage> {
        let within = |flag: &str, given: Option<u32>, max: u32| match given {
            Some(n) if !(1..=max).contains(&n) => {
                Err(Usage(format!("{flag} {n}: possible are 1 to {max}")))
            }
            _ => Ok(()),
        };
        within("--nodes", self.nodes.map(u32::from), u32::from(NODES_MAX))?;
        within("--workers", self.workers.map(u32::from), u32::from(WORKERS_MAX))?;
        within("--partitions", self.partitions, limits::PARTITIONS_MAX)?;
        within("--replicas", self.replicas, u32::from(NODES_MAX))
    }
}

/// The first node's port when nobody says otherwise: Redis's own; then ZooKeeper's clients find theirs, too.
const BASE_PORT: u16 = 6379;
const ZOOKEEPER_PORT: u16 = 2181;
/// With another base port ZooKeeper's clients connect to the ports so far above the nodes' own.
const ZOOKEEPER_PORT_OFFSET: u16 = 100;

/// What a cluster was made with; `DIR/cluster.toml`.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Made {
    nodes: u16,
    base_port: u16,
    partitions: u32,
    replicas: u32,
    workers: u16,
    /// Nothing for raft: clusters were made before there was a choice.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "to_text",
        deserialize_with = "from_text"
    )]
    engine: Option<Engine>,
}

impl Made {
    fn read(path: &Path) -> Result<Option<Self>> {
        match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map(Some).map_err(anyhow::Error::from),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
        .with_context(|| format!("{}", path.display()))
    }

    fn new(options: &UpOptions) -> Result<Self, Usage> {
        let nodes = options.nodes.unwrap_or(3);
        let replicas = options.replicas.unwrap_or(REPLICAS_DEFAULT.min(u32::from(nodes)));
        if replicas > u32::from(nodes) {
            return Err(Usage(format!("--replicas {replicas} on {nodes} nodes")));
        }
        let workers = options.workers.unwrap_or(settings::workers_per_node(usize::from(nodes)));
        let partitions = options.partitions;
        Ok(Self {
            nodes,
            base_port: options.base_port.unwrap_or(BASE_PORT),
            partitions: partitions.unwrap_or_else(|| default_partitions(u32::from(nodes), workers)),
            replicas,
            workers,
            engine: options.engine.filter(|engine| *engine != Engine::Raft),
        })
    }

    fn engine(&self) -> Engine {
        self.engine.unwrap_or_default()
    }

    /// Refuses options that contradict what the cluster was made with.
    fn agrees(&self, options: &UpOptions, data: &Path) -> Result<(), Usage> {
        if let Some(given) = options.engine.filter(|given| *given != self.engine()) {
            return Err(Usage(format!(
                "--engine {given}, but the cluster in {} was made with --engine {}, which it keeps: leave the \
                 flag out, or give another --data for another cluster",
                data.display(),
                self.engine()
            )));
        }
        for (flag, given, made) in [
            ("--nodes", options.nodes.map(u32::from), u32::from(self.nodes)),
            ("--base-port", options.base_port.map(u32::from), u32::from(self.base_port)),
            ("--partitions", options.partitions, self.partitions),
            ("--replicas", options.replicas, self.replicas),
            ("--workers", options.workers.map(u32::from), u32::from(self.workers)),
        ] {
            if let Some(given) = given.filter(|given| *given != made) {
                return Err(Usage(format!(
                    "{flag} {given}, but the cluster in {} was made with {flag} {made}: leave the flag \
                     out, or give another --data for another cluster",
                    data.display()
                )));
            }
        }
        Ok(())
    }
}

/// One node of the cluster.
#[derive(Debug)]
pub struct Node {
    /// From 1.
    pub id: u64,
    /// Its own directory.
    pub data: PathBuf,
    /// Where clients connect.
    pub listen: SocketAddr,
    peer_listen: SocketAddr,
    http: SocketAddr,
    zookeeper: SocketAddr,
}

/// All that is needed to start the cluster.
#[derive(Debug)]
pub struct Plan {
    /// The directory of the whole cluster.
    pub data: PathBuf,
    /// The nodes, by id.
    pub nodes: Vec<Node>,
    made: Made,
    /// If nodes speak TLS.
    pub tls: Option<Certificates>,
    durability: Durability,
    lease_reads: bool,
    maxmemory: u64,
    log_format: Format,
    log_level: Level,
}

impl Plan {
    /// Joins the options with what is remembered of the cluster, if there is one in the directory.
    pub fn new(options: &UpOptions) -> Result<Self> {
        let data = options.data().to_path_buf();
        let made = match Made::read(&data.join(MEMORY))? {
            Some(made) => {
                made.agrees(options, &data)?;
                made
            }
            None => Made::new(options)?,
        };
        let port_max = EPHEMERAL_PORT_MIN - 1 - HTTP_PORT_OFFSET - made.nodes.saturating_sub(1);
        if !(1..=port_max).contains(&made.base_port) {
            return Err(Usage(format!(
                "--base-port {}: possible are 1 to {port_max}, because {} nodes also need the ports \
                 {PEER_PORT_OFFSET} and {HTTP_PORT_OFFSET} above their own, and those from {EPHEMERAL_PORT_MIN} on may be \
                 given to any outgoing connection",
                made.base_port, made.nodes
            ))
            .into());
        }
        let share = || synod_server::default_maxmemory(made.nodes.into());
        let maxmemory = options.maxmemory.map_or_else(share, |memory| memory.0);
        let tls = match options.tls {
            Some(true) => Some(Certificates::make(&data, made.nodes)?),
            _ => None,
        };
        Ok(Self {
            tls,
            nodes: (0..made.nodes).map(|i| node(&data, made.base_port, i)).collect(),
            data,
            made,
            durability: options.durability.unwrap_or_default(),
            lease_reads: options.lease_reads.unwrap_or(false),
            maxmemory,
            log_format: options.log_format.unwrap_or_default(),
            log_level: options.log_level.clone().unwrap_or_default(),
        })
    }

    /// Refuses to start when somebody else has one of the ports.
    pub fn check_ports(&self) -> Result<()> {
        for node in &self.nodes {
            for address in [node.listen, node.peer_listen, node.http, node.zookeeper] {
                TcpListener::bind(address).with_context(|| {
                    format!(
                        "node {} cannot have {address}; another program has it, perhaps another \
                         cluster: stop that one, or use another --base-port and --data",
                        node.id
                    )
                })?;
            }
        }
        Ok(())
    }

    /// Writes down what the cluster is made with.
    pub fn remember(&self) -> Result<()> {
        let path = self.data.join(MEMORY);
        let write = || -> Result<()> {
            let text = toml::to_string(&self.made)?;
            let text =
                format!("# What `synod up` made this cluster with. Do not change it.\n{text}");
            // A crash leaves the old file or the new one.
            let new = path.with_extension("new");
            std::fs::write(&new, text)?;
            Ok(std::fs::rename(&new, &path)?)
        };
        write().with_context(|| format!("{}", path.display()))
    }

    /// The command line of a node, without the program.
    pub fn arguments(&self, node: &Node) -> Vec<String> {
        let members = self.nodes.iter().map(|n| (NodeId(n.id), n.peer_listen.to_string()));
        let cluster = InitialCluster(members.collect());
        let pairs = [
            ("--node-id", node.id.to_string()),
            ("--data", node.data.display().to_string()),
            ("--listen", node.listen.to_string()),
            ("--peer-listen", node.peer_listen.to_string()),
            ("--http", node.http.to_string()),
            ("--zookeeper", node.zookeeper.to_string()),
            ("--initial-cluster", cluster.to_string()),
            ("--durability", self.durability.to_string()),
            ("--partitions", self.made.partitions.to_string()),
            ("--replicas", self.made.replicas.to_string()),
            ("--workers", self.made.workers.to_string()),
            ("--maxmemory", self.maxmemory.to_string()),
            ("--engine", self.made.engine().to_string()),
            ("--log-format", self.log_format.as_str().to_owned()),
            ("--log-level", self.log_level.as_str().to_owned()),
        ];
        let mut arguments = vec!["serve".to_owned(), "--stop-with-stdin".to_owned()];
        arguments.push(format!("--lease-reads={}", self.lease_reads));
        arguments.extend(pairs.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]));
        if let Some(tls) = &self.tls {
            let [cert, key] = tls.of(&format!("node-{}", node.id));
            arguments.extend(["--tls-cluster", "--tls-http"].map(str::to_owned));
            let pairs = [
                ("--tls-port", node.listen.port().to_string()),
                ("--tls-auth-clients", "optional".to_owned()),
                ("--tls-ca-cert-file", tls.ca().display().to_string()),
                ("--tls-cert-file", cert.display().to_string()),
                ("--tls-key-file", key.display().to_string()),
            ];
            arguments.extend(pairs.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]));
        }
        arguments
    }

    /// What the operator can do now.
    pub fn hints(&self) -> String {
        let first = self.made.base_port;
        let ca = self.tls.as_ref().map(|tls| tls.ca().display().to_string());
        let (with, python, shown, scheme) = match &ca {
            None => Default::default(),
            Some(ca) => (
                format!(" --tls --cacert {ca}"),
                format!(", ssl=True, ssl_ca_certs=\"{ca}\""),
                format!(" --tls-http --tls-ca-cert-file {ca}"),
                "s",
            ),
        };
        let mut out = String::from("Ready. Any node answers for any key:\n");
        for node in &self.nodes {
            // Writing to a string cannot fail.
            let _ =
                writeln!(out, "  node {}     redis-cli -p {}{with}", node.id, node.listen.port());
        }
        let http = self.nodes.first().map_or(String::new(), |node| node.http.to_string());
        let zookeeper: Vec<_> = self.nodes.iter().map(|node| node.zookeeper.to_string()).collect();
        let zookeeper = zookeeper.join(",");
        let _ = write!(
            out,
            "  Python     redis.Redis(port={first}{python}), or redis.cluster.RedisCluster(host=\"localhost\", port={first}{python})\n  \
             ZooKeeper  {zookeeper}\n  \
             status     synod status --http {http}{shown}, or http{scheme}://{http}/status\n  \
             metrics    http{scheme}://{http}/metrics\nCtrl-C stops the cluster; the data stays.\n"
        );
        out
    }
}

fn node(data: &Path, base_port: u16, i: u16) -> Node {
    let id = u64::from(i) + 1;
    let at = |offset: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, base_port + i + offset));
    Node {
        id,
        data: data.join(format!("node-{id}")),
        listen: at(0),
        peer_listen: at(PEER_PORT_OFFSET),
        http: at(HTTP_PORT_OFFSET),
        zookeeper: match base_port {
            BASE_PORT => SocketAddr::from((Ipv4Addr::LOCALHOST, ZOOKEEPER_PORT + i)),
            _ => at(ZOOKEEPER_PORT_OFFSET),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(data: &Path) -> UpOptions {
        UpOptions { data: Some(data.into()), base_port: Some(7001), ..UpOptions::default() }
    }

    #[test]
    fn a_cluster_is_remembered_and_contradictions_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let first = Plan::new(&UpOptions { nodes: Some(5), ..options(dir.path()) }).unwrap();
        first.remember().unwrap();
        let again = UpOptions { data: Some(dir.path().into()), ..UpOptions::default() };
        let again = Plan::new(&again).unwrap();
        assert_eq!(again.made, first.made);
        assert_eq!(again.nodes[4].listen.port(), 7005);
        let other = UpOptions { nodes: Some(3), ..options(dir.path()) };
        let error = Plan::new(&other).unwrap_err().to_string();
        assert!(error.contains("--nodes 3") && error.contains("made with --nodes 5"), "{error}");
    }

    #[test]
    fn a_cluster_keeps_its_engine() {
        let dir = tempfile::tempdir().unwrap();
        let with = |engine| UpOptions { engine, ..options(dir.path()) };
        let plan = Plan::new(&with(Some(Engine::Zab))).unwrap();
        plan.remember().unwrap();
        let again = Plan::new(&with(None)).unwrap();
        let arguments = again.arguments(&again.nodes[0]);
        assert!(arguments.windows(2).any(|pair| pair == ["--engine", "zab"]), "{arguments:?}");
        let error = Plan::new(&with(Some(Engine::Raft))).unwrap_err().to_string();
        assert!(error.contains("made with --engine zab"), "{error}");
    }

    #[test]
    fn every_port_of_every_node_must_exist() {
        let dir = tempfile::tempdir().unwrap();
        for (port, nodes, fine) in [
            (12_767, 1, true),
            (12_767, 2, false),
            (12_765, 3, true),
            (0, 1, false),
            (65_535, 1, false),
        ] {
            let options =
                UpOptions { nodes: Some(nodes), base_port: Some(port), ..options(dir.path()) };
            assert_eq!(Plan::new(&options).is_ok(), fine, "{port} {nodes}");
        }
    }

    #[test]
    fn a_taken_port_is_named() {
        let dir = tempfile::tempdir().unwrap();
        // The system picks the port, which may lie too high for a cluster; then there is nothing to try.
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let options = UpOptions { base_port: Some(port), nodes: Some(1), ..options(dir.path()) };
        if let Ok(plan) = Plan::new(&options) {
            let error = plan.check_ports().unwrap_err().to_string();
            assert!(error.contains(&format!("127.0.0.1:{port}")), "{error}");
        }
    }
}
