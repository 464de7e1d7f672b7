//! File descriptors: as many as the operating system allows, and never more clients than there are descriptors and memory for.
//!
//! A process that runs out of them can neither accept a client to tell it so nor open the snapshot that it has to
//! write. So the soft limit is raised to the hard one at the start, a share is set aside for everything that is not a
//! client, and `maxclients` is what is left.

use crate::config::Config;
use crate::http::CONNECTIONS_MAX;
use crate::worker::refused::REFUSED_MAX;
use anyhow::{Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::TcpListener;
use synod_types::limits;

/// What the process has open whatever it does: standard streams, listeners, event queues, the data directory (Redis
/// sets aside as many).
const FIXED: usize = 32;
/// What one worker has open: its event queue and waker, the log's segments, snapshots being written, sent and received.
const PER_WORKER: usize = 16;
/// What each client may need of the memory of the process: its buffers, and a reply that it does not read.
const CLIENT_BYTES: u64 = 512 << 10;
/// Fewer clients than this are no use.
const CLIENTS_LEAST: usize = 1;

/// Raises the limit and says how many clients there can be at most.
///
/// # Errors
/// There are not descriptors enough for the node itself.
pub fn prepare(config: &Config) -> Result<usize> {
    let set_aside = set_aside(config);
    let limit = raise(set_aside + limits::CLIENTS_MAX);
    let clients = limit.saturating_sub(set_aside).min(limits::CLIENTS_MAX);
    if clients < CLIENTS_LEAST {
        bail!(
            "the limit of open files is {limit}, this node needs {set_aside} before it serves a client; raise `ulimit -n`"
        );
    }
    if clients < limits::CLIENTS_MAX {
        tracing::warn!(
            limit,
            set_aside,
            maxclients = clients,
            "the limit of open files allows fewer clients than {}; raise `ulimit -n` for more",
            limits::CLIENTS_MAX
        );
    }
    Ok(clients.min(with_memory(crate::memory::available())))
}

/// How many clients there is memory for, of so many bytes in all; 0: nobody knows.
fn with_memory(bytes: u64) -> usize {
    let clients = usize::try_from(bytes / CLIENT_BYTES).unwrap_or(usize::MAX);
    if bytes == 0 || clients >= limits::CLIENTS_MAX {
        return limits::CLIENTS_MAX;
    }
    let clients = clients.max(CLIENTS_LEAST);
    tracing::info!(maxclients = clients, "so many clients as there is memory for");
    clients
}

/// Has the kernel keep as many connections waiting to be accepted as it will; the standard library asks for 128.
///
/// # Errors
/// The operating system refuses.
pub fn widen(listener: &TcpListener) -> std::io::Result<()> {
    // Asking again changes the length of the queue; the kernel cuts it to its own limit (net.core.somaxconn).
    Ok(rustix::net::listen(listener, i32::from(u16::MAX))?)
}

/// Descriptors that are not for clients.
fn set_aside(config: &Config) -> usize {
    let (peers, workers) = (config.initial_cluster.len() - 1, usize::from(config.workers));
    // To each peer a connection for data per worker and one for snapshots, and as much again while they are replaced.
    let of_peers = 2 * peers * (workers + 1);
    FIXED + CONNECTIONS_MAX + (PER_WORKER + REFUSED_MAX) * workers + of_peers
}

/// Raises the soft limit as far as it is wanted and allowed; the limit that results.
fn raise(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let count =
        |limit: Option<u64>| limit.map_or(usize::MAX, |n| n.try_into().unwrap_or(usize::MAX));
    if count(current) >= wanted {
        return count(current);
    }
    let better = match maximum {
        Some(hard) => hard.min(wanted as u64),
        None => wanted as u64,
    };
    match setrlimit(Resource::Nofile, Rlimit { current: Some(better), maximum }) {
        Ok(()) => {
            tracing::info!(from = count(current), to = better, "the limit of open files is raised");
            count(Some(better))
        }
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be raised");
            count(current)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_memory_is_for_few_clients() {
        for (mib, clients) in
            [(0, limits::CLIENTS_MAX), (256, 512), (1024, 2048), (1 << 20, limits::CLIENTS_MAX)]
        {
            assert_eq!(with_memory(mib << 20), clients, "{mib} MiB");
        }
        assert_eq!(with_memory(1), CLIENTS_LEAST);
    }
}
