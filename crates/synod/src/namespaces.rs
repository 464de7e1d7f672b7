//! Where ZooKeeper's clients connect, and which namespace they find there: `HOST:PORT[/NAME]`, several with commas.

use crate::settings::{Address, Usage};
use anyhow::Result;
use std::str::FromStr;
use synod_server::ZookeeperListen;
use synod_types::{DEFAULT_NAMESPACE, NAMESPACE_BYTES_MAX, is_namespace};

/// Addresses with the names of their namespaces, as the operator says them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespaces(Vec<(Address, String)>);

impl FromStr for Namespaces {
    type Err = Usage;

    fn from_str(text: &str) -> Result<Self, Usage> {
        let one = |part: &str| {
            let (address, name) = match part.split_once('/') {
                Some((address, name)) if is_namespace(name) => (address, name),
                Some((_, name)) => {
                    return Err(Usage(format!(
                        "`{name}` in `{part}` is no name of a namespace; it has 1 to {NAMESPACE_BYTES_MAX} letters, \
                         digits, `-`, `_` and `.`"
                    )));
                }
                None => (part, DEFAULT_NAMESPACE),
            };
            Ok((address.parse()?, name.to_owned()))
        };
        text.split(',').map(|part| one(part.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl Namespaces {
    /// What is to be listened on. Refused when it can be reached from other machines, unless `allow_remote`.
    pub fn to_listen(&self, allow_remote: bool) -> Result<Vec<ZookeeperListen>> {
        let one = |(address, name): &(Address, String)| {
            let listen = address.to_listen("--zookeeper", allow_remote)?;
            Ok(ZookeeperListen { listen, namespace: name.clone() })
        };
        self.0.iter().map(one).collect()
    }
}

/// Writes what is listened on as it is read.
pub fn show(served: &[ZookeeperListen]) -> String {
    let one = |ZookeeperListen { listen, namespace }: &ZookeeperListen| match &**namespace {
        DEFAULT_NAMESPACE => listen.to_string(),
        name => format!("{listen}/{name}"),
    };
    served.iter().map(one).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_read_back_as_they_are_written() {
        for text in ["127.0.0.1:2181", "127.0.0.1:2181,[::1]:2182/jobs,127.0.0.1:2183/a.b_c-1"] {
            let read: Namespaces = text.parse().unwrap();
            assert_eq!(show(&read.to_listen(false).unwrap()), text);
        }
        let spaced: Namespaces = "127.0.0.1:1, 127.0.0.1:2/a".parse().unwrap();
        assert_eq!(show(&spaced.to_listen(false).unwrap()), "127.0.0.1:1,127.0.0.1:2/a");
    }

    #[test]
    fn what_is_no_address_or_no_name_is_refused() {
        for bad in [
            "",
            "localhost",
            "localhost:1/",
            "localhost:1/a/b",
            "localhost:1/a b",
            "localhost:1,",
            "/a",
        ] {
            assert!(bad.parse::<Namespaces>().is_err(), "{bad:?}");
        }
        let far: Namespaces = "127.0.0.1:1,0.0.0.0:2/a".parse().unwrap();
        assert!(far.to_listen(false).is_err() && far.to_listen(true).is_ok());
    }
}
