//! How a node is started: its program's command line, and the ports of a cluster on loopback.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use anyhow::{Result, bail};

use super::Settings;
use crate::net;

/// Where free ports are looked for.
const PORTS: std::ops::Range<u16> = 20_000..29_000;
/// In a namespace of its own, a node may have any port. They differ, so that a port names a node.
const CLIENT_PORT: u16 = 7_001;
const PEER_PORT: u16 = 17_001;
const HTTP_PORT: u16 = 27_001;
/// The same of a node that has moved.
const MOVED_PEER_PORT: u16 = 17_101;
/// The same of a guest.
const GUEST_PORTS: [u16; 3] = [7_201, 17_201, 27_201];
/// How many ports a node and its guest may need on loopback.
const PORTS_PER_NODE: usize = 7;

/// Where a node is reached.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// By clients.
    pub client: SocketAddr,
    /// By other nodes.
    pub peer: SocketAddr,
    /// By other nodes, once it has moved.
    pub moved_peer: SocketAddr,
    /// By people and monitors.
    pub http: SocketAddr,
    /// The same three of a process beside it that is no member.
    pub guest: [SocketAddr; 3],
}

/// Addresses of all nodes.
pub fn addresses(settings: &Settings) -> Result<Vec<Addresses>> {
    if settings.in_namespaces {
        return Ok((0..settings.nodes).map(in_namespace).collect());
    }
    let ports = free_ports(PORTS_PER_NODE * settings.nodes)?;
    Ok(ports.chunks(PORTS_PER_NODE).map(on_loopback).collect())
}

fn on_loopback(ports: &[u16]) -> Addresses {
    let on = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let [client, peer, http, moved_peer] = [0, 1, 2, 3].map(|at| on(ports[at]));
    Addresses { client, peer, http, moved_peer, guest: [4, 5, 6].map(|at| on(ports[at])) }
}

/// Where a process beside the node at `host` is reached, which is no member.
pub fn guest(host: &Addresses) -> Addresses {
    let [client, peer, http] = host.guest;
    Addresses { client, peer, http, moved_peer: peer, guest: host.guest }
}

fn in_namespace(node: usize) -> Addresses {
    // There are at most NODES_MAX nodes.
    let offset = node as u16;
    let (client, peer) = (net::client_address(node), net::peer_address(node));
    Addresses {
        client: (client, CLIENT_PORT + offset).into(),
        peer: (peer, PEER_PORT + offset).into(),
        moved_peer: (peer, MOVED_PEER_PORT + offset).into(),
        http: (client, HTTP_PORT + offset).into(),
        guest: [
            (client, GUEST_PORTS[0]).into(),
            (peer, GUEST_PORTS[1]).into(),
            (client, GUEST_PORTS[2]).into(),
        ],
    }
}

/// What follows the program's name, for the node `i` of these.
pub fn synod(settings: &Settings, data: &Path, i: usize, all: &[Addresses]) -> Vec<String> {
    let Addresses { client, peer, http, .. } = all[i];
    let mut command: Vec<String> = [
        "serve",
        "--data",
        &data.display().to_string(),
        "--listen",
        &client.to_string(),
        "--peer-listen",
        &peer.to_string(),
        "--http",
        &http.to_string(),
        "--durability",
        &settings.durability,
        "--workers",
        "1",
        "--partitions",
        &settings.partitions.to_string(),
        "--node-id",
        &(i + 1).to_string(),
    ]
    .map(str::to_owned)
    .into();
    if settings.in_namespaces {
        // The network is the run's own.
        command.push("--allow-remote".into());
    }
    if let Some(engine) = &settings.engine {
        command.extend(["--engine".into(), engine.clone()]);
    }
    if all.len() > 1 {
        let members: Vec<String> =
            (1..).zip(all).map(|(id, addresses)| format!("{id}={}", addresses.peer)).collect();
        let replicas = settings.nodes.min(3).to_string();
        command.extend([
            "--replicas".into(),
            replicas,
            "--initial-cluster".into(),
            members.join(","),
        ]);
    }
    command
}

/// The same for redis-server.
pub fn redis(settings: &Settings, data: &Path, client: SocketAddr) -> Vec<String> {
    let append = if settings.durability == "none" { "no" } else { "yes" };
    let fsync = if settings.durability == "everysec" { "everysec" } else { "always" };
    [
        "--port",
        &client.port().to_string(),
        "--bind",
        &client.ip().to_string(),
        "--dir",
        &data.display().to_string(),
        "--save",
        "",
        "--appendonly",
        append,
        "--appendfsync",
        fsync,
    ]
    .map(str::to_owned)
    .into()
}

/// Looks for ports that nobody listens on, from a place that differs from process to process.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let span = usize::from(PORTS.end - PORTS.start);
    let first = (std::process::id() as usize).wrapping_mul(97) % span;
    let mut ports = Vec::with_capacity(count);
    for offset in 0..span {
        // Below 29,000, so it fits.
        let port = PORTS.start + ((first + offset) % span) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            ports.push(port);
        }
        if ports.len() == count {
            return Ok(ports);
        }
    }
    bail!("there are not {count} free ports in {PORTS:?}")
}
