//! Disks that fail: a sync that returns EIO, writes that find no space.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::strace::Strace;
use super::{Kind, Nemesis};
use crate::session::Session;

/// The exit status of a node whose log cannot be written (EX_IOERR of sysexits.h).
const EX_IOERR: i32 = 74;
/// What a node says when it was a snapshot that could not be written, or older ones that could not be
/// removed for good: it can do either again. Each time it says what the disk said.
const GIVEN_UP: [&str; 2] = ["a snapshot was given up", "older snapshots could not be removed"];
const EIO: &str = "Input/output error";
/// How long a node under load may take to notice.
const NOTICE: Duration = Duration::from_secs(10);
/// What is written to fill a log: values of so many bytes, to so many keys, so often at most, for so long.
const FILLER_LEN: usize = 256 << 10;
const FILLER_KEYS: usize = 32;
const FILLERS_MAX: usize = 2_000;
const FILL_LIMIT: Duration = Duration::from_secs(20);
/// At which of a thread's syncs the error comes, at most.
const SYNCS_MAX: u64 = 40;
/// The same when it is to come before the node serves.
const SYNCS_AT_START: u64 = 3;
/// How long a sync takes on a slow disk, in milliseconds.
const SLOW_SYNC_MS: std::ops::Range<u64> = 20..300;
/// How long a node may take to end, or to say what it gave up, when it was told of the error.
const SETTLE: Duration = Duration::from_secs(2);

/// How a node took it that syncs failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// None of its syncs was the one to fail.
    Idle,
    /// It gave up as many snapshots as syncs failed, and goes on.
    GoesOn,
    /// It ended itself.
    Ended,
}

/// Judges what a node did about `injected` failed syncs: its exit status if it ended, and what it said.
fn judge(injected: usize, ended: Option<Option<i32>>, said: &str) -> Result<Taken> {
    let gives_up = |line: &&str| line.contains(EIO) && GIVEN_UP.iter().any(|it| line.contains(it));
    let given_up = said.lines().filter(gives_up).count();
    match ended {
        Some(code) if injected == 0 => bail!("it ended with {code:?}, and no sync had failed"),
        Some(Some(EX_IOERR)) => Ok(Taken::Ended),
        Some(code) => bail!("it met EIO at a sync and ended with {code:?}, not with {EX_IOERR}"),
        None if injected == 0 => Ok(Taken::Idle),
        None if given_up >= injected => Ok(Taken::GoesOn),
        None => bail!("it met EIO at {injected} syncs, gave up {given_up} snapshots and goes on"),
    }
}

/// The calls that make something durable; a write is one where the log is written past the page cache.
const SYNCS: &str = "fdatasync,fsync,pwrite64";

impl Nemesis<'_> {
    /// Lets a sync fail, under load or, now and then, while the node reads its log after a start.
    ///
    /// A failed sync of the log must end the node with a status that says so: what its disk holds is not known
    /// any more. A failed sync of a snapshot costs that snapshot alone. A node that ends without a failed sync
    /// has failed the run.
    pub(super) fn fail_sync(&mut self, i: usize) -> Result<()> {
        let node = self.scene.cluster.node(i);
        let starting = self.dice.chance(25);
        let nth = self.dice.range(1, if starting { SYNCS_AT_START } else { SYNCS_MAX });
        if starting {
            node.kill()?;
            node.start()?;
        }
        let Some(pid) = node.pid()? else { return Ok(()) };
        let before = node.logged().len();
        let notes = self.scene.schedule.directory.join("strace-eio.txt");
        let fault = format!("error=EIO:when={nth}");
        let strace = Strace::attach(pid, SYNCS, &fault, &notes)?;
        let mut ended = node.wait_ended(NOTICE)?;
        let injected = strace.detach()?;
        if ended.is_none() && injected > 0 {
            // The last of them may have been at the very end.
            ended = node.wait_ended(SETTLE)?;
        }
        let said = node.logged().split_off(before);
        let said = String::from_utf8_lossy(&said);
        let how = judge(injected, ended.map(|status| status.code()), &said)
            .with_context(|| format!("node {}, started in between: {starting}\n{said}", i + 1))?;
        self.scene.write_down(format!("EIO at {injected} syncs of node {}: {how:?}", i + 1));
        if how != Taken::Idle {
            self.scene.count(Kind::Eio);
        }
        if how != Taken::Ended {
            return Ok(());
        }
        self.dice.sleep(0, 1_000);
        self.scene.cluster.start(i)
    }

    /// Lets a node's disk have no space for more, and writes until the node says so. It must go on, and take
    /// writes again when there is space.
    ///
    /// The log writes into segments that were filled with zeros before, so it needs space only now and then;
    /// that is why this is done by the disk and not by failing every write.
    pub(super) fn fill_disk(&mut self, i: usize) -> Result<()> {
        let node = self.scene.cluster.node(i);
        let Some(disk) = node.disk() else { return Ok(()) };
        self.scene.write_down(format!("the disk of node {} is full", i + 1));
        let before = disk.refused_writes();
        disk.set_full(true);
        let noticed = self.write_much(i);
        self.dice.sleep(0, 2_000);
        disk.set_full(false);
        let refused = disk.refused_writes() - before;
        self.scene.write_down(format!("{refused} writes of node {} found no space", i + 1));
        if noticed? {
            self.scene.count(Kind::Enospc);
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

    /// Makes every sync of a node slow for a while, as a disk that others use or that is about to die does.
    pub(super) fn slow_disk(&mut self, i: usize) -> Result<()> {
        let Some(disk) = self.scene.cluster.node(i).disk() else { return Ok(()) };
        let ms = self.dice.range(SLOW_SYNC_MS.start, SLOW_SYNC_MS.end);
        self.scene.count(Kind::SlowDisk);
        self.scene.write_down(format!("a sync of node {} takes {ms} ms", i + 1));
        disk.set_slow(ms);
        self.dice.sleep(1_000, 3_000);
        disk.set_slow(0);
        self.scene.write_down(format!("the disk of node {} is fast again", i + 1));
        Ok(())
    }

    /// Fills the log until the node says that its disk is full; whether it did before there was too much.
    fn write_much(&self, i: usize) -> Result<bool> {
        let node = self.scene.cluster.node(i);
        let (value, until) = ("x".repeat(FILLER_LEN), Instant::now() + FILL_LIMIT);
        let mut session = Session::new(self.scene.nodes(), i, FILL_LIMIT);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_sync_and_nothing_else_explains_an_end() {
        let snapshot = format!("WARN {} group=2 error=2.snap: {EIO} (os error 5)\n", GIVEN_UP[0]);
        assert_eq!(judge(1, Some(Some(EX_IOERR)), "").unwrap(), Taken::Ended);
        assert_eq!(judge(0, None, "").unwrap(), Taken::Idle);
        assert_eq!(judge(1, None, &snapshot).unwrap(), Taken::GoesOn);
        for (injected, ended, said) in [
            (0, Some(Some(EX_IOERR)), ""),
            (0, Some(Some(1)), ""),
            (1, Some(Some(1)), ""),
            (1, Some(None), ""),
            (1, None, ""),
            (2, None, &snapshot[..]),
        ] {
            assert!(judge(injected, ended, said).is_err(), "{injected} {ended:?}");
        }
    }
}
