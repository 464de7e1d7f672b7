//! The load generator of `cargo xtask bench`: one loop, one set of keys and sizes, for Synod and for the
//! systems it is compared with. Each subcommand prints one line of JSON.

mod cluster;
mod cost;
mod driver;
#[cfg(feature = "etcd")]
mod etcd;
mod failover;
mod histogram;
mod keys;
mod memcached;
mod report;
mod resp;
mod workload;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

/// Measures servers that speak RESP, memcached's text protocol, or etcd's gRPC.
#[derive(Parser)]
#[command(name = "synod-bench")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Closed loop: every connection sends a batch, waits for all its answers, sends the next.
    Load(Load),
    /// Write each key once.
    Fill(Fill),
    /// Write a few keys without pause for some seconds, and report the longest time any of them had to
    /// wait for an acknowledgement. Somebody else kills a server meanwhile.
    Failover(Failover),
    /// Print the address of the node that leads (etcd: the leader; RESP: the leader of the first slot).
    Leader(Target),
}

#[derive(Args)]
struct Target {
    /// What the server speaks.
    #[arg(long, value_enum, default_value = "resp")]
    protocol: Protocol,
    /// Where it listens; several, separated by commas, share the connections.
    #[arg(long, value_delimiter = ',', required = true)]
    addr: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// Redis and Synod.
    Resp,
    /// Memcached's text protocol.
    Memcached,
    /// etcd's gRPC (a build with the feature `etcd`).
    Etcd,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Op {
    /// Write.
    Set,
    /// Read.
    Get,
    /// Nine reads for every write.
    Mixed,
}

#[derive(Args)]
struct Load {
    #[command(flatten)]
    target: Target,
    /// What to send.
    #[arg(long, value_enum, default_value = "set")]
    op: Op,
    /// Ask CLUSTER SLOTS, and send each key to its leader as a cluster-aware client does.
    #[arg(long)]
    cluster: bool,
    /// How many connections.
    #[arg(long, default_value_t = 50)]
    connections: usize,
    /// Requests per batch.
    #[arg(long, default_value_t = 1)]
    pipeline: usize,
    /// Bytes per value.
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// Keys are drawn evenly from this many.
    #[arg(long, default_value_t = 100_000)]
    keys: u32,
    /// How long to measure, in seconds.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How long to run before measuring, in seconds.
    #[arg(long, default_value_t = 0.5)]
    warmup: f64,
    /// The servers' process ids: report the processor time per request, theirs and this program's.
    #[arg(long, value_delimiter = ',')]
    pids: Vec<u32>,
}

#[derive(Args)]
struct Fill {
    #[command(flatten)]
    target: Target,
    /// What to write under each key.
    #[arg(long, value_enum, default_value = "string")]
    kind: workload::Kind,
    /// How many keys.
    #[arg(long, default_value_t = 100_000)]
    keys: u32,
    /// Bytes per string.
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// How many connections.
    #[arg(long, default_value_t = 50)]
    connections: usize,
    /// Requests per batch.
    #[arg(long, default_value_t = 16)]
    pipeline: usize,
}

#[derive(Args)]
struct Failover {
    #[command(flatten)]
    target: Target,
    /// How long to write, in seconds.
    #[arg(long, default_value_t = 12.0)]
    seconds: f64,
    /// How many keys, each written by a connection of its own.
    #[arg(long, default_value_t = 16)]
    keys: u32,
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Load(load) => println!("{}", serde_json::to_string(&run_load(&load)?)?),
        Task::Fill(fill) => println!("{}", serde_json::to_string(&run_fill(&fill)?)?),
        Task::Failover(options) => {
            let seconds = Duration::from_secs_f64(options.seconds);
            let report = match options.target.protocol {
                Protocol::Resp => failover::resp(&options.target.addr, options.keys, seconds)?,
                Protocol::Memcached => bail!("memcached has no failover"),
                #[cfg(feature = "etcd")]
                Protocol::Etcd => etcd::failover(&options.target.addr, options.keys, seconds)?,
                #[cfg(not(feature = "etcd"))]
                Protocol::Etcd => bail!("built without the feature `etcd`"),
            };
            println!("{}", serde_json::to_string(&report)?);
        }
        Task::Leader(target) => println!("{}", serde_json::json!({ "leader": leader(&target)? })),
    }
    Ok(())
}

fn run_load(load: &Load) -> Result<report::Report> {
    let window = driver::Window {
        warmup: Duration::from_secs_f64(load.warmup),
        measure: Some(Duration::from_secs_f64(load.seconds)),
    };
    let mut meter = cost::Meter::new(&load.pids);
    #[cfg(feature = "etcd")]
    if load.target.protocol == Protocol::Etcd {
        return etcd::load(load, window, &mut meter);
    }
    let routes = if load.cluster {
        cluster::routes(&resolve(&load.target.addr)?, load.keys)?
    } else {
        cluster::Routes::any(resolve(&load.target.addr)?, load.keys)
    };
    let connections = routes.spread(load.connections);
    let mut keys = workload::Random::new(routes.keys, load.op, load.size);
    let run = match load.target.protocol {
        Protocol::Resp => {
            driver::drive(&connections, load.pipeline, &mut keys, &resp::Resp, window, &mut meter)?
        }
        Protocol::Memcached => driver::drive(
            &connections,
            load.pipeline,
            &mut keys,
            &memcached::Memcached,
            window,
            &mut meter,
        )?,
        Protocol::Etcd => bail!("built without the feature `etcd`"),
    };
    Ok(report::Report::of(run))
}

fn run_fill(fill: &Fill) -> Result<report::Report> {
    #[cfg(feature = "etcd")]
    if fill.target.protocol == Protocol::Etcd {
        return etcd::fill(&fill.target.addr, fill.connections, fill.keys, fill.size);
    }
    let addrs = resolve(&fill.target.addr)?;
    let connections = cluster::Routes::any(addrs, fill.keys).spread(fill.connections);
    let mut each = workload::Each::new(fill.kind, fill.keys, fill.size);
    let window = driver::Window { warmup: Duration::ZERO, measure: None };
    let mut meter = cost::Meter::default();
    let run = match fill.target.protocol {
        Protocol::Resp => {
            driver::drive(&connections, fill.pipeline, &mut each, &resp::Resp, window, &mut meter)?
        }
        Protocol::Memcached => driver::drive(
            &connections,
            fill.pipeline,
            &mut each,
            &memcached::Memcached,
            window,
            &mut meter,
        )?,
        Protocol::Etcd => bail!("built without the feature `etcd`"),
    };
    Ok(report::Report::of(run))
}

fn leader(target: &Target) -> Result<String> {
    match target.protocol {
        Protocol::Resp => {
            let ranges = cluster::ranges(&resolve(&target.addr)?)?;
            let first = ranges.first().context("no slots are served")?;
            Ok(first.leader.to_string())
        }
        Protocol::Memcached => bail!("memcached has no leader"),
        #[cfg(feature = "etcd")]
        Protocol::Etcd => etcd::leader(&target.addr),
        #[cfg(not(feature = "etcd"))]
        Protocol::Etcd => bail!("built without the feature `etcd`"),
    }
}

fn resolve(addrs: &[String]) -> Result<Vec<SocketAddr>> {
    addrs
        .iter()
        .map(|addr| {
            let mut found = addr.to_socket_addrs().with_context(|| format!("address {addr}"))?;
            found.next().with_context(|| format!("no address for {addr}"))
        })
        .collect()
}
