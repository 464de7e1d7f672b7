//! `synod engine`: which consensus engine a running cluster has, and its move to another.

use crate::calls::CallOptions;
use crate::client;
use crate::settings::Address;
use crate::status::Status;
use anyhow::{Context, Result, bail};
use std::thread;
use std::time::{Duration, Instant};
use synod_server::Engine;

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

    #[command(flatten)]
    calls: CallOptions,

    /// Give up waiting after so many seconds; the move goes on by itself
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    timeout: u64,
}

/// Asks, moves, and waits until every group has.
pub fn run(options: &EngineOptions) -> Result<()> {
    options.calls.begin()?;
    let address = options.http.to_string();
    let status = look(&address)?;
    let Some(to) = options.to else {
        print!("{}", status.engines());
        return Ok(());
    };
    client::order(&client::address(&status, &address)?, &format!("CLUSTER ENGINE {to}"))?;
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
