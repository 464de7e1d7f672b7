//! The four-letter words that people and monitors send instead of a session.

use crate::gate::{TIMEOUT_MS_MAX, TIMEOUT_MS_MIN};
use crate::latency::Latency;
use crate::surroundings::Mode;
use std::fmt::Write;
use synod_tree::{Census, Request};
use synod_types::limits;

/// What the words tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    pub connections: usize,
    pub watching: usize,
    pub watches: usize,
    pub paths: usize,
    pub outstanding: usize,
    pub received: u64,
    pub sent: u64,
    pub latency: Latency,
    pub zxid: i64,
    /// Whether the tree answers.
    pub serving: bool,
    /// Whether what the replica here has is served to those who take it.
    pub read_only: bool,
}

/// The version of ZooKeeper whose protocol is spoken; clients look at it.
const VERSION: &str = "3.8.0-synod, built on 2022-02-25 08:49 UTC";
/// Words of ZooKeeper that ask for what there is not here: traces, and what its own files hold.
const REFUSED: [&[u8; 4]; 6] = [b"dirs", b"hash", b"gtmk", b"stmk", b"lsnp", b"lead"];

/// What is answered when the tree cannot be asked.
pub(crate) const DOWN: &str = "This ZooKeeper instance is not currently serving requests\n";

/// Whether the tree has to be asked for the answer to a word.
pub(crate) fn asks_the_tree(word: [u8; 4]) -> Option<Request<'static>> {
    match &word {
        b"srvr" | b"stat" | b"mntr" => Some(Request::Census),
        b"dump" => Some(Request::Dump),
        _ => None,
    }
}

/// The answer to a word that is given without the tree; `None` when it is none.
pub(crate) fn answer(word: [u8; 4], facts: Facts) -> Option<String> {
    let Facts { watching, watches, paths, .. } = facts;
    Some(match &word {
        b"ruok" => "imok".to_owned(),
        b"isro" => match facts {
            Facts { serving: true, .. } => "rw",
            Facts { read_only: true, .. } => "ro",
            _ => "null",
        }
        .to_owned(),
        b"envi" => format!("Environment:\nzookeeper.version={VERSION}\n"),
        b"conf" => format!(
            "tickTime=2000\nminSessionTimeout={TIMEOUT_MS_MIN}\nmaxSessionTimeout={TIMEOUT_MS_MAX}\n\
             maxClientCnxns={}\njute.maxbuffer={}\n",
            limits::CLIENTS_MAX,
            synod_wire::jute::FRAME_BYTES_MAX
        ),
        b"srst" => "Server stats reset.\n".to_owned(),
        b"crst" => "Connection stats reset.\n".to_owned(),
        b"wchs" => {
            format!("{watching} connections watching {paths} paths\nTotal watches:{watches}\n")
        }
        word if REFUSED.contains(&word) => {
            let word = String::from_utf8_lossy(word);
            format!("{word} is not executed because it is not in the whitelist.\n")
        }
        _ => return None,
    })
}

/// The answer to a word with what the tree says of itself. `clients` lists the connections.
pub(crate) fn tell(
    word: [u8; 4],
    facts: Facts,
    mode: Mode,
    census: Census,
    clients: &dyn Fn() -> String,
) -> String {
    if word == *b"mntr" {
        return monitor(facts, mode, census);
    }
    let Facts { connections, outstanding, received, sent, zxid, latency, .. } = facts;
    let (least, mean, most) = (latency.min_ms(), latency.mean_ms(), latency.max_ms());
    let (mode, znodes) = (mode.name(), census.znodes);
    let clients = match &word {
        b"stat" => format!("Clients:\n{}\n", clients()),
        _ => String::new(),
    };
    format!(
        "Zookeeper version: {VERSION}\n{clients}Latency min/avg/max: {least}/{mean}/{most}\nReceived: {received}\nSent: {sent}\nConnections: {connections}\n\
         Outstanding: {outstanding}\nZxid: {zxid:#x}\nMode: {mode}\nNode count: {znodes}\n"
    )
}

fn monitor(facts: Facts, mode: Mode, census: Census) -> String {
    let mut text = format!(
        "zk_version\t{VERSION}\nzk_server_state\t{}\nzk_avg_latency\t{}\n",
        mode.name(),
        facts.latency.mean_ms()
    );
    for (name, value) in [
        ("zk_max_latency", facts.latency.max_ms()),
        ("zk_min_latency", facts.latency.min_ms()),
        ("zk_packets_received", facts.received),
        ("zk_packets_sent", facts.sent),
        ("zk_num_alive_connections", facts.connections as u64),
        ("zk_outstanding_requests", facts.outstanding as u64),
        ("zk_znode_count", census.znodes),
        ("zk_watch_count", facts.watches as u64),
        ("zk_ephemerals_count", census.ephemerals),
        ("zk_approximate_data_size", census.bytes),
        ("zk_global_sessions", census.sessions),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}\t{value}");
    }
    text
}
