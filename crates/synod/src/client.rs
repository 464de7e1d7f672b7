//! What an operator's commands ask of a node as its clients do: one line of Redis's protocol, answered with OK or why not.

use crate::status::Status;
use crate::{calls, http};
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::time::Duration;
use synod_server::Password;

/// Where a node's own password and that of whoever gives it orders come from.
pub const PASSWORD: &str = "SYNOD_REQUIREPASS";

/// The password to give orders with, if there is one.
pub fn password() -> Result<Option<Password>> {
    match std::env::var(PASSWORD) {
        Ok(text) => Ok(Some(text.parse().context(PASSWORD)?)),
        Err(_) => Ok(None),
    }
}

/// How long the cluster may take to agree, and how long the node may be silent.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where the node answers clients. One that listens on every address is reached where its HTTP side is.
pub fn address(status: &Status, http: &str) -> Result<SocketAddr> {
    let mut listen: SocketAddr = status
        .listen_of_answering()
        .context("the node does not say where it listens")?
        .parse()
        .context("the node says no address where it listens")?;
    if calls::to_clients().is_some() {
        listen.set_port(status.tls_port.context("the node has no port for clients with TLS")?);
    }
    if !listen.ip().is_unspecified() {
        return Ok(listen);
    }
    let mut reached = http::resolve(http)?;
    reached.set_port(listen.port());
    Ok(reached)
}

/// Gives an order that is answered with OK; what else the answer says is why not.
pub fn order(address: &SocketAddr, words: &str) -> Result<()> {
    let mut stream = calls::connect(address, TIMEOUT)?;
    let password = password()?;
    stream.write_all(password.as_ref().map(Password::request).unwrap_or_default().as_bytes())?;
    stream.write_all(format!("{words}\r\n").as_bytes())?;
    let mut answers = BufReader::new(stream);
    let mut answer = String::new();
    answers.read_line(&mut answer).context("the node does not answer")?;
    if password.is_some() && !answer.starts_with("-WRONGPASS") {
        answer.clear();
        answers.read_line(&mut answer).context("the node does not answer")?;
    }
    if answer.starts_with("-NOAUTH") || answer.starts_with("-WRONGPASS") {
        bail!("the node asks for the password of its default user: set {PASSWORD}");
    }
    match answer.trim_end().strip_prefix('-') {
        Some(error) => bail!("{error}"),
        None if answer.starts_with("+OK") => Ok(()),
        None => bail!("the node answers `{}`", answer.trim_end()),
    }
}
