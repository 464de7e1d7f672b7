//! TLS: who may connect to which door, with which certificates, and the bytes in between.
//!
//! The files are read when the node starts, at SIGHUP and at CONFIG SET. What was read is shared by all threads and exchanged as
//! a whole, or not at all: connections that stand keep what they began with, each new one takes what holds by then.
//!
//! ```text
//! settings (what the operator said) -> credentials (files read and checked) -> Tls (shared) -> Stream, one per connection
//! ```

mod blocking;
mod credentials;
mod failures;
mod names;
mod settings;
mod stream;
mod trust;

pub use blocking::{Caller, Talk};
pub(crate) use names::server_name;
pub use settings::{AuthClients, AuthUser, TlsSettings};
pub(crate) use stream::Stream;
pub(crate) use trust::Trust;

use credentials::Credentials;
use failures::Failures;
use mio::net::TcpStream;
use rustls::ServerConfig;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use synod_node::Certificates;
use synod_types::NodeId;

/// A connection that has not finished its handshake within this time is closed.
pub const HANDSHAKE_MS_MAX: u64 = 10_000;

/// What a kind of connection is for; each has its own failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Redis's clients.
    Clients,
    /// The other nodes.
    Peers,
    /// Status and metrics.
    Http,
    /// ZooKeeper's clients.
    Zookeeper,
}

impl Door {
    const ALL: [Self; 4] = [Self::Clients, Self::Peers, Self::Http, Self::Zookeeper];

    const fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Peers => "peers",
            Self::Http => "http",
            Self::Zookeeper => "zookeeper",
        }
    }
}

/// What holds at present.
#[derive(Debug)]
struct Present {
    settings: TlsSettings,
    credentials: Arc<Credentials>,
}

/// The TLS of a node, shared by its threads.
#[derive(Debug)]
pub struct Tls {
    present: RwLock<Present>,
    failures: [Failures; Door::ALL.len()],
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// A file cannot be read, or does not hold what it should.
    pub fn new(settings: &TlsSettings) -> anyhow::Result<Self> {
        let credentials = Arc::new(Credentials::load(settings)?);
        let present = RwLock::new(Present { settings: settings.clone(), credentials });
        Ok(Self { present, failures: Default::default() })
    }

    /// The credentials that hold now. Nobody panics while it holds the lock, and what it guards is exchanged whole.
    fn credentials(&self) -> Arc<Credentials> {
        let present = self.present.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&present.credentials)
    }

    /// What the operator said last.
    pub fn settings(&self) -> TlsSettings {
        self.present.read().unwrap_or_else(PoisonError::into_inner).settings.clone()
    }

    /// Reads the files anew; what was read before holds on if one of them is no good.
    ///
    /// # Errors
    /// Which, and why.
    pub fn reload(&self) -> anyhow::Result<()> {
        self.take_over(self.settings())
    }

    /// Takes other settings over, all of them or none.
    ///
    /// # Errors
    /// The name of the setting that cannot be, and why.
    fn change(&self, pairs: &[(String, String)]) -> Result<(), (String, String)> {
        let mut settings = self.settings();
        let mut last = String::new();
        for (name, value) in pairs {
            last.clone_from(name);
            settings.set(name, value).map_err(|why| (last.clone(), why))?;
        }
        self.take_over(settings).map_err(|error| {
            tracing::warn!(error = %format!("{error:#}"), "the TLS settings stay as they were");
            (last, "Unable to update TLS configuration. Check server logs.".to_owned())
        })
    }

    fn take_over(&self, settings: TlsSettings) -> anyhow::Result<()> {
        let credentials = Arc::new(Credentials::load(&settings)?);
        let file = settings.cert_file.display().to_string();
        *self.present.write().unwrap_or_else(PoisonError::into_inner) =
            Present { settings, credentials };
        tracing::info!(certificate = %file, "the TLS files are read: new connections use them");
        Ok(())
    }

    /// What the accepting side of a door other than the peers' speaks with.
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.credentials().server)
    }

    /// TLS on a connection that was accepted.
    ///
    /// # Errors
    /// The credentials are of no use, which loading would have found.
    pub(crate) fn accept(&self, stream: TcpStream, door: Door) -> io::Result<Stream> {
        let credentials = self.credentials();
        let config = match door {
            Door::Peers => &credentials.peers.as_ref().ok_or_else(no_peers)?.server,
            _ => &credentials.server,
        };
        let connection =
            rustls::ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        Ok(Stream::tls(stream, connection.into()))
    }

    /// TLS on a connection that was made to a peer, whose certificate has to name it.
    ///
    /// # Errors
    /// The credentials are of no use, which loading would have found.
    pub(crate) fn dial(&self, stream: TcpStream, peer: NodeId) -> io::Result<Stream> {
        let credentials = self.credentials();
        let peers = credentials.peers.as_ref().ok_or_else(no_peers)?;
        let name = names::server_name(&names::of_node(peer, &peers.cluster))?;
        let connection = rustls::ClientConnection::new(Arc::clone(&peers.client), name)
            .map_err(io::Error::other)?;
        Ok(Stream::tls(stream, connection.into()))
    }

    /// Whether the certificate of an accepted peer says that it is this node; the name that it lacks if not.
    ///
    /// # Errors
    /// That name.
    pub(crate) fn is_node(&self, stream: &Stream, peer: NodeId) -> Result<(), String> {
        let credentials = self.credentials();
        let Some(peers) = &credentials.peers else { return Ok(()) };
        let wanted = names::of_node(peer, &peers.cluster);
        match stream.certificate().is_some_and(|certificate| names::names(certificate, &wanted)) {
            true => Ok(()),
            false => Err(wanted),
        }
    }

    /// Which user a client's certificate names, if certificates name users.
    pub(crate) fn user(&self, stream: &Stream) -> Option<Vec<u8>> {
        let AuthUser::CommonName = self.settings().auth_user else { return None };
        names::common_name(stream.certificate()?)
    }

    /// Tells the log of a connection that failed, unless the same door told of one a moment ago.
    pub(crate) fn tell(&self, door: Door, from: &str, error: &dyn std::fmt::Display) {
        let Some(untold) = self.failures[door as usize].tell() else { return };
        tracing::warn!(door = door.name(), %from, %error, untold, "a TLS connection failed");
    }
}

/// How a node's CONFIG reaches its TLS.
pub struct ForNode(pub Arc<Tls>);

impl Certificates for ForNode {
    fn may_change(&self, name: &str) -> bool {
        settings::CHANGEABLE.contains(&name)
    }

    fn change(&self, pairs: &[(String, String)]) -> Result<(), (String, String)> {
        self.0.change(pairs)
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        self.0.settings().all().collect()
    }
}

fn no_peers() -> io::Error {
    io::Error::other("the links between nodes do not use TLS")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
