//! How the commands of an operator reach a node: bare, or with TLS where they are told to.
//!
//! A process calls in one way only, which is said once, at its beginning.

use crate::settings::Usage;
use anyhow::{Context, Result};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use synod_server::{Caller, Talk};

/// Whether nodes are called with TLS, and with what.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct CallOptions {
    /// Speak TLS with the ports of Redis clients
    #[arg(
        long,
        env = "SYNOD_TLS",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true"
    )]
    tls: bool,

    /// Speak TLS with the HTTP ports
    #[arg(
        long,
        env = "SYNOD_TLS_HTTP",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true"
    )]
    tls_http: bool,

    /// The CA that has signed the nodes' certificates (PEM)
    #[arg(long, env = "SYNOD_TLS_CA_CERT_FILE", value_name = "FILE")]
    tls_ca_cert_file: Option<PathBuf>,

    /// The certificate to show, where nodes ask for one (PEM)
    #[arg(long, env = "SYNOD_TLS_CERT_FILE", value_name = "FILE")]
    tls_cert_file: Option<PathBuf>,

    /// The key of that certificate (PEM)
    #[arg(long, env = "SYNOD_TLS_KEY_FILE", value_name = "FILE")]
    tls_key_file: Option<PathBuf>,
}

#[derive(Default)]
struct Calls {
    to_clients: Option<Caller>,
    to_http: Option<Caller>,
}

static CALLS: OnceLock<Calls> = OnceLock::new();

impl CallOptions {
    /// From here on this process calls nodes like that.
    pub fn begin(&self) -> Result<()> {
        if CALLS.get().is_some() {
            return Ok(());
        }
        let caller = match (&self.tls_ca_cert_file, self.tls || self.tls_http) {
            (Some(ca), true) => {
                Some(caller(ca, self.tls_cert_file.as_deref(), self.tls_key_file.as_deref())?)
            }
            (None, true) => {
                return Err(Usage(
                    "TLS needs the CA that has signed the nodes' certificates: --tls-ca-cert-file"
                        .into(),
                )
                .into());
            }
            (_, false) => None,
        };
        begin(caller.clone().filter(|_| self.tls), caller.filter(|_| self.tls_http));
        Ok(())
    }
}

/// Reads what a caller needs.
pub fn caller(ca: &Path, cert: Option<&Path>, key: Option<&Path>) -> Result<Caller> {
    Caller::new(ca, cert, key).context("TLS")
}

/// From here on this process calls nodes like that; who says it first is right.
pub fn begin(to_clients: Option<Caller>, to_http: Option<Caller>) {
    let _said_once = CALLS.set(Calls { to_clients, to_http });
}

/// How the ports of Redis clients are called, if with TLS.
pub fn to_clients() -> Option<&'static Caller> {
    CALLS.get().and_then(|calls| calls.to_clients.as_ref())
}

/// How the HTTP ports are called, if with TLS.
pub fn to_http() -> Option<&'static Caller> {
    CALLS.get().and_then(|calls| calls.to_http.as_ref())
}

/// Connects to the port of Redis clients; no read or write takes longer than `patience`.
pub fn connect(address: &SocketAddr, patience: Duration) -> Result<Box<dyn Talk>> {
    let stream = TcpStream::connect_timeout(address, patience)
        .with_context(|| format!("no connection to {address}"))?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    talk(to_clients(), stream, &address.ip().to_string())
}

/// TLS on a connection to this host, if there is to be any.
pub fn talk(caller: Option<&Caller>, stream: TcpStream, host: &str) -> Result<Box<dyn Talk>> {
    match caller {
        Some(caller) => caller.call(stream, host),
        None => Ok(Box::new(stream)),
    }
}
