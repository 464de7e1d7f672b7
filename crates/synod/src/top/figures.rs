//! What the nodes answer, and the whole that it makes.

use crate::http;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::thread;

/// What hot keys and partitions are sorted by.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Requests per second
    #[default]
    Ops,
    /// Bytes of requests and replies per second
    Bytes,
    /// Processor time
    Cpu,
}

/// What `/top` of one node answers. Unknown fields are passed over, so that an older program can ask a newer node.
#[derive(Clone, Deserialize, Debug, Default)]
#[serde(default)]
pub struct Answer {
    pub cluster: String,
    pub node: u64,
    pub version: String,
    pub not_serving: Option<String>,
    pub clients: u64,
    pub commands_per_s: u64,
    pub net_in_per_s: u64,
    pub net_out_per_s: u64,
    pub rss_bytes: u64,
    pub read_latency: Latency,
    pub write_latency: Latency,
    pub sample_ratio: u32,
    pub nodes: Vec<Node>,
    pub partitions: Vec<Partition>,
    pub moves: Vec<Move>,
    pub hot_keys: Vec<HotKey>,
    pub big_keys: Vec<BigKey>,
}

#[derive(Clone, Copy, Deserialize, Debug, Default)]
#[serde(default)]
pub struct Latency {
    pub p50_us: u64,
    pub p99_us: u64,
}

#[derive(Clone, Deserialize, Debug, Default)]
#[serde(default)]
pub struct Node {
    pub id: u64,
    pub listen: String,
    pub http: String,
    pub draining: bool,
    pub drained: bool,
}

#[derive(Clone, Deserialize, Debug, Default)]
#[serde(default)]
pub struct Partition {
    pub id: u32,
    pub slots: (u16, u16),
    /// The node that answered.
    #[serde(skip)]
    pub leader: u64,
    pub replicas: Vec<u64>,
    pub keys: u64,
    pub bytes: u64,
    pub lag_entries: u64,
    pub ops_per_s: f64,
    pub net_bytes_per_s: f64,
    pub cpu_us_per_s: f64,
}

#[derive(Clone, Deserialize, Debug, Default, PartialEq)]
#[serde(default)]
pub struct Move {
    pub partition: u32,
    pub from: Vec<u64>,
    pub to: Vec<u64>,
}

#[derive(Clone, Deserialize, Debug, Default)]
#[serde(default)]
pub struct HotKey {
    pub key: String,
    pub partition: u32,
    pub ops_per_s: f64,
    pub net_bytes_per_s: f64,
    pub cpu_us_per_s: f64,
}

#[derive(Clone, Deserialize, Debug, Default)]
#[serde(default)]
pub struct BigKey {
    pub key: String,
    pub partition: u32,
    pub bytes: u64,
}

impl Order {
    fn of(self, ops: f64, bytes: f64, cpu: f64) -> f64 {
        match self {
            Self::Ops => ops,
            Self::Bytes => bytes,
            Self::Cpu => cpu,
        }
    }
}

/// Asks one node.
pub fn ask(address: &str) -> Result<Answer> {
    let body = http::get(address, "/top")?;
    serde_json::from_slice(&body).context("it does not answer as a Synod node does")
}

/// Asks the other nodes that one has named, all at once. Who does not answer is left empty.
pub fn ask_others(first: Answer) -> Vec<(Node, Option<Answer>)> {
    let nodes = first.nodes.clone();
    let asked: Vec<_> = nodes
        .into_iter()
        .map(|node| {
            let own = (node.id == first.node).then(|| first.clone());
            let address = node.http.clone();
            let asked = own.is_none().then(|| thread::spawn(move || ask(&address).ok()));
            (node, own, asked)
        })
        .collect();
    asked
        .into_iter()
        .map(|(node, own, asked)| {
            let other = asked.and_then(|asked| asked.join().ok().flatten());
            let is_it = |answer: &Answer| answer.node == node.id && answer.cluster == first.cluster;
            let answer = own.or(other.filter(is_it));
            (node, answer)
        })
        .collect()
}

/// All that is known.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    pub name: String,
    pub nodes: Vec<(Node, Option<Answer>)>,
    pub partitions: Vec<Partition>,
    pub moves: Vec<Move>,
    pub hot_keys: Vec<HotKey>,
    pub big_keys: Vec<BigKey>,
    pub sample_ratio: u32,
}

impl Cluster {
    /// Puts the answers together.
    pub fn of(nodes: Vec<(Node, Option<Answer>)>) -> Self {
        let answers: Vec<&Answer> =
            nodes.iter().filter_map(|(_, answer)| answer.as_ref()).collect();
        let mut partitions = BTreeMap::new();
        let mut hot: BTreeMap<(u32, &str), HotKey> = BTreeMap::new();
        let mut big: BTreeMap<(u32, &str), BigKey> = BTreeMap::new();
        for answer in &answers {
            for partition in &answer.partitions {
                let partition = Partition { leader: answer.node, ..partition.clone() };
                partitions.insert(partition.id, partition);
            }
            for key in &answer.hot_keys {
                let known = hot.entry((key.partition, &key.key)).or_insert_with(|| HotKey {
                    key: key.key.clone(),
                    partition: key.partition,
                    ..HotKey::default()
                });
                known.ops_per_s += key.ops_per_s;
                known.net_bytes_per_s += key.net_bytes_per_s;
                known.cpu_us_per_s += key.cpu_us_per_s;
            }
            for key in &answer.big_keys {
                let known = big.entry((key.partition, &key.key)).or_insert_with(|| key.clone());
                known.bytes = known.bytes.max(key.bytes);
            }
        }
        let longest = answers.iter().map(|answer| &answer.moves).max_by_key(|moves| moves.len());
        let mut big_keys: Vec<BigKey> = big.into_values().collect();
        big_keys.sort_by_key(|key| std::cmp::Reverse(key.bytes));
        Self {
            name: answers.first().map(|answer| answer.cluster.clone()).unwrap_or_default(),
            partitions: partitions.into_values().collect(),
            moves: longest.cloned().unwrap_or_default(),
            hot_keys: hot.into_values().collect(),
            big_keys,
            sample_ratio: answers.iter().map(|answer| answer.sample_ratio).max().unwrap_or(0),
            nodes,
        }
    }

    /// The nodes that do not answer.
    pub fn silent(&self) -> Vec<String> {
        let silent = self.nodes.iter().filter(|(_, answer)| answer.is_none());
        silent.map(|(node, _)| node.id.to_string()).collect()
    }

    /// The hot keys, the hottest first.
    pub fn hot_by(&self, order: Order) -> Vec<&HotKey> {
        let cost = |k: &HotKey| order.of(k.ops_per_s, k.net_bytes_per_s, k.cpu_us_per_s);
        let mut hot: Vec<&HotKey> = self.hot_keys.iter().collect();
        hot.sort_by(|a, b| cost(b).total_cmp(&cost(a)).then_with(|| a.key.cmp(&b.key)));
        hot
    }

    /// The partitions, the busiest first.
    pub fn busiest_by(&self, order: Order) -> Vec<&Partition> {
        let cost = |p: &Partition| order.of(p.ops_per_s, p.net_bytes_per_s, p.cpu_us_per_s);
        let mut busiest: Vec<&Partition> = self.partitions.iter().collect();
        busiest.sort_by(|a, b| cost(b).total_cmp(&cost(a)).then_with(|| a.id.cmp(&b.id)));
        busiest
    }
}
