//! `synod top`: what the nodes of a cluster do and for which keys, live or once.

mod figures;
mod live;
mod screen;
mod text;

use crate::calls::CallOptions;
use crate::settings::Address;
use anyhow::{Context, Result, bail};
use figures::{Cluster, Order};
use std::io::{IsTerminal, stdin, stdout};

/// What to ask, and how to show it.
#[derive(clap::Args, Debug)]
pub struct TopOptions {
    /// The HTTP address of any node
    #[arg(
        long,
        visible_alias = "node",
        env = "SYNOD_HTTP",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:26379"
    )]
    http: Address,

    #[command(flatten)]
    calls: CallOptions,

    /// Print everything once, as plain text, and end
    #[arg(long)]
    once: bool,

    /// What the hot keys are sorted by
    #[arg(long, value_enum, value_name = "ORDER", default_value = "ops")]
    by: Order,

    /// How many keys and partitions are printed with --once
    #[arg(long, value_name = "COUNT", default_value = "10", value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
}

/// Asks and shows.
pub fn run(options: &TopOptions) -> Result<()> {
    options.calls.begin()?;
    if !(options.once || stdin().is_terminal() && stdout().is_terminal()) {
        bail!("the live view needs a terminal; --once prints the same as plain text");
    }
    let address = options.http.to_string();
    let first = figures::ask(&address)
        .with_context(|| format!("no answer from {address}: is a node running there? (--http)"))?;
    if !options.once {
        return live::run(first, options.by);
    }
    let cluster = Cluster::of(figures::ask_others(first));
    print!("{}", text::page(&cluster, options.by, usize::from(options.count)));
    match cluster.silent().as_slice() {
        [] => Ok(()),
        silent => bail!("no answer from node {}", silent.join(", ")),
    }
}
