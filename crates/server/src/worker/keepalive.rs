//! The kernel asks silent clients whether they are still there, and ends the connections of those that do not answer.

use mio::net::TcpStream;
use rustix::net::sockopt;
use std::time::Duration;

/// After this many questions without an answer the client is gone (Redis: the same).
const PROBES: u32 = 3;

/// Has a client asked after `idle_s` seconds of silence, and then every third of that; 0: never.
pub fn ask_after(stream: &TcpStream, idle_s: u64) {
    if idle_s == 0 {
        return;
    }
    let interval_s = (idle_s / u64::from(PROBES)).max(1);
    let set = sockopt::set_socket_keepalive(stream, true)
        .and_then(|()| sockopt::set_tcp_keepidle(stream, Duration::from_secs(idle_s)))
        .and_then(|()| sockopt::set_tcp_keepintvl(stream, Duration::from_secs(interval_s)))
        .and_then(|()| sockopt::set_tcp_keepcnt(stream, PROBES));
    if let Err(error) = set {
        tracing::warn!(%error, "a client's connection is not watched by keepalive");
    }
}
