//! TLS for whoever calls a node and waits for its answer: a node that joins, and the commands of an operator.

use super::{credentials, names};
use anyhow::{Context, Result, bail};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

/// A connection that is read and written.
pub trait Talk: Read + Write + Send {}

impl<T: Read + Write + Send> Talk for T {}

/// What a caller believes and shows.
#[derive(Clone, Debug)]
pub struct Caller(Arc<ClientConfig>);

impl PartialEq for Caller {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Caller {}

impl Caller {
    /// Believes what this CA has signed, and shows a certificate if it has one.
    ///
    /// # Errors
    /// A file cannot be read, or does not hold what it should.
    pub fn new(ca: &Path, cert: Option<&Path>, key: Option<&Path>) -> Result<Self> {
        let roots = credentials::roots(ca)?;
        let identity = match (cert, key) {
            (Some(cert), Some(key)) => {
                Some((credentials::certificates(cert)?, credentials::key(key)?))
            }
            (None, None) => None,
            _ => bail!("a certificate and its key go together: --tls-cert-file and --tls-key-file"),
        };
        Ok(Self(Arc::new(credentials::client(&roots, identity)?)))
    }

    /// TLS on a connection to this host, whose certificate has to name it; the handshake is done.
    ///
    /// # Errors
    /// The other side does not speak TLS, or is not who it should be.
    pub fn call(&self, mut stream: TcpStream, host: &str) -> Result<Box<dyn Talk>> {
        let name = names::server_name(host.trim_start_matches('[').trim_end_matches(']'))?;
        let mut connection = ClientConnection::new(Arc::clone(&self.0), name)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).context("no TLS")?;
        }
        Ok(Box::new(StreamOwned::new(connection, stream)))
    }
}
