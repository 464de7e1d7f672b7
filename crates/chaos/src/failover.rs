//! How long writes to a dead leader's keys fail.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use synod_types::{Slot, key_slot};

use crate::resp::{Connection, Reply};

/// A write that takes longer is tried again elsewhere.
const TRY: Duration = Duration::from_millis(400);
/// A failover that takes longer has failed.
pub const LIMIT: Duration = Duration::from_secs(15);
/// How many of a node's ranges are watched.
const RANGES_MAX: usize = 2;

/// Keys in ranges of slots that the node at `leader` leads, as another node tells it. A server that has
/// no slots to tell of has no leader to measure either.
pub fn keys_led_by(leader: SocketAddr, others: &[SocketAddr]) -> Vec<String> {
    let ranges = others.iter().find_map(|node| slots_led_by(leader, *node)).unwrap_or_default();
    ranges.into_iter().take(RANGES_MAX).filter_map(key_in).collect()
}

/// Writes to `key` through the survivors in turn until it succeeds; how long after `killed` that was,
/// or `None` past the limit.
pub fn measure(key: &str, killed: Instant, survivors: &[SocketAddr]) -> Option<Duration> {
    let mut turn = survivors.iter().cycle();
    while killed.elapsed() < LIMIT {
        if write(key, *turn.next()?) {
            return Some(killed.elapsed());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

fn write(key: &str, node: SocketAddr) -> bool {
    Connection::open(node, TRY)
        .and_then(|mut connection| connection.call(&["SET", key, "1"]))
        .is_ok_and(|reply| matches!(reply, Reply::Simple(_)))
}

fn slots_led_by(leader: SocketAddr, node: SocketAddr) -> Option<Vec<(Slot, Slot)>> {
    let reply = Connection::open(node, TRY).ok()?.call(&["CLUSTER", "SLOTS"]).ok()?;
    let Reply::Array(Some(rows)) = reply else { return None };
    Some(rows.iter().filter_map(|row| range_of(row, leader.port())).collect())
}

/// `[first slot, last slot, [host, port, id], ..replicas]`, if the port is the one asked for.
fn range_of(row: &Reply, leader_port: u16) -> Option<(Slot, Slot)> {
    let Reply::Array(Some(parts)) = row else { return None };
    let [Reply::Integer(first), Reply::Integer(last), Reply::Array(Some(leader)), ..] = &parts[..]
    else {
        return None;
    };
    let Reply::Integer(port) = leader.get(1)? else { return None };
    let slot = |n: &i64| u16::try_from(*n).ok().map(Slot);
    (*port == i64::from(leader_port)).then_some((slot(first)?, slot(last)?))
}

fn key_in((first, last): (Slot, Slot)) -> Option<String> {
    (0..1_000_000)
        .map(|i| format!("probe:{i}"))
        .find(|key| (first..=last).contains(&key_slot(key.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_cluster_slots_is_understood() {
        let leader = Reply::Array(Some(vec![
            Reply::Bulk(Some(b"127.0.0.1".to_vec())),
            Reply::Integer(20_001),
            Reply::Bulk(Some(b"id".to_vec())),
        ]));
        let row = Reply::Array(Some(vec![Reply::Integer(5), Reply::Integer(9), leader]));
        assert_eq!(range_of(&row, 20_001), Some((Slot(5), Slot(9))));
        assert_eq!(range_of(&row, 20_002), None);
        let key = key_in((Slot(5), Slot(9))).unwrap();
        assert!((5..=9).contains(&key_slot(key.as_bytes()).0));
    }
}
