//! `synod node drain`: says so, and watches the node being emptied.

use super::Whom;
use anyhow::{Context, Result, bail};
use std::thread;
use std::time::{Duration, Instant};

/// How often the cluster is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Which node, and how long to watch.
#[derive(clap::Args, Debug)]
pub struct DrainOptions {
    /// The node's id
    #[arg(value_name = "ID")]
    node: u64,

    #[command(flatten)]
    whom: Whom,

    /// Give up waiting after so many seconds; the moves go on by themselves
    #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
    timeout: u64,
}

/// Does it.
pub fn run(options: &DrainOptions) -> Result<()> {
    let node = options.node;
    let begun = Instant::now();
    options.whom.order(&format!("CLUSTER DRAIN {node}"))?;
    let mut shown = usize::MAX;
    loop {
        let status = options.whom.look()?;
        let member = status.member(node).context("it is not a member any more")?;
        let left = status.held_by(node);
        // One that is down cannot say that it has dropped what it gave up.
        if member.drained || (left == 0 && !member.up && member.retired) {
            println!(
                "node {node} is drained; `synod node remove {node}` takes it out of the cluster"
            );
            return Ok(());
        }
        if left < shown {
            shown = left;
            println!("node {node} holds {left} groups");
        }
        if begun.elapsed() > Duration::from_secs(options.timeout) {
            bail!(
                "node {node} still holds {left} groups; they move by themselves (`synod node list`)"
            );
        }
        thread::sleep(LOOK_EVERY);
    }
}
