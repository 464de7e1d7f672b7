//! System calls that fail: strace attaches to a running process and tells the kernel's answers to it
//! otherwise.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// How long it may take until all threads of a process are let go.
const LETTING_GO: Duration = Duration::from_secs(10);

/// A process whose system calls fail.
#[derive(Debug)]
pub struct Strace {
    process: Child,
    notes: PathBuf,
}

impl Strace {
    /// Lets `calls` of all threads of a process end with an error: `fault` is what stands behind `inject=`
    /// and the calls, such as `error=EIO:when=3`.
    pub fn attach(pid: u32, calls: &str, fault: &str, notes: &Path) -> Result<Self> {
        let _ = std::fs::remove_file(notes);
        let process = Command::new("strace")
            .args(["-f", "-qq", "-p", &pid.to_string(), "-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:{fault}"), "-o"])
            .arg(notes)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start strace")?;
        Ok(Self { process, notes: notes.to_owned() })
    }

    /// Lets a process that is still there go on undisturbed; how many calls were made to fail in all.
    pub fn detach(mut self) -> Result<usize> {
        // Asked to end, strace lets go of each thread outside of a call that it has changed. It may have
        // ended already, with its process.
        if self.process.try_wait()?.is_none() {
            kill_process(Pid::from_child(&self.process), Signal::TERM)?;
        }
        let until = Instant::now() + LETTING_GO;
        while self.process.try_wait()?.is_none() {
            anyhow::ensure!(Instant::now() < until, "strace does not end within {LETTING_GO:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        let notes = std::fs::read(&self.notes)
            .with_context(|| format!("strace left no notes in {}", self.notes.display()))?;
        Ok(String::from_utf8_lossy(&notes).matches("(INJECTED)").count())
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // Nothing is left of it, however the run ends.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
