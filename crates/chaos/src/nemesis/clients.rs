//! Careless clients: too many, too much, too slow to read. Those who take care must notice nothing but time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Kind, Nemesis};
use crate::cluster::{Change, Node};
use crate::resp::{Connection, Reply};
use crate::session::{Session, Trouble};

/// How many descriptors a node has when it has few, and how many clients come then.
const DESCRIPTORS: u64 = 160;
const CROWD: usize = 400;
/// A large value begins with so many bytes and is grown by as many.
const LARGE_BYTES: std::ops::Range<u64> = 1 << 20..6 << 20;
/// How many of them are written at a time.
const LARGE: u64 = 4;
/// What a client asks for that does not read: a value of so many bytes, so often.
const ASKED_BYTES: usize = 1 << 20;
const ASKED: usize = 900;
/// By how much the node's memory may grow meanwhile, in KiB.
const GROWTH_KIB_MAX: u64 = 320 << 10;
/// For how long writes are held back at the most, in milliseconds.
const HELD_MS: &str = "3000";
/// How long one answer is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The same where the answer may be that no leader was found in time.
const ANSWERED: Duration = Duration::from_secs(20);

impl Nemesis<'_> {
    /// More clients come to a node than it has descriptors for. Who is there goes on, and who comes later is served once
    /// there is room.
    pub(super) fn crowd(&mut self, i: usize) -> Result<()> {
        let node = self.scene.cluster.node(i);
        self.scene.count(Kind::Descriptors);
        self.scene.write_down(format!("node {} has {DESCRIPTORS} descriptors", i + 1));
        self.scene.cluster.kill(i)?;
        node.start_with(Some(&Change::Descriptors(DESCRIPTORS)))?;
        self.wait_answers(i)?;
        let mut first = Connection::open(node.client(), PATIENCE)?;
        let crowd: Vec<_> =
            (0..CROWD).map_while(|_| Connection::open(node.client(), PATIENCE).ok()).collect();
        self.dice.sleep(200, 1_500);
        let answer = first.call(&["PING"]);
        node.check_alive()?;
        let answer = answer.with_context(|| {
            format!("a client of node {} was lost among {} others", i + 1, crowd.len())
        })?;
        if answer != Reply::Simple("PONG".into()) {
            bail!("among {} others a client of node {} was told {answer:?}", crowd.len(), i + 1);
        }
        drop(crowd);
        self.wait_answers(i)?;
        self.scene.cluster.kill(i)?;
        self.scene.cluster.start(i)
    }

    /// Writes values of megabytes, lets them grow, and reads them through another node: what was acknowledged is there.
    pub(super) fn write_large(&mut self, i: usize) -> Result<()> {
        let (nodes, len) = (self.scene.nodes(), self.scene.cluster.len());
        self.scene.count(Kind::Large);
        self.scene.write_down("large values".into());
        let mut writer = Session::new(nodes.clone(), i, PATIENCE);
        let mut reader = Session::new(nodes, (i + 1) % len, PATIENCE);
        for n in 0..LARGE {
            let key = format!("large:{n}");
            // A few MiB, so it fits.
            let half = "v".repeat(self.dice.range(LARGE_BYTES.start, LARGE_BYTES.end) as usize);
            if !self.write_one(&mut writer, &key, &half)? {
                continue;
            }
            let grown = writer.call(&["APPEND", &key, &half]);
            let lens = match grown {
                Ok(_) => vec![2 * half.len()],
                Err(Trouble::Refused) => vec![half.len()],
                Err(Trouble::Unknown) => vec![half.len(), 2 * half.len()],
                Err(Trouble::Strange(text)) => bail!("APPEND of a large value: {text}"),
            };
            match reader.call(&["GET", &key]) {
                Ok(Reply::Bulk(Some(value)))
                    if lens.contains(&value.len()) && value.iter().all(|byte| *byte == b'v') => {}
                Ok(other) => {
                    let told = told(&other);
                    bail!("{key} was written with {lens:?} bytes and is {told}");
                }
                Err(Trouble::Strange(text)) => bail!("GET of a large value: {text}"),
                Err(_) => {}
            }
        }
        (0..LARGE).for_each(|n| {
            let _ = writer.call(&["DEL", &format!("large:{n}")]);
        });
        Ok(())
    }

    /// Whether the value was acknowledged.
    fn write_one(&self, writer: &mut Session, key: &str, value: &str) -> Result<bool> {
        match writer.call(&["SET", key, value]) {
            Ok(_) => Ok(true),
            Err(Trouble::Strange(text)) => bail!("SET of a large value: {text}"),
            Err(_) => Ok(false),
        }
    }

    /// A client sends a write to a node that holds writes back, and leaves. What was not begun then is never begun.
    pub(super) fn leave(&mut self, i: usize) -> Result<()> {
        let client = self.scene.cluster.node(i).client();
        let mut other = Connection::open(client, PATIENCE)?;
        self.lefts += 1;
        let key = format!("left:{}", self.lefts);
        if !matches!(other.call(&["CLIENT", "PAUSE", HELD_MS, "WRITE"]), Ok(Reply::Simple(_))) {
            return Ok(());
        }
        self.scene.count(Kind::Leaver);
        self.scene.write_down(format!("a client of node {} leaves", i + 1));
        let mut leaver = Connection::open(client, PATIENCE)?;
        // It is read before it is held back.
        leaver.call(&["PING"])?;
        leaver.send(&["SET", &key, "x"])?;
        self.dice.sleep(0, 200);
        drop(leaver);
        self.dice.sleep(200, 500);
        other.call(&["CLIENT", "UNPAUSE"])?;
        for _ in 0..3 {
            if let Ok(Reply::Bulk(Some(_))) = other.call(&["GET", &key]) {
                bail!("a write of a client that had left node {} was done", i + 1);
            }
            self.dice.sleep(0, 100);
        }
        Ok(())
    }

    /// Asks for much more than sockets hold, does not read for a while, and then reads everything. The node must neither
    /// hold all of it nor lose any of it.
    pub(super) fn read_late(&mut self, i: usize) -> Result<()> {
        let node = self.scene.cluster.node(i);
        let value = "s".repeat(ASKED_BYTES);
        let mut writer = Session::new(self.scene.nodes(), i, PATIENCE);
        if !self.write_one(&mut writer, "asked", &value)? {
            return Ok(());
        }
        self.scene.count(Kind::SlowReader);
        self.scene.write_down(format!("a client of node {} does not read", i + 1));
        let before = resident_kib(node)?;
        let mut reader = Connection::open(node.client(), ANSWERED)?;
        let until = Instant::now() + Duration::from_millis(self.dice.range(500, 2_500));
        for _ in 0..ASKED {
            reader.send(&["GET", "asked"])?;
        }
        let mut most = before;
        while Instant::now() < until {
            most = most.max(resident_kib(node)?);
            std::thread::sleep(Duration::from_millis(50));
        }
        if most > before + GROWTH_KIB_MAX {
            bail!(
                "node {} grew from {before} to {most} KiB for one client that did not read",
                i + 1
            );
        }
        for n in 0..ASKED {
            match reader.receive() {
                Ok(Reply::Bulk(Some(got))) if got.len() == value.len() => {}
                // Its leader may be dead just now.
                Ok(Reply::Error(_)) => {}
                Ok(other) => bail!("answer {n} of {ASKED} is {}", told(&other)),
                Err(error) => bail!("answer {n} of {ASKED} did not come: {error}"),
            }
        }
        let _ = writer.call(&["DEL", "asked"]);
        Ok(())
    }
}

fn resident_kib(node: &Node) -> Result<u64> {
    let Some(pid) = node.pid()? else { return Ok(0) };
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.context("a process without memory")
}

/// A reply in a few words.
pub(super) fn told(reply: &Reply) -> String {
    match reply {
        Reply::Bulk(Some(bytes)) => format!("{} bytes", bytes.len()),
        other => format!("{other:?}"),
    }
}
