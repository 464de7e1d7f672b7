//! Little memory: a ceiling just above what a node uses, and a control group in which the kernel ends who takes more.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::clients::PATIENCE;
use super::{Kind, Nemesis};
use crate::cluster::{Change, Node};
use crate::resp::{Connection, Reply};

/// How much memory above what it uses a node has when it has little, in bytes.
const LITTLE: u64 = 4 << 20;
/// What is written to fill it: values of so many bytes, so many at the most.
const FILLER_BYTES: usize = 256 << 10;
const FILLERS: usize = 128;
/// How much memory a control group has, in MiB.
const GROUP_MIB: std::ops::Range<u64> = 256..480;
/// A node has no memory when so many writes in a row are refused.
const REFUSALS: usize = 16;
/// How long filling it may take.
const FILLING: Duration = Duration::from_secs(40);
/// So many clients ask a full node for so many values each and read nothing for a while.
const CROWD: usize = 20;
const UNREAD: usize = 100;
const UNREAD_FOR: Duration = Duration::from_secs(2);
/// The kernel gives a group up when the last of its processes is gone, which takes a moment.
const GONE: Duration = Duration::from_millis(200);

impl Nemesis<'_> {
    /// A node has little more memory than it uses, and is written to until it refuses. It must go on, and take writes
    /// again when it may have more.
    pub(super) fn fill_memory(&mut self, i: usize) -> Result<()> {
        let node = self.scene.cluster.node(i);
        // A node that has just been started may know no leader yet.
        let Some((before, used)) = ceiling(node.client()) else { return Ok(()) };
        set_ceiling(node.client(), &(used + LITTLE).to_string())?;
        self.scene.write_down(format!("node {} may use {LITTLE} bytes more", i + 1));
        let refused = fill(node);
        set_ceiling(node.client(), &before)?;
        node.check_alive().context("it had little memory")?;
        if refused {
            self.scene.count(Kind::Memory);
            self.scene.write_down(format!("node {} refused writes and has room again", i + 1));
        }
        self.wait_answers(i)
    }

    /// A node runs in a small control group, with the ceiling that it gives itself there, and is filled until all writes
    /// are refused; then clients ask it for much at once. The kernel must not have had to end it.
    pub(super) fn fill_group(&mut self, i: usize) -> Result<()> {
        self.end_lasting()?;
        let mib = self.dice.range(GROUP_MIB.start, GROUP_MIB.end);
        let Some(group) = ControlGroup::new(i, mib << 20) else {
            self.scene.write_down("there are no control groups of memory here".into());
            return Ok(());
        };
        let node = self.scene.cluster.node(i);
        self.scene.write_down(format!("node {} has a control group of {mib} MiB", i + 1));
        self.scene.cluster.kill(i)?;
        node.start_with(Some(&Change::Group(group.path.clone())))?;
        self.wait_answers(i)?;
        let Some((own, _)) = ceiling(node.client()) else { return self.leave_group(i, group) };
        // Every replica holds what its leader takes: nobody takes more than this one can.
        let others: Vec<_> =
            self.scene.nodes().into_iter().filter(|n| *n != node.client()).collect();
        let before: Vec<_> = others.iter().map(|other| ceiling(*other)).collect();
        let lowered = others.iter().all(|other| set_ceiling(*other, &own).is_ok());
        let mut written = 0;
        let full = lowered && fill_up(node, (mib as usize) << 20, &mut written)?;
        if full {
            ask_for_much(node.client(), written);
            node.check_alive().context("it was full, and asked for much at once")?;
        }
        empty(node.client(), written);
        for (other, (before, _)) in others.iter().zip(before.iter().flatten()) {
            // One that was killed meanwhile begins with what it had.
            let _ = set_ceiling(*other, before);
        }
        if full {
            self.scene.count(Kind::ControlGroup);
            self.scene.write_down(format!("node {} refused writes at {own} bytes", i + 1));
        }
        self.leave_group(i, group)
    }

    fn leave_group(&mut self, i: usize, group: ControlGroup) -> Result<()> {
        self.scene.cluster.node(i).check_alive().context("it was in a small control group")?;
        self.scene.cluster.kill(i)?;
        std::thread::sleep(GONE);
        drop(group);
        self.scene.cluster.start(i)
    }
}

/// A control group of memory; it is removed when this is dropped, and nobody may be in it then.
#[derive(Debug)]
struct ControlGroup {
    path: PathBuf,
}

impl ControlGroup {
    /// `None` where there are none, or none may be made.
    fn new(node: usize, bytes: u64) -> Option<Self> {
        let name = format!("synod-rig-{}-{node}", std::process::id());
        let second = PathBuf::from("/sys/fs/cgroup");
        let first = second.join("memory");
        let (root, limit) = match first.join("memory.limit_in_bytes").exists() {
            true => (first, "memory.limit_in_bytes"),
            false => (second, "memory.max"),
        };
        let group = Self { path: root.join(name) };
        std::fs::create_dir(&group.path).ok()?;
        std::fs::write(group.path.join(limit), bytes.to_string()).ok()?;
        Some(group)
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.path);
    }
}

fn set_ceiling(node: SocketAddr, most: &str) -> Result<()> {
    let mut connection = Connection::open(node, PATIENCE)?;
    match connection.call(&["CONFIG", "SET", "maxmemory", most])? {
        Reply::Simple(_) => Ok(()),
        other => bail!("CONFIG SET maxmemory {most}: {other:?}"),
    }
}

/// Writes `most` bytes, or until so many writes in a row are refused for want of memory: whether it came to that.
/// `written` counts the keys.
fn fill_up(node: &Node, most: usize, written: &mut usize) -> Result<bool> {
    let value = "m".repeat(FILLER_BYTES);
    let (mut refused, mut connection) = (0, None);
    let until = Instant::now() + FILLING;
    while Instant::now() < until && *written < most / FILLER_BYTES && refused < REFUSALS {
        node.check_alive().context("its control group was being filled")?;
        let Some(open) =
            connection.take().or_else(|| Connection::open(node.client(), PATIENCE).ok())
        else {
            *written += 1;
            continue;
        };
        let mut open: Connection = open;
        match open.call(&["SET", &format!("memory:{written}"), &value]) {
            Ok(Reply::Error(text)) if text.starts_with("OOM") => refused += 1,
            Ok(Reply::Simple(_)) => refused = 0,
            Ok(_) => {}
            Err(_) => {
                *written += 1;
                continue;
            }
        }
        connection = Some(open);
        *written += 1;
    }
    Ok(refused == REFUSALS)
}

/// Many clients ask a node for much and read nothing; then one asks for everything that was written.
fn ask_for_much(node: SocketAddr, written: usize) {
    let names: Vec<String> = (0..written).map(|n| format!("memory:{n}")).collect();
    let asked: String = names.iter().take(UNREAD).map(|name| format!("GET {name}\r\n")).collect();
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        let Ok(mut client) = TcpStream::connect_timeout(&node, PATIENCE) else { continue };
        let _ = client.write_all(asked.as_bytes());
        crowd.push(client);
    }
    std::thread::sleep(UNREAD_FOR);
    drop(crowd);
    if let Ok(mut connection) = Connection::open(node, PATIENCE) {
        let all: Vec<_> = ["MGET"].into_iter().chain(names.iter().map(String::as_str)).collect();
        let _ = connection.call(&all);
    }
}

/// Deletes so many keys again.
fn empty(node: SocketAddr, keys: usize) {
    if let Ok(mut connection) = Connection::open(node, PATIENCE) {
        (0..keys).for_each(|n| {
            let _ = connection.call(&["DEL", &format!("memory:{n}")]);
        });
    }
}

/// The ceiling of a node's memory as it is set, and how much it uses, in bytes.
fn ceiling(node: SocketAddr) -> Option<(String, u64)> {
    let mut connection = Connection::open(node, PATIENCE).ok()?;
    let Reply::Array(Some(pair)) = connection.call(&["CONFIG", "GET", "maxmemory"]).ok()? else {
        return None;
    };
    let Some(Reply::Bulk(Some(before))) = pair.into_iter().nth(1) else { return None };
    let Reply::Bulk(Some(info)) = connection.call(&["INFO", "memory"]).ok()? else { return None };
    let info = String::from_utf8(info).ok()?;
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"))?;
    Some((String::from_utf8(before).ok()?, used.trim().parse().ok()?))
}

/// Writes until a node says that it has no memory; whether it did.
fn fill(node: &Node) -> bool {
    let value = "m".repeat(FILLER_BYTES);
    let name = |n: usize| format!("memory:{n}");
    let mut refused = false;
    for n in 0..FILLERS {
        let Ok(mut connection) = Connection::open(node.client(), PATIENCE) else { break };
        let reply = connection.call(&["SET", &name(n), &value]);
        refused = matches!(reply, Ok(Reply::Error(text)) if text.starts_with("OOM"));
        if refused {
            break;
        }
    }
    empty(node.client(), FILLERS);
    refused
}
