//! System calls that fail: strace attaches to a running process and tells the kernel's answers to it
//! otherwise.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

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

    /// How many calls were made to fail so far.
    pub fn injected(&self) -> usize {
        let notes = std::fs::read(&self.notes).unwrap_or_default();
        String::from_utf8_lossy(&notes).matches("(INJECTED)").count()
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // It may have ended with its process; either way nothing is left of it, and a process that is still
        // there goes on undisturbed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
