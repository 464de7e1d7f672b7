//! What a node has to be told before it can start, checked but not yet acted upon.
//!
//! Pure data: where the values come from (flags, environment, file) is the program's business.

use crate::coordinator::TxSettings;
use crate::tls::{Caller, TlsSettings};
use crate::tuning::{SPIN_US_MAX, Tuning};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use synod_acl::Digest;
pub use synod_consensus::Protocol as Engine;
use synod_ring::ClusterMap;
use synod_types::{
    ClusterId, DEFAULT_NAMESPACE, Incarnation, NAMESPACE_BYTES_MAX, NodeId, is_namespace, limits,
};

/// How many partitions a new cluster gets for each worker of each node when nobody says otherwise: enough to spread
/// a lost node's share over the others, few enough that each still gathers large batches.
pub const PARTITIONS_PER_WORKER: u32 = 4;
/// How many replicas each partition gets when there are nodes enough.
pub const REPLICAS_DEFAULT: u32 = 3;
/// The most worker threads of one node.
pub const WORKERS_MAX: u16 = 256;

/// How many partitions a new cluster of this many nodes gets when nobody says otherwise.
#[must_use]
pub fn default_partitions(nodes: u32, workers: u16) -> u32 {
    let all = PARTITIONS_PER_WORKER.saturating_mul(nodes).saturating_mul(u32::from(workers));
    all.clamp(1, limits::PARTITIONS_MAX)
}

/// When a write is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// On the disks of a quorum before the reply leaves.
    #[default]
    Always,
    /// Within a second of the reply.
    Everysec,
    /// Whenever the operating system writes it.
    None,
}

impl Durability {
    /// Every choice, the safest first.
    pub const ALL: [Self; 3] = [Self::Always, Self::Everysec, Self::None];

    /// As flags, files and `INFO` spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Everysec => "everysec",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Durability {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let known = Self::ALL.into_iter().find(|durability| durability.as_str() == text);
        known.ok_or_else(|| ConfigError(format!("`{text}` is none of always, everysec, none")))
    }
}

/// What the operator said in so many words about how a cluster is made. For one that exists it has to be true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explicit {
    /// Whether the members were named.
    pub initial_cluster: bool,
    /// The number of partitions.
    pub partitions: Option<u32>,
    /// The number of replicas.
    pub replicas: Option<u32>,
}

impl Explicit {
    /// Refuses to start as something else than what the data directory holds.
    ///
    /// # Errors
    /// What differs, and what can be done about it.
    pub fn agrees(&self, config: &Config, map: &ClusterMap) -> Result<(), ConfigError> {
        if !map.is_founded() {
            return Ok(());
        }
        let differs = |flag: &str, given: String, made: String| {
            Err(ConfigError(format!(
                "{flag} {given}, but the cluster that {} belongs to was made with {made}. That cannot be changed by an \
                 option: leave the option out or give what the cluster was made with, or start with another --data for \
                 another cluster",
                config.data.display()
            )))
        };
        let members = |ids: &mut dyn Iterator<Item = &NodeId>| {
            ids.map(ToString::to_string).collect::<Vec<_>>().join(",")
        };
        let founders = map.founders();
        if self.initial_cluster && !config.initial_cluster.keys().eq(founders.iter()) {
            let given = members(&mut config.initial_cluster.keys());
            let made = members(&mut founders.iter());
            let (given, made) = (format!("names the nodes {given}"), format!("the nodes {made}"));
            return differs("--initial-cluster", given, made);
        }
        let partitions = map.partitions_founded();
        if let Some(given) = self.partitions.filter(|given| *given as usize != partitions) {
            return differs("--partitions", given.to_string(), partitions.to_string());
        }
        let replicas = map.copies();
        if let Some(given) = self.replicas.filter(|given| *given != replicas) {
            return differs("--replicas", given.to_string(), replicas.to_string());
        }
        Ok(())
    }
}

/// A cluster that a new node wants to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// Which.
    pub cluster: ClusterId,
    /// Where its members serve clients.
    pub members: Vec<SocketAddr>,
    /// Its members, and the data directory of each.
    pub roster: BTreeMap<NodeId, Incarnation>,
    /// How they are asked, if with TLS.
    pub tls: Option<Caller>,
}

/// A password as the operator said it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl FromStr for Password {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text {
            "" => Err(ConfigError("an empty password would let everybody in".into())),
            text => Ok(Self(text.to_owned())),
        }
    }
}

impl Password {
    /// What is known of it elsewhere.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }

    /// The request that logs in with it.
    #[must_use]
    pub fn request(&self) -> String {
        format!("*2\r\n$4\r\nAUTH\r\n${}\r\n{}\r\n", self.0.len(), self.0)
    }

    /// What the default user says in `Authorization` to log in by HTTP.
    #[must_use]
    pub fn authorization(&self) -> String {
        crate::basic::authorization("default", &self.0)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Everything one node is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// This node; a key of `initial_cluster`.
    pub node_id: NodeId,
    /// The directory of this node alone.
    pub data: PathBuf,
    /// Where Redis clients connect.
    pub listen: SocketAddr,
    /// Where the other nodes connect.
    pub peer_listen: SocketAddr,
    /// Where `/status` and `/metrics` are served.
    pub http: SocketAddr,
    /// Where ZooKeeper's clients connect, if they are served; no two serve one namespace.
    pub zookeeper: Vec<ZookeeperListen>,
    /// Who may do everything with znodes: `USER:BASE64`, the user and the SHA-1 of `USER:PASSWORD`.
    pub zookeeper_super_digest: Option<String>,
    /// When a write is on disk.
    pub durability: Durability,
    /// How many worker threads; `1..=WORKERS_MAX`.
    pub workers: u16,
    /// How many partitions the cluster is made with; `1..=limits::PARTITIONS_MAX`. A cluster that
    /// exists has what it was made with.
    pub partitions: u32,
    /// On how many nodes each partition is kept; at most as many as there are. A cluster that
    /// exists has what it was made with.
    pub replicas: u32,
    /// Which protocol keeps them alike.
    pub engine: Engine,
    /// The nodes the cluster is made of and their peer addresses (`HOST:PORT`), this one included.
    pub initial_cluster: BTreeMap<NodeId, String>,
    /// The cluster to ask for a seat, by a node that belongs to none yet. `initial_cluster` are its members then, and
    /// this node.
    pub join: Option<Join>,
    /// Serve reads from the leader's lease.
    pub lease_reads: bool,
    /// Whether clients may use DEBUG.
    pub debug_command: bool,
    /// The node's share of replicas relative to the others', 1 to 64; `None`: as the cluster knows it.
    pub weight: Option<u32>,
    /// What fails as one with the node; `None`: as the cluster knows it.
    pub zone: Option<String>,
    /// The most memory that keys and replies may take, in bytes; 0: no limit. `CONFIG SET maxmemory` changes it.
    pub maxmemory: u64,
    /// The password of the default user: the cluster is founded with it, and this node asks for it as long as that user
    /// has none.
    pub password: Option<Password>,
    /// Which doors speak TLS, and with what.
    pub tls: TlsSettings,
    /// What transactions over others may reach.
    pub tx: TxSettings,
    /// Which of these were not filled in.
    pub explicit: Explicit,
    /// How the loop goes about its work.
    pub tuning: Tuning,
}

impl Config {
    /// Where Redis clients connect with TLS, if they can.
    #[must_use]
    pub fn tls_listen(&self) -> Option<SocketAddr> {
        self.tls.port.map(|port| SocketAddr::new(self.listen.ip(), port))
    }

    /// Whether Redis clients connect with TLS only.
    #[must_use]
    pub fn is_tls_only(&self) -> bool {
        self.tls_listen() == Some(self.listen)
    }

    /// Whether the values make sense together.
    ///
    /// # Errors
    /// The first thing that does not, in words for the operator.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let refuse = |reason: String| Err(ConfigError(reason));
        let nodes = self.initial_cluster.len();
        if self.initial_cluster.contains_key(&NodeId(0)) {
            return refuse("a node id of 0: ids count from 1".into());
        }
        if !self.initial_cluster.contains_key(&self.node_id) {
            return refuse(format!("node {} is not in the initial cluster", self.node_id));
        }
        if nodes > limits::NODES_MAX {
            return refuse(format!("{nodes} nodes, at most {} are possible", limits::NODES_MAX));
        }
        if !(1..=WORKERS_MAX).contains(&self.workers) {
            return refuse(format!("{} workers, possible are 1 to {WORKERS_MAX}", self.workers));
        }
        if !(1..=limits::PARTITIONS_MAX).contains(&self.partitions) {
            let max = limits::PARTITIONS_MAX;
            return refuse(format!("{} partitions, possible are 1 to {max}", self.partitions));
        }
        if !(1..=nodes).contains(&(self.replicas as usize)) {
            return refuse(format!(
                "{} replicas of each partition, possible are 1 to {nodes}, the number of nodes",
                self.replicas
            ));
        }
        if self.tuning.spin_us > SPIN_US_MAX {
            let us = self.tuning.spin_us;
            return refuse(format!("{us} us of spinning, at most {SPIN_US_MAX} are possible"));
        }
        self.tls.validate().map_err(ConfigError)?;
        self.validate_namespaces()?;
        let mut addresses = vec![self.listen, self.peer_listen, self.http];
        addresses.extend(self.zookeeper.iter().map(|served| served.listen));
        addresses.extend(self.tls_listen().filter(|address| *address != self.listen));
        for (i, address) in addresses.iter().enumerate() {
            if address.port() != 0 && addresses[..i].contains(address) {
                return refuse(format!(
                    "two of listen, peer-listen, http, zookeeper and tls-port are {address}"
                ));
            }
        }
        Ok(())
    }

    fn validate_namespaces(&self) -> Result<(), ConfigError> {
        for (i, ZookeeperListen { namespace, .. }) in self.zookeeper.iter().enumerate() {
            let is_default = namespace == DEFAULT_NAMESPACE;
            if !is_default && !is_namespace(namespace) {
                return Err(ConfigError(format!(
                    "zookeeper: `{namespace}` is no name of a namespace; it has 1 to {NAMESPACE_BYTES_MAX} letters, digits, \
                     `-`, `_` and `.`"
                )));
            }
            if self.zookeeper[..i].iter().any(|before| before.namespace == *namespace) {
                let which = match is_default {
                    true => "the default namespace".to_owned(),
                    false => format!("the namespace `{namespace}`"),
                };
                return Err(ConfigError(format!("zookeeper: {which} is served twice")));
            }
        }
        Ok(())
    }
}

/// Where ZooKeeper's clients find a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZookeeperListen {
    /// Where they connect.
    pub listen: SocketAddr,
    /// The namespace's name; empty for the default one.
    pub namespace: String,
}

/// What is wrong with a configuration, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn good() -> Config {
        Config {
            node_id: NodeId(1),
            data: "data".into(),
            listen: "127.0.0.1:6379".parse().unwrap(),
            peer_listen: "127.0.0.1:16379".parse().unwrap(),
            http: "127.0.0.1:26379".parse().unwrap(),
            zookeeper: Vec::new(),
            zookeeper_super_digest: None,
            durability: Durability::Always,
            workers: 1,
            partitions: default_partitions(1, 1),
            replicas: 1,
            engine: Engine::Raft,
            initial_cluster: BTreeMap::from([(NodeId(1), "127.0.0.1:16379".into())]),
            join: None,
            lease_reads: false,
            debug_command: false,
            weight: None,
            zone: None,
            maxmemory: 0,
            password: None,
            tls: TlsSettings::default(),
            tx: TxSettings::default(),
            explicit: Explicit::default(),
            tuning: Tuning::default(),
        }
    }

    fn at(port: u16, namespace: &str) -> ZookeeperListen {
        let listen = SocketAddr::from(([127, 0, 0, 1], port));
        ZookeeperListen { listen, namespace: namespace.to_owned() }
    }

    #[test]
    fn each_contradiction_is_named() {
        assert_eq!(good().validate(), Ok(()));
        type Change = fn(&mut Config);
        let cases: [(Change, &str); 13] = [
            (|c| c.node_id = NodeId(2), "node 2 is not in"),
            (|c| drop(c.initial_cluster.insert(NodeId(0), String::new())), "count from 1"),
            (|c| c.workers = 0, "0 workers"),
            (|c| c.partitions = 0, "0 partitions"),
            (|c| c.partitions = 5000, "5000 partitions"),
            (|c| c.replicas = 2, "1 to 1, the number of nodes"),
            (|c| c.replicas = 0, "0 replicas"),
            (|c| c.tuning.spin_us = 10_001, "10001 us of spinning"),
            (|c| c.http = c.listen, "two of listen"),
            (|c| c.zookeeper = vec![at(c.listen.port(), "")], "two of listen"),
            (|c| c.zookeeper = vec![at(1, "a"), at(2, "a")], "namespace `a` is served twice"),
            (|c| c.zookeeper = vec![at(1, ""), at(2, "")], "default namespace is served twice"),
            (|c| c.zookeeper = vec![at(1, "a/b")], "`a/b` is no name"),
        ];
        for (spoil, reason) in cases {
            let mut config = good();
            spoil(&mut config);
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_cluster_that_exists_is_not_changed_by_options() {
        use synod_ring::{MetaCommand, NodeInfo};
        let nodes = (1..=3).map(|id| (NodeId(id), NodeInfo::default())).collect();
        let mut map = ClusterMap::default();
        let all = Explicit { initial_cluster: true, partitions: Some(9), replicas: Some(1) };
        assert_eq!(all.agrees(&good(), &map), Ok(()), "nothing is made yet");
        let cluster = ClusterId(1);
        let found = MetaCommand::Found { cluster, partitions: 4, replicas: 3, nodes, engine: None };
        map.apply(found).unwrap();
        let says = |explicit: Explicit| explicit.agrees(&good(), &map).map_err(|e| e.to_string());
        let none = Explicit::default();
        assert_eq!(says(none.clone()), Ok(()));
        let same = Explicit { partitions: Some(4), replicas: Some(3), ..none.clone() };
        assert_eq!(says(same), Ok(()));
        for (explicit, reason) in [
            (Explicit { partitions: Some(5), ..none.clone() }, "--partitions 5, but"),
            (Explicit { replicas: Some(2), ..none.clone() }, "made with 3"),
            (Explicit { initial_cluster: true, ..none }, "names the nodes 1, but"),
        ] {
            let refused = says(explicit).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
    }

    #[test]
    fn what_a_cluster_was_founded_with_stays_what_it_was_made_with() {
        use synod_ring::{MetaCommand, NodeInfo, Reshape};
        use synod_types::{ClusterId, Epoch, PartitionId, Slot};
        let nodes = [(NodeId(1), NodeInfo::default())].into();
        let (cluster, partition, child) = (ClusterId(1), PartitionId(4), PartitionId(5));
        let mut map = ClusterMap::default();
        for command in [
            MetaCommand::Found { cluster, partitions: 4, replicas: 1, nodes, engine: None },
            MetaCommand::Reshape(Reshape::Split { partition, at: Slot(16_000) }),
            MetaCommand::Reshape(Reshape::Halved { partition, child, epoch: Epoch(1) }),
        ] {
            map.apply(command).unwrap();
        }
        let says = |partitions| {
            let explicit = Explicit { partitions: Some(partitions), ..Explicit::default() };
            explicit.agrees(&good(), &map)
        };
        assert_eq!((map.partitions().len(), says(4)), (5, Ok(())));
        assert!(says(5).is_err(), "it was founded with four");
    }

    #[test]
    fn choices_read_back_as_they_are_spelled() {
        let password: Password = "a b".parse().unwrap();
        assert_eq!(format!("{password:?}"), "Password(..)");
        assert_eq!(password.request(), "*2\r\n$4\r\nAUTH\r\n$3\r\na b\r\n");
        assert!("".parse::<Password>().is_err());
        for durability in Durability::ALL {
            assert_eq!(durability.as_str().parse(), Ok(durability));
        }
        for engine in Engine::ALL {
            assert_eq!(engine.as_str().parse(), Ok(engine));
        }
        assert!("Always".parse::<Durability>().is_err());
        assert!("Paxos".parse::<Engine>().is_err());
    }
}
