//! How long writers wait when a server dies: some keys, each written without pause by a client of its
//! own that does what clients do, namely give up after a while, and try again elsewhere.

use crate::keys::key;
use crate::report::{Outage, Witness};
use crate::resp::command;
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// How long a client waits for an answer before it tries elsewhere.
const PATIENCE: Duration = Duration::from_millis(1_000);
/// How long it waits before it repeats a write that was refused.
const PAUSE: Duration = Duration::from_millis(5);

/// Writes `keys` keys over RESP to any of `addrs` for some time.
pub fn resp(addrs: &[String], keys: u32, time: Duration) -> Result<Outage> {
    let end = Instant::now() + time;
    let witnesses: Vec<Witness> = thread::scope(|scope| {
        let writers: Vec<_> =
            (0..keys).map(|key| scope.spawn(move || write(addrs, key, end))).collect();
        writers.into_iter().filter_map(|writer| writer.join().ok()).collect()
    });
    (witnesses.len() == keys as usize).then(|| Outage::of(&witnesses)).context("a writer panicked")
}

fn write(addrs: &[String], number: u32, end: Instant) -> Witness {
    let mut request = Vec::new();
    command(&mut request, &[b"SET", &key(number), b"value"]);
    let mut witness = Witness { longest_gap: Duration::ZERO, acknowledged: 0, repeated: 0 };
    let (mut connection, mut turn) = (None, number as usize);
    let mut last = Instant::now();
    while Instant::now() < end {
        if connection.is_none() {
            turn += 1;
            connection = connect(&addrs[turn % addrs.len()]).ok();
        }
        let done = match &mut connection {
            Some(open) => ask(open, &request),
            None => None,
        };
        let now = Instant::now();
        match done {
            Some(true) => {
                witness.longest_gap = witness.longest_gap.max(now - last);
                witness.acknowledged += 1;
                last = now;
                continue;
            }
            Some(false) => {}
            None => connection = None,
        }
        witness.repeated += 1;
        thread::sleep(PAUSE);
    }
    // A key that never came back waited at least until now.
    witness.longest_gap = witness.longest_gap.max(last.elapsed());
    witness
}

fn connect(addr: &str) -> Result<BufReader<TcpStream>> {
    let socket = TcpStream::connect(addr)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(socket))
}

/// Sends one write: whether it was acknowledged, or nothing when the connection is of no more use.
fn ask(connection: &mut BufReader<TcpStream>, request: &[u8]) -> Option<bool> {
    connection.get_mut().write_all(request).ok()?;
    let mut line = String::new();
    connection.read_line(&mut line).ok().filter(|count| *count > 0)?;
    Some(line.starts_with('+'))
}
