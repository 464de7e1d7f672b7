//! `synod node replace`: a member that lost its data comes back, wherever its new data directory is.

use crate::calls::CallOptions;
use crate::client;
use crate::settings::Address;
use crate::status::Status;
use anyhow::{Context, Result, bail};
use std::thread;
use std::time::{Duration, Instant};

/// How often the cluster is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);

pub const REPLACE_ABOUT: &str = "\
Give the seat of a node that lost its data directory to a new, empty one, wherever that is.

A node that comes back with an empty directory at the address that it had needs no command: where a majority of the \
others lives, they take it in after a few seconds. At another address it could be anybody's, so it waits for this one:

  1. Start the node with an empty --data directory, its old --node-id, its new --peer-listen, and an \
--initial-cluster in which the others are where they are.
  2. synod node replace ID, with the --http address of any node that is up.

Every group first commits a membership without the node; then it is sent everything and, once it has it all, votes \
again. The command waits for that and may be given up: it goes on. What was the only copy of its data, or half of \
all copies, cannot be replaced; the command says so and changes nothing.";

/// Whose seat, and whom to ask.
#[derive(clap::Args, Debug)]
pub struct ReplaceOptions {
    /// The id of the node that lost its data
    #[arg(value_name = "ID")]
    node: u64,

    /// The HTTP address of any node that is up
    #[arg(long, env = "SYNOD_HTTP", value_name = "HOST:PORT", default_value = "127.0.0.1:26379")]
    http: Address,

    #[command(flatten)]
    calls: CallOptions,

    /// Which new data directory, where several ask for the seat; its incarnation is told by /status
    #[arg(long, value_name = "HEX")]
    incarnation: Option<String>,

    /// Give up waiting after so many seconds; the replacement goes on by itself
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    timeout: u64,
}

/// Does it.
pub fn run(options: &ReplaceOptions) -> Result<()> {
    options.calls.begin()?;
    let (address, node) = (options.http.to_string(), options.node);
    let begun = Instant::now();
    let status = look(&address)?;
    if !status.is_replacing(node) {
        let successor = status.successor_of(node, options.incarnation.as_deref())?;
        let order = format!("CLUSTER REPLACE {node} {successor}");
        client::order(&client::address(&status, &address)?, &order)?;
        println!("node {node} is being replaced by the data directory {successor}");
    }
    loop {
        let status = look(&address)?;
        // The node that was asked may hear late that it has begun; until it has, the member is down.
        if !status.is_replacing(node) && status.is_up(node) {
            println!("node {node} is a member again");
            return Ok(());
        }
        if begun.elapsed() > Duration::from_secs(options.timeout) {
            bail!("node {node} is still being replaced; that goes on by itself (`synod status`)");
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn look(address: &str) -> Result<Status> {
    Status::whole(address)
        .with_context(|| format!("no status from {address}: is a node running there? (--http)"))
}
