//! Where settings come from besides the command line, and what all commands check alike.

use anyhow::{Context, Result};
use serde::Serializer;
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::str::FromStr;
use synod_types::NodeId;

/// The settings do not make sense: exit code 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Variables with our prefix that are no settings: what the project's own tools tell each other.
const OF_TOOLS: [&str; 6] = [
    "SYNOD_BIN",
    "SYNOD_ALWAYS",
    "SYNOD_EVERYSEC",
    "SYNOD_NONE",
    "SYNOD_COMMIT",
    "SYNOD_CHAOS_INSIDE",
];
/// What `synod elect` puts into the environment of the program that it runs.
pub const OF_AN_ELECTION: [&str; 2] = ["SYNOD_LOCK", "SYNOD_TOKEN"];
/// What Kubernetes puts into the environment of every container for a service that is called `synod`.
const OF_A_SERVICE: [&str; 2] = ["SYNOD_SERVICE_", "SYNOD_PORT"];

/// Refuses a variable that looks like a setting and is none: it would have no effect.
pub fn check_variables<'a>(
    given: impl IntoIterator<Item = &'a str>,
    known: &BTreeSet<String>,
) -> Result<(), Usage> {
    let is_ours = |name: &&str| {
        name.starts_with("SYNOD_")
            && !OF_TOOLS.contains(name)
            && !OF_AN_ELECTION.contains(name)
            && !OF_A_SERVICE.iter().any(|prefix| name.starts_with(prefix))
    };
    let Some(unknown) = given.into_iter().filter(is_ours).find(|name| !known.contains(*name))
    else {
        return Ok(());
    };
    let nearest = known.iter().min_by_key(|name| distance(name, unknown));
    let hint = nearest.filter(|name| distance(name, unknown) <= 3);
    let hint = hint.map_or(String::new(), |name| format!("; is {name} meant?"));
    Err(Usage(format!("the environment variable {unknown} is no setting of synod{hint}")))
}

/// How many letters have to be put in, taken out or changed to make one word of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// Reads the options in a TOML file; those of a command without `--config` are all absent.
pub fn from_file<T: DeserializeOwned + Default>(path: Option<&Path>) -> Result<T> {
    let Some(path) = path else { return Ok(T::default()) };
    let read = || -> Result<T> {
        let text = std::fs::read_to_string(path).map_err(|error| Usage(error.to_string()))?;
        Ok(toml::from_str(&text).map_err(|error| Usage(error.to_string()))?)
    };
    read().with_context(|| format!("configuration file {}", path.display()))
}

/// Reads a value from its text in a file, with the same rules as on the command line.
pub fn from_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(de::Error::custom)
}

/// Writes a value as [`from_text`] reads it.
pub fn to_text<S, T>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error>
where
    S: Serializer,
    T: fmt::Display,
{
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// `HOST:PORT`; the host may be a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(String);

impl FromStr for Address {
    type Err = Usage;

    fn from_str(text: &str) -> Result<Self, Usage> {
        let sound = text.rsplit_once(':').is_some_and(|(host, port)| {
            let bare_v6 = host.contains(':') && !host.starts_with('[');
            !host.is_empty() && !bare_v6 && port.parse::<u16>().is_ok()
        });
        sound.then(|| Self(text.to_owned())).ok_or_else(|| {
            Usage(format!("`{text}` is not HOST:PORT, such as 127.0.0.1:6379 or [::1]:6379"))
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Address {
    /// The port.
    pub fn port(&self) -> Option<u16> {
        self.0.rsplit_once(':').and_then(|(_, port)| port.parse().ok())
    }

    /// The socket address to listen on. Refused when it can be reached from other machines, unless
    /// `allow_remote`.
    pub fn to_listen(&self, flag: &str, allow_remote: bool) -> Result<SocketAddr> {
        let resolved: Vec<SocketAddr> = self.resolve(flag)?;
        if !allow_remote && resolved.iter().any(|address| !address.ip().is_loopback()) {
            return Err(Usage(format!(
                "{flag} {self} can be reached from other machines, and nobody is asked for a password there: \
                 whoever reaches it may read and change everything. Give a loopback address such as \
                 127.0.0.1, or --allow-remote if the network is trusted; {}",
                match flag {
                    "--listen" => "with --requirepass no client gets in without it, and with TLS alone none without a certificate",
                    "--peer-listen" => "with --tls-cluster no node gets in without a certificate",
                    _ => "with TLS nobody gets in without a certificate (docs/tls.md)",
                }
            ))
            .into());
        }
        // `resolve` refuses a name without an address.
        Ok(resolved[0])
    }

    /// Whether a node that listens on `listen` can be reached at this address, as far as that can be told here.
    pub fn may_reach(&self, listen: SocketAddr) -> bool {
        let port = self.port();
        if port != Some(listen.port()) || listen.ip().is_unspecified() {
            return port == Some(listen.port());
        }
        // A name that cannot be resolved here proves nothing.
        self.0.to_socket_addrs().map_or(true, |mut all| all.any(|a| a.ip() == listen.ip()))
    }

    fn resolve(&self, flag: &str) -> Result<Vec<SocketAddr>> {
        let resolved: Vec<_> = self
            .0
            .to_socket_addrs()
            .map_err(|error| Usage(format!("{flag} {self}: {error}")))?
            .collect();
        if resolved.is_empty() {
            return Err(Usage(format!("{flag} {self}: the name has no address")).into());
        }
        Ok(resolved)
    }
}

/// An amount of memory in Redis's notation: `2gb`, `500mb`, a number of bytes, 0 for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(pub u64);

impl FromStr for Memory {
    type Err = Usage;

    fn from_str(text: &str) -> Result<Self, Usage> {
        let bytes = synod_server::parse_memory(text.as_bytes());
        let bytes = bytes.and_then(|bytes| u64::try_from(bytes).ok());
        bytes.map(Self).ok_or_else(|| {
            Usage(format!(
                "`{text}` is no amount of memory; expected bytes, or a number with kb, mb or gb"
            ))
        })
    }
}

/// The members that a cluster is made with and their peer addresses: `1=HOST:PORT,2=HOST:PORT`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InitialCluster(pub BTreeMap<NodeId, String>);

impl FromStr for InitialCluster {
    type Err = Usage;

    fn from_str(text: &str) -> Result<Self, Usage> {
        let mut members = BTreeMap::new();
        for member in text.split(',') {
            let wrong = |reason: &str| {
                Usage(format!("`{member}` {reason}; expected 1=HOST:PORT,2=HOST:PORT,..."))
            };
            let (id, address) = member.trim().split_once('=').ok_or_else(|| wrong("has no `=`"))?;
            let id: u64 = id.parse().map_err(|_| wrong("does not begin with a node id"))?;
            if id == 0 {
                return Err(wrong("has node id 0, but ids count from 1"));
            }
            address.parse::<Address>().map_err(|_| wrong("does not end with HOST:PORT"))?;
            if members.values().any(|other| other == address) {
                return Err(wrong("has the address of another node"));
            }
            if members.insert(NodeId(id), address.to_owned()).is_some() {
                return Err(wrong("names a node that was named before"));
            }
        }
        Ok(Self(members))
    }
}

impl fmt::Display for InitialCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (id, address)) in self.0.iter().enumerate() {
            write!(f, "{}{id}={address}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// How many worker threads each of `nodes` nodes on this machine gets: all of them together one per two cores. The other
/// half is for the kernel's network and disks, the log, and clients on the same machine.
pub fn workers_per_node(nodes: usize) -> u16 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = (cores / 2 / nodes.max(1)).clamp(1, usize::from(synod_server::WORKERS_MAX));
    // Clamped to a u16 above.
    workers as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_where_they_are_read() {
        for sound in ["127.0.0.1:6379", "[::1]:6379", "localhost:0", "db-1.example:65535"] {
            assert_eq!(sound.parse::<Address>().unwrap().to_string(), sound);
        }
        for wrong in ["", ":1", "6379", "127.0.0.1", "h:65536", "h:x", "::1:6379"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_loopback_is_listened_on_unasked() {
        for (address, allow, fine) in [
            ("127.0.0.1:1", false, true),
            ("127.9.9.9:1", false, true),
            ("[::1]:1", false, true),
            ("0.0.0.0:1", false, false),
            ("[::]:1", false, false),
            ("192.0.2.1:1", false, false),
            ("0.0.0.0:1", true, true),
        ] {
            let outcome = address.parse::<Address>().unwrap().to_listen("--listen", allow);
            assert_eq!(outcome.is_ok(), fine, "{address}");
        }
    }

    #[test]
    fn a_variable_without_effect_is_named_with_the_one_that_is_meant() {
        let known: BTreeSet<String> = ["SYNOD_PARTITIONS", "SYNOD_DATA"].map(String::from).into();
        let check = |name: &str| check_variables([name], &known);
        for fine in ["PATH", "SYNOD_DATA", "SYNOD_BIN", "SYNOD_SERVICE_HOST", "SYNOD_PORT_6379_TCP"]
        {
            assert!(check(fine).is_ok(), "{fine}");
        }
        let wrong = check("SYNOD_PARTITONS").unwrap_err().to_string();
        assert!(wrong.ends_with("is SYNOD_PARTITIONS meant?"), "{wrong}");
        let unlike = check("SYNOD_FAVOURITE_COLOUR").unwrap_err().to_string();
        assert!(unlike.ends_with("is no setting of synod"), "{unlike}");
    }

    #[test]
    fn a_cluster_is_read_and_written() {
        let text = "1=127.0.0.1:17001,2=127.0.0.1:17002,10=db.example:1";
        assert_eq!(text.parse::<InitialCluster>().unwrap().to_string(), text);
        for wrong in ["", "1", "x=h:1", "0=h:1", "1=h", "1=h:1,1=h:2", "1=h:1,2=h:1", "1=h:1,"] {
            assert!(wrong.parse::<InitialCluster>().is_err(), "{wrong}");
        }
    }
}
