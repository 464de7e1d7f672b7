//! `synod status`: what a node says of its cluster, as a table.

use crate::calls::CallOptions;
use crate::http;
use crate::settings::Address;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What to ask, and how to print it.
#[derive(clap::Args, Debug)]
pub struct StatusOptions {
    /// The HTTP address of any node
    #[arg(long, env = "SYNOD_HTTP", value_name = "HOST:PORT", default_value = "127.0.0.1:26379")]
    http: Address,

    #[command(flatten)]
    calls: CallOptions,

    /// Print the node's own JSON instead of tables
    #[arg(long)]
    json: bool,
}

/// What `/status` answers. Unknown fields are passed over, so that an older program can ask a newer node.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub struct Status {
    /// The cluster's number, in hexadecimal.
    cluster: String,
    /// The node that answers.
    node: u64,
    /// Its version.
    version: String,
    /// `always`, `everysec` or `none`.
    /// Empty from a node that is too old to say.
    #[serde(default)]
    engine: String,
    durability: String,
    /// Client connections of the answering node.
    clients: u64,
    /// What they ask of it.
    commands_per_s: u64,
    disk_full: bool,
    /// Why the answering node does not serve.
    not_serving: Option<String>,
    /// The members that lost their data and are coming back.
    replacing: Vec<u64>,
    /// New data directories that want the seat of a member.
    knocking: Vec<Knocking>,
    /// The engine that the cluster was founded with.
    founded_with: String,
    /// Where the answering node serves clients with TLS.
    pub tls_port: Option<u16>,
    /// Partitions that are being moved to other nodes.
    moving: Vec<u32>,
    /// Partitions that are being split.
    splitting: Vec<u32>,
    /// Partitions that are being merged, or have absorbed one that is not dropped yet.
    merging: Vec<u32>,
    nodes: Vec<Node>,
    partitions: Vec<Partition>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(default)]
struct Knocking {
    node: u64,
    incarnation: String,
    /// It is reached elsewhere than the member was, so it waits for an operator.
    elsewhere: bool,
}

#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub struct Node {
    pub id: u64,
    /// Where clients connect.
    pub listen: String,
    pub peer_listen: String,
    http: String,
    /// Which data directory it has, in hexadecimal.
    pub incarnation: String,
    /// Whether the answering node hears from it.
    pub up: bool,
    /// Its share of replicas; 0 from builds that tell of none.
    pub weight: u32,
    /// What fails as one with it.
    pub zone: String,
    /// Whether it is to hold nothing any more, and whether it does not.
    draining: bool,
    /// Whether the metadata group does without it.
    pub retired: bool,
    pub drained: bool,
}

impl Node {
    /// How it is, in a word.
    pub fn state(&self) -> &'static str {
        match (self.up, self.draining, self.drained) {
            (_, _, true) => "drained",
            (true, true, _) => "draining",
            (false, true, _) => "down, draining",
            (true, false, _) => "up",
            (false, false, _) => "down",
        }
    }
}

#[derive(Deserialize, Debug, Default)]
#[serde(default)]
struct Partition {
    id: u32,
    /// First and last slot; absent for the metadata group, which has none.
    slots: Option<(u16, u16)>,
    leader: Option<u64>,
    replicas: Vec<u64>,
    /// These only of a group that has a replica on the answering node.
    engine: Option<String>,
    term: Option<u64>,
    commit: Option<u64>,
    keys: Option<u64>,
    /// How many entries each follower is behind; only the leader's node knows.
    lag: BTreeMap<u64, u64>,
}

/// Asks and prints.
pub fn run(options: &StatusOptions) -> Result<()> {
    options.calls.begin()?;
    let address = options.http.to_string();
    let (body, mut status) = ask(&address)
        .with_context(|| format!("no status from {address}: is a node running there? (--http)"))?;
    if options.json {
        println!("{}", String::from_utf8_lossy(&body).trim_end());
    } else {
        status.complete();
        print!("{}", tables(&status));
    }
    status.complaint().map_or(Ok(()), |complaint| bail!(complaint))
}

/// The partitions as a table.
pub fn partition_table(status: &Status) -> String {
    let mut rows =
        vec![["PARTITION", "SLOTS", "LEADER", "REPLICAS", "KEYS", "STATE"].map(String::from)];
    for partition in &status.partitions {
        let Some((first, last)) = partition.slots else { continue };
        let text = |n: Option<u64>| n.map_or("-".to_owned(), |n| n.to_string());
        let replicas: Vec<_> = partition.replicas.iter().map(u64::to_string).collect();
        let is_in = |those: &[u32]| those.contains(&partition.id);
        let state = match [&status.splitting, &status.merging, &status.moving].map(|of| is_in(of)) {
            [true, ..] => "splitting",
            [_, true, _] => "merging",
            [.., true] => "moving",
            _ => "-",
        };
        rows.push([
            partition.id.to_string(),
            format!("{first}-{last}"),
            text(partition.leader),
            replicas.join(","),
            text(partition.keys),
            state.to_owned(),
        ]);
    }
    let mut out = String::new();
    columns(&mut out, &rows);
    out
}

impl Status {
    /// What the node at this HTTP address says, and what the leaders say of their groups.
    pub fn whole(address: &str) -> Result<Self> {
        let (_, mut status) = ask(address)?;
        status.complete();
        Ok(status)
    }

    /// Where the answering node serves clients.
    pub fn listen_of_answering(&self) -> Option<&str> {
        let node = self.nodes.iter().find(|node| node.id == self.node)?;
        Some(node.listen.as_str()).filter(|listen| !listen.is_empty())
    }

    /// Whether a member that lost its data is coming back.
    pub fn is_replacing(&self, node: u64) -> bool {
        self.replacing.contains(&node)
    }

    /// Whether the answering node hears a member.
    pub fn is_up(&self, id: u64) -> bool {
        self.nodes.iter().any(|node| node.id == id && node.up)
    }

    /// The new data directory that is to have the seat of this member, where it may.
    pub fn successor_of(&self, id: u64, incarnation: Option<&str>) -> Result<&str> {
        let Some(node) = self.nodes.iter().find(|node| node.id == id) else {
            bail!("node {id} is not a member of this cluster");
        };
        if node.up {
            bail!("node {id} is up, with the data directory that the cluster knows");
        }
        if let Some(group) = self.partitions.iter().find(|group| !self.outlives(group, id)) {
            bail!(self.why_not(group, id));
        }
        let knocking = self.knocking.iter().filter(|knock| knock.node == id);
        let wanted = |knock: &&Knocking| incarnation.is_none_or(|i| i == knock.incarnation);
        let found: Vec<&str> =
            knocking.filter(wanted).map(|knock| knock.incarnation.as_str()).collect();
        match found[..] {
            [one] => Ok(one),
            [] => bail!(
                "no new data directory asks node {} for the seat of node {id}: start node {id} with an empty --data \
                 directory and an --initial-cluster that names the others, wait some seconds, and ask again",
                self.node
            ),
            _ => bail!(
                "several new data directories ask for the seat of node {id}: {}; stop all but one, or choose by --incarnation",
                found.join(", ")
            ),
        }
    }

    /// Whether the group goes on without this node: a majority of its voters is up and not it.
    fn outlives(&self, group: &Partition, without: u64) -> bool {
        let left = group.replicas.iter().filter(|id| **id != without && self.is_up(**id)).count();
        !group.replicas.contains(&without) || 2 * left > group.replicas.len()
    }

    fn why_not(&self, group: &Partition, id: u64) -> String {
        let name = match group.slots {
            None => "the metadata group".to_owned(),
            Some((first, last)) => format!("partition {} (slots {first}-{last})", group.id),
        };
        match group.replicas.len() {
            1 => format!(
                "node {id} held the only copy of {name}: what it held is gone with its data directory, and no other node can \
                 take it over. Bring the old directory back if there is any way to"
            ),
            all => format!(
                "{name} cannot go on without node {id}: too few of its {all} voters ({}) are up to be a majority that does \
                 not count it. Nothing was changed; start the others, or bring the old directory of node {id} back",
                join(group.replicas.iter())
            ),
        }
    }

    /// The cluster's number, in hexadecimal.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The engine that the cluster was founded with.
    pub fn founded_with(&self) -> &str {
        &self.founded_with
    }

    /// All members.
    pub fn members(&self) -> &[Node] {
        &self.nodes
    }

    /// One member.
    pub fn member(&self, node: u64) -> Option<&Node> {
        self.nodes.iter().find(|member| member.id == node)
    }

    /// How many groups a node leads.
    pub fn led_by(&self, node: u64) -> usize {
        self.partitions.iter().filter(|p| p.leader == Some(node)).count()
    }

    /// How many groups a node has a replica of.
    pub fn held_by(&self, node: u64) -> usize {
        self.partitions.iter().filter(|p| p.replicas.contains(&node)).count()
    }

    /// The partitions that are being moved.
    pub fn moving(&self) -> &[u32] {
        &self.moving
    }

    /// The groups that are not known to run this engine.
    pub fn groups_not_running(&self, engine: &str) -> Vec<u32> {
        let others = self.partitions.iter().filter(|p| p.engine.as_deref() != Some(engine));
        others.map(|p| p.id).collect()
    }

    /// What runs, in words.
    pub fn engines(&self) -> String {
        let left = self.groups_not_running(&self.engine).len();
        match left {
            0 => format!("all {} groups run {}\n", self.partitions.len(), self.engine),
            _ => format!("moving to {}: {left} groups left\n", self.engine),
        }
    }
}

fn ask(address: &str) -> Result<(Vec<u8>, Status)> {
    let body = http::get(address, "/status")?;
    let status =
        serde_json::from_slice(&body).context("it does not answer as a Synod node does")?;
    Ok((body, status))
}

impl Status {
    /// Asks the other leaders about their groups, which they know best. Whoever does not answer leaves
    /// gaps in the table.
    fn complete(&mut self) {
        let here = self.node;
        for node in self.nodes.iter().filter(|node| node.up && node.id != here) {
            let leads = |p: &Partition| p.leader == Some(node.id);
            if node.http.is_empty() || !self.partitions.iter().any(leads) {
                continue;
            }
            let Ok((_, theirs)) = ask(&node.http) else { continue };
            let theirs: BTreeMap<u32, Partition> =
                theirs.partitions.into_iter().filter(leads).map(|p| (p.id, p)).collect();
            for (id, partition) in theirs {
                if let Some(ours) = self.partitions.iter_mut().find(|p| p.id == id && leads(p)) {
                    *ours = partition;
                }
            }
        }
    }

    /// What is not as it should be.
    fn complaint(&self) -> Option<String> {
        let down = self.nodes.iter().filter(|node| !node.up).count();
        let headless = self.partitions.iter().filter(|p| p.leader.is_none()).count();
        let mut complaints: Vec<String> = self.not_serving.iter().cloned().collect();
        if down > 0 {
            complaints.push(format!("{down} of {} nodes down", self.nodes.len()));
        }
        if headless > 0 && self.not_serving.is_none() {
            complaints
                .push(format!("{headless} of {} groups without a leader", self.partitions.len()));
        }
        (!complaints.is_empty()).then(|| complaints.join(", "))
    }
}

fn tables(status: &Status) -> String {
    let mut out = format!(
        "cluster {}, as node {} sees it (synod {}, engine {}, durability {}, {} clients, {} commands/s)\n\n",
        status.cluster,
        status.node,
        status.version,
        status.engine,
        status.durability,
        status.clients,
        status.commands_per_s
    );
    let mut nodes =
        vec![["NODE", "STATE", "CLIENTS", "PEERS", "HTTP", "LEADS", "HOLDS"].map(String::from)];
    for node in &status.nodes {
        let (leads, holds) = (status.led_by(node.id), status.held_by(node.id));
        nodes.push([
            node.id.to_string(),
            node.state().into(),
            node.listen.clone(),
            node.peer_listen.clone(),
            node.http.clone(),
            leads.to_string(),
            holds.to_string(),
        ]);
    }
    columns(&mut out, &nodes);
    for node in &status.replacing {
        let _ = writeln!(out, "node {node} lost its data and is being taken in again");
    }
    for Knocking { node, incarnation, .. } in status.knocking.iter().filter(|k| k.elsewhere) {
        let _ = writeln!(
            out,
            "a new data directory ({incarnation}) asks for the seat of node {node} from another address: `synod node \
             replace {node}` lets it in"
        );
    }
    out.push('\n');
    let mut groups = vec![
        ["GROUP", "SLOTS", "LEADER", "REPLICAS", "ENGINE", "KEYS", "TERM", "COMMIT", "LAG"]
            .map(String::from),
    ];
    groups.extend(status.partitions.iter().map(group_row));
    columns(&mut out, &groups);
    out
}

fn group_row(partition: &Partition) -> [String; 9] {
    let known = |n: Option<u64>| n.map_or("-".into(), |n| n.to_string());
    [
        if partition.slots.is_none() { "meta".into() } else { partition.id.to_string() },
        partition.slots.map_or("-".into(), |(first, last)| format!("{first}-{last}")),
        partition.leader.map_or("none".into(), |leader| leader.to_string()),
        join(partition.replicas.iter()),
        partition.engine.clone().unwrap_or_else(|| "-".into()),
        if partition.slots.is_none() { "-".into() } else { known(partition.keys) },
        known(partition.term),
        known(partition.commit),
        if partition.lag.is_empty() {
            "-".into()
        } else {
            join(partition.lag.iter().map(|(node, lag)| format!("{node}:{lag}")))
        },
    ]
}

fn join(items: impl Iterator<Item = impl ToString>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}

/// Left-aligned columns, two spaces apart.
pub fn columns<const N: usize>(out: &mut String, rows: &[[String; N]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_shown_as_columns() {
        let status: Status = serde_json::from_str(
            r#"{"cluster":"00000000000000ab","node":1,"version":"0.1.0","engine":"paxos","durability":"always","later":1,
                "clients":3,"commands_per_s":70,
                "nodes":[
                  {"id":1,"listen":"127.0.0.1:6379","peer_listen":"127.0.0.1:16379","http":"127.0.0.1:26379","up":true},
                  {"id":2,"listen":"127.0.0.1:6380","peer_listen":"127.0.0.1:16380","http":"127.0.0.1:26380","up":false}],
                "partitions":[
                  {"id":0,"leader":1,"replicas":[1,2],"engine":"paxos","term":2,"commit":5,"lag":{"2":1}},
                  {"id":1,"slots":[0,16383],"leader":null,"replicas":[1,2],"term":3,"commit":9,"keys":8}]}"#,
        )
        .unwrap();
        let expected = "\
cluster 00000000000000ab, as node 1 sees it (synod 0.1.0, engine paxos, durability always, 3 clients, 70 commands/s)

NODE  STATE  CLIENTS         PEERS            HTTP             LEADS  HOLDS
1     up     127.0.0.1:6379  127.0.0.1:16379  127.0.0.1:26379  1      2
2     down   127.0.0.1:6380  127.0.0.1:16380  127.0.0.1:26380  0      2

GROUP  SLOTS    LEADER  REPLICAS  ENGINE  KEYS  TERM  COMMIT  LAG
meta   -        1       1,2       paxos   -     2     5       2:1
1      0-16383  none    1,2       -       8     3     9       -
";
        assert_eq!(tables(&status), expected);
        let complaint = status.complaint().unwrap();
        assert_eq!(status.groups_not_running("paxos"), [1]);
        assert_eq!(status.engines(), "moving to paxos: 1 groups left\n");
        assert_eq!(complaint, "1 of 2 nodes down, 1 of 2 groups without a leader");
    }
}
