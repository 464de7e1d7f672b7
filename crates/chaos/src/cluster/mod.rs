//! The processes under test: started, killed, paused and restarted, and never outliving the run.

mod command;
mod guest;
mod node;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::net::Network;
use command::Addresses;
pub use guest::Guest;
pub use node::{Change, Node};

/// What is under test.
#[derive(Clone, Debug)]
pub enum Program {
    /// Synod, by the paths of the builds that take part; all nodes begin with the first.
    Synod(Vec<PathBuf>),
    /// The genuine redis-server: one node, to try the rig itself on.
    Redis(PathBuf),
}

/// How the nodes are run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program.
    pub program: Program,
    /// How many nodes.
    pub nodes: usize,
    /// `--partitions`.
    pub partitions: u32,
    /// `--engine`, unless it is the usual one.
    pub engine: Option<String>,
    /// `--durability`: `always`, `everysec` or `none`.
    pub durability: String,
    /// Where the nodes keep their data and write their logs.
    pub directory: PathBuf,
    /// Whether each node's data lies on a disk of our own (FUSE).
    pub own_disks: bool,
    /// What a kill does to a node's disk, if it is our own.
    pub power: Power,
    /// Whether each node has a network namespace of its own; else they share the loopback.
    pub in_namespaces: bool,
    /// Whether the nodes' wall clocks can be set.
    pub wall_clocks: bool,
    /// The seed of what the network does.
    pub seed: u64,
}

/// What a kill does to a node's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Nothing: what the process wrote is with the kernel and safe.
    Stays,
    /// The power goes with the process: what was not flushed is lost, in part or as a whole, by the dice
    /// of this seed.
    Fails(u64),
    /// The power goes with the process, and all that was not flushed.
    FailsHard,
}

/// All nodes of one run.
#[derive(Debug)]
pub struct Cluster {
    settings: Settings,
    addresses: Vec<Addresses>,
    nodes: Vec<Node>,
    network: Option<Arc<Network>>,
}

impl Cluster {
    /// Lays out the nodes; none runs yet.
    pub fn new(settings: &Settings) -> Result<Self> {
        let network = match settings.in_namespaces {
            true => Some(Arc::new(Network::build(settings.nodes, settings.seed)?)),
            false => None,
        };
        let addresses = command::addresses(settings)?;
        let nodes = (0..settings.nodes)
            .map(|i| Node::new(settings, i, &addresses, network.clone()))
            .collect::<Result<_>>()?;
        Ok(Self { settings: settings.clone(), addresses, nodes, network })
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// One of them.
    pub fn node(&self, node: usize) -> &Node {
        &self.nodes[node]
    }

    /// The network between them, if it is the run's own.
    pub fn network(&self) -> Option<&Network> {
        self.network.as_deref()
    }

    /// Where clients reach a node.
    pub fn address(&self, node: usize) -> SocketAddr {
        self.nodes[node].client()
    }

    /// Starts a node that is not running.
    pub fn start(&self, node: usize) -> Result<()> {
        self.nodes[node].start()
    }

    /// Kills a node with SIGKILL, and the power of its disk if it is of that kind; it is gone when this
    /// returns.
    pub fn kill(&self, node: usize) -> Result<()> {
        self.nodes[node].kill()
    }

    /// Kills all nodes: each gets its signal before any is waited for.
    pub fn kill_all(&self) -> Result<()> {
        for node in &self.nodes {
            node.signal(Signal::KILL)?;
        }
        self.nodes.iter().try_for_each(Node::kill)
    }

    /// Stops a node where it stands (SIGSTOP); its sockets stay open.
    pub fn pause(&self, node: usize) -> Result<()> {
        self.nodes[node].signal(Signal::STOP)
    }

    /// Lets a paused node go on (SIGCONT).
    pub fn resume(&self, node: usize) -> Result<()> {
        self.nodes[node].signal(Signal::CONT)
    }

    /// Fails when a node has ended by itself, which only [`Node::wait_ended`] expects.
    pub fn check_alive(&self) -> Result<()> {
        self.nodes.iter().try_for_each(Node::check_alive)
    }

    /// Waits until every part of the key space can be written through every node; returns how long it
    /// took.
    pub fn wait_ready(&self, limit: Duration) -> Result<Duration> {
        let started = Instant::now();
        for node in &self.nodes {
            loop {
                node.check_alive()?;
                match node.touch_all() {
                    Ok(()) => break,
                    Err(error) if started.elapsed() > limit => {
                        return Err(error).with_context(|| {
                            let (told, log) = (node.status(), node.tail());
                            format!("{} is not ready after {limit:?}\n{told}{log}", node.client())
                        });
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(20)),
                }
            }
        }
        Ok(started.elapsed())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nothing is left to do about a process that cannot be killed.
        let _ = self.kill_all();
    }
}
