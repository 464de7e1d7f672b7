//! What an operator's commands ask of a node as its clients do: one line of Redis's protocol, answered with OK or why not.

use crate::http;
use crate::status::Status;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long the cluster may take to agree, and how long the node may be silent.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where the node answers clients. One that listens on every address is reached where its HTTP side is.
pub fn address(status: &Status, http: &str) -> Result<SocketAddr> {
    let listen: SocketAddr = status
        .listen_of_answering()
        .context("the node does not say where it listens")?
        .parse()
        .context("the node says no address where it listens")?;
    if !listen.ip().is_unspecified() {
        return Ok(listen);
    }
    let mut reached = http::resolve(http)?;
    reached.set_port(listen.port());
    Ok(reached)
}

/// Gives an order that is answered with OK; what else the answer says is why not.
pub fn order(address: &SocketAddr, words: &str) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(address, TIMEOUT)
        .with_context(|| format!("no connection to {address}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(format!("{words}\r\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).context("the node does not answer")?;
    match answer.trim_end().strip_prefix('-') {
        Some(error) => bail!("{error}"),
        None if answer.starts_with("+OK") => Ok(()),
        None => bail!("the node answers `{}`", answer.trim_end()),
    }
}
