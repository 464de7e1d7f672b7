//! `synod engine`: which consensus engine a running cluster has, and its move to another.

use crate::http;
use crate::settings::Address;
use crate::status::Status;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};
use synod_server::Engine;

/// How long the cluster may take to agree, and how long the node may be silent.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often the cluster is looked at while it moves.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What to move to, and whom to ask.
#[derive(clap::Args, Debug)]
pub struct EngineOptions {
    /// The engine to move to; without it, shows what each group runs
    #[arg(value_parser = crate::cli::engine())]
    to: Option<Engine>,

    /// The HTTP address of any node
    #[arg(long, env = "SYNOD_HTTP", value_name = "HOST:PORT", default_value = "127.0.0.1:26379")]
    http: Address,

    /// Give up waiting after so many seconds; the move goes on by itself
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    timeout: u64,
}

/// Asks, moves, and waits until every group has.
pub fn run(options: &EngineOptions) -> Result<()> {
    let address = options.http.to_string();
    let status = look(&address)?;
    let Some(to) = options.to else {
        print!("{}", status.engines());
        return Ok(());
    };
    choose(&client_address(&status, &address)?, to)?;
    let begun = Instant::now();
    let mut shown = usize::MAX;
    loop {
        let left = look(&address)?.groups_not_running(to.as_str());
        if left.is_empty() {
            println!("all groups run {to}");
            return Ok(());
        }
        if left.len() < shown {
            shown = left.len();
            println!("moving to {to}: {shown} groups left");
        }
        if begun.elapsed() > Duration::from_secs(options.timeout) {
            let groups: Vec<String> = left.iter().map(ToString::to_string).collect();
            bail!(
                "groups {} do not run {to} yet; they move when each has a leader and those before it have moved (`synod status`)",
                groups.join(", ")
            );
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn look(address: &str) -> Result<Status> {
    Status::whole(address)
        .with_context(|| format!("no status from {address}: is a node running there? (--http)"))
}

/// Where the node answers clients. One that listens on every address is reached where its HTTP side is.
fn client_address(status: &Status, http: &str) -> Result<SocketAddr> {
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

/// `CLUSTER ENGINE`, in the words of Redis's protocol.
fn choose(address: &SocketAddr, to: Engine) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(address, TIMEOUT)
        .with_context(|| format!("no connection to {address}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(format!("CLUSTER ENGINE {to}\r\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).context("the node does not answer")?;
    match answer.trim_end().strip_prefix('-') {
        Some(error) => bail!("{error}"),
        None if answer.starts_with("+OK") => Ok(()),
        None => bail!("the node answers `{}`", answer.trim_end()),
    }
}
