//! How long writes to a dead leader's keys fail.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use synod_types::{Slot, key_slot};

use crate::resp::{Connection, Reply};

/// A write that takes longer is tried again elsewhere.
const TRY: Duration = Duration::from_millis(400);
/// A failover that takes longer has failed.
pub const LIMIT: Duration = Duration::from_secs(15);
/// The same while the network or a disk is in trouble, when there may be no majority to write to. The next kill is
/// due within 5 s of the last.
pub const LIMIT_AMID: Duration = Duration::from_secs(4);
/// How many of a node's ranges are watched.
const RANGES_MAX: usize = 2;

/// A range of slots and the port of its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Led {
    first: Slot,
    last: Slot,
    /// Where clients reach the leader.
    pub port: u16,
}

/// Who leads what, as the first node that answers tells it. A server that has no slots to tell of has no
/// leader to measure either.
pub fn leaders(nodes: &[SocketAddr]) -> Vec<Led> {
    nodes.iter().find_map(|node| ask(*node)).unwrap_or_default()
}

/// Keys in ranges of slots that the node at `leader` leads.
pub fn keys_led_by(leader: SocketAddr, leaders: &[Led]) -> Vec<String> {
    let ranges = leaders.iter().filter(|led| led.port == leader.port());
    ranges.take(RANGES_MAX).filter_map(key_in).collect()
}

/// Writes to `key` through the survivors in turn until it succeeds; how long after `killed` that was,
/// or `None` past `limit`, which may change on the way.
pub fn measure(
    key: &str,
    killed: Instant,
    survivors: &[SocketAddr],
    limit: impl Fn() -> Duration,
) -> Option<Duration> {
    let mut turn = survivors.iter().cycle();
    while killed.elapsed() < limit() {
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

fn ask(node: SocketAddr) -> Option<Vec<Led>> {
    let reply = Connection::open(node, TRY).ok()?.call(&["CLUSTER", "SLOTS"]).ok()?;
    let Reply::Array(Some(rows)) = reply else { return None };
    Some(rows.iter().filter_map(led).collect())
}

/// `[first slot, last slot, [host, port, id], ..replicas]`
fn led(row: &Reply) -> Option<Led> {
    let Reply::Array(Some(parts)) = row else { return None };
    let [Reply::Integer(first), Reply::Integer(last), Reply::Array(Some(leader)), ..] = &parts[..]
    else {
        return None;
    };
    let Reply::Integer(port) = leader.get(1)? else { return None };
    let slot = |n: &i64| u16::try_from(*n).ok().map(Slot);
    Some(Led { first: slot(first)?, last: slot(last)?, port: u16::try_from(*port).ok()? })
}

fn key_in(led: &Led) -> Option<String> {
    let slots = led.first..=led.last;
    (0..1_000_000)
        .map(|i| format!("probe:{i}"))
        .find(|key| slots.contains(&key_slot(key.as_bytes())))
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
        let led = led(&row).unwrap();
        assert_eq!(led, Led { first: Slot(5), last: Slot(9), port: 20_001 });
        let [key] = &keys_led_by(([127, 0, 0, 1], 20_001).into(), &[led])[..] else { panic!() };
        assert!((5..=9).contains(&key_slot(key.as_bytes()).0));
        assert!(keys_led_by(([127, 0, 0, 1], 20_002).into(), &[led]).is_empty());
    }
}
