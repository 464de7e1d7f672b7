//! Disks that fail: a sync that returns EIO, writes that find no space.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::strace::Strace;
use super::{Kind, Nemesis};
use crate::session::Session;

/// The exit status of a node whose log cannot be written (EX_IOERR of sysexits.h).
const EX_IOERR: i32 = 74;
/// How long a node under load may take to notice.
const NOTICE: Duration = Duration::from_secs(10);
/// What is written to fill a log: values of so many bytes, to so many keys, so often at most, for so long.
const FILLER_LEN: usize = 256 << 10;
const FILLER_KEYS: usize = 32;
const FILLERS_MAX: usize = 2_000;
const FILL_LIMIT: Duration = Duration::from_secs(20);
/// At which of a thread's syncs the error comes, at most.
const SYNCS_MAX: u64 = 40;

impl Nemesis<'_> {
    /// Lets a sync fail. The node must end itself: what its disk holds is not known any more.
    pub(super) fn fail_sync(&mut self, node: usize) -> Result<()> {
        let Some(pid) = self.cluster.node(node).pid()? else { return Ok(()) };
        let fault = format!("error=EIO:when={}", self.dice.range(1, SYNCS_MAX));
        let notes = self.schedule.directory.join("strace-eio.txt");
        let strace = Strace::attach(pid, "fdatasync,fsync", &fault, &notes)?;
        let ended = self.cluster.node(node).wait_ended(NOTICE)?;
        let injected = strace.injected();
        drop(strace);
        match ended {
            Some(status) if status.code() == Some(EX_IOERR) => self.count(Kind::Eio),
            Some(status) => bail!(
                "node {} met EIO at a sync and ended with {status}, not with {EX_IOERR}\n{}",
                node + 1,
                self.cluster.node(node).tail()
            ),
            None if injected > 0 => bail!(
                "node {} met EIO at {injected} syncs and goes on\n{}",
                node + 1,
                self.cluster.node(node).tail()
            ),
            // Nobody wrote to it.
            None => return Ok(()),
        }
        self.write_down(format!("node {} met EIO at a sync and ended itself", node + 1));
        self.sleep(0, 1_000);
        self.cluster.start(node)
    }

    /// Lets a node's disk have no space for more, and writes until the node says so. It must go on, and take
    /// writes again when there is space.
    ///
    /// The log writes into segments that were filled with zeros before, so it needs space only now and then;
    /// that is why this is done by the disk and not by failing every write.
    pub(super) fn fill_disk(&mut self, i: usize) -> Result<()> {
        let node = self.cluster.node(i);
        let Some(disk) = node.disk() else { return Ok(()) };
        self.write_down(format!("the disk of node {} is full", i + 1));
        let before = disk.refused_writes();
        disk.set_full(true);
        let noticed = self.write_much(i);
        self.sleep(0, 2_000);
        disk.set_full(false);
        let refused = disk.refused_writes() - before;
        self.write_down(format!("{refused} writes of node {} found no space", i + 1));
        if noticed? {
            self.count(Kind::Enospc);
        }
        let until = Instant::now() + NOTICE;
        while node.largest("synod_disk_full").ok() != Some(Some(0)) {
            if Instant::now() > until {
                bail!("node {} has space again and does not take writes\n{}", i + 1, node.tail());
            }
            node.check_alive().context("its disk was full")?;
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Fills the log until the node says that its disk is full; whether it did before there was too much.
    fn write_much(&self, i: usize) -> Result<bool> {
        let node = self.cluster.node(i);
        let (value, until) = ("x".repeat(FILLER_LEN), Instant::now() + FILL_LIMIT);
        let mut session = Session::new(self.nodes(), i, FILL_LIMIT);
        let mut full = false;
        for n in 0..FILLERS_MAX {
            // Whether one of them is taken does not matter: nobody reads them.
            let _ = session.call(&["SET", &filler(n), &value]);
            if n % 16 == 0 {
                node.check_alive().context("its disk is full")?;
                full = node.largest("synod_disk_full").ok() == Some(Some(1));
            }
            if full || Instant::now() > until {
                break;
            }
        }
        (0..FILLER_KEYS).for_each(|n| {
            let _ = session.call(&["DEL", &filler(n)]);
        });
        Ok(full)
    }
}

fn filler(n: usize) -> String {
    format!("filler:{}", n % FILLER_KEYS)
}
