//! The network between the nodes: a namespace for each, and two ways in.
//!
//! ```text
//!   clients (the run's own namespace)        node N (namespace nodeN)
//!   cN 10.77.N.1/30 ------- veth ----------- eth0  10.77.N.2/30      clients, status
//!                                            peer0 10.78.0.N/24      TUN, all talk between nodes
//!                                              |  iptables: cuts, loss, duplicates
//!   router: reads every peer0, delays, reorders, corrupts, and writes to another peer0
//! ```
//!
//! The run itself lives in namespaces of its own (see [`crate::world`]), so that two runs do not meet and
//! nothing is left behind, however a run ends.

mod packet;
mod router;
mod rules;
mod tun;

use std::fs::File;
use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use router::Router;
pub use router::{Carried, Policy};

/// Nodes have one byte of an address.
pub const NODES_MAX: usize = 9;
/// Where `ip netns` keeps its names.
const NAMES: &str = "/run/netns";
/// The interface that a node's talk with its peers goes through.
const PEER: &str = "peer0";
/// Large frames: the router is a process, and each packet wakes it.
const PEER_MTU: &str = "9000";

/// The network of one run.
#[derive(Debug)]
pub struct Network {
    namespaces: Vec<File>,
    router: Router,
}

impl Network {
    /// Makes the namespaces, interfaces and addresses, and starts the router.
    pub fn build(nodes: usize, seed: u64) -> Result<Self> {
        if nodes > NODES_MAX {
            bail!("{nodes} nodes: this network has room for {NODES_MAX}");
        }
        let namespaces = (0..nodes).map(lay).collect::<Result<Vec<_>>>()?;
        let mut tuns = Vec::with_capacity(nodes);
        for (node, namespace) in namespaces.iter().enumerate() {
            tuns.push(within(namespace, || tun::open(PEER))?);
            let address = format!("{}/24", peer_address(node));
            ip(&["-n", &name(node), "address", "add", &address, "dev", PEER])?;
            ip(&["-n", &name(node), "link", "set", PEER, "mtu", PEER_MTU, "up"])?;
        }
        Ok(Self { namespaces, router: Router::start(tuns, seed)? })
    }

    /// Does something in the namespace of a node, such as starting a process that is to live there.
    pub fn within<T: Send>(
        &self,
        node: usize,
        act: impl FnOnce() -> Result<T> + Send,
    ) -> Result<T> {
        within(&self.namespaces[node], act)
    }

    /// How packets from one node to another are treated from now on; `None` is as fast as can be.
    pub fn treat(&self, from: usize, to: usize, policy: Option<Policy>) {
        self.router.treat(from, to, policy);
    }

    /// What the router did so far.
    pub fn carried(&self) -> Carried {
        self.router.carried()
    }

    /// From now on `to` hears nothing of `from`.
    pub fn cut(&self, from: usize, to: usize) -> Result<()> {
        self.iptables(to, &rules::deaf(peer_address(from)))
    }

    /// Drops `percent` of what reaches the node from its peers.
    pub fn lose(&self, node: usize, percent: u64) -> Result<()> {
        self.iptables(node, &rules::loss(percent))
    }

    /// Sends `percent` of what one node says to another twice.
    pub fn duplicate(&self, from: usize, to: usize, percent: u64) -> Result<()> {
        self.iptables(from, &rules::duplicate(peer_address(to), percent))
    }

    /// Takes all cuts, losses, duplicates and policies back.
    pub fn heal(&self) -> Result<()> {
        let nodes = self.namespaces.len();
        for node in 0..nodes {
            for rule in rules::NONE {
                self.iptables(node, &rule.map(str::to_owned))?;
            }
            (0..nodes).for_each(|to| self.treat(node, to, None));
        }
        Ok(())
    }

    fn iptables(&self, node: usize, words: &[String]) -> Result<()> {
        self.within(node, || run(Command::new("iptables").arg("-w").args(words)))
    }
}

/// Where clients reach a node.
pub fn client_address(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, number(node), 2)
}

/// Where peers reach a node.
pub fn peer_address(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 78, 0, number(node))
}

/// Nodes are counted from 1 in names and addresses; there are at most [`NODES_MAX`].
fn number(node: usize) -> u8 {
    node as u8 + 1
}

fn name(node: usize) -> String {
    format!("node{}", number(node))
}

/// A namespace with the way to its clients.
fn lay(node: usize) -> Result<File> {
    let (name, ours) = (name(node), format!("c{}", number(node)));
    let gateway = format!("10.77.{}.1/30", number(node));
    let address = format!("{}/30", client_address(node));
    ip(&["netns", "add", &name])?;
    ip(&["link", "add", &ours, "type", "veth", "peer", "name", "eth0", "netns", &name])?;
    ip(&["address", "add", &gateway, "dev", &ours])?;
    ip(&["link", "set", &ours, "up"])?;
    ip(&["-n", &name, "address", "add", &address, "dev", "eth0"])?;
    ip(&["-n", &name, "link", "set", "eth0", "up"])?;
    ip(&["-n", &name, "link", "set", "lo", "up"])?;
    let path = format!("{NAMES}/{name}");
    File::open(&path).with_context(|| format!("cannot open {path}"))
}

/// A thread of its own moves into the namespace and takes what it starts with it.
fn within<T: Send>(namespace: &File, act: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let inside = scope.spawn(|| {
            move_into_link_name_space(
                std::os::fd::AsFd::as_fd(namespace),
                Some(LinkNameSpaceType::Network),
            )
            .context("cannot enter the network namespace of a node")?;
            act()
        });
        inside.join().map_err(|_| anyhow!("a thread in a node's namespace failed"))?
    })
}

/// Runs iproute2's `ip`.
pub fn ip(args: &[&str]) -> Result<()> {
    run(Command::new("ip").args(args))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed ({}): {}", output.status, said.trim());
    }
    Ok(())
}
