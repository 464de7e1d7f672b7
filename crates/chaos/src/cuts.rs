//! Every moment of a short run as the moment of a power cut: the disk is kept as it was at every fsync, just
//! before anything of that fsync was done, and at the end, and the node is started on what a cut would have left of it.
//!
//! ```text
//! write 1, 2, 3, ...      disk: frame, frame, frame, ...   each marked with the writes acknowledged by then
//! for each frame: cut (nothing unflushed survives / the dice decide) -> start -> read -> compare
//! ```

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::cluster::{Cluster, Settings};
use crate::dice::Dice;
use crate::disk::Frame;
use crate::resp::{Connection, Reply};

/// How long the node may take to start.
const START: Duration = Duration::from_secs(20);
/// How long one answer is waited for.
const ANSWER: Duration = Duration::from_secs(5);
/// Every so manieth write is one of many sectors.
const BIG_EVERY: u64 = 8;
/// How long that is, in bytes.
const BIG_LEN: usize = 60_000;
/// The stream of choices for the cuts.
const CUT_STREAM: u64 = u64::MAX - 100;

/// An acknowledged write is not there, or something is that was never written.
#[derive(Debug)]
pub struct Lost {
    acknowledged: u64,
    len: usize,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, len } = self;
        write!(f, "writes up to {acknowledged} were acknowledged; {len} items do not fit that")
    }
}

impl std::error::Error for Lost {}

/// Runs, cuts, compares; an error names the moment and what is wrong, [`Lost`] if it is that.
pub fn try_every_moment(settings: &Settings, writes: u64) -> Result<()> {
    let cluster = Cluster::new(settings)?;
    let disk = cluster.node(0).disk().context("there is no disk of our own")?;
    let acknowledged = Arc::new(AtomicU64::new(0));
    disk.record(Arc::clone(&acknowledged));
    cluster.start(0)?;
    cluster.wait_ready(START)?;
    for n in 1..=writes {
        write(&cluster, n).with_context(|| format!("write {n}"))?;
        acknowledged.store(n, Ordering::SeqCst);
    }
    let frames = disk.frames();
    cluster.kill(0)?;
    let (started, mut dice) = (Instant::now(), Dice::new(settings.seed, CUT_STREAM));
    for (n, frame) in frames.iter().enumerate() {
        for lucky in [false, true] {
            let dice = lucky.then_some(&mut dice);
            try_moment(&cluster, frame, dice, writes).with_context(|| {
                let (of, at) = (frames.len(), frame.at);
                let log = cluster.node(0).tail();
                format!("power cut at moment {n} of {of}, {at} writes acknowledged, in part: {lucky}\n{log}")
            })?;
        }
    }
    println!(
        "power cut at {} moments of {writes} writes, {} starts in {} s: every acknowledged write is there",
        frames.len(),
        2 * frames.len(),
        started.elapsed().as_secs()
    );
    Ok(())
}

fn try_moment(
    cluster: &Cluster,
    frame: &Frame,
    dice: Option<&mut Dice>,
    writes: u64,
) -> Result<()> {
    let node = cluster.node(0);
    let disk = node.disk().context("there is no disk of our own")?;
    disk.rewind(frame);
    disk.cut(dice);
    node.start()?;
    let until = Instant::now() + START;
    let mut connection = loop {
        node.check_alive()?;
        let connection = Connection::open(node.client(), ANSWER);
        if let Ok(mut connection) = connection
            && matches!(connection.call(&["SET", "ready", "1"]), Ok(Reply::Simple(_)))
        {
            break connection;
        }
        ensure!(Instant::now() < until, "the node does not start within {START:?}");
        std::thread::sleep(Duration::from_millis(5));
    };
    let list = connection.call(&["LRANGE", "list", "0", "-1"])?;
    let big = connection.call(&["GET", "big"])?;
    check(&list, &big, frame.at, writes)?;
    node.kill()
}

/// Write `n`: most go to the end of a list, some are one large value.
fn write(cluster: &Cluster, n: u64) -> Result<()> {
    let mut connection = Connection::open(cluster.address(0), ANSWER)?;
    let reply = match is_big(n) {
        true => connection.call(&["SET", "big", &big(n)])?,
        false => connection.call(&["RPUSH", "list", &n.to_string()])?,
    };
    match reply {
        Reply::Simple(_) | Reply::Integer(_) => Ok(()),
        other => bail!("it was answered by {other:?}"),
    }
}

fn is_big(n: u64) -> bool {
    n.is_multiple_of(BIG_EVERY)
}

fn big(n: u64) -> String {
    format!("{n},").repeat(BIG_LEN / 4)
}

/// Writes came one after the other, so what is there is all of them up to some number, which is at least
/// that of the last acknowledged one, and at most one more than it.
fn check(list: &Reply, found: &Reply, acknowledged: u64, writes: u64) -> Result<(), Lost> {
    let last = (acknowledged + 1).min(writes);
    let fits = |n: u64| {
        let items: Vec<_> = (1..=n)
            .filter(|n| !is_big(*n))
            .map(|n| Reply::Bulk(Some(n.to_string().into_bytes())))
            .collect();
        let big = (1..=n).rfind(|n| is_big(*n)).map(|n| big(n).into_bytes());
        *list == Reply::Array(Some(items)) && *found == Reply::Bulk(big)
    };
    if (acknowledged..=last).any(fits) {
        return Ok(());
    }
    let len = match list {
        Reply::Array(Some(items)) => items.len(),
        _ => 0,
    };
    Err(Lost { acknowledged, len })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(numbers: &[u64]) -> Reply {
        let item = |n: &u64| Reply::Bulk(Some(n.to_string().into_bytes()));
        Reply::Array(Some(numbers.iter().map(item).collect()))
    }

    #[test]
    fn what_is_acknowledged_must_be_there_and_nothing_else() {
        let (none, first) = (Reply::Bulk(None), Reply::Bulk(Some(big(8).into_bytes())));
        assert!(check(&list(&[]), &none, 0, 9).is_ok());
        assert!(check(&list(&[1, 2]), &none, 2, 9).is_ok());
        assert!(check(&list(&[1, 2, 3]), &none, 2, 9).is_ok(), "one may be under way");
        assert!(check(&list(&[1]), &none, 2, 9).is_err(), "lost");
        assert!(check(&list(&[1, 2, 3, 4]), &none, 2, 9).is_err(), "from nowhere");
        assert!(check(&list(&[1, 3]), &none, 2, 9).is_err());
        let seven = list(&[1, 2, 3, 4, 5, 6, 7]);
        assert!(check(&seven, &none, 7, 9).is_ok() && check(&seven, &first, 8, 9).is_ok());
        assert!(check(&seven, &none, 8, 9).is_err(), "the large one is lost");
    }
}
