//! The four-letter words that people and monitors send instead of a session.

use crate::gate::{TIMEOUT_MS_MAX, TIMEOUT_MS_MIN};
use std::fmt::Write;
use synod_types::limits;

/// What the words tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    pub connections: usize,
    pub watches: usize,
    pub outstanding: usize,
    pub received: u64,
    pub sent: u64,
    pub zxid: i64,
    /// Whether the tree answers.
    pub serving: bool,
}

/// The version of ZooKeeper whose protocol is spoken; clients look at it.
const VERSION: &str = "3.8.0-synod, built on 2022-02-25 08:49 UTC";

/// The answer to a word; `None` when it is none that is served.
pub(crate) fn answer(word: [u8; 4], facts: Facts) -> Option<String> {
    let mode = "standalone";
    let Facts { connections, watches, outstanding, received, sent, zxid, serving } = facts;
    let stat = || {
        format!(
            "Received: {received}\nSent: {sent}\nConnections: {connections}\nOutstanding: {outstanding}\n\
             Zxid: {zxid:#x}\nMode: {mode}\n"
        )
    };
    const DOWN: &str = "This ZooKeeper instance is not currently serving requests\n";
    Some(match &word {
        b"ruok" => "imok".to_owned(),
        b"isro" => if serving { "rw" } else { "null" }.to_owned(),
        b"srvr" | b"stat" if !serving => DOWN.to_owned(),
        b"srvr" => format!("Zookeeper version: {VERSION}\n{}", stat()),
        b"stat" => format!("Zookeeper version: {VERSION}\nClients:\n\n{}", stat()),
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
            format!("{connections} connections watching {watches} paths\nTotal watches:{watches}\n")
        }
        b"mntr" => {
            let mut text = format!("zk_version\t{VERSION}\n");
            for (name, value) in [
                ("zk_packets_received", received),
                ("zk_packets_sent", sent),
                ("zk_num_alive_connections", connections as u64),
                ("zk_outstanding_requests", outstanding as u64),
                ("zk_watch_count", watches as u64),
            ] {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{name}\t{value}");
            }
            text.push_str("zk_server_state\tstandalone\n");
            text
        }
        _ => return None,
    })
}
