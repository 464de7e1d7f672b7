//! What a cluster-aware client knows: which server leads which slots.

use crate::keys::{SLOTS, slot};
use crate::resp::command;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Elements of the largest array that is believed.
const ARRAY_MAX: usize = 100_000;

/// Where to send what: servers, and the keys that belong to each.
pub struct Routes {
    /// The servers.
    pub addrs: Vec<SocketAddr>,
    /// Per server: the numbers of its keys. Never empty.
    pub keys: Vec<Vec<u32>>,
}

impl Routes {
    /// Every key may go to every server.
    pub fn any(addrs: Vec<SocketAddr>, keys: u32) -> Self {
        let all: Vec<u32> = (0..keys.max(1)).collect();
        Self { keys: vec![all; addrs.len()], addrs }
    }

    /// `count` connections over the servers in turn, as address and route.
    pub fn spread(&self, count: usize) -> Vec<(SocketAddr, usize)> {
        (0..count).map(|n| n % self.addrs.len()).map(|route| (self.addrs[route], route)).collect()
    }
}

/// A range of slots and who leads it.
pub struct Range {
    first: u16,
    last: u16,
    /// Where its leader listens.
    pub leader: SocketAddr,
}

/// Asks the first server that answers for the slots, and sorts the keys by leader.
pub fn routes(addrs: &[SocketAddr], keys: u32) -> Result<Routes> {
    let ranges = ranges(addrs)?;
    let mut leaders: Vec<SocketAddr> = ranges.iter().map(|range| range.leader).collect();
    leaders.sort_unstable();
    leaders.dedup();
    let mut lists = vec![Vec::new(); leaders.len()];
    for key in 0..keys {
        let slot = slot(key);
        let range = ranges.iter().find(|range| (range.first..=range.last).contains(&slot));
        let leader = range.with_context(|| format!("nobody leads slot {slot}"))?.leader;
        if let Ok(at) = leaders.binary_search(&leader) {
            lists[at].push(key);
        }
    }
    // A server that leads none of these keys gets no connection.
    let routes = leaders.into_iter().zip(lists).filter(|(_, list)| !list.is_empty());
    let (addrs, keys) = routes.unzip();
    Ok(Routes { addrs, keys })
}

/// `CLUSTER SLOTS` of the first server that answers, by first slot.
pub fn ranges(addrs: &[SocketAddr]) -> Result<Vec<Range>> {
    let mut last = None;
    for addr in addrs {
        match ask(*addr) {
            Ok(ranges) if !ranges.is_empty() => return Ok(ranges),
            Ok(_) => last = Some(anyhow::anyhow!("{addr} serves no slots")),
            Err(error) => last = Some(error),
        }
    }
    Err(last.context("no address was given")?)
}

fn ask(addr: SocketAddr) -> Result<Vec<Range>> {
    let mut socket = TcpStream::connect(addr).with_context(|| format!("connect to {addr}"))?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = Vec::new();
    command(&mut request, &[b"CLUSTER", b"SLOTS"]);
    socket.write_all(&request)?;
    let reply = read_value(&mut BufReader::new(socket), 0)?;
    let rows = match reply {
        Value::Array(rows) => rows,
        Value::Other(text) => bail!("{addr} answered CLUSTER SLOTS with `{text}`"),
        _ => bail!("{addr} answered CLUSTER SLOTS with no array"),
    };
    let mut ranges = Vec::with_capacity(rows.len());
    for row in &rows {
        ranges.push(range(row, addr).with_context(|| format!("a row of CLUSTER SLOTS: {row:?}"))?);
    }
    ranges.sort_unstable_by_key(|range| range.first);
    Ok(ranges)
}

/// First slot, last slot, leader, replicas; a node is its host, its port, and more.
fn range(row: &Value, asked: SocketAddr) -> Option<Range> {
    let Value::Array(row) = row else { return None };
    let [Value::Integer(first), Value::Integer(last), Value::Array(leader), ..] = &row[..] else {
        return None;
    };
    let [Value::Bulk(host), Value::Integer(port), ..] = &leader[..] else { return None };
    let port = u16::try_from(*port).ok()?;
    // An empty host means: the one you asked.
    let leader = match std::str::from_utf8(host).ok()? {
        "" => SocketAddr::new(asked.ip(), port),
        host => (host, port).to_socket_addrs().ok()?.next()?,
    };
    let slot = |n: i64| u16::try_from(n).ok().filter(|slot| *slot < SLOTS);
    Some(Range { first: slot(*first)?, last: slot(*last)?, leader })
}

#[derive(Debug)]
enum Value {
    Integer(i64),
    Bulk(Vec<u8>),
    Array(Vec<Value>),
    Other(String),
}

fn read_value(input: &mut impl BufRead, depth: u32) -> Result<Value> {
    if depth > 8 {
        bail!("a reply is nested too deeply");
    }
    let mut line = String::new();
    input.read_line(&mut line)?;
    let line = line.trim_end();
    let Some((kind, rest)) = line.split_at_checked(1) else { bail!("the server closed") };
    Ok(match kind {
        ":" => Value::Integer(rest.parse()?),
        "$" if rest != "-1" => {
            let mut bytes = vec![0; rest.parse::<usize>()?.min(1 << 20) + 2];
            input.read_exact(&mut bytes)?;
            bytes.truncate(bytes.len() - 2);
            Value::Bulk(bytes)
        }
        "*" if rest != "-1" => {
            let len: usize = rest.parse()?;
            if len > ARRAY_MAX {
                bail!("an array of {len}");
            }
            let elements: Result<_> = (0..len).map(|_| read_value(input, depth + 1)).collect();
            Value::Array(elements?)
        }
        _ => Value::Other(line.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_becomes_ranges() {
        let reply = b"*1\r\n*4\r\n:0\r\n:8191\r\n*3\r\n$9\r\n127.0.0.1\r\n:7001\r\n$2\r\nid\r\n\
                      *2\r\n$0\r\n\r\n:7002\r\n";
        let Value::Array(rows) = read_value(&mut &reply[..], 0).unwrap() else { panic!() };
        let asked = "127.0.0.9:1".parse().unwrap();
        let range = range(&rows[0], asked).unwrap();
        assert_eq!((range.first, range.last), (0, 8191));
        assert_eq!(range.leader, "127.0.0.1:7001".parse().unwrap());
        assert!(read_value(&mut &reply[..20], 0).is_err());
    }

    #[test]
    fn connections_are_spread_evenly() {
        let addrs: Vec<SocketAddr> =
            (1..=3).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect();
        let spread = Routes::any(addrs, 10).spread(50);
        for route in 0..3 {
            let count = spread.iter().filter(|(_, r)| *r == route).count();
            assert!((16..=17).contains(&count));
        }
    }
}
